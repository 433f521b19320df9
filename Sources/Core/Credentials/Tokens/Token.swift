import Cryptography
import Platform

/// A random secret of 256 bits that is shown once: a session, a device, a reset.
///
/// Only its hash is ever stored.
public struct Token: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// What goes into the cookie or the mail: 43 letters of base64url.
    public let text: String

    /// A fresh one.
    public static func random() -> Token {
        Token(unchecked: Base64URL.encode(Randomness.bytes(32)))
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// Takes what somebody sent, whatever it is: a wrong one is found out by the store.
    public init(_ text: String) {
        self.text = text
    }

    /// What is sent to the database in the token's place.
    var digest: [UInt8] { SHA256.hash(Array(text.utf8)).bytes }

    /// As `digest`, for whoever calls the functions of the store without `LoginStore`.
    package var sha256: [UInt8] { digest }

    package var hexDigest: String { Hex.encode(digest) }

    public static func == (left: Token, right: Token) -> Bool {
        constantTimeEqual(Array(left.text.utf8).span, Array(right.text.utf8).span)
    }

    public var description: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Base 64 for addresses and file names (RFC 4648, section 5), without padding.
enum Base64URL {
    static func encode(_ bytes: [UInt8]) -> String {
        String(
            Base64Text.encode(bytes, padded: false).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    }
}
