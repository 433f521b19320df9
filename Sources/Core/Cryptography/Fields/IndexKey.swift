import CSodium

/// Makes the values of one blind index under one ring key: equal plaintexts have equal values, and nothing else is told.
package final class IndexKey: Sendable {
    package static let fullBits = 256

    package let id: FieldKeyID
    private let key: SecretBytes

    init(id: FieldKeyID, key: SecretBytes) {
        self.id = id
        self.key = key
    }

    /// The first `bits` bits of the keyed BLAKE2b-256 of the parts, each behind its length; the bits beyond are 0.
    ///
    /// - Precondition: `bits` is from 1 to 256.
    package func value(_ parts: [[UInt8]], bits: Int = fullBits) -> [UInt8] {
        precondition((1...Self.fullBits).contains(bits))
        var message: [UInt8] = []
        message.reserveCapacity(parts.reduce(0) { $0 + $1.count + 4 })
        for part in parts { FieldFormat.appendPrefixed(part, to: &message) }
        var value = KeyedBLAKE2b.hash(message.span, key: key)
        wipe(&message)
        let count = (bits + 7) / 8
        value.removeLast(value.count - count)
        let unused = count * 8 - bits
        value[count - 1] &= UInt8(truncatingIfNeeded: 0xFF << unused)
        return value
    }
}
