import Platform
import PostgresClient

/// Lets a job wait while a standby is further behind than it may be.
///
/// What counts is what a standby has replayed, and for a logical subscriber what it has applied. One that is not connected
/// is not waited for: it may never come back.
actor StandbyLag {
    private static let interval: Duration = .milliseconds(50)

    private let connection: Connection
    private let limit: Int
    private let notice: (@Sendable (String) -> Void)?
    private var looked: ContinuousClock.Instant?
    private var isToldUnseen = false

    /// - Parameter limit: in bytes of WAL.
    init(_ connection: Connection, limit: Int, notice: (@Sendable (String) -> Void)?) {
        (self.connection, self.limit, self.notice) = (connection, limit, notice)
    }

    /// Returns at once when all standbys are near, or were so a moment ago; else waits, says so, and tells for how long.
    func waitUntilNear(_ tell: @Sendable (String) -> Void) async throws -> Double {
        let clock = ContinuousClock()
        let begin = clock.now
        if let looked, begin - looked < Self.interval { return 0 }
        guard var far = try await farthest(), far.bytes > limit else {
            looked = clock.now
            return 0
        }
        notice?(
            """
            waiting for the standby \(far.name), which is \(Self.megabytes(far.bytes)) behind \
            (the limit is \(Self.megabytes(limit)))
            """
        )
        while far.bytes > limit {
            tell("waiting for the standby \(far.name), \(Self.megabytes(far.bytes)) behind")
            try await Task.sleep(for: .milliseconds(500))
            guard let next = try await farthest() else { break }
            far = next
        }
        looked = clock.now
        notice?("no standby is too far behind any more: going on")
        return (clock.now - begin).asSeconds
    }

    private func farthest() async throws -> (name: String, bytes: Int)? {
        // Without the right to see them, rows come with nothing but their process.
        let rows = try await connection.query(
            """
            SELECT coalesce(application_name, '') AS name, state IS NULL AS unseen,
                coalesce(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn), 0)::pg_catalog.int8
                    AS bytes
            FROM pg_catalog.pg_stat_replication WHERE state IS NULL OR state IN ('streaming', 'catchup')
            ORDER BY bytes DESC
            """)
        if !isToldUnseen, try rows.contains(where: { try $0["unseen"] }) {
            isToldUnseen = true
            notice?(
                "how far the standbys are behind cannot be seen, and is not waited for: GRANT pg_monitor to this role")
        }
        guard let row = rows.first else { return nil }
        return (try row["name"], try row["bytes"])
    }

    private static func megabytes(_ bytes: Int) -> String {
        "\(bytes >> 20) MB"
    }
}
