import Platform
import PostgresClient

/// Places of the server that are not the table's own.
extension ResidueSearch {
    /// The table of statistics as a file shows old versions too; long ones may be compressed, and the view unpacks those.
    func statistics(_ files: ResidueFiles) async throws -> ResiduePlace {
        var place = ResiduePlace(.statistics, "pg_statistic", .clean)
        for relation in ["pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data"] {
            let row = try await connection.query(
                """
                SELECT c.oid, c.reltoastrelid FROM pg_catalog.pg_class c WHERE c.oid = \(relation)::pg_catalog.regclass
                """
            ).one()
            try await files.look(into: try row[0] as UInt32, .pages(.inPlace), &place)
            try await files.look(into: try row[1] as UInt32, .pages(.pieces), &place)
        }
        let rows = try await connection.query(
            """
            SELECT pg_catalog.concat_ws(' ', most_common_vals::text, histogram_bounds::text, most_common_elems::text)
            FROM pg_catalog.pg_stats WHERE schemaname = \(column.schema) AND tablename = \(column.table)
            """)
        try files.look(into: rows, &place)
        return place
    }

    /// - Parameter compressed: how many compressed values the table has, which the WAL has too, in no place that is known.
    func wal(_ files: ResidueFiles, compressed: Int) async throws -> ResiduePlace {
        var place = ResiduePlace(.wal, "pg_wal", .clean)
        let names = try await connection.query("SELECT name FROM pg_catalog.pg_ls_waldir() ORDER BY name")
        for row in names {
            let name: String = try row[0]
            _ = try await files.look(into: "pg_wal/\(name)", &place, as: name)
        }
        let compression: String = try await connection.query(
            "SELECT pg_catalog.current_setting('wal_compression')"
        ).one()[0]
        if place.verdict == .clean, compression != "off" {
            place.verdict = .unknown
            place.why = "wal_compression is \(compression): whole pages in it are compressed, and cannot be recognised"
        } else if place.verdict == .clean, compressed > 0 {
            place.verdict = .unknown
            place.why = "the table has compressed values, which are in there too, and cannot be recognised"
        }
        return place
    }

    func statements(_ files: ResidueFiles) async throws -> ResiduePlace {
        var place = ResiduePlace(.statements, "pg_stat_statements", .clean)
        let isThere = try await files.look(into: "pg_stat_tmp/pgss_query_texts.stat", &place)
        let extensions = try await connection.query(
            """
            SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_stat_statements'
            """)
        if isThere, let schema: String = try extensions.first?[0] {
            let rows = try await connection.query("SELECT query FROM \(identifier: [schema, "pg_stat_statements"])")
            try files.look(into: rows, &place)
        }
        if !isThere { place.why = "it is not loaded" }
        return place
    }

    func logs(_ files: ResidueFiles) async throws -> [ResiduePlace] {
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
                _ = try await files.look(into: "\(folder)/\(name)", &place, as: name)
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

    func elsewhere() async throws -> [ResiduePlace] {
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

    static func places(of backups: [RetainedCopy]?) -> [ResiduePlace] {
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
            let columns =
                backup.contexts.isEmpty
                ? "" : "; encrypted columns in it: \(backup.contexts.joined(separator: ", "))"
            return ResiduePlace(.backup, backup.name, .unknown, why: "\(held)\(columns); \(backup.kept)")
        }
    }
}
