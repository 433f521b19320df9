/// Version 1 of an encrypted field: `0x01 | key id (8) | nonce (24) | ciphertext | tag (16)`.
///
/// `Documentation/fields.md` has it byte for byte; it is frozen, since values outlive programs.
package enum FieldFormat {
    package static let version: UInt8 = 1
    package static let keyIDStart = 1
    package static let nonceStart = 9
    package static let bodyStart = 33
    /// What a field has beyond its padded plaintext.
    package static let overhead = bodyStart + AEAD.tagByteCount
    /// ISO 7816-4 adds at least one byte, so that a shorter field is none.
    package static let shortest = overhead + 1

    package static let keyIDLabel = "dbsec key id v1"
    package static let fieldKeyLabel = "dbsec field key v1"
    package static let indexKeyLabel = "dbsec field index v1"

    /// The parts of the associated data: a type, the length in four bytes, the bytes.
    enum Part: UInt8 {
        case version = 1
        case keyID = 2
        case context = 3
        case columnBinding = 4
        case rowBinding = 5
    }

    static func append(_ part: Part, _ bytes: [UInt8], to data: inout [UInt8]) {
        data.append(part.rawValue)
        appendPrefixed(bytes, to: &data)
    }

    /// Four bytes of length, most significant first, and the bytes: no two lists of parts have one encoding.
    static func appendPrefixed(_ bytes: [UInt8], to data: inout [UInt8]) {
        appendCount(bytes.count, to: &data)
        data += bytes
    }

    static func appendCount(_ count: Int, to data: inout [UInt8]) {
        for shift in stride(from: 24, through: 0, by: -8) { data.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }

    /// The associated data up to the binding.
    static func associatedData(_ id: FieldKeyID, _ context: String) -> [UInt8] {
        var data: [UInt8] = []
        append(.version, [version], to: &data)
        append(.keyID, id.bytes, to: &data)
        append(.context, Array(context.utf8), to: &data)
        return data
    }

    /// The length of a padded plaintext: the next multiple of `step` that has room for the mark.
    package static func paddedCount(_ count: Int, step: Int) -> Int {
        (count / step + 1) * step
    }

    /// The id of the key that a field names; nil for what is no field of version 1.
    package static func keyID(of field: Span<UInt8>) -> FieldKeyID? {
        guard field.count >= shortest, field[0] == version else { return nil }
        return FieldKeyID(field.extracting(keyIDStart..<nonceStart))
    }
}

/// What a field is bound to besides its column: nothing, or an immutable uuid of its row, which the client makes.
package enum FieldBinding: Sendable, Equatable {
    case column
    case row(RowID)
}

/// The uuid of a row, as its 16 bytes.
package struct RowID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    /// Nil unless there are 16 bytes.
    package init?(_ bytes: Span<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = FieldKeyID(bytes).number
        low = FieldKeyID(bytes.extracting(8...)).number
    }

    /// Nil unless the text is a uuid, with or without hyphens.
    package init?(_ text: some StringProtocol) {
        var digits = Array(text.utf8)
        digits.removeAll { $0 == UInt8(ascii: "-") }
        let canonical = text.utf8.count == 36 || text.utf8.count == 32
        guard canonical, digits.count == 32, let bytes = RowID.decode(digits) else { return nil }
        self.init(bytes.span)
    }

    package var bytes: [UInt8] { FieldKeyID(number: high).bytes + FieldKeyID(number: low).bytes }

    package var description: String {
        let text = FieldKeyID(number: high).description + FieldKeyID(number: low).description
        var parts: [Substring] = []
        var rest = text[...]
        for count in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return parts.joined(separator: "-")
    }

    private static func decode(_ digits: [UInt8]) -> [UInt8]? {
        let high = FieldKeyID(String(decoding: digits[..<16], as: UTF8.self))
        let low = FieldKeyID(String(decoding: digits[16...], as: UTF8.self))
        guard let high, let low else { return nil }
        return high.bytes + low.bytes
    }
}
