/// How the rows of one database are shared out over several pg_dump programs that run at the same time.
///
/// The first of them dumps everything but the rows of the tables that the others have been given, so that what nobody
/// thought of (large objects, sequences, an extension's tables) is in it. Each of the others dumps the rows of its tables.
struct DumpShares: Equatable {
    /// For each program but the first, the tables whose rows are its.
    let apart: [[TableName]]

    /// Tables below this size, in bytes of COPY text, are not worth a name in an argument list.
    static let worthwhile = 16 << 20
    /// So many names fit into an argument list with room to spare, whatever they are.
    private static let mostNames = 1000

    /// - Parameter content: the rows that are expected, which say how large each table is.
    init(of content: ContentIndex, in toc: ArchiveTOC, programs: Int) {
        let movable = Self.movable(toc)
        let tables = content.tables.filter { movable.contains($0.name) }.map { ($0.name, $0.bytes) }
        self.init(of: tables, rest: content.bytes - tables.reduce(0) { $0 + $1.1 }, programs: programs)
    }

    /// - Parameters:
    ///   - tables: Those that may be apart, with their sizes.
    ///   - rest: The size of everything else.
    init(of tables: [(name: TableName, size: Int)], rest: Int, programs: Int) {
        let large = tables.filter { $0.size >= Self.worthwhile && Self.canBeNamed($0.name) }
            .sorted { ($1.size, $0.name) < ($0.size, $1.name) }.prefix(Self.mostNames)
        var shares = [[TableName]](repeating: [], count: max(1, programs))
        var loads = [Int](repeating: 0, count: shares.count)
        loads[0] = rest + tables.reduce(0) { $0 + $1.size } - large.reduce(0) { $0 + $1.size }
        // The largest first, each to whoever has least so far.
        for table in large {
            let lightest = loads.indices.min { loads[$0] < loads[$1] } ?? 0
            shares[lightest].append(table.name)
            loads[lightest] += table.size
        }
        apart = shares.dropFirst().filter { !$0.isEmpty }
    }

    /// The arguments of the first program.
    var argumentsOfRest: [String] { apart.joined().map { "--exclude-table-data=\(Self.pattern($0))" } }

    /// The arguments of the others.
    static func arguments(for tables: [TableName]) -> [String] {
        ["--data-only"] + selecting(tables)
    }

    /// The arguments of a program that dumps only these.
    static func selecting(_ tables: [TableName]) -> [String] { tables.map { "--table=\(pattern($0))" } }

    /// Tables with rows of their own in this dump, which stand for themselves.
    ///
    /// Partitions are left together, since only a dump of their definitions says where they belong.
    private static func movable(_ toc: ArchiveTOC) -> Set<TableName> {
        let partitioned = toc.partitionRoots
        let roots = Set(partitioned.values)
        return Set(
            toc.entries.lazy.filter { $0.kind == "TABLE DATA" }
                .map { TableName(schema: $0.namespace ?? "", name: $0.tag) }
                .filter { partitioned[$0] == nil && !roots.contains($0) })
    }

    /// Names beyond ASCII are left to the first program, since pg_dump reads its patterns in the database's encoding.
    private static func canBeNamed(_ table: TableName) -> Bool {
        (table.schema + table.name).utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// A pattern that only this table matches: inside of double quotes pg_dump reads every character as itself.
    private static func pattern(_ table: TableName) -> String {
        [table.schema, table.name].map { part in
            "\"" + part.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
        }.joined(separator: ".")
    }
}
