import AuditLog
import Platform
import PostgresClient

/// Reads the rows of `dbauth.events` that came after the last receipt.
enum LoginEvents {
    private static let batch = 10_000

    static func take(into ingest: inout Ingest, from connection: Connection) async throws {
        do {
            try await takeAll(into: &ingest, connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private static func takeAll(into ingest: inout Ingest, _ connection: Connection) async throws {
        let facts = try await connection.query(
            """
            SELECT system_identifier::text, current_database(), to_regclass('dbauth.events') IS NOT NULL
            FROM pg_control_system()
            """)
        guard let row = facts.first else { return }
        let (system, database, isThere): (String, String, Bool) = (try row[0], try row[1], try row[2])
        guard isThere else {
            throw PlainFailure(
                .inputMissing, "the database \(database) has no dbauth.events", hint: "dbauth install makes it")
        }
        while true {
            let last = try ingest.lastLogin(system: system, database: database)
            // Rows of transactions that are still running could come before ones that are seen already: they wait.
            let rows = try await connection.query(
                """
                SELECT id, xact::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), action, outcome,
                    reason, account_id::text, encode(identifier_hash, 'hex'), session_id::text, host(address),
                    database_role::text
                FROM dbauth.events
                WHERE xact < pg_snapshot_xmin(pg_current_snapshot())
                    AND (xact, id) > (\(last?.transaction ?? "0")::xid8, \(last?.id ?? 0)::bigint)
                ORDER BY xact, id LIMIT \(batch)::int
                """)
            let events = try rows.map { row in
                Ingest.LoginEvent(
                    id: try row[0], transaction: try row[1], at: Timestamp(try row[2] as String) ?? Timestamp.now(),
                    action: try row[3], outcome: try row[4], reason: try row[5], account: try row[6],
                    identifierHash: try row[7], session: try row[8], address: try row[9], role: try row[10])
            }
            try ingest.take(events, system: system, database: database)
            if events.count < batch { return }
        }
    }
}
