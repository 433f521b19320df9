import Cryptography
package import Platform
package import PostgresClient

/// What an administrator does with a login store, as a member of `dbauth_admin` or as its owner.
package struct Administration: Sendable {
    private let connection: Connection

    package init(_ connection: Connection) async throws {
        self.connection = connection
        let version = try await StoreSchema(connection).visibleVersion()
        guard version == StoreSchema.version else {
            throw CredentialsError(
                .notInstalled,
                version.map { "the schema dbauth has version \($0), and this program wants \(StoreSchema.version)" }
                    ?? "there is no login store in this database, or the role may not use it",
                hint: "run dbauth install, or connect as a member of dbauth_admin")
        }
    }

    package struct Account: Encodable, Equatable, Sendable {
        package let id: String
        package let identifier: String
        package let active: Bool
        package let scheme: String?
        package let pepper: String?
        package let totp: Bool
        package let created: Timestamp
        package let lastLogin: Timestamp?
    }

    /// Accounts by name; with a pattern, those whose name is LIKE it.
    package func accounts(like pattern: String? = nil) async throws -> [Account] {
        try await connection.query(
            """
            SELECT l.id, l.identifier, l.active, l.scheme, l.pepper, l.has_totp,
                (extract(epoch FROM l.created_at) * 1000000)::bigint AS created,
                (extract(epoch FROM l.last_login_at) * 1000000)::bigint AS seen
            FROM dbauth.account_list l WHERE \(pattern)::text IS NULL OR l.identifier LIKE \(pattern) ORDER BY l.identifier
            """
        ).map { row in
            Account(
                id: try row["id"], identifier: try row["identifier"], active: try row["active"],
                scheme: try row["scheme"],
                pepper: try row["pepper"], totp: try row["has_totp"],
                created: Timestamp(microseconds: try row["created"]),
                lastLogin: (try row["seen"] as Int64?).map { Timestamp(microseconds: $0) })
        }
    }

    package struct OpenSession: Encodable, Equatable, Sendable {
        package let id: String
        package let identifier: String
        package let address: String?
        package let created: Timestamp
        package let lastSeen: Timestamp
        package let expires: Timestamp
    }

    /// Sessions that are open, of one account or of all.
    package func sessions(of identifier: String?) async throws -> [OpenSession] {
        try await connection.query(
            """
            SELECT l.id, l.identifier, l.address, (extract(epoch FROM l.created_at) * 1000000)::bigint AS created,
                (extract(epoch FROM l.last_seen_at) * 1000000)::bigint AS seen,
                (extract(epoch FROM l.expires_at) * 1000000)::bigint AS expires
            FROM dbauth.session_list l
            WHERE l.revoked_at IS NULL AND l.expires_at > now() AND (\(identifier)::text IS NULL OR l.identifier = \(identifier))
            ORDER BY l.created_at, l.id
            """
        ).map { row in
            OpenSession(
                id: try row["id"], identifier: try row["identifier"], address: try row["address"],
                created: Timestamp(microseconds: try row["created"]),
                lastSeen: Timestamp(microseconds: try row["seen"]),
                expires: Timestamp(microseconds: try row["expires"]))
        }
    }

    package struct Key: Encodable, Equatable, Sendable {
        package let id: String
        package let key: String
        package let name: String
        package let identifier: String?
        package let scopes: [String]
        package let created: Timestamp
        package let expires: Timestamp?
        package let lastUsed: Timestamp?
        package let revoked: Timestamp?
    }

    package func apiKeys() async throws -> [Key] {
        try await connection.query(
            """
            SELECT l.id, l.prefix || '_' || l.short_id AS key, l.name, l.identifier, l.scopes,
                (extract(epoch FROM l.created_at) * 1000000)::bigint AS created,
                (extract(epoch FROM l.expires_at) * 1000000)::bigint AS expires,
                (extract(epoch FROM l.last_used_at) * 1000000)::bigint AS used,
                (extract(epoch FROM l.revoked_at) * 1000000)::bigint AS revoked
            FROM dbauth.api_key_list l ORDER BY l.created_at, l.id
            """
        ).map { row in
            func time(_ column: String) throws -> Timestamp? {
                (try row[column] as Int64?).map { Timestamp(microseconds: $0) }
            }
            return Key(
                id: try row["id"], key: try row["key"], name: try row["name"], identifier: try row["identifier"],
                scopes: try row["scopes"], created: Timestamp(microseconds: try row["created"]),
                expires: try time("expires"), lastUsed: try time("used"), revoked: try time("revoked"))
        }
    }

    /// Takes over an account with a hash from another system; it can log in at once, and is hashed anew then.
    package func add(_ identifier: String, hash: String) async throws -> String {
        let stored = try StoredHash(hash)
        let settings = stored.settings
        do {
            return try await connection.query(
                """
                SELECT dbauth.admin_add_account(\(identifier), \(settings?.text), \(settings?.pepper),
                    \(settings == nil ? nil : SHA256.hash(Array(stored.text.utf8)).bytes), \(settings == nil ? stored.text : nil))
                """
            ).one()[0]
        } catch let error as PostgresError where error.code == "23505" {
            throw CredentialsError(.exists, "the login name \"\(identifier)\" is taken")
        }
    }

    package func unlock(_ identifier: String) async throws -> String {
        try await account("admin_unlock(\(identifier))", identifier)
    }

    package func setActive(_ identifier: String, _ isActive: Bool) async throws -> String {
        try await account("admin_set_active(\(identifier), \(isActive))", identifier)
    }

    package func remove(_ identifier: String) async throws -> String {
        try await account("admin_remove_account(\(identifier))", identifier)
    }

    package func removeTOTP(_ identifier: String) async throws -> String {
        try await account("admin_remove_totp(\(identifier))", identifier)
    }

    /// Ends all sessions of an account, or one; tells how many.
    package func revokeSessions(of identifier: String, id: String? = nil) async throws -> Int {
        let ended: Int? = try await connection.query(
            "SELECT dbauth.admin_revoke_sessions(\(identifier), \(id)::uuid)"
        ).one()[0]
        guard let ended else { throw Self.missing(identifier) }
        return ended
    }

    /// A key of an account, or of none.
    package func createAPIKey(
        of identifier: String?, prefix: String, name: String, scopes: [String], expires: Timestamp?
    ) async throws -> APIKey {
        let key = try APIKey.random(prefix: prefix)
        let made: String? = try await connection.query(
            """
            SELECT dbauth.admin_create_api_key(\(identifier), \(key.prefix), \(key.shortID), \(key.digest), \(name), \(scopes),
                \(expires?.description)::timestamptz)
            """
        ).one()[0]
        guard made != nil else { throw Self.missing(identifier ?? "") }
        return key
    }

    /// A new key in the place of the one with this short id.
    package func rotateAPIKey(_ shortID: String, prefix: String, overlapDays: Int) async throws -> APIKey {
        let key = try APIKey.random(prefix: prefix)
        let made: String? = try await connection.query(
            """
            SELECT dbauth.admin_rotate_api_key(\(shortID), \(key.shortID), \(key.digest), make_interval(days => \(Int32(overlapDays))))
            """
        ).first?[0]
        guard made != nil else { throw Self.noKey(shortID) }
        return key
    }

    package func revokeAPIKey(_ shortID: String) async throws {
        guard try await connection.query("SELECT dbauth.admin_revoke_api_key(\(shortID))").one()[0] else {
            throw Self.noKey(shortID)
        }
    }

    /// A reset token for whoever was identified otherwise.
    package func resetToken(_ identifier: String) async throws -> Token {
        let token = Token.random()
        let account: String? = try await connection.query(
            "SELECT dbauth.request_reset(\(identifier), \(token.digest))"
        ).one()[0]
        guard account != nil else {
            throw CredentialsError(
                .missing, "no reset for \"\(identifier)\": there is no such active account, or it had too many resets")
        }
        return token
    }

    package struct Purged: Encodable, Sendable {
        package let attempts: Int
        package let sessions: Int
        package let events: Int
    }

    /// Removes what is over; events only when they are older than so many days.
    package func purge(eventsOlderThanDays days: Int?) async throws -> Purged {
        let row = try await connection.query(
            "SELECT * FROM dbauth.admin_purge(make_interval(days => \(days.map(Int32.init))))"
        ).one()
        return Purged(attempts: try row["attempts"], sessions: try row["sessions"], events: try row["events"])
    }

    private func account(_ call: SQL, _ identifier: String) async throws -> String {
        let id: String? = try await connection.query("SELECT dbauth.\(call)").one()[0]
        guard let id else { throw Self.missing(identifier) }
        return id
    }

    private static func missing(_ identifier: String) -> CredentialsError {
        CredentialsError(.missing, "there is no account \"\(identifier)\"", hint: "dbauth user list shows them")
    }

    private static func noKey(_ shortID: String) -> CredentialsError {
        CredentialsError(
            .missing, "there is no API key \"\(shortID)\" that is in use", hint: "dbauth apikey list shows them")
    }
}

extension StoreSchema {
    /// The version as a role sees it that reads no table; nil when there is none, or it may not look.
    func visibleVersion() async throws -> Int? {
        do {
            return try await connection.query("SELECT version FROM dbauth.client_settings()").one()[0]
        } catch let error as PostgresError where ["3F000", "42883", "42501"].contains(error.code) {
            return nil
        }
    }
}
