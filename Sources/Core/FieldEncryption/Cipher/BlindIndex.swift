package import Cryptography

/// A blind index: equal values, after its transforms, have equal index values, and who has no key cannot make one.
///
/// Truncated to a few bits, several values share one index value, which hides how often each occurs; the rows found are
/// decrypted and compared. `dbpii advise-index` plans the bits. Full length is for UNIQUE and joins, and tells more.
public struct BlindIndex: Sendable, Equatable {
    public let name: String
    /// Applied one after another, each to what the one before made.
    public let transforms: [Transform]
    /// From 1 to 256, which is full length.
    public let bits: Int
    /// How many columns it is over: more than one make a compound index.
    public let parts: Int

    public init(_ name: String, _ transforms: [Transform] = [], bits: Int = 256, parts: Int = 1) {
        self.name = name
        self.transforms = transforms
        self.bits = min(256, max(1, bits))
        self.parts = max(1, parts)
    }

    public var isFullLength: Bool { bits == IndexKey.fullBits }

    /// Nil when a part is NULL, as SQL's equality has it.
    package func value(of values: [String?], under key: IndexKey) throws -> [UInt8]? {
        guard values.count == parts else {
            throw FieldCipherError(.usage, "the index \"\(name)\" is over \(parts) values, not \(values.count)")
        }
        var transformed: [[UInt8]] = []
        for value in values {
            guard let value else { return nil }
            transformed.append(Array(transforms.reduce(value) { $1.apply(to: $0) }.utf8))
        }
        return key.value(transformed, bits: bits)
    }
}

extension BlindIndex {
    /// What is done to a value before it is indexed, so that what people call equal is.
    public enum Transform: Sendable, Equatable {
        /// Unicode's composed form (NFC): a letter and its accent are one character, however they were typed.
        case nfc
        /// Lower case, in Unicode's way for no language in particular.
        case lowercase
        /// Without white space at both ends.
        case trim
        /// The digits 0 to 9 alone.
        case digits
        /// The last four characters.
        case lastFour
        /// What follows the last `@`, in lower case.
        case emailDomain
        /// Digits with a leading `+`; `00` becomes `+`, and a national number gets the country's code.
        case phone(country: String?)

        func apply(to text: String) -> String {
            switch self {
            case .nfc: Normalization.composed(text)
            case .lowercase: text.lowercased()
            case .trim: trimmed(text)
            case .digits: String(decoding: text.utf8.filter(isDigit), as: UTF8.self)
            case .lastFour: String(text.suffix(4))
            case .emailDomain: text.lastIndex(of: "@").map { text[text.index(after: $0)...].lowercased() } ?? ""
            case .phone(let country): phone(text, country)
            }
        }

        private func phone(_ text: String, _ country: String?) -> String {
            var digits = String(decoding: text.utf8.filter(isDigit), as: UTF8.self)
            let isInternational = trimmed(text).hasPrefix("+")
            if isInternational { return "+" + digits }
            if digits.hasPrefix("00") { return "+" + digits.dropFirst(2) }
            guard let country, !digits.isEmpty else { return digits }
            // The trunk prefix of most of the world; where a country has none, numbers begin with another digit.
            if digits.hasPrefix("0") { digits.removeFirst() }
            return "+" + country + digits
        }

        private func isDigit(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }

        private func trimmed(_ text: String) -> String {
            var rest = text[...]
            while rest.first?.isWhitespace == true { rest.removeFirst() }
            while rest.last?.isWhitespace == true { rest.removeLast() }
            return String(rest)
        }
    }
}

extension BlindIndex.Transform: CustomStringConvertible {
    /// As it is written in commands and in the catalogue: `lowercase`, `phone`, `phone+49`.
    public var description: String {
        switch self {
        case .nfc: "nfc"
        case .lowercase: "lowercase"
        case .trim: "trim"
        case .digits: "digits"
        case .lastFour: "last4"
        case .emailDomain: "email-domain"
        case .phone(let country): country.map { "phone+\($0)" } ?? "phone"
        }
    }

    static let names = ["nfc", "lowercase", "trim", "digits", "last4", "email-domain", "phone", "phone+49"]

    /// Nil for a name that is none.
    public init?(_ text: String) {
        switch text {
        case "nfc": self = .nfc
        case "lowercase": self = .lowercase
        case "trim": self = .trim
        case "digits": self = .digits
        case "last4": self = .lastFour
        case "email-domain": self = .emailDomain
        case "phone": self = .phone(country: nil)
        default:
            guard text.hasPrefix("phone+") else { return nil }
            let country = text.dropFirst("phone+".count)
            guard (1...3).contains(country.count), country.utf8.allSatisfy({ (48...57).contains($0) }) else {
                return nil
            }
            self = .phone(country: String(country))
        }
    }
}
