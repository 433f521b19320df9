import Platform
import PostgresClient

extension LoginStore {
    /// Makes an account; gives its id.
    ///
    /// - Throws: `CredentialsError` `.exists` when the login name is taken, `.passwordRefused` for a password that the rules
    ///   do not take.
    @discardableResult
    public func createAccount(_ identifier: String, _ password: Password) async throws -> String {
        guard (1...1024).contains(identifier.utf8.count), !identifier.utf8.contains(0) else {
            throw CredentialsError(.malformed, "a login name has 1 to 1024 bytes and no NUL character")
        }
        let new = try await newPassword(password, for: identifier)
        do {
            return try await pool.query("SELECT dbauth.create_account(\(identifier), \(new.arguments))").one()[0]
        } catch let error as PostgresError where error.code == "23505" {
            throw CredentialsError(.exists, "the login name is taken")
        }
    }

    /// Changes one's own password; every other session, and every known device, ends.
    ///
    /// - Returns: False when the old password is wrong, was tried too often, or the session is over.
    public func changePassword(_ token: Token, old: Password, new: Password) async throws -> Bool {
        try await atDeadline {
            guard let session = try await session(token) else { return false }
            let made = try await newPassword(new, for: session.identifier)
            let begun = try await pool.query("SELECT * FROM dbauth.begin_password_change(\(token.digest))")
            guard let row = begun.first else { return false }
            let result = try await compute(PasswordSettings(row["settings"], pepper: row["pepper"]), old)
            return try await pool.query(
                "SELECT dbauth.change_password(\(token.digest), \(result), \(made.arguments))"
            ).one()[0]
        }
    }

    /// Makes a token that resets a forgotten password: single use, half an hour.
    ///
    /// - Returns: nil where there is nobody to send it to. Tell the asker the same in both cases: "if there is such an account,
    ///   a mail is on its way"; the answer comes at the same time too.
    public func requestReset(_ identifier: String, from address: String? = nil) async throws -> Token? {
        try await atDeadline {
            let token = Token.random()
            let account: String? = try await pool.query(
                "SELECT dbauth.request_reset(\(Self.bindable(identifier)), \(token.digest), \(address)::inet)"
            ).one()[0]
            return account == nil ? nil : token
        }
    }

    /// Sets a new password with the token of a reset; every session ends, and every failed login is forgotten.
    ///
    /// - Returns: False when the token was used, is too old, or never was one.
    public func finishReset(_ token: Token, new: Password, from address: String? = nil) async throws -> Bool {
        try await atDeadline {
            let made = try await newPassword(new, for: nil)
            let account: String? = try await pool.query(
                "SELECT dbauth.finish_reset(\(token.digest), \(made.arguments), \(address)::inet)"
            ).one()[0]
            return account != nil
        }
    }
}
