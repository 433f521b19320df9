import Platform

/// Reads the time of one record after another, from bytes alone: the same second is worked out once.
struct RecordTimes {
    /// `2026-11-23T20:50:11.` as it stood, and its microseconds since 1970.
    private var known: (UInt64, UInt64, UInt64) = (0, 0, 0)
    private var second: Int64 = 0

    /// Microseconds since 1970; nil for anything but `2026-11-23T20:50:11.123456Z`.
    mutating func parse(_ line: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        guard range.count == 27 else { return nil }
        let start = range.lowerBound
        let words = (line.word(at: start), line.word(at: start + 8), line.word(at: start + 12))
        if known != words {
            guard let second = Self.second(line, start) else { return nil }
            known = words
            self.second = second
        }
        guard line[start + 26] == UInt8(ascii: "Z"), let fraction = Self.number(line, start + 20, 6) else { return nil }
        return second + fraction
    }

    private static func second(_ line: Span<UInt8>, _ start: Int) -> Int64? {
        guard line[start + 10] == UInt8(ascii: "T"), line[start + 13] == UInt8(ascii: ":"),
            line[start + 16] == UInt8(ascii: ":"), line[start + 19] == UInt8(ascii: "."),
            let hour = number(line, start + 11, 2), let minute = number(line, start + 14, 2),
            let second = number(line, start + 17, 2), hour < 24, minute < 60, second < 61,
            let day = Timestamp(RecordOutline.text(line, start..<start + 10) + "T00:00:00Z")
        else { return nil }
        return day.microseconds + ((hour * 60 + minute) * 60 + second) * 1_000_000
    }

    @inline(__always) private static func number(_ line: Span<UInt8>, _ start: Int, _ count: Int) -> Int64? {
        var value: Int64 = 0
        for index in start..<start + count {
            let digit = line[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return value
    }
}

/// The two clocks of a record: which start of the machine it was, and how long that had been up.
struct RecordClock: Equatable {
    var boot: (UInt64, UInt64) = (0, 0)
    var nanoseconds: Int64 = 0

    static func == (left: RecordClock, right: RecordClock) -> Bool {
        left.boot == right.boot && left.nanoseconds == right.nanoseconds
    }

    /// Nil where it is not written as this program writes it, which is no fault.
    init?(_ line: Span<UInt8>, _ range: Range<Int>) {
        // {"boot":"<36 characters>","ns":<digits>}
        guard range.count > 52, range.count < 72, line[range.lowerBound + 8] == UInt8(ascii: "\"") else { return nil }
        // The first half of a boot id's characters tells it from the others.
        let start = range.lowerBound + 9
        boot = (line.word(at: start), line.word(at: start + 9))
        for index in range.lowerBound + 52..<range.upperBound - 1 {
            let digit = line[index] &- 0x30
            guard digit < 10 else { return nil }
            nanoseconds = nanoseconds &* 10 &+ Int64(digit)
        }
    }
}

/// A UUID as two numbers: a key that costs no string.
struct UUIDKey: Hashable {
    var high: UInt64 = 0
    var low: UInt64 = 0

    /// Nil for anything but 32 hexadecimal digits and the dashes among them.
    init?(_ line: Span<UInt8>, _ range: Range<Int>) {
        guard range.count == 36 else { return nil }
        var count = 0
        for index in range {
            let byte = line[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            case UInt8(ascii: "-"): continue
            default: return nil
            }
            if count < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            count += 1
        }
        guard count == 32 else { return nil }
    }
}
