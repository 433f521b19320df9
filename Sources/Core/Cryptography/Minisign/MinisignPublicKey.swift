/// Verifies minisign signatures; written and read as minisign's own public key files.
package struct MinisignPublicKey: Hashable, Sendable {
    package enum LegacySignatures: Sendable {
        case accepted
        case refused
    }

    package let keyID: MinisignKeyID
    package let key: Ed25519.PublicKey

    init(keyID: MinisignKeyID, key: Ed25519.PublicKey) {
        self.keyID = keyID
        self.key = key
    }

    /// Reads a public key file, or only its second line, as `minisign -P` takes it.
    ///
    /// - Throws: `badKey`.
    package init(parsing text: Span<UInt8>) throws(CryptographyError) {
        var lines = MinisignFile.lines(text)
        if lines.count == 2, lines[0].starts(with: MinisignFile.untrusted.utf8) { lines.removeFirst() }
        let idCount = 2 + MinisignKeyID.byteCount
        guard lines.count == 1, let bytes = Base64.decode(lines[0], padding: .required),
            bytes.count == idCount + Ed25519.PublicKey.byteCount, bytes.starts(with: MinisignFile.plain)
        else {
            throw CryptographyError(
                .badKey, "this is not a minisign public key", hint: "one begins with RW and has 56 characters")
        }
        keyID = MinisignKeyID(Array(bytes[2..<idCount]))
        key = try Ed25519.PublicKey(Array(bytes[idCount...]))
    }

    /// Throws unless the signature was made with this key over exactly this message and this trusted comment.
    ///
    /// - Throws: `wrongKey` when it names another key, `badSignature`, `signatureMalformed`.
    /// - Returns: the signature, whose trusted comment now deserves its name.
    @discardableResult
    package func verify(
        _ signatureFile: Span<UInt8>, of message: Span<UInt8>, legacy: LegacySignatures = .accepted
    ) throws(CryptographyError) -> MinisignSignature {
        let signature = try MinisignSignature(parsing: signatureFile)
        guard signature.keyID == keyID else {
            throw CryptographyError(
                .wrongKey, "the signature was made with key \(signature.keyID), not with key \(keyID)")
        }
        guard signature.isPrehashed || legacy == .accepted else {
            throw CryptographyError(.badSignature, "the signature is of minisign's legacy form")
        }
        let isValid =
            signature.isPrehashed
            ? key.isValid(signature.signature.span, for: BLAKE2b.hash(message, count: 64).span)
            : key.isValid(signature.signature.span, for: message)
        guard isValid else {
            throw CryptographyError(.badSignature, "the signature is not one of this file by key \(keyID)")
        }
        let covered = signature.signature + Array(signature.trustedComment.utf8)
        guard key.isValid(signature.commentSignature.span, for: covered.span) else {
            throw CryptographyError(.badSignature, "the trusted comment was changed")
        }
        return signature
    }

    /// The key on one line, for a configuration or `minisign -P`.
    package var text: String {
        String(decoding: encoded.dropLast(), as: UTF8.self)
    }

    /// The key file as minisign writes it.
    package var file: [UInt8] {
        // minisign prints the id as a number, without zeros in front.
        let number = keyID.description.drop { $0 == "0" }
        return MinisignFile.comment(MinisignFile.untrusted, "minisign public key \(number.isEmpty ? "0" : number)")
            + encoded
    }

    private var encoded: [UInt8] {
        MinisignFile.line(MinisignFile.plain + keyID.bytes + key.bytes)
    }
}

extension MinisignPublicKey: CustomStringConvertible {
    package var description: String { text }
}
