import CSodium

/// Makes minisign signatures; written and read as minisign's own secret key files, with or without a passphrase.
package struct MinisignSecretKey: Sendable {
    package let publicKey: MinisignPublicKey
    private let key: Ed25519.SigningKey

    package var keyID: MinisignKeyID { publicKey.keyID }

    package static func generate() -> MinisignSecretKey {
        MinisignSecretKey(
            keyID: MinisignKeyID(Randomness.bytes(MinisignKeyID.byteCount)), key: Ed25519.SigningKey.generate())
    }

    /// Reads a secret key file.
    ///
    /// - Throws: `badKey`; `passphrase` when the file needs one that was not given, or another.
    package init(parsing file: Span<UInt8>, passphrase: SecretBytes? = nil) throws(CryptographyError) {
        var lines = MinisignFile.lines(file)
        defer { for index in lines.indices { wipe(&lines[index]) } }
        guard lines.count == 2, lines[0].starts(with: MinisignFile.untrusted.utf8),
            var bytes = Base64.decode(lines[1], padding: .required)
        else { throw Self.notAKey }
        defer { wipe(&bytes) }
        try self.init(MinisignKeyBlock(taking: &bytes, passphrase: passphrase))
    }

    /// The signature file of the message: prehashed, so that minisign 0.8 and later verify it.
    ///
    /// - Throws: `signatureMalformed` when a comment has more than one line.
    package func sign(
        _ message: Span<UInt8>, trustedComment: String, untrustedComment: String = "signature from dbsec secret key"
    ) throws(CryptographyError) -> [UInt8] {
        for comment in [trustedComment, untrustedComment] where !MinisignFile.isComment(comment) {
            throw CryptographyError(
                .signatureMalformed, "a signature's comment is one short line without control characters")
        }
        let signature = key.sign(BLAKE2b.hash(message, count: 64).span)
        let commentSignature = key.sign((signature + Array(trustedComment.utf8)).span)
        return MinisignFile.comment(MinisignFile.untrusted, untrustedComment)
            + MinisignFile.line(MinisignFile.prehashed + keyID.bytes + signature)
            + MinisignFile.comment(MinisignFile.trusted, trustedComment)
            + MinisignFile.line(commentSignature)
    }

    /// The key file as `minisign -G -W` writes it, or as `minisign -G` does when there is a passphrase.
    package func file(passphrase: SecretBytes? = nil) throws(CryptographyError) -> SecretBytes {
        var text = try MinisignKeyBlock.encode(keyID: keyID, seed: key.seed, publicKey: publicKey.key, passphrase)
        return SecretBytes(taking: &text)
    }

    private init(keyID: MinisignKeyID, key: Ed25519.SigningKey) {
        self.key = key
        publicKey = MinisignPublicKey(keyID: keyID, key: key.publicKey)
    }

    private init(_ block: MinisignKeyBlock) throws(CryptographyError) {
        let key = try Ed25519.SigningKey(seed: block.seed)
        guard key.publicKey.bytes == block.publicKey else { throw Self.notAKey }
        self.init(keyID: block.keyID, key: key)
    }

    static let notAKey = CryptographyError(.badKey, "this is not a minisign secret key file")
}

extension MinisignSecretKey: CustomStringConvertible {
    package var description: String { "<minisign secret key \(keyID)>" }
}

/// The bytes of a secret key file: algorithms, the parameters of the passphrase, then key id, key and checksum, which a
/// passphrase covers with a stream of scrypt's.
private struct MinisignKeyBlock {
    private static let headCount = 54
    private static let byteCount = 158
    private static let keyCount = 104
    private static let noPassphrase: [UInt8] = [0, 0]
    private static let scrypt = Array("Sc".utf8)
    private static let checksum = Array("B2".utf8)
    private static let saltCount = 32

    let keyID: MinisignKeyID
    let seed: SecretBytes
    let publicKey: [UInt8]

