package import Platform

/// Why a field could not be encrypted or decrypted, or a keyring not be opened; never shows a value or a key.
package struct FieldError: Failure, Equatable {
    package enum Code: Sendable, Equatable {
        /// Not a field of version 1: too short, or another first byte.
        case malformed
        /// The keyring has never had the key that the field names.
        case unknownKey
        /// The key that the field names was destroyed.
        case destroyedKey
        /// Changed, or moved from another column, table or row, or of another ring.
        case notAuthentic
        /// A text was asked for, and the value is none.
        case notText
        /// No key is active, so that nothing can be encrypted.
        case noActiveKey
        /// The keyring's file is damaged, was changed by hand, or disagrees with a copy.
        case keyring
        /// The identity or passphrase does not open the keyring.
        case locked
        /// Asked for something that the keyring's state does not allow.
        case refused
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
        switch code {
        case .malformed, .notAuthentic, .notText, .unknownKey, .destroyedKey: .malformed
        case .keyring, .locked, .noActiveKey: .configuration
        case .refused: .negative
        }
    }
}
