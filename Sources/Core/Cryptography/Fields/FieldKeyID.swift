import Platform

/// The name of a ring key: the first 8 bytes of its BLAKE2b-256 over `dbsec key id v1`, which tells nothing else about it.
package struct FieldKeyID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let byteCount = 8

    /// The bytes as a number, most significant first.
    package let number: UInt64

    package init(number: UInt64) {
        self.number = number
    }

    /// Nil unless the text is 16 hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text), bytes.count == Self.byteCount else { return nil }
        self.init(bytes.span)
    }

    /// - Precondition: there are at least 8 bytes, of which the first 8 count.
    package init(_ bytes: Span<UInt8>) {
        precondition(bytes.count >= Self.byteCount)
        number = bytes.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    package var bytes: [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
    }

    package var description: String { Hex.encode(bytes) }

    package static func < (left: FieldKeyID, right: FieldKeyID) -> Bool { left.number < right.number }
}

extension FieldKeyID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = FieldKeyID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a key id has 16 hexadecimal digits")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