    init(taking bytes: inout [UInt8], passphrase: SecretBytes?) throws(CryptographyError) {
        guard bytes.count == Self.byteCount, bytes.starts(with: MinisignFile.plain),
            Array(bytes[4..<6]) == Self.checksum
        else { throw MinisignSecretKey.notAKey }
        switch Array(bytes[2..<4]) {
        case Self.noPassphrase: break
        case Self.scrypt:
            guard let passphrase else {
                throw CryptographyError(.passphrase, "the minisign secret key is protected by a passphrase")
            }
            let salt = Array(bytes[6..<38])
            try Self.cover(
                &bytes, passphrase, salt, operations: Self.number(bytes[38..<46]), memory: Self.number(bytes[46..<54]))
            guard Array(bytes[126...]) == Self.sum(bytes) else {
                throw CryptographyError(.passphrase, "the passphrase is not the one of this minisign secret key")
            }
        default: throw MinisignSecretKey.notAKey
        }
        keyID = MinisignKeyID(Array(bytes[54..<62]))
        var seed = Array(bytes[62..<94])
        self.seed = SecretBytes(taking: &seed)
        publicKey = Array(bytes[94..<126])
    }

    static func encode(
        keyID: MinisignKeyID, seed: SecretBytes, publicKey: Ed25519.PublicKey, _ passphrase: SecretBytes?
    ) throws(CryptographyError) -> [UInt8] {
        // The cost that minisign itself takes: about a second, and 1 GB.
        let operations = passphrase == nil ? 0 : crypto_pwhash_scryptsalsa208sha256_opslimit_sensitive()
        let memory = passphrase == nil ? 0 : crypto_pwhash_scryptsalsa208sha256_memlimit_sensitive()
        let salt = passphrase == nil ? [UInt8](repeating: 0, count: saltCount) : Randomness.bytes(saltCount)
        var bytes = MinisignFile.plain + (passphrase == nil ? noPassphrase : scrypt) + checksum + salt
        bytes.reserveCapacity(byteCount)
        bytes += Self.bytes(UInt64(operations)) + Self.bytes(UInt64(memory)) + keyID.bytes
        seed.withBytes { for index in $0.indices { bytes.append($0[index]) } }
        bytes += publicKey.bytes
        defer { wipe(&bytes) }
        if let passphrase {
            bytes += sum(bytes)
            try cover(&bytes, passphrase, salt, operations: UInt64(operations), memory: UInt64(memory))
        } else {
            bytes += [UInt8](repeating: 0, count: byteCount - bytes.count)
        }
        return MinisignFile.comment(MinisignFile.untrusted, "minisign encrypted secret key") + MinisignFile.line(bytes)
    }

    private static func sum(_ bytes: [UInt8]) -> [UInt8] {
        var covered = MinisignFile.plain + Array(bytes[headCount..<126])
        defer { wipe(&covered) }
        return BLAKE2b.hash(covered.span, count: 32)
    }

    private static func cover(
        _ bytes: inout [UInt8], _ passphrase: SecretBytes, _ salt: [UInt8], operations: UInt64, memory: UInt64
    ) throws(CryptographyError) {
        Sodium.start()
        guard memory <= 4 << 30 else {
            throw CryptographyError(.badKey, "the minisign secret key asks for more than 4 GB of memory")
        }
        let stream = try SecretBytes(count: keyCount) { target throws(CryptographyError) in
            let result = passphrase.withPointer { text in
                text.withMemoryRebound(to: CChar.self, capacity: passphrase.count) {
                    crypto_pwhash_scryptsalsa208sha256(
                        target, UInt64(keyCount), $0, UInt64(passphrase.count), salt, operations, Int(memory))
                }
            }
            guard result == 0 else {
                throw CryptographyError(.memory, "there is not enough memory for the passphrase of the secret key")
            }
        }
        stream.withBytes { for index in 0..<keyCount { bytes[headCount + index] ^= $0[index] } }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
    }
}
