import Cryptography

/// Which passwords people may choose, as NIST SP 800-63B-4 says: length and a list of known ones, never "one digit at least".
public struct PasswordRules: Sendable {
    /// The fewest characters: 15, or 8 where a second factor is always asked for.
    public var minimumLength: Int
    public var blocklist: Blocklist?

    /// Nobody types more; a limit far above what is sane keeps megabytes out.
    public static let byteLimit = 1024

    public init(minimumLength: Int = 15, blocklist: Blocklist? = nil) {
        self.minimumLength = minimumLength
        self.blocklist = blocklist
    }

    /// - Throws: `CredentialsError` `.passwordRefused` saying what is wrong with it.
    public func check(_ password: Password, for identifier: String? = nil) throws(CredentialsError) {
        guard password.byteCount <= Self.byteLimit else {
            throw CredentialsError(.passwordRefused, "the password is longer than \(Self.byteLimit) bytes")
        }
        guard password.characterCount >= minimumLength else {
            throw CredentialsError(
                .passwordRefused, "the password is shorter than \(minimumLength) characters",
                hint: "a few unrelated words are long and easy to remember")
        }
        if let blocklist, blocklist.contains(password) {
            throw CredentialsError(
                .passwordRefused, "the password is on the list of common passwords", hint: "choose another one")
        }
        if let identifier, identifier.utf8.count >= 4,
            lowercased(password).contains(Array(identifier.lowercased().utf8))
        {
            throw CredentialsError(.passwordRefused, "the password contains the login name", hint: "choose another one")
        }
    }

    private func lowercased(_ password: Password) -> [UInt8] {
        password.secret.withBytes { bytes in bytes.indices.map { Blocklist.lowercased(bytes[$0]) } }
    }
}
