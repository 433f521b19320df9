package import AuditLog
import Cryptography
package import Platform
package import PostgresClient
package import SystemPackage

/// A copy of a database for staging, in which personal data is replaced by fakes.
///
/// Structure, rows and sequences are of one instant. Rows go from the server through memory into the copy, so that what was
/// to be masked never rests anywhere.
package struct MaskedCopy: Sendable {
    package enum Target: Sendable {
        /// A database, which must be empty; one that is not there is made.
        case database(ConnectionParameters)
        /// A folder with SQL and rows to be loaded by psql; must be new or empty.
        case folder(FilePath)
    }

    package struct Outcome: Sendable, Encodable {
        package var tables = 0
        package var rows = 0
        /// The masked columns, each with its rule.
        package var masked: [String] = []
        package var notCopied: [String] = []

        package init(masked: [String] = []) { self.masked = masked }
    }

    private let source: ConnectionParameters
    private let installation: PostgresInstallation
    private let orders: [MaskOrder]
    private let progress: ProgressHandler?
    /// Schemas whose rows stay: what dbpii keeps about columns and keys.
    private static let withoutRows = "dbpii"

    package init(
        _ source: ConnectionParameters, _ installation: PostgresInstallation, orders: [MaskOrder],
        progress: ProgressHandler? = nil
    ) {
        (self.source, self.installation, self.orders, self.progress) = (source, installation, orders, progress)
    }

    /// What would be masked and how; reads the catalog, and some values of `bytea` columns.
    package func plan() async throws -> [String] {
        let connection = try await Connection.open(source)
        let planning = try await planned(connection)
        await connection.close()
        return Self.masked(planning.tables)
    }

    private func planned(_ connection: Connection) async throws -> MaskPlanning {
        var planning = try await MaskPlanning.read(connection)
        try planning.apply(orders)
        try await planning.maskFields(connection)
        return planning
    }

    private static func masked(_ tables: [MaskedTable]) -> [String] {
        tables.flatMap { table in
            table.columns.flatMap { column -> [String] in
                let whole = column.rule.flatMap { $0 == .keep ? nil : "\(table.place).\(column.name): \($0.name)" }
                let inside = column.paths.filter { $0.value != .keep }.map { path, rule in
                    "\(table.place).\(column.name).\(path.joined(separator: ".")): \(rule.name)"
                }
                return [whole].compactMap(\.self) + inside.sorted()
            }
        }
    }

    package func make(_ target: Target, audit: AuditLog) async throws -> Outcome {
        let connection = try await Connection.open(source)
        let system = try await connection.systemIdentifier()
        let database: String = try await connection.query("SELECT pg_catalog.current_database()").one()[0]
        let snapshot = try await hold(connection)
        let planning = try await planned(connection)
        let masked = Self.masked(planning.tables)
        let place = try await MaskTarget.open(target, system: system, database: database, psql: installation)
        let about = AuditTarget(system: system, database: database)
        let facts: [String: AuditFact] = [
            "to": .text(place.name), "columns": .number(masked.count),
            "rules_sha256": .text(SHA256.hash(Array(masked.joined(separator: "\n").utf8).span).hex),
        ]
        do {
            let outcome = try await audit.recording(.fieldMask, target: about, facts: facts) { note in
                note.facts = facts
                let outcome = try await copy(planning.tables, masked, connection, snapshot, to: place)
                note.facts["tables"] = .number(outcome.tables)
                note.facts["rows"] = .number(outcome.rows)
                return outcome
            }
            await connection.close()
            return outcome
        } catch {
            await connection.close()
            await place.abandon()
            throw error
        }
    }

    /// Locks every table ACCESS SHARE, then takes the snapshot: a table that is rewritten in between would look empty.
    private func hold(_ connection: Connection) async throws -> String {
        try await connection.script(
            """
            SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s';
            SET row_security = off; SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET IntervalStyle = 'postgres'
            """)
        if connection.serverVersion >= 170_000 { try await connection.execute("SET transaction_timeout = 0") }
        for _ in 0..<5 {
            let tables = try await MaskPlanning.read(connection).tables
            try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            do {
                for start in stride(from: 0, to: tables.count, by: 500) {
                    let names = tables[start..<min(start + 500, tables.count)].map { table -> SQL in
                        "\(identifier: [table.schema, table.name])"
                    }
                    try await connection.execute("LOCK TABLE \(names.joined()) IN ACCESS SHARE MODE")
                }
                let snapshot: String = try await connection.query("SELECT pg_catalog.pg_export_snapshot()").one()[0]
                if try await MaskPlanning.read(connection).tables.map(\.oid) == tables.map(\.oid) { return snapshot }
            } catch let error as PostgresError where error.code == "42P01" || error.code == "3F000" {
                // Dropped since it was listed.
            }
            try await connection.execute("ROLLBACK")
        }
        throw PlainFailure(
            .temporary, "tables come and go faster than they can be locked",
            hint: "mask when no schema changes are under way")
    }

    private func copy(
        _ tables: [MaskedTable], _ masked: [String], _ connection: Connection, _ snapshot: String, to place: MaskTarget
    ) async throws -> Outcome {
        var outcome = Outcome()
        outcome.masked = masked
        progress?(Progress("copying the structure"))
        try await place.run("pre-data", try await structure("pre-data", snapshot))
        let masker = Masker()
        for (index, table) in tables.enumerated() where table.schema != Self.withoutRows && !table.copied.isEmpty {
            let columns = table.copied.map { column -> SQL in "\(identifier: column.name)" }.joined()
            let name: SQL = "\(identifier: [table.schema, table.name])"
            // Through the root: a fake may belong to another partition.
            let reading: SQL =
                table.isPartitioned
                ? "COPY (SELECT \(columns) FROM \(name)) TO STDOUT" : "COPY \(name) (\(columns)) TO STDOUT"
            let before = outcome.rows
            let progress = progress
            outcome.rows += try await place.fill(
                "COPY \(name) (\(columns)) FROM STDIN", number: index, from: connection, reading,
                through: RowMasker(masker, table)
            ) { rows in progress?(Progress("masking \(table.place)", rows: before + rows)) }
            outcome.tables += 1
        }
        try await place.run("sequences", try await sequences(connection))
        progress?(Progress("making indexes and constraints"))
        try await place.run("post-data", try await structure("post-data", snapshot))
        try await place.finish()
        outcome.notCopied = try await notCopied(connection)
        return outcome
    }

    /// Without owners and rights, which staging has its own of, and without statistics, which hold values.
    private func structure(_ section: String, _ snapshot: String) async throws -> [UInt8] {
        let way = try source.forPrograms()
        var arguments = [
            "--section=\(section)", "--snapshot=\(snapshot)", "--no-owner", "--no-privileges", "--no-publications",
            "--no-subscriptions", "--no-security-labels", "--no-tablespaces", "--no-password",
        ]
        if installation.majorVersion >= 18 { arguments.append("--no-statistics") }
        return try await Child(
            installation.program("pg_dump"), arguments + [way.argument], environment: way.environment, name: "pg_dump"
        ).run(limit: 512 << 20)
    }

    private func sequences(_ connection: Connection) async throws -> [UInt8] {
        var script = "SELECT pg_catalog.set_config('search_path', '', false);\n"
        for row in try await connection.query(
            """
            SELECT pg_catalog.format('%I.%I', schemaname, sequencename), last_value FROM pg_catalog.pg_sequences
            WHERE last_value IS NOT NULL ORDER BY 1
            """)
        {
            let (name, value): (String, Int) = (try row[0], try row[1])
            script += try ("SELECT pg_catalog.setval(\(literal: name), \(raw: String(value)));\n" as SQL).text()
        }
        return Array(script.utf8)
    }

    private func notCopied(_ connection: Connection) async throws -> [String] {
        let row = try await connection.query(
            """
            SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata) AS objects,
                   (SELECT pg_catalog.count(*) FROM pg_catalog.pg_foreign_table) AS foreign_tables
            """
        ).one()
        let (objects, foreign): (Int, Int) = (try row["objects"], try row["foreign_tables"])
        return [
            objects > 0 ? "\(objects) large objects, which cannot be masked" : nil,
            foreign > 0 ? "the rows of \(foreign) foreign tables" : nil,
        ].compactMap(\.self)
    }
}
