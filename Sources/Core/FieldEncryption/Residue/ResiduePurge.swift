package import AuditLog
package import Platform
package import PostgresClient

/// Clears residue: what each place takes, in the order in which it works.
package struct ResiduePurge: Sendable {
    package struct Step: Sendable, Encodable {
        package let clears: ResiduePlace.Kind
        /// What the server is told; nil for what people must do.
        package let sql: [String]
        package let what: String
    }

    private let connection: Connection
    private let column: ResidueSearch.Column
    private let progress: ProgressHandler?

    package init(_ connection: Connection, _ column: ResidueSearch.Column, progress: ProgressHandler? = nil) {
        self.connection = connection
        self.column = column
        self.progress = progress
    }

    /// What would be done about the places that are not clean; by hand where `sql` is empty.
    package func plan(for report: ResidueReport) async throws -> [Step] {
        let dirty = Set(report.places.filter { $0.verdict != .clean }.map(\.kind))
        var steps: [Step] = []
        if !dirty.isDisjoint(with: [.heap, .toast, .index]) {
            let table = try await tableFacts()
            steps.append(
                Step(
                    clears: .heap,
                    sql: try table.names.map { name in
                        try ("VACUUM (FULL, ANALYZE) \(identifier: name)" as SQL).text()
                    },
                    what:
                        "rewrites table, TOAST and indexes (\(table.bytes / 1_000_000) MB), locked for everybody meanwhile"
                ))
        }
        // A rewrite makes new statistics, and leaves the old in dead rows.
        if !steps.isEmpty || dirty.contains(.statistics) {
            let analyze = try ("ANALYZE \(identifier: [column.schema, column.table])" as SQL).text()
            steps.append(
                Step(
                    clears: .statistics,
                    sql: [
                        analyze, "VACUUM (FULL) pg_catalog.pg_statistic",
                        "VACUUM (FULL) pg_catalog.pg_statistic_ext_data",
                    ],
                    what: "new statistics, and the old ones' dead rows; locks planning for a moment"))
        }
        if dirty.contains(.statements) {
            steps.append(
                Step(
                    clears: .statements, sql: [try await resetStatements()].compactMap(\.self),
                    what: "forgets all statements"))
        }
        if dirty.contains(.wal) || !steps.isEmpty {
            steps.append(
                Step(
                    clears: .wal,
                    sql: ["CHECKPOINT", "SELECT pg_switch_wal(), as often as there are old files", "CHECKPOINT"],
                    what:
                        "writes over the WAL files that are kept for reuse; those that a slot or wal_keep_size holds stay"
                ))
        }
        let copies = report.places.filter { $0.kind == .copy && $0.verdict == .found }
        if !copies.isEmpty {
            steps.append(
                Step(
                    clears: .copy, sql: [],
                    what: "by hand: "
                        + copies.map { "\($0.name), which \($0.why ?? "holds it")" }.joined(separator: "; ")))
        }
        if dirty.contains(.log) {
            steps.append(
                Step(clears: .log, sql: [], what: "by hand: delete the server's old log files, or what collects them"))
        }
        if dirty.contains(.archive) {
            steps.append(
                Step(clears: .archive, sql: [], what: "by hand: a new base backup, then remove the archive before it"))
        }
        if dirty.contains(.standby) {
            steps.append(
                Step(
                    clears: .standby, sql: [],
                    what: "by hand: standbys replay the rewrite; purge subscribers' copies themselves"))
        }
        if dirty.contains(.backup) {
            steps.append(
                Step(
                    clears: .backup, sql: [],
                    what: "by hand: backups expire by their rules; dbbackup prune removes them"))
        }
        return steps
    }

    /// Does the steps that are the server's, on record.
    package func run(_ steps: [Step], audit: AuditLog) async throws {
        let system = try await connection.systemIdentifier()
        let database: String = try await connection.query("SELECT pg_catalog.current_database()").one()[0]
        let target = AuditTarget(system: system, database: database, object: "\(column.tableName).\(column.column)")
        try await audit.recording(.fieldPurge, target: target) { note in
            note.facts["steps"] = .number(steps.filter { !$0.sql.isEmpty }.count)
            try await connection.script("SET statement_timeout = 0; SET lock_timeout = '60s'")
            for step in steps where !step.sql.isEmpty {
                progress?(Progress("clearing \(step.clears.rawValue)"))
                if step.clears == .wal {
                    note.facts["wal"] = .number(try await overwriteWAL().written)
                } else {
                    for statement in step.sql { try await connection.execute(SQL(raw: statement)) }
                }
            }
        }
    }

    private func tableFacts() async throws -> (names: [[String]], bytes: Int) {
        var names: [[String]] = []
        var bytes = 0
        for row in try await connection.query(
            """
            SELECT n2.nspname::text, l.relname::text, pg_catalog.pg_total_relation_size(l.oid)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
                 LATERAL (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid) p
            JOIN pg_catalog.pg_class l ON l.oid = p.relid JOIN pg_catalog.pg_namespace n2 ON n2.oid = l.relnamespace
            WHERE n.nspname = \(column.schema) AND c.relname = \(column.table) AND l.relkind IN ('r', 'm')
            """)
        {
            names.append([try row[0], try row[1]])
            let size: Int = try row[2]
            bytes += size
        }
        return (names, bytes)
    }

    private func resetStatements() async throws -> String? {
        let rows = try await connection.query(
            """
            SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
            WHERE e.extname = 'pg_stat_statements'
            """)
        guard let schema: String = try rows.first?[0] else { return nil }
        return try ("SELECT FROM \(identifier: [schema, "pg_stat_statements_reset"])()" as SQL).text()
    }

    /// Goes through every file that is kept for reuse: a switch fills the rest of a file with zeros.
    ///
    /// The first checkpoint lets go of the old files, some of which are renamed for reuse with all that is in them; they are
    /// then written over, and what has become old by that is let go of by the next.
    ///
    /// - Returns: how many files were written, and how many older ones a slot, an archive or `wal_keep_size` holds.
    package func overwriteWAL() async throws -> (written: Int, held: Int) {
        // Without the timeline, which the first eight digits are.
        let first: String = try await connection.query(
            "SELECT pg_catalog.substring(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 9)"
        ).one()[0]
        var written = 0
        for _ in 0..<3 {
            try await connection.execute("CHECKPOINT")
            let ahead: Int = try await connection.query(
                """
                SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_waldir()
                WHERE name ~ '^[0-9A-F]{24}$' AND name > pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())
                """
            ).one()[0]
            // At most what max_wal_size allows by default, four times.
            for _ in 0..<min(ahead + 1, 256) {
                try Task.checkCancellation()
                try await connection.execute("SELECT pg_catalog.pg_logical_emit_message(false, 'dbpii', 'purge')")
                try await connection.execute("SELECT pg_catalog.pg_switch_wal()")
                written += 1
                progress?(Progress("writing over WAL files (\(written))"))
            }
        }
        try await connection.execute("CHECKPOINT")
        let held: Int = try await connection.query(
            """
            SELECT pg_catalog.count(*) FROM pg_catalog.pg_ls_waldir()
            WHERE name ~ '^[0-9A-F]{24}$' AND pg_catalog.substring(name, 9) <= \(first)
            """
        ).one()[0]
        return (written, held)
    }
}
