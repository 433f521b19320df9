import Platform
import PostgresClient

/// What a database has already, by the names that a dump's table of contents would give it.
struct PresentObjects: Sendable {
    private let objects: Set<Object>

    private struct Object: Hashable, Sendable {
        let kind: String
        let name: TableName
    }

    static func read(_ connection: Connection) async throws -> PresentObjects {
        let rows = try await connection.query(SQL(embedded: PackageResources.present_objects_sql))
        return PresentObjects(
            objects: Set(
                try rows.map { row in
                    Object(kind: try row["kind"], name: TableName(schema: try row["schema"], name: try row["name"]))
                }))
    }

    /// False also for what is of a kind that nobody looked for: PostgreSQL then says so itself.
    func has(_ entry: ArchiveTOC.Entry) -> Bool {
        guard let kind = Self.kinds[entry.kind] else { return false }
        return objects.contains(Object(kind: kind, name: entry.relation))
    }

    private static let kinds: [String: String] = [
        "SCHEMA": "schema", "EXTENSION": "extension", "TABLE": "relation", "VIEW": "relation",
        "MATERIALIZED VIEW": "relation", "FOREIGN TABLE": "relation", "SEQUENCE": "relation", "INDEX": "relation",
        "TYPE": "type", "SHELL TYPE": "type", "DOMAIN": "type", "FUNCTION": "function", "PROCEDURE": "function",
        "AGGREGATE": "function",
    ]
}

extension SelectedDump {
    /// The same part for a database that has content: what it needs and is there already is used as it is.
    ///
    /// - Throws: status 73 when something that was asked for is there already.
    func adding(to database: String, with present: PresentObjects) throws -> (part: SelectedDump, used: [String]) {
        let collisions = dump.items.map(\.entry).filter { !needed.contains($0.dumpID) && present.has($0) }
        if let first = collisions.first {
            let others = collisions.count > 1 ? " (and \(collisions.count - 1) more of what would be restored)" : ""
            throw PlainFailure(
                .cannotCreate, "\"\(database)\" has \(first.relation) (\(first.kind.lowercased())) already\(others)",
                hint:
                    "drop or rename it with its indexes and sequences first, or restore into a database of its own with "
                    + "--target-dbname")
        }
        let there = dump.items.map(\.entry).filter { needed.contains($0.dumpID) && present.has($0) }
        let used = Set(there.map(\.dumpID))
        // What is said about it, and the value that a sequence had, is the present one's affair too.
        let remarks: Set = ["COMMENT", "ACL", "SECURITY LABEL", "SEQUENCE SET"]
        var part = self
        part.dump.items.removeAll { item in
            used.contains(item.entry.dumpID)
                || remarks.contains(item.entry.kind) && item.entry.dependencies.contains(where: used.contains)
        }
        let made = Set(part.dump.items.filter { $0.entry.kind == "TABLE" }.map(\.entry.relation.description))
        part.withoutRows.removeAll { !made.contains($0) }
        return (part, there.map { "\($0.kind.lowercased()) \($0.namespace == nil ? $0.tag : "\($0.relation)")" })
    }
}
