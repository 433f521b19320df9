/// The text before the payload: a version, the stanzas, and a code over both by the file key.
struct AgeHeader {
    static let version = "age-encryption.org/v1"
    static let nonceByteCount = 16
    static let fileKeyByteCount = 16

    let stanzas: [AgeStanza]
    /// All that the code covers: the header's bytes up to and including `---`.
    let covered: [UInt8]
    let mac: [UInt8]

    init(stanzas: [AgeStanza], covered: [UInt8], mac: [UInt8]) {
        self.stanzas = stanzas
        self.covered = covered
        self.mac = mac
    }

    init(_ stanzas: [AgeStanza], sealedWith fileKey: SecretBytes) throws(CryptographyError) {
        let covered = Array("\(Self.version)\n".utf8) + stanzas.flatMap(\.encoded) + Array("---".utf8)
        self.init(stanzas: stanzas, covered: covered, mac: try Self.mac(of: covered, by: fileKey))
    }

    /// A header by which each of the recipients finds the file key.
    ///
    /// - Throws: `badKey` when there is no recipient, one that nothing can be sealed for, or a passphrase beside others.
    init(for recipients: [AgeRecipient], sealing fileKey: SecretBytes) throws(CryptographyError) {
        guard !recipients.isEmpty else { throw CryptographyError(.badKey, "an age file needs a recipient") }
        var stanzas: [AgeStanza] = []
        for recipient in recipients { stanzas.append(try recipient.wrap(fileKey)) }
        guard stanzas.count == 1 || !stanzas.contains(where: { $0.kind == AgePassphrase.kind }) else {
            throw CryptographyError(.badKey, "an age file with a passphrase can have no other recipient")
        }
        try self.init(stanzas, sealedWith: fileKey)
    }

    /// The file key, for the first of the identities that is meant.
    ///
    /// - Throws: `noMatch` when none is, `headerMAC` when the header was changed.
    func open(with identities: [AgeIdentity]) throws(CryptographyError) -> SecretBytes {
        for identity in identities {
            guard let fileKey = try identity.unwrap(stanzas) else { continue }
            try authenticate(with: fileKey)
            return fileKey
        }
        throw AgeMismatch.error(stanzas, identities)
    }

    var encoded: [UInt8] {
        covered + [UInt8(ascii: " ")] + Base64.encode(mac, padding: .none) + [UInt8(ascii: "\n")]
    }

    /// - Throws: `headerMAC` when the header is not the one that was sealed with this file key.
    func authenticate(with fileKey: SecretBytes) throws(CryptographyError) {
        let expected = try Self.mac(of: covered, by: fileKey)
        guard constantTimeEqual(expected.span, mac.span) else {
            throw CryptographyError(.headerMAC, "the age file's header was changed")
        }
    }

    private static func mac(of covered: [UInt8], by fileKey: SecretBytes) throws(CryptographyError) -> [UInt8] {
        let key = try HKDFSHA256.derive(from: fileKey, salt: [], info: Array("header".utf8))
        var code = HMACSHA256(key: key)
        code.update(covered.span)
        return code.finish()
    }
}

/// Reads a header line by line, strictly by the grammar of c2sp.org/age: what it takes, it would write the same.
struct AgeHeaderParser {
    /// Far more than the stanzas of a thousand recipients.
    static let byteCountLimit = 1 << 20

    private enum Place {
        case version
        case stanza
        case body(arguments: [String], bytes: [UInt8])
    }

    private var place = Place.version
    private var stanzas: [AgeStanza] = []
    private var covered: [UInt8] = []

    /// Takes a line without its line feed; returns the header once its last line was given.
    mutating func take(_ line: [UInt8]) throws(CryptographyError) -> AgeHeader? {
        guard covered.count + line.count <= Self.byteCountLimit else { throw Self.malformed("is too long") }
        switch place {
        case .version:
            try readVersion(line)
            place = .stanza
        case .stanza:
            if line.starts(with: "---".utf8) { return try readEnd(line) }
            place = .body(arguments: try readArguments(line), bytes: [])
        case .body(let arguments, let bytes):
            let part = try readBody(line)
            if line.count == AgeStanza.columns {
                place = .body(arguments: arguments, bytes: bytes + part)
            } else {
                stanzas.append(AgeStanza(arguments: arguments, body: bytes + part))
                place = .stanza
            }
        }
        covered += line
        covered.append(UInt8(ascii: "\n"))
        return nil
    }

    /// Refuses a first line that cannot become the right one, so that any other file fails at once.
    func checkStart(_ line: [UInt8]) throws(CryptographyError) {
        guard case .version = place else { return }
        if line.count > AgeHeader.version.utf8.count { try readVersion(line) }
    }

    private func readVersion(_ line: [UInt8]) throws(CryptographyError) {
        let version = Array(AgeHeader.version.utf8)
        guard !line.starts(with: AgeArmorDecoder.marker.utf8.prefix(version.count)) else {
            throw CryptographyError(
                .headerMalformed, "the age file is ASCII armored, where a binary one is expected",
                hint: "decrypt and encrypt it again with age, without -a")
        }
        guard line != version else { return }
        guard !line.starts(with: "age-encryption.org/".utf8) else {
            throw Self.malformed("is of a version other than v1")
        }
        throw CryptographyError(.headerMalformed, "this is not an age file")
    }

    private func readArguments(_ line: [UInt8]) throws(CryptographyError) -> [String] {
        guard line.starts(with: "-> ".utf8) else { throw Self.malformed("has no stanza or end where one must be") }
        let arguments = line.dropFirst(3).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard arguments.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (33...126).contains($0) } }) else {
            throw Self.malformed("has a stanza with a malformed argument")
        }
        return arguments.map { String(decoding: $0, as: UTF8.self) }
    }

    private func readBody(_ line: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard line.count <= AgeStanza.columns, let part = Base64.decode(line, padding: .none) else {
            throw Self.malformed("has a stanza with a malformed body")
        }
        return part
    }

    private func readEnd(_ line: [UInt8]) throws(CryptographyError) -> AgeHeader {
        guard !stanzas.isEmpty else { throw Self.malformed("has no recipient") }
        guard stanzas.count == 1 || !stanzas.contains(where: { $0.kind == AgePassphrase.kind }) else {
            throw Self.malformed("has a passphrase beside another recipient")
        }
        let code = Array(line.dropFirst(4))
        guard line.starts(with: "--- ".utf8), let mac = Base64.decode(code, padding: .none),
            mac.count == HMACSHA256.byteCount
        else { throw Self.malformed("ends in a malformed authentication code") }
        return AgeHeader(stanzas: stanzas, covered: covered + Array("---".utf8), mac: mac)
    }

    static func malformed(_ what: String) -> CryptographyError {
        CryptographyError(.headerMalformed, "the age file's header \(what)")
    }
}
