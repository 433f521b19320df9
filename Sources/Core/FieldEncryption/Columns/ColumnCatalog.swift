package import Cryptography
import FoundationEssentials
import Platform
package import PostgresClient

/// The catalogue `dbpii` in a database: which columns are encrypted, how far they have come, under which keys.
package struct ColumnCatalog: Sendable {
    package static let schema = "dbpii"
    package static let version = 1

    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Whether the database has the catalogue at all.
    package func exists() async throws -> Bool {
        let rows = try await connection.query("SELECT pg_catalog.to_regclass('dbpii.columns') IS NOT NULL")
        guard try rows.one()[0] else { return false }
        let version: Int? = try await connection.query("SELECT max(version) FROM dbpii.version").one()[0]
        guard let version, version <= Self.version else {
            throw PlainFailure(
                .configuration, "the schema dbpii of this database is of version \(version ?? 0)",
                hint: "a newer dbpii made it: use that one")
        }
        return true
    }

    /// Makes the catalogue, inside the caller's transaction.
    package func install() async throws {
        guard try await !exists() else { return }
        try await connection.script(SQL(raw: String(decoding: PackageResources.catalog_schema_sql, as: UTF8.self)))
    }

    /// Every column, by name.
    package func columns() async throws -> [ColumnDeclaration] {
        guard try await exists() else { return [] }
        return try await connection.query(Self.select + " ORDER BY schema_name, table_name, column_name")
            .map(Self.declaration)
    }

    /// - Throws: status 66 when the column was not started.
    package func column(_ path: [String], _ column: String) async throws -> ColumnDeclaration {
        var found = try await find(path, column)
        if found == nil { found = try await followed(path, column) }
        guard let found else {
            throw PlainFailure(
                .inputMissing, "the column \(path.joined(separator: ".")).\(column) is not being encrypted",
                hint: "dbpii column start begins it; dbpii column status lists those that are")
        }
        return found
    }

    /// The column of a table that was renamed or moved: its entry's table is gone, and this one has its twin.
    private func followed(_ path: [String], _ column: String) async throws -> ColumnDeclaration? {
        guard try await exists() else { return nil }
        let rows = try await connection.query(
            Self.select
                + """
                 WHERE column_name = \(column)
                    AND pg_catalog.to_regclass(pg_catalog.format('%I.%I', schema_name, table_name)) IS NULL
                    AND EXISTS (
                        SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname = \(path[0]) AND c.relname = \(path[1]) AND a.attname = twin_name
                            AND a.atttypid = 'pg_catalog.bytea'::pg_catalog.regtype)
                """)
        guard rows.count == 1, var found = try rows.first.map(Self.declaration) else { return nil }
        try await connection.execute(
            """
            UPDATE dbpii.columns SET schema_name = \(path[0]), table_name = \(path[1]), changed = now()
            WHERE id = \(found.id)
            """)
        if try await connection.query("SELECT pg_catalog.to_regclass('dbpii.subject_tables') IS NOT NULL").one()[0] {
            try await connection.execute(
                """
                UPDATE dbpii.subject_tables SET schema_name = \(path[0]), table_name = \(path[1])
                WHERE schema_name = \(found.schema) AND table_name = \(found.table)
                """)
        }
        (found.schema, found.table) = (path[0], path[1])
        return found
    }

    package func find(_ path: [String], _ column: String) async throws -> ColumnDeclaration? {
        guard try await exists() else { return nil }
        return try await connection.query(
            Self.select
                + " WHERE schema_name = \(path[0]) AND table_name = \(path[1]) AND column_name = \(column)"
        ).first.map(Self.declaration)
    }

    /// Adds a column and gives it its number.
    package func insert(_ column: ColumnDeclaration) async throws -> ColumnDeclaration {
        var column = column
        let indexes = try Self.text(column.indexes)
        column.id = try await connection.query(
            """
            INSERT INTO dbpii.columns (schema_name, table_name, column_name, column_type, not_null, twin_name, context,
                binding, row_column, padding, phase, keys, indexes, ring, generation)
            VALUES (\(column.schema), \(column.table), \(column.column), \(column.type), \(column.isNotNull),
                \(column.twin), \(column.context), \(column.rowColumn == nil ? "column" : "row"), \(column.rowColumn),
                \(column.padding), \(column.phase.rawValue), \(column.keys), \(indexes)::pg_catalog.jsonb,
                \(column.ring), \(column.generation))
            RETURNING id
            """
        ).one()[0]
        return column
    }

    package func set(_ phase: ColumnDeclaration.Phase, of column: ColumnDeclaration) async throws {
        try await connection.execute(
            "UPDATE dbpii.columns SET phase = \(phase.rawValue), changed = now() WHERE id = \(column.id)")
    }

    package func set(_ indexes: [IndexDeclaration], of column: ColumnDeclaration) async throws {
        let text = try Self.text(indexes)
        try await connection.execute(
            "UPDATE dbpii.columns SET indexes = \(text)::pg_catalog.jsonb, changed = now() WHERE id = \(column.id)")
    }

    /// Notes keys that values may be under from now on, before the first such value is written.
    package func add(_ key: FieldKeyID, to column: ColumnDeclaration) async throws {
        try await connection.execute(
            """
            UPDATE dbpii.columns SET changed = now(), keys = (
                SELECT pg_catalog.array_agg(DISTINCT k ORDER BY k)
                FROM pg_catalog.unnest(keys || \([key.description])) AS k)
            WHERE id = \(column.id)
            """)
    }

    /// Says exactly which keys the values are under.
    package func set(keys: [String], of column: ColumnDeclaration) async throws {
        try await connection.execute(
            "UPDATE dbpii.columns SET keys = \(keys), changed = now() WHERE id = \(column.id)")
    }

    package func remove(_ column: ColumnDeclaration) async throws {
        try await connection.execute("DELETE FROM dbpii.columns WHERE id = \(column.id)")
    }

    /// Refuses a keyring that is not the one of the column, or older than one that was used here.
    package func check(_ keyring: Keyring, for column: ColumnDeclaration) async throws {
        guard column.ring == keyring.ring else {
            throw FieldError(
                .keyring, "\(column.name) is encrypted with another ring: \(column.ring), not \(keyring.ring)",
                hint: "name its keyring with --keyring")
        }
        guard keyring.generation >= column.generation else {
            throw FieldError(
                .keyring,
                "this keyring is of generation \(keyring.generation), and \(column.name) has seen \(column.generation)",
                hint: "an old copy of the keyring was restored: use the newest")
        }
        if keyring.generation > column.generation {
            try await connection.execute(
                """
                UPDATE dbpii.columns SET generation = greatest(generation, \(keyring.generation)) WHERE id = \(column.id)
                """)
        }
    }

    /// Ids of all ring keys that this database's columns and subjects have ever been under, in hexadecimal.
    package func ringKeys() async throws -> Set<String> {
        var keys = Set(try await columns().flatMap(\.keys))
        if try await connection.query("SELECT pg_catalog.to_regclass('dbpii.subjects') IS NOT NULL").one()[0] {
            let rows = try await connection.query(
                """
                SELECT DISTINCT pg_catalog.encode(pg_catalog.substring(wrapped, 1, 8), 'hex') FROM dbpii.subjects
                WHERE wrapped IS NOT NULL
                """)
            for row in rows { keys.insert(try row[0]) }
        }
        return keys
    }

    /// Which columns have values under the key, in words.
    package func columns(under key: FieldKeyID) async throws -> [String] {
        var found: [String] = []
        for column in try await columns() {
            let count: Int = try await connection.query(
                """
                SELECT count(*) FROM \(identifier: column.path)
                WHERE pg_catalog.substring(\(identifier: column.twin), 2, 8) = \(key.bytes)
                """
            ).one()[0]
            if count > 0 { found.append("column \(column.name): \(count) values") }
        }
        if try await connection.query("SELECT pg_catalog.to_regclass('dbpii.subjects') IS NOT NULL").one()[0] {
            let count: Int = try await connection.query(
                "SELECT count(*) FROM dbpii.subjects WHERE pg_catalog.substring(wrapped, 1, 8) = \(key.bytes)"
            ).one()[0]
            if count > 0 { found.append("subjects: \(count) wrapped keys (dbpii subject rewrap)") }
        }
        return found
    }

    private static let select: SQL = """
        SELECT id, schema_name, table_name, column_name, column_type, not_null, twin_name, context, row_column, padding,
            phase, keys, indexes::text AS indexes, ring, generation
        FROM dbpii.columns
        """

    private static func declaration(_ row: Row) throws -> ColumnDeclaration {
        let phase: String = try row["phase"]
        let indexes: String = try row["indexes"]
        guard let phase = ColumnDeclaration.Phase(rawValue: phase) else {
            throw PlainFailure(.configuration, "dbpii.columns has the unknown phase \"\(phase)\"")
        }
        return ColumnDeclaration(
            id: try row["id"], schema: try row["schema_name"], table: try row["table_name"],
            column: try row["column_name"], type: try row["column_type"], isNotNull: try row["not_null"],
            twin: try row["twin_name"], context: try row["context"], rowColumn: try row["row_column"],
            padding: try row["padding"], phase: phase, keys: try row["keys"],
            indexes: try JSONDecoder().decode([IndexDeclaration].self, from: Data(indexes.utf8)),
            ring: try row["ring"], generation: try row["generation"])
    }

    private static func text(_ indexes: [IndexDeclaration]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(indexes), as: UTF8.self)
    }
}
