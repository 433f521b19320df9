public import FoundationEssentials
package import Platform
import PostgresClient

/// A session that is open.
public struct Session: Sendable, Equatable {
    public let id: String
    public let accountID: String
    /// The login name of its account.
    public let identifier: String
    public let address: String?
    /// True for the session whose token was shown.
    public let isThis: Bool
    package let created: Timestamp
    package let lastSeen: Timestamp
    package let expires: Timestamp

    public var createdAt: Date { Date(timeIntervalSince1970: Double(created.microseconds) / 1e6) }
    /// To the minute.
    public var lastSeenAt: Date { Date(timeIntervalSince1970: Double(lastSeen.microseconds) / 1e6) }
    public var expiresAt: Date { Date(timeIntervalSince1970: Double(expires.microseconds) / 1e6) }
}

extension LoginStore {
    /// Whose session it is; nil for one that is over, revoked, or was never there.
    public func session(_ token: Token) async throws -> Session? {
        try await pool.query(
            """
            SELECT c.session_id, c.account_id, c.identifier, c.address, true AS is_this,
                (extract(epoch FROM c.created_at) * 1000000)::bigint AS created,
                (extract(epoch FROM c.last_seen_at) * 1000000)::bigint AS seen,
                (extract(epoch FROM c.expires_at) * 1000000)::bigint AS expires
            FROM dbauth.check_session(\(token.digest)) c
            """, repeatable: true
        ).first.map(Session.init)
    }

    /// Ends a session; false when it was over already.
    @discardableResult
    public func logout(_ token: Token) async throws -> Bool {
        try await pool.query("SELECT dbauth.end_session(\(token.digest))").one()[0]
    }

    /// All open sessions of whoever shows one of them.
    public func sessions(of token: Token) async throws -> [Session] {
        guard let mine = try await session(token) else { return [] }
        return try await pool.query(
            """
            SELECT l.session_id, \(mine.accountID) AS account_id, \(mine.identifier) AS identifier, l.address, l.is_this,
                (extract(epoch FROM l.created_at) * 1000000)::bigint AS created,
                (extract(epoch FROM l.last_seen_at) * 1000000)::bigint AS seen,
                (extract(epoch FROM l.expires_at) * 1000000)::bigint AS expires
            FROM dbauth.list_sessions(\(token.digest)) l
            """
        ).map(Session.init)
    }

    /// Ends one of one's own sessions, or, without an id, all but the one that is shown; tells how many.
    @discardableResult
    public func revokeSession(_ id: String? = nil, by token: Token) async throws -> Int {
        try await pool.query("SELECT dbauth.revoke_session(\(token.digest), \(id)::uuid)").one()[0]
    }
}

extension Session {
    init(_ row: Row) throws {
        self.init(
            id: try row["session_id"], accountID: try row["account_id"], identifier: try row["identifier"],
            address: try row["address"], isThis: try row["is_this"],
            created: Timestamp(microseconds: try row["created"]),
            lastSeen: Timestamp(microseconds: try row["seen"]), expires: Timestamp(microseconds: try row["expires"]))
    }
}
