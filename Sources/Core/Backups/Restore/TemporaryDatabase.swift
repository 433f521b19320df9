import Platform
import PostgresClient

/// The database that a restore fills before it gets its name.
///
/// Its name tells whose it is: the server process of the session that makes it, and when that began. When no such session is
/// there any more, the restore was killed, and the database is a leftover.
enum TemporaryDatabase {
    /// The name for a restore over this connection.
    static func name(_ admin: Connection) async throws -> String {
        try await admin.query(
            """
            SELECT 'dbsec_restore_' || pid || '_' || (extract(epoch FROM backend_start) * 1000000)::bigint
            FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()
            """
        ).one()[0]
    }

    static func leftovers(_ connection: Connection) async throws -> [String] {
        try await connection.query(
            """
            SELECT d.datname::text FROM pg_catalog.pg_database AS d
            WHERE d.datname ~ '^dbsec_restore_[0-9]{1,9}_[0-9]{1,18}$' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_stat_activity AS a
                WHERE a.pid = split_part(d.datname, '_', 3)::int
                  -- Who may not see when it began must take it for alive.
                  AND coalesce((extract(epoch FROM a.backend_start) * 1000000)::bigint
                               = split_part(d.datname, '_', 4)::bigint, true))
            ORDER BY 1
            """
        ).map { try $0[0] }
    }

    static func drop(_ name: String, _ admin: Connection) async throws {
        try await admin.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
    }
}

/// Puts a restored database in the place of another.
struct DatabaseSwap: Sendable {
    /// The restored one, under its temporary name.
    let restored: String
    let target: String
    /// What the present one is called afterwards.
    let kept: String
    let server: ConnectionParameters

    /// Both renames in one transaction: at every moment there is one database of this name, and all of it.
    ///
    /// A rename waits some seconds for the sessions in its database to end, and holds the lock meanwhile that new ones need;
    /// sessions that are there are ended from outside.
    ///
    /// - Throws: status 75 when something keeps the present database in use; the restored one, which may have taken hours, then
    ///   stays under a name of its own.
    func carryOut(_ admin: Connection, at moment: Timestamp) async throws {
        for attempt in 1... {
            do {
                try await once(admin)
                return
            } catch let error as PostgresError where error.code == "55006" && attempt < 2 {
                continue
            } catch let error as PostgresError where error.code == "55006" {
                let aside = Self.name(target, "restored", at: moment)
                try await admin.execute("ALTER DATABASE \(identifier: restored) RENAME TO \(identifier: aside)")
                throw PlainFailure(
                    .temporary, "\"\(target)\" is still in use: \(error.sentence)",
                    hint:
                        "what was restored and found equal is \"\(aside)\": end what uses \"\(target)\" (sessions, prepared "
                        + "transactions, subscriptions), and rename both")
            }
        }
    }

    private func once(_ admin: Connection) async throws {
        let ending = Task {
            let connection = try await Connection.open(server)
            while !Task.isCancelled {
                _ = try await connection.query(
                    """
                    SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
                    WHERE datname = \(target) AND backend_type = 'client backend'
                    """)
                try await Task.sleep(for: .milliseconds(50))
            }
            await connection.close()
        }
        defer { ending.cancel() }
        try await admin.transaction {
            try await admin.execute("ALTER DATABASE \(identifier: target) RENAME TO \(identifier: kept)")
            try await admin.execute("ALTER DATABASE \(identifier: restored) RENAME TO \(identifier: target)")
        }
    }

    /// `app_before_20261126T140501Z`, cut to what PostgreSQL can hold.
    static func name(_ target: String, _ word: String, at moment: Timestamp) -> String {
        let suffix = "_\(word)_\(moment.label)"
        var base = target
        while base.utf8.count + suffix.utf8.count > Quoting.longestName { base.unicodeScalars.removeLast() }
        return base + suffix
    }
}
