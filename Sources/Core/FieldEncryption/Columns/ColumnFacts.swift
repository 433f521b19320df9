import Platform
package import PostgresClient

/// What the server says about a column of a table.
package struct ColumnFacts: Sendable {
    package let path: [String]
    package let column: String
    let relation: UInt32
    let number: Int
    package let kind: String
    package let type: String
    package let isNotNull: Bool
    /// Why the column cannot be encrypted in place, in words; nil when it can.
    package let obstacle: String?

    /// The schema and the table of a name as people write it; without a schema it is `public`.
    package static func path(_ name: String, on connection: Connection) async throws -> [String] {
        do {
            let parts: [String] = try await connection.query("SELECT pg_catalog.parse_ident(\(name))").one()[0]
            guard (1...2).contains(parts.count) else {
                throw PlainFailure(.usage, "\"\(name)\" is no table", hint: "write schema.table")
            }
            return parts.count == 1 ? ["public", parts[0]] : parts
        } catch let error as PostgresError where error.code == "22023" {
            throw PlainFailure(.usage, "\"\(name)\" is no table", hint: "write schema.table")
        }
    }

    /// - Throws: status 66 when there is no such column.
    package static func read(
        _ path: [String], _ column: String, on connection: Connection
    ) async throws -> ColumnFacts {
        let query: SQL =
            SQL(raw: String(decoding: PackageResources.column_facts_sql, as: UTF8.self))
            + "WHERE n.nspname = \(path[0]) AND c.relname = \(path[1]) AND a.attname = \(column)"
        guard let row = try await connection.query(query).first else {
            throw PlainFailure(
                .inputMissing, "there is no column \(path.joined(separator: ".")).\(column)",
                hint: "write the table as schema.table; public is meant where no schema stands")
        }
        return try ColumnFacts(path, column, row)
    }

    /// The table's own number, which it keeps when it is renamed.
    static func relation(_ path: [String], on connection: Connection) async throws -> UInt32? {
        try await connection.query(
            """
            SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = \(path[0]) AND c.relname = \(path[1])
            """
        ).first.map { try $0[0] }
    }

    /// Whether the table has the column.
    static func exists(_ path: [String], _ column: String, on connection: Connection) async throws -> Bool {
        let query: SQL =
            SQL(raw: String(decoding: PackageResources.column_facts_sql, as: UTF8.self))
            + "WHERE n.nspname = \(path[0]) AND c.relname = \(path[1]) AND a.attname = \(column)"
        return try await !connection.query(query).isEmpty
    }

    private init(_ path: [String], _ column: String, _ row: Row) throws {
        self.path = path
        self.column = column
        relation = try row["relation"]
        number = try row["number"]
        kind = try row["kind"]
        type = try row["type"]
        isNotNull = try row["not_null"]
        let reasons: [(String, String)] = [
            ("is_generated", "the server makes its values, and a trigger or the server cannot encrypt"),
            ("is_identity", "the server makes its values, and a trigger or the server cannot encrypt"),
            ("is_primary_key", "it is in the primary key"),
            ("is_partition_key", "rows are put into partitions by it"),
            ("is_inherited", "the table inherits or is inherited: give the column to one table first"),
            ("is_partition", "the table is a partition: name the partitioned table"),
            (
                "has_row_security",
                "row security hides rows from the connected role: connect as the owner or a BYPASSRLS role"
            ),
        ]
        var obstacle = kind == "r" || kind == "p" ? nil : "only tables can be encrypted in place"
        for (flag, reason) in reasons where obstacle == nil {
            let isSet: Bool = try row[flag]
            if isSet { obstacle = reason }
        }
        self.obstacle = obstacle
    }
}

extension ColumnDeclaration {
    /// The tables that hold the rows: the table itself, or its partitions.
    func leaves(on connection: Connection) async throws -> [Leaf] {
        try await connection.query(
            """
            WITH root AS (SELECT pg_catalog.to_regclass(\(try quoted(path)))::pg_catalog.oid AS oid)
            SELECT n.nspname AS schema, c.relname AS table, c.oid, c.relkind::text AS kind
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, root
            WHERE c.relkind <> 'p' AND (
                c.oid = root.oid OR c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree(root.oid) WHERE isleaf))
            ORDER BY c.oid
            """
        ).map { row in
            let kind: String = try row["kind"]
            let leaf = Leaf(path: [try row["schema"], try row["table"]], oid: try row["oid"])
            guard kind == "r" else {
                throw PlainFailure(.negative, "the partition \(leaf.name) is no ordinary table and cannot be encrypted")
            }
            return leaf
        }
    }

    func quoted(_ path: [String]) throws -> String {
        try path.map { try Quoting.identifier($0) }.joined(separator: ".")
    }
}

/// A table that holds rows.
struct Leaf: Sendable, Equatable {
    let path: [String]
    let oid: UInt32

    var name: String { path.joined(separator: ".") }

    /// How many blocks it has at the moment.
    func blocks(on connection: Connection) async throws -> Int {
        try await connection.query(
            """
            SELECT pg_catalog.pg_relation_size(\(oid)::pg_catalog.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8
            """
        ).one()[0]
    }
}
