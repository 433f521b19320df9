import CLibCrypto
package import Platform
package import SystemPackage

/// Time stamps of RFC 3161 over a SHA-256: an authority elsewhere says when it had seen a document.
package enum TrustedTimestamp {
    /// A query that an authority answers, and the number that ties the answer to it.
    package struct Query: Sendable {
        package let bytes: [UInt8]
        package let nonce: [UInt8]

        package init(for digest: Digest) throws(CryptographyError) {
            // Never negative: the first bit is 0.
            var nonce = Randomness.bytes(8)
            nonce[0] = nonce[0] & 0x7F | 1
            var encoded: UnsafeMutablePointer<UInt8>?
            let count = Int(clibcrypto_timestamp_query(digest.bytes, nonce, &encoded))
            guard count > 0, let encoded else {
                throw CryptographyError(.signatureMalformed, "the query for a time stamp could not be made")
            }
            defer { CRYPTO_free(encoded, "", 0) }
            bytes = Array(UnsafeBufferPointer(start: encoded, count: count))
            self.nonce = nonce
        }
    }

    /// The time that an answer gives to the document with this digest.
    ///
    /// - Parameters:
    ///   - nonce: that of the query, while it is still known.
    ///   - authorities: a file of certificates in PEM to check the signature against; without it, only what was signed is looked at.
    /// - Throws: `malformed` for what is no answer or a refusal, `notAuthentic` for one about something else or by nobody known.
    package static func time(
        of answer: [UInt8], for digest: Digest, nonce: [UInt8]? = nil, authorities: FilePath? = nil
    ) throws(CryptographyError) -> Timestamp {
        var text = [CChar](repeating: 0, count: 32)
        let result: CInt =
            if let authorities {
                clibcrypto_timestamp_check(
                    answer, answer.count, digest.bytes, nonce, authorities.string, &text)
            } else {
                clibcrypto_timestamp_check(answer, answer.count, digest.bytes, nonce, nil, &text)
            }
        switch result {
        case 0: break
        case -2: throw CryptographyError(.signatureMalformed, "the authority refused to give a time stamp")
        case -3: throw CryptographyError(.notAuthentic, "the time stamp is for another document")
        case -4:
            throw CryptographyError(.notAuthentic, "the time stamp is not signed by an authority that was named")
        default: throw CryptographyError(.signatureMalformed, "this is not an answer of a time stamp authority")
        }
        guard
            let time = Timestamp(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        else { throw CryptographyError(.signatureMalformed, "the time stamp holds no time") }
        return time
    }
}
