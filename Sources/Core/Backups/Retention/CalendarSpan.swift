package import Platform

/// A length of time by the calendar, as restic writes it: `2y5m7d3h`.
package struct CalendarSpan: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let years, months, days, hours: Int

    package init(years: Int = 0, months: Int = 0, days: Int = 0, hours: Int = 0) {
        (self.years, self.months, self.days, self.hours) = (years, months, days, hours)
    }

    /// Reads numbers with `y`, `m`, `d` and `h`, each at most once and in this order.
    package init?(_ text: String) {
        var parts: [Character: Int] = [:]
        var units = Array("ymdh")
        var digits = ""
        for character in text {
            if character.isASCII, character.isWholeNumber {
                digits.append(character)
            } else {
                guard let place = units.firstIndex(of: character), let number = Int(digits), number < 100_000 else {
                    return nil
                }
                parts[character] = number
                units.removeFirst(place + 1)
                digits = ""
            }
        }
        guard digits.isEmpty, !parts.isEmpty else { return nil }
        self.init(years: parts["y"] ?? 0, months: parts["m"] ?? 0, days: parts["d"] ?? 0, hours: parts["h"] ?? 0)
    }

    package var isPositive: Bool { min(years, months, days, hours) >= 0 && max(years, months, days, hours) > 0 }

    package var description: String {
        let parts = [(years, "year"), (months, "month"), (days, "day"), (hours, "hour")].filter { $0.0 != 0 }
        return parts.map { "\($0) \($1)\($0 == 1 ? "" : "s")" }.joined(separator: " ")
    }

    /// The moment that is so much earlier; where that month is shorter, its last day.
    package func before(_ time: Timestamp) -> Timestamp {
        let date = time.civil
        let month = date.year * 12 + date.month - 1 - years * 12 - months
        let (year, first) = (month.flooredQuotient(by: 12), month - month.flooredQuotient(by: 12) * 12 + 1)
        let start = Self.firstDay(year, first)
        let length = Self.firstDay(first == 12 ? year + 1 : year, first == 12 ? 1 : first + 1) - start
        let day = start + Int64(min(date.day, Int(length)) - 1)
        let clock = time.microseconds - Self.firstDay(date.year, date.month) * 86_400_000_000
        let timeOfDay = clock - Int64(date.day - 1) * 86_400_000_000
        return Timestamp(microseconds: day * 86_400_000_000 + timeOfDay)
            .advanced(bySeconds: Int64(days) * -86400 + Int64(hours) * -3600)
    }

    package static func < (left: CalendarSpan, right: CalendarSpan) -> Bool {
        (left.years, left.months, left.days, left.hours) < (right.years, right.months, right.days, right.hours)
    }

    /// Days from 1970-01-01 to the first of a month.
    private static func firstDay(_ year: Int, _ month: Int) -> Int64 {
        // Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted.flooredQuotient(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
        return Int64(era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468)
    }
}

extension Int {
    fileprivate func flooredQuotient(by divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
