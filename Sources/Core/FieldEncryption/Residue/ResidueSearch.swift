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
    private let column: Column
    private let needles: [[UInt8]]
    private let short: Int
    private let search: PatternSearch
    private let progress: ProgressHandler?

    private static let chunk = 4 << 20

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
        var places = try await relations(present.rows)
        if kinds.contains(.statistics) { places.append(try await statistics()) }
        if kinds.contains(.wal) { places.append(try await wal()) }
        if kinds.contains(.statements) { places.append(try await statements()) }
        if let type = present.binaryType {
            // Not to be found as text is no proof where text is not what is stored.
            for index in places.indices
            where places[index].verdict == .clean && [.heap, .toast, .index, .wal].contains(places[index].kind) {
                places[index].verdict = .unknown
                places[index].why = "values of type \(type) are stored in another form, and cannot be recognised"
            }
        }
        if kinds.contains(.log) { places += try await logs() }
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

    // MARK: Files of the table

    private func relations(_ live: Int) async throws -> [ResiduePlace] {
        let rows = try await connection.query(
            """
            WITH leaf AS (
              SELECT p.relid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
                   LATERAL (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid) p
              WHERE n.nspname = \(column.schema) AND c.relname = \(column.table) AND c.relkind IN ('r', 'p', 'm')
            ), heap AS (
              SELECT c.oid, c.reltoastrelid FROM leaf JOIN pg_catalog.pg_class c ON c.oid = leaf.relid WHERE c.relkind IN ('r', 'm')
            )
            SELECT oid, oid::regclass::text AS name, 'heap' AS kind FROM heap
            UNION ALL SELECT reltoastrelid, 'TOAST of ' || oid::regclass::text, 'toast' FROM heap WHERE reltoastrelid <> 0
            UNION ALL SELECT i.indexrelid, i.indexrelid::regclass::text, 'index'
              FROM pg_catalog.pg_index i JOIN heap ON i.indrelid = heap.oid
            """)
        guard !rows.isEmpty else {
            throw PlainFailure(.inputMissing, "there is no table \(column.tableName)")
        }
        var places: [ResiduePlace] = []
        for row in rows {
            let kind: String = try row["kind"]
            var place = try await search(
                relation: try row["oid"],
                ResiduePlace(ResiduePlace.Kind(rawValue: kind) ?? .heap, try row["name"], .clean))
            if live > 0, place.verdict == .found, kind != "toast" {
                // Rows that hold the values now are no residue; more copies than rows are.
                if place.occurrences <= live {
                    place.verdict = .clean
                    place.why = "only the \(live) rows that hold the values now"
                } else {
                    place.why = "\(live) of them may be rows that hold the values now"
                }
            }
            if kind == "toast", place.verdict == .clean, place.bytes > 0, try await isCompressed() {
                place.verdict = .unknown
                place.why = "long values may be compressed there, and cannot be recognised"
            }
            places.append(place)
        }
        return places
    }

    private func isCompressed() async throws -> Bool {
        try await connection.query(
            """
            SELECT EXISTS (
              SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = \(column.schema) AND c.relname = \(column.table) AND a.attnum > 0
                AND a.attstorage IN ('x', 'm') AND (a.attname = \(column.column) OR a.attisdropped))
            """
        ).one()[0]
    }

    private func search(relation oid: UInt32, _ place: ResiduePlace) async throws -> ResiduePlace {
        let path: String? = try await connection.query("SELECT pg_catalog.pg_relation_filepath(\(oid))").one()[0]
        guard let path else { return place }
        var pass = search.pass()
        // A file has at most a gigabyte; the next has a number.
        var segment = 0
        while try await read(segment == 0 ? path : "\(path).\(segment)", &pass, place.name) { segment += 1 }
        return judged(place, pass)
    }

    private func judged(_ place: ResiduePlace, _ pass: PatternSearch.Pass) -> ResiduePlace {
        var place = place
        place.bytes += pass.bytes
        place.values += pass.found.count
        place.occurrences += pass.count
        if pass.count > 0 { place.verdict = .found }
        return place
    }

    /// Reads one file through the server in pieces; false when it is not there.
    private func read(_ path: String, _ pass: inout PatternSearch.Pass, _ name: String) async throws -> Bool {
        var offset = 0
        while true {
            let row = try await connection.query(
                "SELECT pg_catalog.pg_read_binary_file(\(path), \(offset)::int8, \(Self.chunk)::int8, true)",
                format: .binary
            ).one()
            let count: Int? = try row.withBytes(of: 0) { bytes in
                guard let bytes else { return nil }
                pass.feed(bytes)
                return bytes.count
            }
            guard let count else { return false }
            offset += count
            progress?(Progress("searching \(name)", bytes: pass.bytes))
            if count < Self.chunk { return true }
        }
    }

    // MARK: Elsewhere in the server

    /// The table of statistics as a file shows old versions too; long ones may be compressed, and the view unpacks those.
    private func statistics() async throws -> ResiduePlace {
        var place = ResiduePlace(.statistics, "pg_statistic", .clean)
        for relation in ["pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"] {
            let row = try await connection.query(
                """
                SELECT c.oid, c.reltoastrelid FROM pg_catalog.pg_class c WHERE c.oid = \(relation)::pg_catalog.regclass
                """
            ).one()
            place = try await search(relation: try row[0], place)
            place = try await search(relation: try row[1], place)
        }
        var pass = search.pass()
        for row in try await connection.query(
            """
            SELECT pg_catalog.concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text)
            FROM pg_catalog.pg_stats WHERE schemaname = \(column.schema) AND tablename = \(column.table)
            """)
        {
            try row.withBytes(of: 0) { bytes in if let bytes { pass.feed(bytes) } }
        }
        return judged(place, pass)
    }

    private func wal() async throws -> ResiduePlace {
        var place = ResiduePlace(.wal, "pg_wal", .clean)
        let files = try await connection.query("SELECT name FROM pg_catalog.pg_ls_waldir() ORDER BY name")
        for file in files {
            let name: String = try file[0]
            var pass = search.pass()
            _ = try await read("pg_wal/\(name)", &pass, name)
            place = judged(place, pass)
        }
        let compression: String = try await connection.query(
            "SELECT pg_catalog.current_setting('wal_compression')"
        ).one()[0]
        if place.verdict == .clean, compression != "off" {
            place.verdict = .unknown
            place.why = "wal_compression is \(compression): whole pages in it are compressed, and cannot be recognised"
        }
        return place
    }

    private func statements() async throws -> ResiduePlace {
        var place = ResiduePlace(.statements, "pg_stat_statements", .clean)
        var pass = search.pass()
        let isThere = try await read("pg_stat_tmp/pgss_query_texts.stat", &pass, place.name)
        let extensions = try await connection.query(
            """
            SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_stat_statements'
            """)
        if isThere, let schema: String = try extensions.first?[0] {
            for row in try await connection.query("SELECT query FROM \(identifier: [schema, "pg_stat_statements"])") {
                try row.withBytes(of: 0) { bytes in if let bytes { pass.feed(bytes) } }
            }
        }
        place = judged(place, pass)
        if !isThere { place.why = "it is not loaded" }
        return place
    }

    private func logs() async throws -> [ResiduePlace] {
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('logging_collector') = 'on' AS collects,
                   pg_catalog.current_setting('log_directory') AS folder, pg_catalog.current_setting('log_destination') AS to
            """
        ).one()
        let (folder, destination): (String, String) = (try row["folder"], try row["to"])
        var places: [ResiduePlace] = []
        let collects: Bool = try row["collects"]
        if collects, destination != "syslog" {
            var place = ResiduePlace(.log, folder, .clean)
            for file in try await connection.query("SELECT name FROM pg_catalog.pg_ls_logdir() ORDER BY name") {
                let name: String = try file[0]
                var pass = search.pass()
                _ = try await read("\(folder)/\(name)", &pass, name)
                place = judged(place, pass)
            }
            places.append(place)
        }
        if destination.contains("syslog") || !collects {
            places.append(
                ResiduePlace(
                    .log, destination.contains("syslog") ? "syslog" : "the server's standard error", .unknown,
                    why: "whatever collects it is outside of the server"))
        }
        return places
    }

    private func elsewhere() async throws -> [ResiduePlace] {
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('archive_mode') <> 'off' AS archives,
                   (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication) AS standbys,
                   (SELECT pg_catalog.count(*) FROM pg_catalog.pg_publication_tables
                    WHERE schemaname = \(column.schema) AND tablename = \(column.table)) AS publications
            """
        ).one()
        var places: [ResiduePlace] = []
        if try row["archives"] {
            places.append(
                ResiduePlace(
                    .archive, "the WAL archive", .unknown, why: "archive_mode is on: it is outside of the server"))
        }
        let (standbys, publications): (Int, Int) = (try row["standbys"], try row["publications"])
        if standbys > 0 {
            places.append(
                ResiduePlace(
                    .standby, "\(standbys) connected to the WAL", .unknown,
                    why: "what receives WAL keeps it: look there too, standbys by this command"))
        }
        if publications > 0 {
            places.append(
                ResiduePlace(.standby, "subscribers", .unknown, why: "the table is published: look into their copies"))
        }
        return places
    }

    private static func places(of backups: [RetainedCopy]?) -> [ResiduePlace] {
        guard let backups else {
            return [ResiduePlace(.backup, "backups", .unknown, why: "no repository was named: see --repository")]
        }
        return backups.map { backup in
            // What it holds is encrypted, and cannot be searched: it is said, not found.
            let held =
                if let doubt = backup.doubt {
                    "may hold the table: \(doubt)"
                } else {
                    "holds the table as it was at \(backup.taken?.brief ?? ""), encrypted to its recipients"
                }
            return ResiduePlace(.backup, backup.name, .unknown, why: "\(held); \(backup.kept)")
        }
    }
}
