package import Cryptography
import Platform

/// A text with signatures under it, as C2SP signed-note defines it; Go's sumdb/note and others read it too.
package struct SignedNote: Equatable, Sendable {
    package struct Signature: Equatable, Sendable {
        package let name: String
        package let keyID: UInt32
        package let bytes: [UInt8]

        package init(name: String, keyID: UInt32, bytes: [UInt8]) {
            self.name = name
            self.keyID = keyID
            self.bytes = bytes
        }
    }

    /// What is signed: it ends with a line feed.
    package let text: String
    package let signatures: [Signature]

    package init(text: String, signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    /// - Throws: `AuditFailure.malformedNote` for anything that is not exactly a signed note.
    package init(parsing bytes: [UInt8]) throws {
        guard bytes.count <= 1 << 20, let whole = String(validating: bytes, as: UTF8.self) else {
            throw AuditFailure(.malformedNote, "the note is not a text in UTF-8")
        }
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == lineFeed }), bytes.last == lineFeed else {
            throw AuditFailure(.malformedNote, "the note holds control characters or an unfinished line")
        }
        guard
            let separator = bytes.indices.dropLast().last(where: { bytes[$0] == lineFeed && bytes[$0 + 1] == lineFeed })
        else {
            throw AuditFailure(.malformedNote, "the note has no signatures")
        }
        let lines = bytes[(separator + 2)...].dropLast().split(separator: lineFeed, omittingEmptySubsequences: false)
        guard separator + 2 < bytes.count, lines.count <= 100 else {
            throw AuditFailure(.malformedNote, "the note has no signatures or too many of them")
        }
        text = String(decoding: whole.utf8.prefix(separator + 1), as: UTF8.self)
        signatures = try lines.map(Self.signature)
    }

    package var encoded: String {
        var result = text + "\n"
        for signature in signatures {
            let payload = bigEndian(signature.keyID) + signature.bytes
            result += "\u{2014} \(signature.name) \(Base64.encode(payload))\n"
        }
        return result
    }

    /// Whether this key signed the text; a signature under the key's name and id that does not hold condemns the note.
    package func isSigned(by key: VerifierKey) -> Bool {
        let own = signatures.filter { $0.name == key.name && $0.keyID == key.keyID }
        let message = Array(text.utf8)
        return !own.isEmpty && own.allSatisfy { key.publicKey.isValid($0.bytes.span, for: message.span) }
    }

    private static func signature(_ line: ArraySlice<UInt8>) throws -> Signature {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, Array(parts[0]) == Array("\u{2014}".utf8),
            let name = String(validating: parts[1], as: UTF8.self), VerifierKey.isValid(name: name),
            let payload = Base64.decode(parts[2]), payload.count > 4
        else { throw AuditFailure(.malformedNote, "the note has a signature line that is not one") }
        let keyID = payload[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Signature(name: name, keyID: keyID, bytes: Array(payload[4...]))
    }
}

/// The public half of a log's key, as it is pinned: `name+id+base64`.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let keyID: UInt32
    package let publicKey: Ed25519.PublicKey

    package init(name: String, publicKey: Ed25519.PublicKey) {
        self.name = name
        self.publicKey = publicKey
        let digest = SHA256.hash(Array(name.utf8) + [lineFeed, ed25519Type] + publicKey.bytes)
        keyID = UInt32(truncatingIfNeeded: digest.words.0 >> 32)
    }

    /// Reads a line such as `db1/dbsec/root/4f3a+530d903a+AekyeRrm...`; white space around it is no error.
    ///
    /// - Throws: `AuditFailure.malformedKey`, also when the id is not that of name and key.
    package init(parsing text: String) throws {
        let bytes = Array(text.utf8).trimmed
        let parts = bytes.split(separator: plus, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let name = String(validating: parts[0], as: UTF8.self), Self.isValid(name: name),
            let payload = Base64.decode(parts[2]), payload.first == ed25519Type,
            let publicKey = try? Ed25519.PublicKey(Array(payload.dropFirst()))
        else {
            throw AuditFailure(.malformedKey, "this is not a log's public key", hint: "it looks like name+id+base64")
        }
        self.init(name: name, publicKey: publicKey)
        guard Array(parts[1]) == Array(hexadecimalID.utf8) else {
            throw AuditFailure(.malformedKey, "the id in the public key is not that of its name and bytes")
        }
    }

    package var description: String {
        "\(name)+\(hexadecimalID)+\(Base64.encode([ed25519Type] + publicKey.bytes))"
    }

    var hexadecimalID: String { Hex.encode(bigEndian(keyID)) }

    static func isValid(name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255
            && name.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 }
    }
}

/// What signs a log's checkpoints; its file is Go's `PRIVATE+KEY+name+id+base64`.
package struct SignerKey: Sendable {
    package let verifier: VerifierKey
    private let key: Ed25519.SigningKey

    package init(name: String, key: Ed25519.SigningKey) {
        verifier = VerifierKey(name: name, publicKey: key.publicKey)
        self.key = key
    }

    /// Reads a private key, wiping what it was given.
    ///
    /// - Throws: `AuditFailure.malformedKey`.
    package init(parsing bytes: inout [UInt8]) throws {
        defer { wipe(&bytes) }
        let parts = bytes.trimmed.split(separator: plus, maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 5, Array(parts[0]) == Array("PRIVATE".utf8), Array(parts[1]) == Array("KEY".utf8),
            let name = String(validating: parts[2], as: UTF8.self), VerifierKey.isValid(name: name),
            var payload = Base64.decode(parts[4]), payload.first == ed25519Type,
            payload.count == 1 + Ed25519.SigningKey.seedByteCount
        else { throw AuditFailure(.malformedKey, "this is not a log's private key") }
        payload.removeFirst()
        self.init(name: name, key: try Ed25519.SigningKey(seed: SecretBytes(taking: &payload)))
        guard Array(parts[3]) == Array(verifier.hexadecimalID.utf8) else {
            throw AuditFailure(.malformedKey, "the id in the private key is not that of its name and bytes")
        }
    }

    /// The text of the key file, with a line feed; whoever takes it wipes it.
    package func encoded() -> [UInt8] {
        var payload = [ed25519Type]
        key.seed.withBytes { seed in
            for index in seed.indices { payload.append(seed[index]) }
        }
        defer { wipe(&payload) }
        let head = "PRIVATE+KEY+\(verifier.name)+\(verifier.hexadecimalID)+"
        return Array(head.utf8) + Array(Base64.encode(payload).utf8) + [lineFeed]
    }

    package func sign(_ text: String) -> SignedNote {
        let message = Array(text.utf8)
        let signature = SignedNote.Signature(
            name: verifier.name, keyID: verifier.keyID, bytes: key.sign(message.span))
        return SignedNote(text: text, signatures: [signature])
    }
}

/// C2SP signed-note's signature type for Ed25519.
private let ed25519Type: UInt8 = 1
private let plus = UInt8(ascii: "+")
let lineFeed = UInt8(ascii: "\n")

private func bigEndian(_ value: UInt32) -> [UInt8] {
    stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
}

extension [UInt8] {
    fileprivate var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return []
        }
        return self[first...last]
    }
}
