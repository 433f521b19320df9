package import Platform

/// Why a key, a signature or an encrypted file was refused.
package struct CryptographyError: Failure, Equatable {
    package enum Code: Sendable, Equatable {
        /// Key, recipient, identity or passphrase that cannot be one.
        case badKey
        /// None of the identities opens the file.
        case noMatch
        case headerMalformed
        /// The header was changed after the file key was wrapped.
        case headerMAC
        case armor
        /// A chunk of the payload was changed, moved or followed by something.
        case payload
        /// The file ends before its final chunk.
        case truncated
        /// Made with another key than the one given.
        case wrongKey
        case badSignature
        case signatureMalformed
        /// A passphrase is needed that was not given, or it is wrong.
        case passphrase
        /// A sealed message that was changed or belongs to another key.
        case notAuthentic
        /// Too little memory for a passphrase's work factor.
        case memory
    }

    package let code: Code
    package let sentence: String
    package let hint: String?

    package init(_ code: Code, _ sentence: String, hint: String? = nil) {
        self.code = code
        self.sentence = sentence
        self.hint = hint
    }

    package var status: ExitStatus {
        code == .memory ? .unavailable : .malformed
    }
}
