/// Who can open an age file: a secret key as `age-keygen` makes it, or a passphrase.
package struct AgeIdentity: Sendable {
    enum Kind: Sendable {
        case x25519(SecretBytes, recipient: [UInt8])
        case passphrase(SecretBytes)
    }

    static let prefix = "AGE-SECRET-KEY-"

    let kind: Kind

    package static func generate() throws(CryptographyError) -> AgeIdentity {
        try AgeIdentity(secret: SecretBytes(random: X25519.byteCount))
    }

    package static func passphrase(_ passphrase: SecretBytes) -> AgeIdentity {
        AgeIdentity(kind: .passphrase(passphrase))
    }

    /// Reads one `AGE-SECRET-KEY-1...`.
    ///
    /// - Throws: `badKey`, which repeats nothing of the text.
    package init(parsing text: Span<UInt8>) throws(CryptographyError) {
        guard var decoded = Bech32.decode(text) else {
            throw CryptographyError(
                .badKey, "this is not an age identity",
                hint: "one begins with \(Self.prefix)1 and has no typing error")
        }
        defer { wipe(&decoded.bytes) }
        guard decoded.prefix != Array(AgeRecipient.prefix.utf8) else {
            throw CryptographyError(
                .badKey, "this is an age recipient, which is public, where an identity is expected",
                hint: "the identity begins with \(Self.prefix)1")
        }
        guard decoded.prefix == Array(Self.prefix.utf8), decoded.bytes.count == X25519.byteCount else {
            throw CryptographyError(
                .badKey, "this kind of age identity is not supported",
                hint: "X25519 identities (\(Self.prefix)1...) are")
        }
        try self.init(secret: SecretBytes(taking: &decoded.bytes))
    }

    /// Reads an identity file: one identity a line, between comments and empty lines.
    ///
    /// - Throws: `badKey`, naming the line, also when there is no identity at all.
    package static func parse(_ file: Span<UInt8>) throws(CryptographyError) -> [AgeIdentity] {
        var identities: [AgeIdentity] = []
        var number = 0
        var start = 0
        while start < file.count {
            number += 1
            let lineFeed = (start..<file.count).first { file[$0] == UInt8(ascii: "\n") } ?? file.count
            var end = lineFeed
            if end > start, file[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            if end > start, file[start] != UInt8(ascii: "#") {
                try check(notEncrypted: file.extracting(start..<end))
                do {
                    identities.append(try AgeIdentity(parsing: file.extracting(start..<end)))
                } catch {
                    throw CryptographyError(error.code, "line \(number): \(error.sentence)", hint: error.hint)
                }
            }
            start = lineFeed + 1
        }
        guard !identities.isEmpty else { throw CryptographyError(.badKey, "the file holds no age identity") }
        return identities
    }

    /// The public half; nil for a passphrase, which has none.
    package var recipient: AgeRecipient? {
        switch kind {
        case .x25519(_, let recipient): AgeRecipient(publicKey: recipient)
        case .passphrase: nil
        }
    }

    /// `AGE-SECRET-KEY-1...`, to be written into a file or printed once; nil for a passphrase.
    package var text: SecretBytes? {
        guard case .x25519(let secret, _) = kind else { return nil }
        var text = secret.withBytes { Bech32.encode(prefix: Self.prefix.lowercased(), $0) }
        for index in text.indices where (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(text[index]) {
            text[index] -= 32
        }
        return SecretBytes(taking: &text)
    }

    private init(secret: SecretBytes) throws(CryptographyError) {
        kind = .x25519(secret, recipient: try X25519.publicKey(of: secret))
    }

    private init(kind: Kind) {
        self.kind = kind
    }

    private static func check(notEncrypted line: Span<UInt8>) throws(CryptographyError) {
        let line = (0..<min(line.count, 64)).map { line[$0] }
        guard line.starts(with: AgeHeader.version.utf8) || line.starts(with: AgeArmorDecoder.marker.utf8) else {
            return
        }
        throw CryptographyError(
            .badKey, "the identity file is itself encrypted", hint: "decrypt it with age -d, and pass it by a pipe")
    }

    /// The file key, if one of the stanzas was made for this identity.
    func unwrap(_ stanzas: [AgeStanza]) throws(CryptographyError) -> SecretBytes? {
        for stanza in stanzas {
            let fileKey: SecretBytes? =
                switch kind {
                case .x25519(let secret, let recipient):
                    try AgeX25519.unwrap(stanza, identity: secret, recipient: recipient)
                case .passphrase(let passphrase):
                    try AgePassphrase.unwrap(stanza, passphrase: passphrase)
                }
            if let fileKey { return fileKey }
        }
        return nil
    }
}

extension AgeIdentity: CustomStringConvertible {
    package var description: String { "<age identity>" }
}
