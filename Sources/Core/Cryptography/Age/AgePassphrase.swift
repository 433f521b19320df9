/// The scrypt recipient type of c2sp.org/age: how a file key is wrapped for a passphrase.
enum AgePassphrase {
    static let kind = "scrypt"
    /// About a second, and 256 MB, on the machine of a person who types a passphrase; what `age -p` takes.
    static let defaultWorkFactor = 18
    /// 4 GB of memory: above it a file is taken for an attack on the reader.
    static let workFactorLimit = 22
    private static let saltByteCount = 16
    private static let label = Array("age-encryption.org/v1/scrypt".utf8)

    static func wrap(
        _ fileKey: SecretBytes, for passphrase: SecretBytes, workFactor: Int
    ) throws(CryptographyError) -> AgeStanza {
        let salt = Randomness.bytes(saltByteCount)
        let key = try derive(passphrase, salt, workFactor)
        let text = String(decoding: Base64.encode(salt, padding: .none), as: UTF8.self)
        return AgeStanza(arguments: [kind, text, "\(workFactor)"], body: try AgeFileKey.seal(fileKey, with: key))
    }

    /// Nil when the stanza is of another kind or the passphrase another.
    static func unwrap(_ stanza: AgeStanza, passphrase: SecretBytes) throws(CryptographyError) -> SecretBytes? {
        guard stanza.kind == kind else { return nil }
        guard stanza.arguments.count == 3 else {
            throw AgeHeaderParser.malformed("has a scrypt stanza without exactly a salt and a work factor")
        }
        guard let salt = Base64.decode(Array(stanza.arguments[1].utf8), padding: .none),
            salt.count == saltByteCount
        else { throw AgeHeaderParser.malformed("has a scrypt stanza with a malformed salt") }
        let workFactor = try readWorkFactor(stanza.arguments[2])
        try AgeFileKey.checkSize(stanza)
        return AgeFileKey.open(stanza.body, with: try derive(passphrase, salt, workFactor))
    }

    private static func readWorkFactor(_ text: String) throws(CryptographyError) -> Int {
        let digits = Array(text.utf8)
        guard digits.first != UInt8(ascii: "0"), digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
        else { throw AgeHeaderParser.malformed("has a scrypt stanza with a malformed work factor") }
        // A number too long for Int is too large as well.
        guard let factor = Int(text), factor <= workFactorLimit else {
            throw AgeHeaderParser.malformed("asks for a work factor above the limit of \(workFactorLimit)")
        }
        return factor
    }

    private static func derive(
        _ passphrase: SecretBytes, _ salt: [UInt8], _ workFactor: Int
    ) throws(CryptographyError) -> SecretBytes {
        try Scrypt.derive(
            from: passphrase, salt: label + salt, cost: 1 << UInt64(workFactor), blockSize: 8, parallelism: 1, count: 32
        )
    }
}
