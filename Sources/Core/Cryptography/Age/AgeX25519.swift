/// The X25519 recipient type of c2sp.org/age: how a file key is wrapped for a public key.
enum AgeX25519 {
    static let kind = "X25519"
    private static let info = Array("age-encryption.org/v1/X25519".utf8)

    static func wrap(_ fileKey: SecretBytes, for recipient: [UInt8]) throws(CryptographyError) -> AgeStanza {
        let ephemeral = SecretBytes(random: X25519.byteCount)
        let share = try X25519.publicKey(of: ephemeral)
        let secret = try X25519.sharedSecret(ephemeral, with: recipient)
        let key = try HKDFSHA256.derive(from: secret, salt: share + recipient, info: info)
        let text = String(decoding: Base64.encode(share, padding: .none), as: UTF8.self)
        return AgeStanza(arguments: [kind, text], body: try AgeFileKey.seal(fileKey, with: key))
    }

    /// Nil when the stanza is of another kind or made for another identity.
    static func unwrap(
        _ stanza: AgeStanza, identity: SecretBytes, recipient: [UInt8]
    ) throws(CryptographyError) -> SecretBytes? {
        guard stanza.kind == kind else { return nil }
        guard stanza.arguments.count == 2 else {
            throw AgeHeaderParser.malformed("has an X25519 stanza without exactly one share")
        }
        guard let share = Base64.decode(Array(stanza.arguments[1].utf8), padding: .none),
            share.count == X25519.byteCount
        else { throw AgeHeaderParser.malformed("has an X25519 stanza with a malformed share") }
        try AgeFileKey.checkSize(stanza)
        let secret: SecretBytes
        do {
            secret = try X25519.sharedSecret(identity, with: share)
        } catch {
            throw AgeHeaderParser.malformed("has an X25519 stanza with a share of low order")
        }
        let key = try HKDFSHA256.derive(from: secret, salt: share + recipient, info: info)
        return AgeFileKey.open(stanza.body, with: key)
    }
}

/// The file key inside a stanza's body: ChaCha20-Poly1305 under a key used once, hence a nonce of zeros.
enum AgeFileKey {
    private static let nonce = [UInt8](repeating: 0, count: 12)

    static func seal(_ fileKey: SecretBytes, with key: SecretBytes) throws(CryptographyError) -> [UInt8] {
        try fileKey.withBytes { bytes throws(CryptographyError) in
            try AEAD.chaCha20Poly1305.seal(bytes, key: key, nonce: nonce)
        }
    }

    static func open(_ body: [UInt8], with key: SecretBytes) -> SecretBytes? {
        guard var bytes = try? AEAD.chaCha20Poly1305.open(body.span, key: key, nonce: nonce) else { return nil }
        return SecretBytes(taking: &bytes)
    }

    /// Before anything is decrypted: a longer body could be made to open under several keys (partitioning oracle).
    static func checkSize(_ stanza: AgeStanza) throws(CryptographyError) {
        guard stanza.body.count == AgeHeader.fileKeyByteCount + AEAD.tagByteCount else {
            throw AgeHeaderParser.malformed("has a \(stanza.kind) stanza with a file key of the wrong size")
        }
    }
}
