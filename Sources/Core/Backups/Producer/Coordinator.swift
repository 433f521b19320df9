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
        /// Whether row security hides rows from this role.
        let isHidden: Bool
        let isReadable: Bool
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
        let closed = try await unreadableLargeObjects(connection)
        guard closed == 0 else {
            throw PlainFailure(
                .permission, "this role may not read \(closed) large objects", hint: largeObjectsRemedy)
        }
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
                isHidden: try row["hidden"], isReadable: try row["readable"])
        }
    }

    /// Why the connected database must not be dumped as this role (77); nil when row security hides no rows from it.
    static func hiddenRows(_ connection: Connection, of database: String) async throws -> PlainFailure? {
        try await connection.script("SET row_security = on")
        return hiddenRows(try await tables(connection), " in database \"\(database)\"")
    }

    /// pg_dump would stop at the first of them, after everything before it.
    private static func refuseHidden(_ tables: [Table]) throws {
        if let refusal = hiddenRows(tables) { throw refusal }
        let unreadable = tables.filter { !$0.isReadable }
        if let first = unreadable.first {
            throw PlainFailure(
                .permission, "this role may not read table \(first.name)\(others(unreadable))",
                hint: "GRANT pg_read_all_data TO it, or connect as the owner or a superuser")
        }
    }

    private static func hiddenRows(_ tables: [Table], _ place: String = "") -> PlainFailure? {
        let hidden = tables.filter(\.isHidden)
        guard let first = hidden.first else { return nil }
        return PlainFailure(
            .permission, "row security hides rows of table \(first.name)\(others(hidden))\(place) from this role",
            hint: "connect as a superuser or as a role with BYPASSRLS: ALTER ROLE ... BYPASSRLS")
    }

    /// What pg_dump would stop at after all tables.
    static func unreadableLargeObjects(_ connection: Connection) async throws -> Int {
        try await connection.query(SQL(embedded: PackageResources.unreadable_large_objects_sql)).one()[0]
    }

    static let largeObjectsRemedy =
        "GRANT SELECT ON LARGE OBJECT ... TO it for each, make it a member of their owners, or connect as a superuser"

    private static func others(_ tables: [Table]) -> String {
        tables.count > 1 ? " and of \(tables.count - 1) more" : ""
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
        let holders = try await connection.query(SQL(embedded: PackageResources.lock_holders_sql)).map(LockHolder.init)
        guard let first = holders.first else {
            return PlainFailure(
                .temporary, "a table was locked by another session for too long: \(error.message)",
                hint: "try again, or allow more time with --lock-wait-timeout")
        }
        let others = holders.dropFirst().map { "; \($0.sentence)" }.joined()
        return PlainFailure(
            .temporary, "table \(first.table) is locked by \(first.session)\(others)",
            hint: "wait until it ends, or allow more time with --lock-wait-timeout")
    }
}

/// A session that keeps others from reading a table.
private struct LockHolder {
    let table: String
    /// Who it is, and since when: not what it runs, which may hold anybody's data.
    let session: String

    init(_ row: Row) throws {
        table = try row["name"]
        let pid: Int = try row["pid"]
        let role: String = try row["role"]
        let application: String = try row["application"]
        let state: String = try row["state"]
        let seconds: Int = try row["seconds"]
        let since = try (row["since"] as String?).map { ", its query began \($0)" } ?? ""
        session =
            "session \(pid) (role \"\(role)\", application \"\(application)\", \(state), for \(seconds) s\(since))"
    }

    var sentence: String { "table \(table) by \(session)" }
}
