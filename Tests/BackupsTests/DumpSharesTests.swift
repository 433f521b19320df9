import Testing

@testable import Backups

struct `The shares of a dump` {
    @Test func `are about equally large, the largest table first`() {
        let content = content(["events": 500, "articles": 300, "customers": 200])
        let shares = DumpShares(of: content, in: toc(of: content), programs: 2)
        #expect(shares.apart == [[name("articles"), name("customers")]])
        #expect(
            shares.argumentsOfRest == [
                #"--exclude-table-data="public"."articles""#, #"--exclude-table-data="public"."customers""#,
            ])
    }

    @Test func `leave small tables to the first program`() {
        let content = content(["settings": 1, "countries": 15])
        let shares = DumpShares(of: content, in: toc(of: content), programs: 4)
        #expect(shares.apart.isEmpty)
        #expect(shares.argumentsOfRest.isEmpty)
    }

    @Test func `leave everything to one program where there is only one`() {
        let content = content(["events": 500, "articles": 300])
        #expect(DumpShares(of: content, in: toc(of: content), programs: 1).apart.isEmpty)
    }

    @Test func `leave partitions together, since only their definitions say where rows belong`() {
        let content = content(["events": 500, "measurements": 400])
        let toc = toc(of: content, attached: [("measurements_1", "measurements")])
        let shares = DumpShares(of: content, in: toc, programs: 2)
        #expect(shares.apart == [[name("events")]])
    }

    @Test func `leave names beyond ASCII to the first program`() {
        let content = content(["größen": 500, "events": 400])
        let shares = DumpShares(of: content, in: toc(of: content), programs: 2)
        #expect(shares.apart == [[name("events")]])
    }

    @Test func `quote a name so that it is no pattern`() {
        #expect(
            DumpShares.arguments(for: [name(#"a"b*.?"#)]) == ["--data-only", #"--table="public"."a""b*.?""#])
    }
}

private func name(_ table: String) -> TableName { TableName(schema: "public", name: table) }

/// Tables of so many megabytes.
private func content(_ megabytes: [String: Int]) -> ContentIndex {
    ContentIndex(
        tables: megabytes.map { ContentIndex.Table(name: name($0.key), columns: ["id"], bytes: $0.value << 20) }
            .sorted { $0.name < $1.name },
        largeObjects: ContentIndex.LargeObjects())
}

/// A table of contents with data for every table, or for its partitions.
private func toc(of content: ContentIndex, attached: [(child: String, parent: String)] = []) -> ArchiveTOC {
    var entries: [ArchiveTOC.Entry] = []
    func add(_ kind: String, _ tag: String, hasData: Bool = false, dependencies: [Int] = []) -> Int {
        let id = entries.count + 1
        entries.append(
            ArchiveTOC.Entry(
                dumpID: id, hasData: hasData, tableOID: 0, oid: 0, tag: tag, kind: kind,
                section: hasData ? .data : .preData, definition: "", dropStatement: "", namespace: "public", relkind: 0,
                owner: "", dependencies: dependencies))
        return id
    }
    let parents = Set(attached.map(\.parent))
    var tables: [String: Int] = [:]
    for table in content.tables.map(\.name.name) + attached.map(\.child) { tables[table] = add("TABLE", table) }
    for (child, parent) in attached {
        _ = add("TABLE ATTACH", child, dependencies: [tables[child] ?? 0, tables[parent] ?? 0])
    }
    for table in tables.keys.sorted() where !parents.contains(table) { _ = add("TABLE DATA", table, hasData: true) }
    return ArchiveTOC(
        formatMinor: 14, databaseName: "db", serverVersion: "15.0", dumpVersion: "15.0", entries: entries)
}
