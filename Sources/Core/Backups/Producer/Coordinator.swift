package import Platform
package import PostgresClient

/// Holds one instant of one database: every table locked ACCESS SHARE first, then a snapshot that every dump shares.
///
/// Without the locks, an ALTER TABLE that rewrites a table after the snapshot was taken empties it for every later reader
/// of that snapshot, and a dump of 0 rows succeeds (PostgreSQL documentation, 13.6, Caveats).
package struct Coordinator: Sendable {
    /// What `pg_dump --snapshot` takes.
    package let snapshot: String
    package let taken: Timestamp
    package let facts: DatabaseFacts
    package let tableCount: Int
    private let connection: Connection

    private struct Table: Equatable, Sendable {
        let oid: UInt32
        let name: TableName
        let isHidden: Bool
    }

    /// The session that holds locks and snapshot; further queries on it see that instant.
    package var session: Connection { connection }

    /// Locks all tables and takes the snapshot.
    ///
    /// - Throws: status 75 when a lock cannot be had in `lockWait` seconds, naming who holds it; 77 when row security would
    ///   hide rows from this role.
    package static func begin(
        _ parameters: ConnectionParameters, lockWait: Int, now: @Sendable () -> Timestamp
    ) async throws -> Coordinator {
        let connection = try await Connection.open(parameters)
        // A session that does nothing for hours is what a coordinator is.
        try await connection.script(
            """
            SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
            SET row_security = on; SET lock_timeout = \(literal: "\(lockWait)s")
            """)
        if connection.serverVersion >= 170_000 { try await connection.execute("SET transaction_timeout = 0") }
        for _ in 0..<5 {
            let tables = try await tables(connection)
            try refuseHidden(tables)
            try await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            guard try await lock(tables, connection) else {
                try await connection.execute("ROLLBACK")
                continue
            }
            // The first statement that needs a snapshot fixes it for the transaction: after the locks, not before.
            let snapshot: String = try await connection.query("SELECT pg_catalog.pg_export_snapshot()").one()[0]
            let taken = now()
            if try await self.tables(connection).map(\.oid) == tables.map(\.oid) {
                return Coordinator(
                    snapshot: snapshot, taken: taken, facts: try await DatabaseFacts.read(connection),
                    tableCount: tables.count, connection: connection)
            }
            try await connection.execute("ROLLBACK")
        }
        throw PlainFailure(
            .temporary,
            "tables of database \"\(parameters.database ?? "")\" come and go faster than they can be locked",
            hint: "run the backup when no schema changes are under way")
    }

    /// Whether somebody waits for ACCESS EXCLUSIVE because of our locks, so that pg_dump's own wait behind them.
    func standsInTheWay() async -> Bool {
        let waiting = try? await connection.query(
            """
            SELECT FROM pg_catalog.pg_locks
            WHERE NOT granted AND mode = 'AccessExclusiveLock'
              AND pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(pid))
            """)
        return waiting?.isEmpty == false
    }

    /// Lets go of the locks and the snapshot.
    package func end() async {
        await connection.close()
    }

    private static func tables(_ connection: Connection) async throws -> [Table] {
        try await connection.query(SQL(embedded: PackageResources.lockable_tables_sql)).map { row in
            Table(
                oid: try row["oid"], name: TableName(schema: try row["schema"], name: try row["name"]),
                isHidden: try row["hidden"])
        }
    }

    /// pg_dump would stop at the first of them, after everything before it.
    private static func refuseHidden(_ tables: [Table]) throws {
        guard let table = tables.first(where: \.isHidden) else { return }
        throw PlainFailure(
            .permission, "row security hides rows of table \(table.name) from this role",
            hint: "connect as a superuser or as a role with BYPASSRLS: ALTER ROLE ... BYPASSRLS")
    }

    /// Locks in one fixed order, some hundreds to a statement; false when a table is gone meanwhile.
    private static func lock(_ tables: [Table], _ connection: Connection) async throws -> Bool {
        for start in stride(from: 0, to: tables.count, by: 500) {
            let batch = tables[start..<min(start + 500, tables.count)]
            let names = batch.map { table -> SQL in "ONLY \(identifier: [table.name.schema, table.name.name])" }
            do {
                try await connection.execute("LOCK TABLE \(names.joined()) IN ACCESS SHARE MODE")
            } catch let error as PostgresError {
                switch error.code {
                case "42P01", "3F000": return false
                case "55P03": throw try await refusal(connection, because: error)
                default: throw error
                }
            }
        }
        return true
    }

    private static func refusal(_ connection: Connection, because error: PostgresError) async throws -> PlainFailure {
        try await connection.execute("ROLLBACK")
        let holders = try await connection.query(SQL(embedded: PackageResources.lock_holders_sql))
        guard let holder = holders.first else {
            return PlainFailure(.temporary, "a table was locked by another session for too long: \(error.message)")
        }
        let name: String = try holder["name"]
        let pid: Int = try holder["pid"]
        let role: String = try holder["role"]
        let application: String = try holder["application"]
        let state: String = try holder["state"]
        let seconds: Int = try holder["seconds"]
        return PlainFailure(
            .temporary,
            "table \(name) is locked by session \(pid) (role \"\(role)\", application \"\(application)\", \(state), "
                + "for \(seconds) s)",
            hint: "wait until it ends, or allow more time with --lock-wait-timeout")
    }
}
