import Glibc

/// A moment in UTC, to the microsecond, as it is written in logs, manifests and folder names.
package struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z.
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package init(seconds: Int64) {
        self.init(microseconds: seconds * 1_000_000)
    }

    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    package func advanced(bySeconds seconds: Int64) -> Timestamp {
        Timestamp(microseconds: microseconds + seconds * 1_000_000)
    }

    /// Seconds from the other moment to this one.
    package func seconds(since other: Timestamp) -> Double {
        Double(microseconds - other.microseconds) / 1_000_000
    }

    /// Year, month, day, hour, minute, second in UTC.
    package var civil: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        let total = microseconds.flooredDivision(by: 1_000_000)
        let days = total.flooredDivision(by: 86400)
        let rest = Int(total - days * 86400)
        // Days to a civil date in the proleptic Gregorian calendar, counting eras of 400 years from 0000-03-01.
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(day), rest / 3600, rest / 60 % 60, rest % 60)
    }

    /// RFC 3339 with microseconds: `2026-11-23T20:50:11.123456Z`.
    package var description: String {
        let (year, month, day, hour, minute, second) = civil
        let fraction = microseconds - microseconds.flooredDivision(by: 1_000_000) * 1_000_000
        return "\(padded(year, 4))-\(padded(month))-\(padded(day))"
            + "T\(padded(hour)):\(padded(minute)):\(padded(second)).\(padded(Int(fraction), 6))Z"
    }

    /// Whole seconds, as people read it: `2026-11-23T20:50:11Z`.
    package var brief: String {
        String(description.prefix(19)) + "Z"
    }

    /// The name of a backup taken at this moment: `20261123T205011Z`.
    package var label: String {
        brief.filter { $0 != "-" && $0 != ":" }
    }

    /// Reads RFC 3339 in UTC (`Z`), with or without a fraction, or a label; nil for anything else.
    package init?(_ text: some StringProtocol) {
        var digits: [Int64] = []
        var fraction: [Int64] = []
        var shape = ""
        var inFraction = false
        for byte in text.utf8 {
            if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                let digit = Int64(byte - UInt8(ascii: "0"))
                if inFraction { fraction.append(digit) } else { digits.append(digit) }
            } else {
                if byte == UInt8(ascii: ".") { inFraction = true }
                shape.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        guard ["--T::Z", "--T::.Z", "TZ"].contains(shape), digits.count == 14, fraction.count <= 9,
            inFraction == !fraction.isEmpty
        else { return nil }
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { $0 * 10 + $1 } }
        let (year, month, day) = (number(0..<4), number(4..<6), number(6..<8))
        let (hour, minute, second) = (number(8..<10), number(10..<12), number(12..<14))
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61 else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.flooredDivision(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let microFraction = (fraction + Array(repeating: 0, count: 6)).prefix(6).reduce(0) { $0 * 10 + $1 }
        self.init(microseconds: (days * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000 + microFraction)
        // A shape alone does not make a date: the text must be what this moment prints.
        let canonical = inFraction ? String(description.prefix(20)) : (shape == "TZ" ? label : brief)
        guard text.hasPrefix(canonical) else { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is not a time in UTC")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

private func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
