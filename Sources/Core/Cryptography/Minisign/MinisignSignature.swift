/// A signature file as read, not yet verified: the trusted comment is trusted only after `verify`.
package struct MinisignSignature: Equatable, Sendable {
    package let keyID: MinisignKeyID
    package let trustedComment: String
    /// False for a signature of minisign's legacy form, over the message itself.
    package let isPrehashed: Bool
    let signature: [UInt8]
    let commentSignature: [UInt8]

    /// - Throws: `signatureMalformed`.
    package init(parsing file: Span<UInt8>) throws(CryptographyError) {
        let lines = MinisignFile.lines(file)
        guard lines.count == 4 else { throw Self.malformed("has \(lines.count) lines instead of four") }
        guard lines[0].starts(with: MinisignFile.untrusted.utf8), lines[2].starts(with: MinisignFile.trusted.utf8)
        else {
            throw Self.malformed("lacks a comment line")
        }
        let idCount = 2 + MinisignKeyID.byteCount
        guard let first = Base64.decode(lines[1], padding: .required),
            first.count == idCount + Ed25519.signatureByteCount,
            let second = Base64.decode(lines[3], padding: .required), second.count == Ed25519.signatureByteCount
        else { throw Self.malformed("holds a malformed signature") }
        switch Array(first[..<2]) {
        case MinisignFile.prehashed: isPrehashed = true
        case MinisignFile.plain: isPrehashed = false
        default: throw Self.malformed("is of an unknown algorithm")
        }
        guard let comment = String(validating: lines[2].dropFirst(MinisignFile.trusted.utf8.count), as: UTF8.self)
        else {
            throw Self.malformed("has a trusted comment that is not UTF-8")
        }
        keyID = MinisignKeyID(Array(first[2..<idCount]))
        signature = Array(first[idCount...])
        trustedComment = comment
        commentSignature = second
    }

    private static func malformed(_ what: String) -> CryptographyError {
        CryptographyError(.signatureMalformed, "the minisign signature \(what)")
    }
}
