import Platform

/// Which part of a database is restored: tables and schemas by their exact names.
package struct DumpSelection: Sendable {
    /// As `public.orders`: tables, views, sequences, with what belongs to them.
    package var relations: [String]
    package var schemas: [String]

    package init(relations: [String] = [], schemas: [String] = []) {
        self.relations = relations
        self.schemas = schemas
    }

    package var isEverything: Bool { relations.isEmpty && schemas.isEmpty }
}

/// A part of a dump that can be restored by itself.
struct SelectedDump {
    var dump: Dump
    /// The numbers of what is in it only because something else needs it.
    let needed: Set<Int>
    /// What belongs to the chosen objects and is not restored, and why.
    let leftOut: [String]
    /// Tables that others need the definition of; their rows are not restored.
    var withoutRows: [String]
    /// The tables whose rows are restored, partitions under the name of their root.
    let tables: Set<TableName>
}

extension Dump {
    /// The chosen objects, what they need, and what belongs to them: indexes, constraints, triggers, policies, privileges.
    ///
    /// - Throws: status 66 for a name that is not in the dump.
    func selecting(_ selection: DumpSelection) throws -> SelectedDump {
        var selector = Selector(toc)
        for schema in selection.schemas { try selector.choose(schema: schema) }
        for relation in selection.relations { try selector.choose(relation: relation) }
        selector.complete()
        var part = self
        part.items = items.filter { $0.stage == .always || selector.all.contains($0.entry.dumpID) }
        let roots = partitionRoots
        let rows = part.items.filter { $0.entry.kind == "TABLE DATA" }.map(\.entry.relation)
        return SelectedDump(
            dump: part, needed: selector.all.subtracting(selector.chosen), leftOut: selector.leftOut,
            withoutRows: selector.withoutRows, tables: Set(rows.map { roots[$0] ?? $0 }))
    }
}

/// Follows the dependencies that a table of contents records.
private struct Selector {
    /// What was asked for, with what belongs to it.
    private(set) var chosen: Set<Int> = []
    /// And what that needs.
    private(set) var all: Set<Int> = []
    private(set) var leftOut: [String] = []
    private let toc: ArchiveTOC
    private let entries: [Int: ArchiveTOC.Entry]

    init(_ toc: ArchiveTOC) {
        self.toc = toc
        entries = Dictionary(toc.entries.map { ($0.dumpID, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static let relations: Set = ["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"]

    mutating func choose(relation: String) throws {
        let found = toc.entries.filter { Self.relations.contains($0.kind) && $0.relation.description == relation }
        guard !found.isEmpty else {
            let names = toc.entries.filter { Self.relations.contains($0.kind) }.map(\.relation.description)
            throw PlainFailure(
                .inputMissing, "there is no table \(relation) in the dump of \"\(toc.databaseName)\"",
                hint: Suggestion.nearest(to: relation, among: names).map { "did you mean \($0)?" }
                    ?? "write it as schema.table, exactly as it is called")
        }
        chosen.formUnion(found.map(\.dumpID))
    }

    mutating func choose(schema: String) throws {
        let found = toc.entries.filter { entry in
            entry.kind == "SCHEMA" && entry.tag == schema
                || entry.namespace == schema && (!Self.belongings.contains(entry.kind) || entry.kind == "SEQUENCE")
        }
        guard !found.isEmpty else {
            throw PlainFailure(
                .inputMissing, "there is no schema \(schema) in the dump of \"\(toc.databaseName)\"",
                hint: Suggestion.nearest(to: schema, among: Set(toc.entries.compactMap(\.namespace)).sorted())
                    .map { "did you mean \($0)?" })
        }
        chosen.formUnion(found.map(\.dumpID))
    }

    mutating func complete() {
        addPartitions()
        all = chosen
        for number in chosen { need(number) }
        while addBelongings() {}
        leftOut = toc.entries.filter { !all.contains($0.dumpID) && belongs($0) }.map { entry in
            Self.title(entry) + (unwanted(entry).map { ", which needs \(Self.title($0))" } ?? "")
        }
    }

    /// Tables whose definition another object needed.
    var withoutRows: [String] {
        toc.entries.filter { $0.kind == "TABLE" && all.contains($0.dumpID) && !chosen.contains($0.dumpID) }
            .map(\.relation.description).sorted()
    }

    private mutating func addPartitions() {
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for entry in toc.entries where entry.kind == "TABLE ATTACH" {
                let tables = entry.dependencies.filter { entries[$0]?.kind == "TABLE" }
                let child = tables.first { entries[$0]?.relation == entry.relation }
                guard let child, !chosen.contains(child), tables.contains(where: chosen.contains) else { continue }
                chosen.insert(child)
                isGrowing = true
            }
        }
    }

    /// Takes in what an object depends on, and what that depends on.
    private mutating func need(_ number: Int) {
        var waiting = [number]
        while let next = waiting.popLast() {
            for other in entries[next]?.dependencies ?? [] {
                guard let entry = entries[other], entry.section != .data, all.insert(other).inserted else { continue }
                waiting.append(other)
            }
        }
    }

    /// Takes in what belongs to something that is taken; true when there was more of it.
    private mutating func addBelongings() -> Bool {
        var isGrowing = false
        for entry in toc.entries where !all.contains(entry.dumpID) && belongs(entry) && unwanted(entry) == nil {
            all.insert(entry.dumpID)
            chosen.insert(entry.dumpID)
            need(entry.dumpID)
            isGrowing = true
        }
        return isGrowing
    }

    private static let belongings: Set = [
        "DEFAULT", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "TABLE ATTACH",
        "TRIGGER",
        "RULE", "POLICY", "ROW SECURITY", "STATISTICS", "STATISTICS DATA", "SEQUENCE", "SEQUENCE OWNED BY",
        "SEQUENCE SET",
        "TABLE DATA", "MATERIALIZED VIEW DATA", "COMMENT", "ACL", "SECURITY LABEL",
    ]

    private func belongs(_ entry: ArchiveTOC.Entry) -> Bool {
        guard Self.belongings.contains(entry.kind) else { return false }
        // Whatever is made comes with what is said about it, and a sequence with its value; rows only where they were asked for.
        let owners = ["COMMENT", "ACL", "SECURITY LABEL", "SEQUENCE SET"].contains(entry.kind) ? all : chosen
        return entry.dependencies.contains(where: owners.contains)
    }

    /// A relation, or a constraint of one, that this needs and that nobody asked for.
    private func unwanted(_ entry: ArchiveTOC.Entry) -> ArchiveTOC.Entry? {
        let kinds: Set = ["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "CONSTRAINT", "INDEX"]
        return entry.dependencies.lazy.filter { !all.contains($0) }.compactMap { entries[$0] }
            .first { other in
                guard kinds.contains(other.kind) else { return false }
                // Its own table's index or constraint, which may only not have had its turn.
                return !(["CONSTRAINT", "INDEX"].contains(other.kind) && belongs(other))
            }
    }

    private static func title(_ entry: ArchiveTOC.Entry) -> String {
        "\(entry.kind.lowercased()) \(entry.namespace.map { "\($0)." } ?? "")\(entry.tag)"
    }
}
