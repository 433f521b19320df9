/// Whom an age file is for: a public key, which may be shown to anyone, or a passphrase.
package struct AgeRecipient: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case x25519([UInt8])
        case passphrase(SecretBytes, workFactor: Int)
    }

    static let prefix = "age"

    let kind: Kind

    init(publicKey: [UInt8]) {
        kind = .x25519(publicKey)
    }

    /// Reads `age1...`.
    ///
    /// - Throws: `badKey`, without repeating the text: people paste identities here.
    package init(parsing text: some StringProtocol) throws(CryptographyError) {
        let text = Array(text.utf8)
        guard !text.starts(with: AgeIdentity.prefix.utf8) else {
            throw CryptographyError(
                .badKey, "this is an age identity, which is secret, where a recipient is expected",
                hint: "the recipient is printed by age-keygen -y")
        }
        guard let decoded = Bech32.decode(text.span), decoded.prefix.starts(with: Self.prefix.utf8) else {
            throw CryptographyError(
                .badKey, "this is not an age recipient", hint: "one begins with age1 and has no typing error")
        }
        guard decoded.prefix == Array(Self.prefix.utf8), decoded.bytes.count == X25519.byteCount else {
            throw CryptographyError(
                .badKey, "this kind of age recipient is not supported", hint: "X25519 recipients (age1...) are")
        }
        kind = .x25519(decoded.bytes)
    }

    /// A passphrase; a file with one can have no other recipient.
    ///
    /// - Parameter workFactor: a power of two of scrypt's cost.
    package static func passphrase(
        _ passphrase: SecretBytes, workFactor: Int = AgePassphrase.defaultWorkFactor
    ) throws(CryptographyError) -> AgeRecipient {
        guard passphrase.count > 0 else { throw CryptographyError(.badKey, "the passphrase is empty") }
        guard (1...AgePassphrase.workFactorLimit).contains(workFactor) else {
            throw CryptographyError(.badKey, "a work factor is from 1 to \(AgePassphrase.workFactorLimit)")
        }
        return AgeRecipient(kind: .passphrase(passphrase, workFactor: workFactor))
    }

    private init(kind: Kind) {
        self.kind = kind
    }

    func wrap(_ fileKey: SecretBytes) throws(CryptographyError) -> AgeStanza {
        switch kind {
        case .x25519(let publicKey):
            try AgeX25519.wrap(fileKey, for: publicKey)
        case .passphrase(let passphrase, let workFactor):
            try AgePassphrase.wrap(fileKey, for: passphrase, workFactor: workFactor)
        }
    }
}

extension AgeRecipient: CustomStringConvertible {
    /// `age1...`, or the word passphrase.
    package var description: String {
        switch kind {
        case .x25519(let publicKey):
            String(decoding: Bech32.encode(prefix: Self.prefix, publicKey.span), as: UTF8.self)
        case .passphrase: "passphrase"
        }
    }
}
