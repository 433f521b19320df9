import Platform
import PostgresClient

/// A second factor that is being set up.
public struct TOTPEnrollment: Sendable {
    /// For a QR code: `otpauth://totp/...`.
    public let address: String
    /// For typing in.
    public let secret: String
}

extension LoginStore {
    /// Makes a seed for an authenticator app; it counts from `confirmTOTP` on.
    ///
    /// The seed is sealed with the keyring before it goes to the database, bound to its account.
    ///
    /// - Throws: `CredentialsError` `.refused` when the session is over, `.keyMissing` without a keyring.
    public func enrollTOTP(_ token: Token, issuer: String) async throws -> TOTPEnrollment {
        let keys = try needKeys()
        guard let session = try await session(token) else { throw Self.over }
        let totp = TOTP.random()
        let sealed = try keys.seal(totp, of: session.accountID)
        guard try await pool.query("SELECT dbauth.enroll_totp(\(token.digest), \(sealed))").one()[0] else {
            throw Self.over
        }
        return TOTPEnrollment(
            address: totp.address(issuer: issuer, account: session.identifier), secret: totp.base32)
    }

    /// Switches the second factor on, with a first code; false for a wrong one.
    public func confirmTOTP(_ token: Token, code: String) async throws -> Bool {
        guard let seeds = try await seeds(token), let pending = seeds.pending,
            let step = try needKeys().open(pending, of: seeds.account).step(of: code, at: now())
        else { return false }
        return try await pool.query("SELECT dbauth.confirm_totp(\(token.digest), \(step))").one()[0]
    }

    /// Switches the second factor off, with a code of it; false for a wrong one.
    public func removeTOTP(_ token: Token, code: String) async throws -> Bool {
        guard let seeds = try await seeds(token), let current = seeds.current,
            let step = try needKeys().open(current, of: seeds.account).step(of: code, at: now())
        else { return false }
        return try await pool.query("SELECT dbauth.remove_totp(\(token.digest), \(step))").one()[0]
    }

    private static let over = CredentialsError(.refused, "the session is over", hint: "log in again")

    private func seeds(_ token: Token) async throws -> (account: String, pending: [UInt8]?, current: [UInt8]?)? {
        guard let row = try await pool.query("SELECT * FROM dbauth.totp_seeds(\(token.digest))").first else {
            return nil
        }
        return (try row["account_id"], try row["pending"], try row["current"])
    }
}
