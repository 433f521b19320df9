import CSodium
import Platform

/// What wraps the keys of a ring: age recipients, any one of whom opens it, or a key out of a passphrase.
package enum KeyringProtection: Sendable {
    case recipients([AgeRecipient])
    case key(SecretBytes, KeyringPassphrase.Cost, salt: [UInt8])

    /// - Throws: `badKey` for an empty passphrase.
    package static func passphrase(
        _ passphrase: SecretBytes, cost: KeyringPassphrase.Cost = .standard
    ) throws -> KeyringProtection {
        guard passphrase.count > 0 else { throw CryptographyError(.badKey, "the passphrase is empty") }
        let salt = Randomness.bytes(KeyringPassphrase.saltByteCount)
        return .key(try KeyringPassphrase.key(from: passphrase, salt: salt, cost), cost, salt: salt)
    }

    package var recipients: [AgeRecipient]? {
        if case .recipients(let recipients) = self { recipients } else { nil }
    }

    var passphrase: KeyringDocument.Passphrase? {
        guard case .key(_, let cost, let salt) = self else { return nil }
        return KeyringDocument.Passphrase(salt: Hex.encode(salt), operations: cost.operations, memory: cost.memory)
    }

    /// The wrapped secret in base 64; `name` and ring are bound to it.
    func wrap(_ secret: SecretBytes, as name: String, ring: String) throws -> String {
        let wrapped: [UInt8]
        switch self {
        case .recipients(let recipients):
            let sink = CollectingSink()
            let encryptor = try AgeEncryptor(to: recipients, into: sink)
            try secret.withBytes { try encryptor.write($0) }
            try encryptor.finish()
            wrapped = sink.bytes
        case .key(let key, _, _):
            let nonce = Randomness.bytes(AEAD.xChaCha20Poly1305.nonceByteCount)
            wrapped =
                nonce
                + (try secret.withBytes { bytes throws(CryptographyError) in
                    try AEAD.xChaCha20Poly1305.seal(
                        bytes, key: key, nonce: nonce, associatedData: Self.associatedData(name, ring))
                })
        }
        return String(decoding: Base64.encode(wrapped, padding: .required), as: UTF8.self)
    }

    fileprivate static func associatedData(_ name: String, _ ring: String) -> [UInt8] {
        var data: [UInt8] = []
        for part in ["dbsec keyring v1", ring, name] { FieldFormat.appendPrefixed(Array(part.utf8), to: &data) }
        return data
    }
}

/// What opens the keys of a ring.
enum KeyringOpener {
    case identities([AgeIdentity])
    case key(SecretBytes)

    /// The secret is what the document asks for: age identities, or a passphrase.
    init(_ document: KeyringDocument, _ secret: SecretBytes) throws {
        if let passphrase = document.passphrase {
            guard let salt = Hex.decode(passphrase.salt), salt.count == KeyringPassphrase.saltByteCount else {
                throw FieldError(.keyring, "the keyring's salt is malformed", hint: "restore it from a copy")
            }
            let cost = KeyringPassphrase.Cost(operations: passphrase.operations, memory: passphrase.memory)
            self = .key(try KeyringPassphrase.key(from: secret, salt: salt, cost))
        } else {
            do {
                self = .identities(
                    try secret.withBytes { bytes throws(CryptographyError) in
                        try AgeIdentity.parse(bytes)
                    })
            } catch {
                throw FieldError(
                    .locked,
                    "the keyring is wrapped for age recipients, and what should open it is no identity: "
                        + error.sentence, hint: error.hint)
            }
        }
    }

    func unwrap(_ text: String, as name: String, ring: String) throws -> SecretBytes {
        guard let wrapped = Base64.decode(Array(text.utf8), padding: .required) else {
            throw FieldError(.keyring, "a wrapped key of the keyring is not base 64", hint: "restore it from a copy")
        }
        switch self {
        case .identities(let identities):
            let sink = SecretSink()
            let decryptor = AgeDecryptor(with: identities, into: sink)
            do {
                try decryptor.write(wrapped.span)
                try decryptor.finish()
            } catch let error as CryptographyError where error.code == .noMatch {
                throw FieldError(
                    .locked, "no identity that was given opens the keyring",
                    hint: "dbpii keys list shows its recipients")
            }
            return sink.secret()
        case .key(let key):
            let count = AEAD.xChaCha20Poly1305.nonceByteCount
            guard wrapped.count > count else { throw Self.locked }
            // Whatever is wrong, the message is the same: it says nothing about the key.
            guard
                var secret = try? AEAD.xChaCha20Poly1305.open(
                    wrapped.span.extracting(count...), key: key, nonce: Array(wrapped[..<count]),
                    associatedData: KeyringProtection.associatedData(name, ring))
            else { throw Self.locked }
            return SecretBytes(taking: &secret)
        }
    }

    private static let locked = FieldError(.locked, "the passphrase is not the one of this keyring")
}

/// Collects a decrypted secret and leaves no copy behind.
private final class SecretSink: ByteSink {
    private var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(256)
    }

    func write(_ bytes: Span<UInt8>) {
        guard self.bytes.count + bytes.count <= 256 else { return }
        self.bytes.append(bytes)
    }

    func finish() {}

    func secret() -> SecretBytes { SecretBytes(taking: &bytes) }

    deinit { wipe(&bytes) }
}

/// Argon2id for the passphrase of a keyring.
package enum KeyringPassphrase {
    static let saltByteCount = 16

    package struct Cost: Sendable, Equatable {
        package var operations: UInt64
        /// In bytes.
        package var memory: Int

        package init(operations: UInt64, memory: Int) {
            self.operations = operations
            self.memory = memory
        }

        /// An eighth of a second and 64 MB: more than OWASP's least.
        package static let standard = Cost(operations: 3, memory: 64 << 20)
    }

    static func key(from passphrase: SecretBytes, salt: [UInt8], _ cost: Cost) throws(CryptographyError) -> SecretBytes
    {
        guard (1...64).contains(cost.operations), (8192...(1 << 30)).contains(cost.memory) else {
            throw CryptographyError(.badKey, "the keyring asks for an unreasonable cost of its passphrase")
        }
        return try SecretBytes(count: 32) { target throws(CryptographyError) in
            let result = passphrase.withPointer { text in
                text.withMemoryRebound(to: CChar.self, capacity: passphrase.count) {
                    crypto_pwhash_argon2id(
                        target, 32, $0, UInt64(passphrase.count), salt, cost.operations, cost.memory,
                        crypto_pwhash_argon2id_alg_argon2id13())
                }
            }
            guard result == 0 else {
                throw CryptographyError(
                    .memory, "there is not enough memory for the passphrase of the keyring",
                    hint: "it needs \(cost.memory >> 20) MB")
            }
        }
    }
}
