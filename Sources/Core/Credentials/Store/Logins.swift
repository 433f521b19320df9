public import FoundationEssentials
package import Platform
import PostgresClient

/// What a login came to.
public enum LoginAnswer: Sendable {
    case success(Login)
    /// The password was right, and a code is needed: `LoginStore.finish(_:code:)`.
    case secondFactorNeeded(PendingLogin)
    /// Wrong password, unknown name, locked or inactive account: nobody is told which. `dbauth.events` knows.
    case refused
}

/// A login that succeeded.
public struct Login: Sendable {
    /// For the session cookie.
    public let session: Token
    /// For a cookie that outlives the session: its browser is not held up by what others guess.
    public let device: Token
    public let accountID: String
    public let sessionID: String
    /// In microseconds since 1970.
    package let expires: Timestamp
    public var expiresAt: Date { Date(timeIntervalSince1970: Double(expires.microseconds) / 1e6) }
}

/// A login whose password was right.
public struct PendingLogin: Sendable {
    package let attempt: String

    package init(attempt: String) {
        self.attempt = attempt
    }
}

extension LoginStore {
    /// Logs somebody in.
    ///
    /// The answer comes at a fixed time after the call, the same for every reason to refuse.
    ///
    /// - Parameters:
    ///   - code: The code of the second factor, when the form asks for it at once.
    ///   - address: The client's address: tries are counted for its network, /24 or /64.
    ///   - device: The token of an earlier login from the same browser.
    /// - Throws: When the database does not answer: then nobody is logged in.
    public func login(
        _ identifier: String, _ password: Password, code: String? = nil, from address: String? = nil,
        device: Token? = nil
    ) async throws -> LoginAnswer {
        try await atDeadline {
            let answer = try await check(identifier, password, address, device)
            guard case .secondFactorNeeded(let pending) = answer, let code else { return answer }
            return try await finishNow(pending, code)
        }
    }

    /// Ends a login with the code of its second factor.
    public func finish(_ pending: PendingLogin, code: String) async throws -> LoginAnswer {
        try await atDeadline { try await finishNow(pending, code) }
    }

    private func check(
        _ identifier: String, _ password: Password, _ address: String?, _ device: Token?
    ) async throws -> LoginAnswer {
        let begun: Row
        do {
            begun = try await pool.query(
                """
                SELECT * FROM dbauth.begin_login(\(Self.bindable(identifier)), \(address)::inet, \(device?.digest))
                """, repeatable: true
            ).one()
        } catch let error as PostgresError where error.code == "22P02" {
            throw CredentialsError(.malformed, "the client's address is none", hint: "give it as in 198.51.100.7")
        }
        let attempt: String = try begun["attempt"]
        let settings = try PasswordSettings(begun["settings"], pepper: begun["pepper"])
        let tokens = (session: Token.random(), device: Token.random())
        if try begun["legacy"] as Bool, let legacyPool {
            return try await checkLegacy(attempt, password, settings, legacyPool, tokens)
        }
        let result = try await compute(settings, password)
        let answer = try await pool.query(
            """
            SELECT f.*, (extract(epoch FROM f.expires_at) * 1000000)::bigint AS expires FROM dbauth.finish_login(
                \(attempt)::uuid, \(result), \(tokens.session.digest), \(tokens.device.digest)) f
            """
        ).one()
        let outcome = try read(answer, attempt, tokens)
        if case .success(let login) = outcome { await upgrade(login, password, result, settings) }
        return outcome
    }

    /// The hash, or for a password that the scheme cannot take some other text, after the same work.
    func compute(_ settings: PasswordSettings, _ password: Password) async throws -> String {
        do {
            return try await hasher.compute(settings, password)
        } catch let error as CredentialsError where error.code == .passwordRefused {
            _ = try await hasher.compute(settings, Password("another one of the same cost"))
            return "refused"
        }
    }

    func read(_ row: Row, _ attempt: String, _ tokens: (session: Token, device: Token)) throws -> LoginAnswer {
        switch try row["outcome"] as String {
        case "success":
            .success(
                Login(
                    session: tokens.session, device: tokens.device, accountID: try row["account_id"],
                    sessionID: try row["session_id"], expires: Timestamp(microseconds: try row["expires"])))
        case "second_factor": .secondFactorNeeded(PendingLogin(attempt: attempt))
        default: .refused
        }
    }

    /// Hashes anew what is weaker than the policy, now that the password is at hand; failing at that does not undo the login.
    private func upgrade(_ login: Login, _ password: Password, _ result: String, _ settings: PasswordSettings) async {
        let name = settings.pepper.map { "$pepper=\($0)" } ?? ""
        guard let isWeak = try? hasher.needsRehash(name + result), isWeak, let new = try? await unchecked(password)
        else { return }
        _ = try? await pool.query(
            "SELECT dbauth.upgrade_password(\(login.session.digest), \(result), \(new.arguments))")
    }

    /// Old schemes that cannot be relayed: the hash itself comes here, over the connection that alone may have it.
    private func checkLegacy(
        _ attempt: String, _ password: Password, _ settings: PasswordSettings, _ legacyPool: ConnectionPool,
        _ tokens: (session: Token, device: Token)
    ) async throws -> LoginAnswer {
        let stored: String? = try await legacyPool.query("SELECT dbauth.legacy_hash(\(attempt)::uuid)").one()[0]
        var matches = false
        if let stored {
            do {
                matches = try await hasher.verifyWhole(try StoredHash(stored), password)
            } catch let error as CredentialsError where error.code == .passwordRefused {
                matches = false
            }
        } else {
            _ = try await compute(settings, password)
        }
        let new = matches ? try await unchecked(password) : nil
        let answer = try await legacyPool.query(
            """
            SELECT f.*, (extract(epoch FROM f.expires_at) * 1000000)::bigint AS expires FROM dbauth.finish_legacy_login(
                \(attempt)::uuid, \(matches), \(new?.settings.text), \(new?.settings.pepper), \(new?.verifier),
                \(tokens.session.digest), \(tokens.device.digest)) f
            """
        ).one()
        return try read(answer, attempt, tokens)
    }

    private func finishNow(_ pending: PendingLogin, _ code: String) async throws -> LoginAnswer {
        let tokens = (session: Token.random(), device: Token.random())
        let begun = try await pool.query("SELECT * FROM dbauth.begin_totp(\(pending.attempt)::uuid)")
        guard let row = begun.first else { return .refused }
        let totp = try needKeys().open(try row["sealed"], of: try row["account_id"])
        let step = totp.step(of: code, at: now())
        let answer = try await pool.query(
            """
            SELECT f.*, (extract(epoch FROM f.expires_at) * 1000000)::bigint AS expires FROM dbauth.finish_totp(
                \(pending.attempt)::uuid, \(step), \(tokens.session.digest), \(tokens.device.digest)) f
            """
        ).one()
        return try read(answer, pending.attempt, tokens)
    }

    func needKeys() throws -> CredentialKeys {
        guard let keys else {
            throw CredentialsError(
                .keyMissing, "second factors need a keyring, and none was given", hint: "make one with dbpii keys init")
        }
        return keys
    }
}
