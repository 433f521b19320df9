import Cryptography

/// Replaces values by others of the same form, one to one, under a key that only this run has.
///
/// A value is a row of places, each with so many possible digits (its radix): ten for a digit, 26 for a letter. A Feistel
/// network whose halves are the even and the odd places, and whose addition is digit by digit, is a permutation of all
/// values of one form: different values stay different, and equal ones equal. It hides values from who has not the key; it
/// is no encryption for keeping, since nobody keeps the key.
struct Permutation: Sendable {
    private static let rounds = 6
    private let key: SecretBytes

    init(key: SecretBytes) {
        self.key = key
    }

    /// - Parameters:
    ///   - digits: the value, each below its radix.
    ///   - tweak: what else decides: the same value under another tweak becomes another.
    func apply(_ digits: inout [Int], radices: [Int], tweak: [UInt8]) {
        guard !digits.isEmpty else { return }
        for round in 0..<Self.rounds {
            let parity = round & 1
            // A value of one place has no other half: the tweak alone moves it.
            let stream = keystream(digits, radices, without: parity, round, tweak)
            var used = 0
            for index in stride(from: parity, to: digits.count, by: 2) {
                digits[index] = (digits[index] + stream.number(used) % radices[index]) % radices[index]
                used += 1
            }
        }
    }

    private struct Stream {
        let bytes: [UInt8]

        /// Four bytes for each place: a remainder of 20,000 is then as good as even.
        func number(_ index: Int) -> Int {
            let start = index * 4
            return Int(bytes[start]) << 24 | Int(bytes[start + 1]) << 16 | Int(bytes[start + 2]) << 8
                | Int(bytes[start + 3])
        }
    }

    private func keystream(
        _ digits: [Int], _ radices: [Int], without parity: Int, _ round: Int, _ tweak: [UInt8]
    ) -> Stream {
        let needed = (digits.count - parity + 1) / 2 * 4
        var message: [UInt8] = []
        message.reserveCapacity(tweak.count + 4 * digits.count + 24)
        message.append(0)
        message.append(UInt8(round))
        append(tweak.count, to: &message)
        message += tweak
        append(digits.count, to: &message)
        for index in stride(from: 1 - parity, to: digits.count, by: 2) {
            append(radices[index], to: &message)
            append(digits[index], to: &message)
        }
        // One code is enough for 32 places; more are numbered.
        var bytes = KeyedBLAKE2b.hash(message.span, key: key, count: min(64, max(16, needed)))
        while bytes.count < needed {
            message[0] &+= 1
            bytes += KeyedBLAKE2b.hash(message.span, key: key, count: 64)
        }
        return Stream(bytes: bytes)
    }

    private func append(_ number: Int, to message: inout [UInt8]) {
        for shift in [24, 16, 8, 0] { message.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    /// A number that equal values share, for choices out of a list.
    func number(of value: [UInt8], tweak: [UInt8]) -> UInt64 {
        let code = KeyedBLAKE2b.hash(([0, 0xFF] + tweak + [0] + value).span, key: key, count: 16)
        return code[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
