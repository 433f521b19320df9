package import Platform
package import PostgresClient

/// Looks for values that are known to have been plaintext, wherever PostgreSQL may have kept them.
///
/// Everything is read through the server, so that it works from anywhere; the role must be a superuser, since files are
/// read. Nothing is written but a checkpoint, without which the files would not show what memory holds.
package struct ResidueSearch: Sendable {
    package struct Column: Sendable {
        package let schema: String
        package let table: String
        package let column: String

        package init(schema: String, table: String, column: String) {
            (self.schema, self.table, self.column) = (schema, table, column)
        }

        package var tableName: String { "\(schema).\(table)" }
    }

    let connection: Connection
    let column: Column
    let needles: [[UInt8]]
    let short: Int
    let search: PatternSearch
    let progress: ProgressHandler?

    /// - Throws: status 65 when no value is long enough to be looked for.
    package init(
        _ connection: Connection, _ column: Column, needles values: [String], progress: ProgressHandler? = nil
    ) throws {
        self.connection = connection
        self.column = column
        self.progress = progress
        let all = Set(values).map { Array($0.utf8) }
        needles = all.filter { $0.count >= PatternSearch.shortest && $0.count <= 2000 }
        short = all.count - needles.count
        guard !needles.isEmpty else {
            throw PlainFailure(
                .malformed, "there is no value to look for that has from \(PatternSearch.shortest) to 2000 bytes",
                hint: "give some that were plaintext in the column with --needles FILE, one a line")
        }
        search = PatternSearch(needles)
    }

    /// Values of the column as they are now, chosen by chance; only for a column of text that still lives.
    package static func sample(_ connection: Connection, _ column: Column, count: Int) async throws -> [String] {
        let rows = try await connection.query(
            """
            SELECT DISTINCT v FROM (
              SELECT \(identifier: column.column)::text AS v FROM \(identifier: [column.schema, column.table])
              WHERE \(identifier: column.column) IS NOT NULL AND pg_catalog.octet_length(\(identifier: column.column)::text) >= 6
              ORDER BY pg_catalog.random() LIMIT \(raw: String(count))
            ) s
            """)
        return try rows.map { try $0[0] }
    }

    /// - Parameter kinds: where to look; everywhere by default.
    package func run(
        backups: [RetainedCopy]?, in kinds: Set<ResiduePlace.Kind> = Set(ResiduePlace.Kind.allCases)
    ) async throws -> ResidueReport {
        try await requireSuperuser()
        // The values are bound, and a log of all statements would show them: looking must not leave what it looks for.
        try await connection.script(
            "SET log_parameter_max_length = 0; SET log_parameter_max_length_on_error = 0; SET statement_timeout = 0")
        try await connection.execute("CHECKPOINT")
        let present = try await present()
        let page: Int = try await connection.query(
            "SELECT pg_catalog.current_setting('block_size')::pg_catalog.int8"
        ).one()[0]
        let files = ResidueFiles(connection, search, page: page, progress)
        var places = try await relations(present.rows, files)
        if kinds.contains(.copy) { places += try await copies(files) }
        let compressed = places.reduce(0) { $0 + $1.compressed }
        if kinds.contains(.statistics) { places.append(try await statistics(files)) }
        if kinds.contains(.wal) { places.append(try await wal(files, compressed: compressed)) }
        if kinds.contains(.statements) { places.append(try await statements(files)) }
        if let type = present.binaryType {
            // Not to be found as text is no proof where text is not what is stored.
            for index in places.indices
            where places[index].verdict == .clean && [.heap, .toast, .index, .copy, .wal].contains(places[index].kind) {
                places[index].verdict = .unknown
                places[index].why = "values of type \(type) are stored in another form, and cannot be recognised"
            }
        }
        if kinds.contains(.log) { places += try await logs(files) }
        places += try await elsewhere()
        places += Self.places(of: backups)
        return ResidueReport(
            table: column.tableName, column: column.column, needles: needles.count, short: short, places: places)
    }

    private func requireSuperuser() async throws {
        let facts = try await connection.query(
            """
            SELECT rolsuper, pg_catalog.current_setting('server_encoding') AS encoding
            FROM pg_catalog.pg_roles WHERE rolname = current_user
            """
        ).one()
        guard try facts["rolsuper"] else {
            throw PlainFailure(
                .permission, "looking into the server's files takes a superuser",
                hint: "connect as one with -U; on a managed service there is none, and residue cannot be seen")
        }
        guard try facts["encoding"] as String == "UTF8" else {
            throw PlainFailure(.unavailable, "the database's encoding is not UTF8, and values would not be recognised")
        }
    }

    /// What is known of the column as it is now.
    private struct Present {
        /// How many rows hold one of the values, rightly or not; 0 when the column is gone.
        var rows = 0
        /// The type, when its values do not lie in files as they are written.
        var binaryType: String?
    }

    private func present() async throws -> Present {
        let type = try await connection.query(
            """
            SELECT t.typname::text, t.typcategory = 'S' OR t.typname IN ('json', 'xml')
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
            WHERE n.nspname = \(column.schema) AND c.relname = \(column.table) AND a.attname = \(column.column)
            """
        ).first
        guard let type else { return Present() }
        let texts = needles.map { String(decoding: $0, as: UTF8.self) }
        let rows: Int = try await connection.query(
            """
            SELECT pg_catalog.count(*) FROM \(identifier: [column.schema, column.table])
            WHERE \(identifier: column.column)::text = ANY (\(texts))
            """
        ).one()[0]
        return Present(rows: rows, binaryType: try type[1] ? nil : type[0])
    }
}
