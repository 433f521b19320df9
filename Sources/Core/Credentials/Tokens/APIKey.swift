import Cryptography
import Platform

/// A key for programs, `prefix_shortid_secret`: the prefix tells whose it is, the short id finds it, the end is a checksum.
///
///     let key = try APIKey.random(prefix: "acme")      // acme_7Hq2kd0TzR_...; show key.text once, store key.digest
///     let sent = try APIKey(header)                    // wrong checksum: a typing error, no database was asked
///
/// The checksum lets a scanner of repositories and logs tell real keys from lookalikes.
public struct APIKey: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// The whole key: shown once.
    public let text: String
    public let prefix: String
    /// Not secret: for lists and logs.
    public let shortID: String

    static let shortLength = 10
    /// 43 digits of base 62 are 256 bits.
    static let secretLength = 43
    static let checksumLength = 6

    /// A fresh one, with 256 random bits.
    ///
    /// - Throws: `CredentialsError` `.malformed` for a prefix that is not 1 to 32 letters and digits.
    public static func random(prefix: String) throws(CredentialsError) -> APIKey {
        guard isPrefix(prefix) else {
            throw CredentialsError(
                .malformed, "the prefix of an API key is 1 to 32 small letters, digits and _, beginning with a letter")
        }
        let head = "\(prefix)_\(Base62.random(shortLength))_\(Base62.random(secretLength))"
        return try APIKey(head + checksum(of: head))
    }

    /// Reads a key that somebody sent, and checks its checksum.
    ///
    /// - Throws: `CredentialsError` `.malformed`, which says nothing about the key.
    public init(_ text: String) throws(CredentialsError) {
        let parts = text.utf8.count <= 128 ? text.split(separator: "_", omittingEmptySubsequences: false) : []
        guard parts.count >= 3, let secret = parts.last, secret.utf8.count == Self.secretLength + Self.checksumLength,
            parts[parts.count - 2].utf8.count == Self.shortLength,
            (parts[parts.count - 2] + secret).utf8.allSatisfy({ Base62.digits.contains($0) })
        else { throw Self.malformed }
        let prefix = parts.dropLast(2).joined(separator: "_")
        let head = String(text.dropLast(Self.checksumLength))
        guard Self.isPrefix(prefix), text.hasSuffix(Self.checksum(of: head)) else { throw Self.malformed }
        self.text = text
        self.prefix = prefix
        shortID = String(parts[parts.count - 2])
    }

    private static let malformed = CredentialsError(
        .malformed, "this is no API key: its form or its checksum is wrong", hint: "copy it whole")

    /// SHA-256 of the whole key, which is stored; a key of 256 random bits needs no slow hash.
    public var digest: [UInt8] { SHA256.hash(Array(text.utf8)).bytes }

    private static func isPrefix(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
            && text.utf8.first.map { (0x61...0x7A).contains($0) } == true
    }

    /// The first 35 bits of SHA-256, in base 62.
    private static func checksum(of head: String) -> String {
        var number = SHA256.hash(Array(head.utf8)).firstWords.0 >> 29
        var digits: [UInt8] = []
        for _ in 0..<checksumLength {
            digits.append(Base62.digits[Int(number % 62)])
            number /= 62
        }
        return String(decoding: digits.reversed(), as: UTF8.self)
    }

    public static func == (left: APIKey, right: APIKey) -> Bool {
        constantTimeEqual(left.digest.span, right.digest.span)
    }

    public var description: String { "\(prefix)_\(shortID)_<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Letters and digits only: a double click takes the whole of it.
enum Base62 {
    static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    static func random(_ count: Int) -> String {
        var text: [UInt8] = []
        while text.count < count {
            // 248 is four times 62: what is above would make some digits likelier than others.
            for byte in Randomness.bytes(count) where byte < 248 && text.count < count {
                text.append(digits[Int(byte % 62)])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
