@_spi(_Unicode) import Swift

/// The preparation of passwords that PostgreSQL does (RFC 4013), in its own order and with its own way out.
enum SASLprep {
    /// The bytes that go into SCRAM: prepared where that can be done, else as they are, as PostgreSQL's `pg_saslprep` has it.
    static func prepared(_ password: Span<UInt8>) -> [UInt8] {
        var raw: [UInt8] = []
        raw.reserveCapacity(password.count)
        for index in password.indices { raw.append(password[index]) }
        guard raw.contains(where: { $0 >= 0x80 }), let text = String(validating: raw, as: UTF8.self),
            let made = prepare(text)
        else { return raw }
        wipe(&raw)
        return Array(made.utf8)
    }

    /// Nil for what may not be in a password by RFC 4013.
    private static func prepare(_ text: String) -> String? {
        let tables = Tables.shared
        var mapped: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            // U+200B is in both lists: a space comes first.
            if Tables.contains(tables.spaces, scalar) {
                mapped.append(" ")
            } else if !Tables.contains(tables.nothing, scalar) {
                mapped.append(scalar)
            }
        }
        // PostgreSQL judges the characters before it normalizes them.
        guard let first = mapped.first, let last = mapped.last else { return nil }
        for scalar in mapped
        where Tables.contains(tables.prohibited, scalar) || Tables.contains(tables.unassigned, scalar) {
            return nil
        }
        if mapped.contains(where: { Tables.contains(tables.rightToLeft, $0) }) {
            guard !mapped.contains(where: { Tables.contains(tables.leftToRight, $0) }),
                Tables.contains(tables.rightToLeft, first), Tables.contains(tables.rightToLeft, last)
            else { return nil }
        }
        var decomposed = String.UnicodeScalarView()
        for scalar in mapped { decomposed.append(contentsOf: tables.compatible[scalar.value] ?? [scalar]) }
        return String(String.UnicodeScalarView(String(decomposed)._nfc))
    }

    private struct Tables {
        static let shared = Tables()

        let spaces = ranges(SASLprepTables.spaces)
        let nothing = ranges(SASLprepTables.nothing)
        let unassigned = ranges(SASLprepTables.unassigned)
        let prohibited = ranges(SASLprepTables.prohibited)
        let rightToLeft = ranges(SASLprepTables.rightToLeft)
        let leftToRight = ranges(SASLprepTables.leftToRight)
        let compatible = mappings(SASLprepTables.compatible)

        static func contains(_ ranges: [ClosedRange<UInt32>], _ scalar: Unicode.Scalar) -> Bool {
            var (low, high) = (0, ranges.count)
            while low < high {
                let middle = (low + high) / 2
                if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
            }
            return low < ranges.count && ranges[low].contains(scalar.value)
        }

        private static func ranges(_ text: String) -> [ClosedRange<UInt32>] {
            var (last, bounds): (UInt32, [UInt32]) = (0, [])
            for word in text.split(separator: " ") {
                last += UInt32(word, radix: 36) ?? 0
                bounds.append(last)
            }
            return stride(from: 0, to: bounds.count - 1, by: 2).map { bounds[$0]...bounds[$0 + 1] }
        }

        private static func mappings(_ text: String) -> [UInt32: [Unicode.Scalar]] {
            var (last, found): (UInt32, [UInt32: [Unicode.Scalar]]) = (0, [:])
            for word in text.split(separator: " ") {
                let parts = word.split(separator: ":")
                last += UInt32(parts[0], radix: 36) ?? 0
                found[last] = parts[1].split(separator: ",").compactMap {
                    UInt32($0, radix: 36).flatMap(Unicode.Scalar.init)
                }
            }
            return found
        }
    }
}
