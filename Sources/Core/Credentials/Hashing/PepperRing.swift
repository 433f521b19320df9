package import Cryptography

/// Secret keys that go into passwords before they are hashed: a stolen table alone then cannot be guessed at.
///
/// New passwords take the active one; the others stay for as long as hashes name them.
public struct PepperRing: Sendable {
    /// Names the key in front of hashes, and in `dbauth.settings`.
    package let active: String
    private let keys: [String: SecretBytes]

    package init(active: String, keys: [String: SecretBytes]) {
        self.active = active
        self.keys = keys
    }

    /// The bytes that are hashed in the password's place: 44 letters, so that no password is too long and none holds NUL.
    func mix(_ password: Password, with id: String) throws(CredentialsError) -> Password {
        guard let key = keys[id] else {
            throw CredentialsError(
                .keyMissing, "the pepper \(id) that this password was hashed with is not in the keyring",
                hint: "give the keyring that holds it, or restore it from its copy")
        }
        var code = HMACSHA256(key: key)
        password.secret.withBytes { code.update($0) }
        var digest = code.finish()
        defer { wipe(&digest) }
        var text = Array(Base64Text.encode(digest, padded: true).utf8)
        return Password(taking: &text)
    }
}
