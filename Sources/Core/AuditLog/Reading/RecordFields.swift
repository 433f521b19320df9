import Platform

/// A record's line taken apart without building a record: where its values stand, and their texts when somebody asks.
///
/// For searching and counting millions. Keys that a later version adds are passed over, so old programs read new logs.
struct RecordFields {
    private(set) var seq = 0
    private(set) var version = 0
    private(set) var id = 0..<0
    private(set) var time = 0..<0
    private(set) var action = 0..<0
    private(set) var phase = 0..<0
    private(set) var outcome = 0..<0
    private(set) var reason = 0..<0
    private(set) var status = 0..<0
    private(set) var ref = 0..<0
    private(set) var host = 0..<0
    private(set) var program = 0..<0
    private(set) var actor = 0..<0
    private(set) var target = 0..<0
    private(set) var facts = 0..<0

    /// Nil when the line is no record.
    init?(_ line: Span<UInt8>) {
        var position = 0
        guard JSONGrammar.object(line, &position, member: { take($0, $1, line) }), position == line.count,
            version > 0, !id.isEmpty, !action.isEmpty, time.count >= 20
        else { return nil }
    }

    private mutating func take(_ key: Range<Int>, _ value: Range<Int>, _ line: Span<UInt8>) -> Bool {
        var name: UInt64 = 0
        guard key.count <= 8 else { return true }
        for index in key { name = name << 8 | UInt64(line[index]) }
        switch name {
        case Key.seq: return RecordOutline.number(value, line).map { seq = $0 } != nil
        case Key.v: return RecordOutline.number(value, line).map { version = $0 } != nil
        case Key.id: return string(value, line, &id)
        case Key.time: return string(value, line, &time)
        case Key.action: return string(value, line, &action)
        case Key.phase: return string(value, line, &phase)
        case Key.outcome: return string(value, line, &outcome)
        case Key.reason: return string(value, line, &reason)
        case Key.ref: return string(value, line, &ref)
        case Key.host: return string(value, line, &host)
        case Key.program: return string(value, line, &program)
        case Key.status: status = value
        case Key.actor: return object(value, line, &actor)
        case Key.target: return object(value, line, &target)
        case Key.facts: return object(value, line, &facts)
        default: break
        }
        return true
    }

    private func string(_ value: Range<Int>, _ line: Span<UInt8>, _ place: inout Range<Int>) -> Bool {
        guard line[value.lowerBound] == UInt8(ascii: "\"") else { return false }
        place = value.lowerBound + 1..<value.upperBound - 1
        return true
    }

    private func object(_ value: Range<Int>, _ line: Span<UInt8>, _ place: inout Range<Int>) -> Bool {
        guard line[value.lowerBound] == UInt8(ascii: "{") else { return false }
        place = value
        return true
    }

    /// The texts in one of the inner objects; numbers as they are written, deeper objects as their JSON.
    static func members(of range: Range<Int>, _ line: Span<UInt8>) -> [(name: String, text: String)] {
        var found: [(name: String, text: String)] = []
        eachMember(of: range, line) { key, value in
            found.append((JSONText.string(line, key), JSONText.value(line, value)))
            return true
        }
        return found
    }

    /// - Parameter take: given where key and value stand, the value with its quotes; false ends the walk.
    static func eachMember(of range: Range<Int>, _ line: Span<UInt8>, _ take: (Range<Int>, Range<Int>) -> Bool) {
        guard !range.isEmpty else { return }
        var position = range.lowerBound
        _ = JSONGrammar.object(line, &position, member: take)
    }

    /// The known keys as numbers, so that telling them apart costs no string.
    private enum Key {
        static let v = packed("v")
        static let seq = packed("seq")
        static let id = packed("id")
        static let time = packed("time")
        static let action = packed("action")
        static let phase = packed("phase")
        static let outcome = packed("outcome")
        static let reason = packed("reason")
        static let status = packed("status")
        static let ref = packed("ref")
        static let host = packed("host")
        static let program = packed("program")
        static let actor = packed("actor")
        static let target = packed("target")
        static let facts = packed("facts")

        private static func packed(_ name: String) -> UInt64 {
            name.utf8.reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}

/// The texts of JSON values whose places are known.
enum JSONText {
    /// A string's text, from between its quotes.
    static func string(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        guard line.extracting(range).firstIndex(of: UInt8(ascii: "\\")) != nil else {
            bytes.append(line.extracting(range))
            return String(decoding: bytes, as: UTF8.self)
        }
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = line[index]
            index += 1
            guard byte == UInt8(ascii: "\\"), index < range.upperBound else {
                bytes.append(byte)
                continue
            }
            let escape = line[index]
            index += 1
            switch escape {
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "u"): append(unit(line, &index, range.upperBound), line, &index, range.upperBound, &bytes)
            default: bytes.append(escape)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A string's text, or what is written for anything else; null is the empty text.
    static func value(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        guard let first = range.first else { return "" }
        if line[first] == UInt8(ascii: "\"") { return string(line, first + 1..<range.upperBound - 1) }
        if line[first] == UInt8(ascii: "n") { return "" }
        var bytes: [UInt8] = []
        bytes.append(line.extracting(range))
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func append(
        _ unit: UInt32, _ line: Span<UInt8>, _ index: inout Int, _ end: Int, _ bytes: inout [UInt8]
    ) {
        var value = unit
        if (0xD800..<0xDC00).contains(unit), index + 6 <= end, line[index] == UInt8(ascii: "\\") {
            index += 2
            value = 0x10000 + (unit - 0xD800) << 10 + (Self.unit(line, &index, end) &- 0xDC00) & 0x3FF
        }
        bytes += Array(String(Character(Unicode.Scalar(value) ?? "\u{FFFD}")).utf8)
    }

    private static func unit(_ line: Span<UInt8>, _ index: inout Int, _ end: Int) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 where index < end {
            value = value << 4 | UInt32(Character(Unicode.Scalar(line[index])).hexDigitValue ?? 0)
            index += 1
        }
        return value
    }
}
