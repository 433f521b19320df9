/// A date as people and databases write it, with where its parts stand.
struct CalendarDate: Sendable {
    let year: Int
    let month: Int
    let day: Int
    /// Where the ten characters of the date stand: a time may follow.
    let order: Order

    enum Order: Sendable {
        /// `1980-12-31`
        case yearFirst
        /// `31.12.1980`, `31/12/1980`
        case dayFirst
        /// `12/31/1980`
        case monthFirst
    }

    init?(_ text: [UInt8]) {
        guard text.count >= 10 else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            guard text[range].allSatisfy(\.isDigit) else { return nil }
            return text[range].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        }
        if text[4] == text[7], text[4] == 0x2D || text[4] == 0x2F || text[4] == 0x2E {
            guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
            (self.year, self.month, self.day, order) = (year, month, day, .yearFirst)
        } else if text[2] == text[5], text[2] == 0x2D || text[2] == 0x2F || text[2] == 0x2E {
            guard let first = number(0..<2), let second = number(3..<5), let year = number(6..<10) else { return nil }
            // An American date shows itself only where its day is no month; without that the day is first.
            let isMonthFirst = second > 12 && text[2] == 0x2F
            (self.year, month, day) = (year, isMonthFirst ? first : second, isMonthFirst ? second : first)
            order = isMonthFirst ? .monthFirst : .dayFirst
        } else {
            return nil
        }
        guard text.count == 10 || text[10] == 0x20 || text[10] == 0x54 else { return nil }
        guard (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year) else { return nil }
    }

    static func isLeap(_ year: Int) -> Bool {
        year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
    }

    static func days(in month: Int, of year: Int) -> Int {
        month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }
}

/// An address of the Internet in its text form, with an optional length of its network.
struct IPAddress: Sendable {
    /// Four or sixteen.
    var bytes: [UInt8]
    let prefix: Int?

    init?(_ text: [UInt8]) {
        guard (2...49).contains(text.count) else { return nil }
        let parts = text.split(separator: 0x2F, maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = parts[0].contains(0x3A) ? Self.six(parts[0]) : Self.four(parts[0]) else { return nil }
        self.bytes = bytes
        guard parts.count == 2 else {
            prefix = nil
            return
        }
        guard let length = Self.number(parts[1]), length <= bytes.count * 8 else { return nil }
        prefix = length
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        guard (1...3).contains(text.count), text.allSatisfy(\.isDigit) else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func four(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: 0x2E, omittingEmptySubsequences: false).compactMap(number)
        guard parts.count == 4, parts.allSatisfy({ $0 < 256 }), text.count(where: { $0 == 0x2E }) == 3 else {
            return nil
        }
        return parts.map { UInt8($0) }
    }

    private static func six(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.allSatisfy({ $0.isHexDigit || $0 == 0x3A }) else { return nil }
        let halves = Array(text).split(at: [0x3A, 0x3A])
        guard halves.count <= 2 else { return nil }
        var groups: [[UInt16]] = []
        for half in halves {
            let parts = half.isEmpty ? [] : half.split(separator: 0x3A, omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in
                (1...4).contains(part.count) ? UInt16(String(decoding: part, as: UTF8.self), radix: 16) : nil
            }
            guard numbers.count == parts.count else { return nil }
            groups.append(numbers)
        }
        let present = groups.reduce(0) { $0 + $1.count }
        guard halves.count == 2 ? present < 8 : present == 8 else { return nil }
        let zeros = [UInt16](repeating: 0, count: 8 - present)
        let all = halves.count == 2 ? groups[0] + zeros + groups[1] : groups[0]
        return all.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    /// As PostgreSQL reads it; six-part addresses without shortening.
    var text: String {
        let address =
            bytes.count == 4
            ? bytes.map(String.init).joined(separator: ".")
            : stride(from: 0, to: 16, by: 2).map { index in
                String(Int(bytes[index]) << 8 | Int(bytes[index + 1]), radix: 16)
            }.joined(separator: ":")
        return prefix.map { "\(address)/\($0)" } ?? address
    }
}

extension [UInt8] {
    /// The pieces between the first `separator` and the rest; one piece where there is none.
    fileprivate func split(at separator: [UInt8]) -> [[UInt8]] {
        var pieces: [[UInt8]] = [[]]
        var index = 0
        while index < count {
            if self[index...].starts(with: separator) {
                pieces.append([])
                index += separator.count
            } else {
                pieces[pieces.count - 1].append(self[index])
                index += 1
            }
        }
        return pieces
    }
}
