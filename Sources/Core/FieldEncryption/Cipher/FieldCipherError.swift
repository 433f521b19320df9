import Cryptography
import Platform

/// Why a value could not be encrypted or decrypted; never shows a value or a key.
public struct FieldCipherError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// No encrypted field of a version that is known: it may be plaintext.
        case malformed
        /// The keyring has never had the key that the value names; a newer copy of it may have.
        case unknownKey
        /// The key was destroyed: the value is gone for good.
        case destroyedKey
        /// The value was changed, or is of another column, table or row.
        case notAuthentic
        /// A text was asked for, and the value is other bytes.
        case notText
        /// The keyring cannot be read, opened or used.
        case keyring
        /// The call does not fit the column's declaration.
        case usage
    }

    public let code: Code
    /// What happened, without secrets.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ error: any Error) {
        if let error = error as? FieldCipherError {
            self = error
            return
        }
        let code: Code =
            switch (error as? FieldError)?.code {
            case .malformed: .malformed
            case .unknownKey: .unknownKey
            case .destroyedKey: .destroyedKey
            case .notAuthentic: .notAuthentic
            case .notText: .notText
            default: .keyring
            }
        self.init(code, (error as? any Failure)?.description ?? "internal error: \(type(of: error))")
    }
}
