/// Bech32 (BIP 173), without its limit on length: how age writes recipients and identities.
enum Bech32 {
    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)
    private static let checksumCount = 6

    /// The text in lower case.
    static func encode(prefix: String, _ bytes: Span<UInt8>) -> [UInt8] {
        var groups = regroup(bytes)
        defer { wipe(&groups) }
        let prefix = Array(prefix.utf8)
        var text = prefix + [UInt8(ascii: "1")]
        text.reserveCapacity(text.count + groups.count + checksumCount)
        for group in groups { text.append(alphabet[Int(group)]) }

        let remainder = polymod(expand(prefix), groups, [UInt8](repeating: 0, count: checksumCount)) ^ 1
        for index in 0..<checksumCount {
            text.append(alphabet[Int(remainder >> UInt32(5 * (checksumCount - 1 - index)) & 31)])
        }
        return text
    }

    /// The prefix as written and the bytes; nil unless case, alphabet, checksum and padding are all right.
    static func decode(_ text: Span<UInt8>) -> (prefix: [UInt8], bytes: [UInt8])? {
        var prefix: [UInt8] = []
        var groups: [UInt8] = []
        defer { wipe(&groups) }
        guard let separator = text.indices.last(where: { text[$0] == UInt8(ascii: "1") }), separator > 0 else {
            return nil
        }
        var hasUpper = false
        var hasLower = false
        for index in text.indices {
            let character = text[index]
            guard (33...126).contains(character) else { return nil }
            hasUpper = hasUpper || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(character)
            hasLower = hasLower || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
            if index < separator {
                prefix.append(character)
            } else if index > separator {
                guard let group = alphabet.firstIndex(of: lowercased(character)) else { return nil }
                groups.append(UInt8(group))
            }
        }
        guard !(hasUpper && hasLower), groups.count >= checksumCount else { return nil }
        guard polymod(expand(prefix.map(lowercased)), groups) == 1 else { return nil }
        groups.removeLast(checksumCount)
        guard let bytes = bytes(from: groups) else { return nil }
        return (prefix, bytes)
    }

    private static func lowercased(_ character: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(character) ? character + 32 : character
    }

    /// Groups of five bits, the last one filled with zeros.
    private static func regroup(_ bytes: Span<UInt8>) -> [UInt8] {
        var groups: [UInt8] = []
        groups.reserveCapacity(bytes.count * 8 / 5 + 1)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for index in bytes.indices {
            bits = bits << 8 | UInt32(bytes[index])
            count += 8
            while count >= 5 {
                count -= 5
                groups.append(UInt8(bits >> count & 31))
            }
            bits &= (1 << count) - 1
        }
        if count > 0 { groups.append(UInt8(bits << (5 - count) & 31)) }
        return groups
    }

    private static func bytes(from groups: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(groups.count * 5 / 8)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for group in groups {
            bits = bits << 5 | UInt32(group)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count & 255))
            }
            bits &= (1 << count) - 1
        }
        guard count < 5, bits == 0 else { return nil }
        return bytes
    }

    private static func expand(_ prefix: [UInt8]) -> [UInt8] {
        prefix.map { $0 >> 5 } + [0] + prefix.map { $0 & 31 }
    }

    /// Over parts, since joining them would leave copies of a secret behind.
    private static func polymod(_ parts: [UInt8]...) -> UInt32 {
        let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
        var checksum: UInt32 = 1
        for part in parts {
            for value in part {
                let top = checksum >> 25
                checksum = (checksum & 0x1ff_ffff) << 5 ^ UInt32(value)
                for (bit, term) in generator.enumerated() where top >> UInt32(bit) & 1 == 1 { checksum ^= term }
            }
        }
        return checksum
    }
}
