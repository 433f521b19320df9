public import FoundationEssentials
import Platform
import PostgresClient

/// An API key that was shown and is good.
public struct APIKeyHolder: Sendable, Equatable {
    public let keyID: String
    /// nil for a key of no account, as services have.
    public let accountID: String?
    public let identifier: String?
    public let name: String
    public let scopes: [String]
}

extension LoginStore {
    /// Makes an API key for the session's account; show its text once.
    ///
    /// - Throws: `CredentialsError` `.refused` when the session is over.
    public func createAPIKey(
        _ token: Token, prefix: String, name: String, scopes: [String] = [], expiresAt: Date? = nil
    ) async throws -> APIKey {
        let key = try APIKey.random(prefix: prefix)
        let made: String? = try await pool.query(
            """
            SELECT dbauth.create_api_key(\(token.digest), \(key.prefix), \(key.shortID), \(key.digest), \(name), \(scopes),
                to_timestamp(\(expiresAt?.timeIntervalSince1970)))
            """
        ).one()[0]
        guard made != nil else { throw CredentialsError(.refused, "the session is over", hint: "log in again") }
        return key
    }

    /// Whose key it is; nil for one that is malformed, unknown, expired or revoked.
    public func check(_ text: String) async throws -> APIKeyHolder? {
        // The checksum spares the database whatever was mistyped.
        guard let key = try? APIKey(text) else { return nil }
        return try await pool.query(
            "SELECT * FROM dbauth.check_api_key(\(key.shortID), \(key.digest))", repeatable: true
        ).first.map { row in
            APIKeyHolder(
                keyID: try row["key_id"], accountID: try row["account_id"], identifier: try row["identifier"],
                name: try row["name"], scopes: try row["scopes"])
        }
    }

    /// Puts a new key in the place of one, which goes on working for `overlap`; nil when the old one is not good.
    public func rotate(_ key: APIKey, overlap: Duration = .seconds(7 * 86400)) async throws -> APIKey? {
        let new = try APIKey.random(prefix: key.prefix)
        let made: String? = try await pool.query(
            """
            SELECT dbauth.rotate_api_key(\(key.shortID), \(key.digest), \(new.shortID), \(new.digest),
                make_interval(secs => \(Double(overlap.components.seconds))))
            """
        ).first?[0]
        return made == nil ? nil : new
    }

    /// Revokes one of the keys of the session's account, by its id.
    public func revokeAPIKey(_ id: String, by token: Token) async throws -> Bool {
        try await pool.query("SELECT dbauth.revoke_api_key(\(token.digest), \(id)::uuid)").one()[0]
    }
}
