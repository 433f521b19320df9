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
    /// When it happened, where that is known already.
    private var known: Range<Int>?

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

    /// Where its values stand.
    var places: [Range<Int>] {
        [id, time, action, phase, outcome, reason, status, ref, host, program, actor, target, facts]
    }

    /// The fields of a line of the same shape, whose values stand elsewhere; nil when they cannot be a record's.
    func moved(to places: [LineShape.Field], _ match: LineShape.Match, _ moment: Range<Int>) -> RecordFields? {
        var fields = self
        if let seq = match.seq { fields.seq = seq }
        (fields.id, fields.time, fields.action) = (
            match.place(places[0]), match.place(places[1]), match.place(places[2])
        )
        (fields.phase, fields.outcome) = (match.place(places[3]), match.place(places[4]))
        (fields.reason, fields.status, fields.ref) = (
            match.place(places[5]), match.place(places[6]), match.place(places[7])
        )
        (fields.host, fields.program) = (match.place(places[8]), match.place(places[9]))
        (fields.actor, fields.target) = (match.place(places[10]), match.place(places[11]))
        fields.facts = match.place(places[12])
        fields.known = moment
        return fields.id.isEmpty || fields.time.count < 20 ? nil : fields
    }

    /// When it happened: for what was taken from elsewhere the time there, `facts.at`, otherwise the record's own.
    func moment(_ line: Span<UInt8>) -> Range<Int> {
        if let known { return known }
        var found = time
        guard mayHaveOwnMoment(line) else { return found }
        Self.eachMember(of: facts, line) { key, value in
            let isMoment = LineShape.equal(line, key, Self.momentName) && value.count == 29
            if isMoment { found = value.lowerBound + 1..<value.upperBound - 1 }
            return !isMoment
        }
        return found
    }

    /// The same where every line of this shape has it in the same place; nil where that is not sure.
    func plainMoment(_ line: Span<UInt8>) -> Range<Int>? {
        guard mayHaveOwnMoment(line) else { return time }
        var found: Range<Int>? = time
        Self.eachMember(of: facts, line) { key, value in
            guard LineShape.equal(line, key, Self.momentName) else { return true }
            found = value.count == 29 ? value.lowerBound + 1..<value.upperBound - 1 : nil
            return false
        }
        return found
    }

    private func mayHaveOwnMoment(_ line: Span<UInt8>) -> Bool {
        !facts.isEmpty && line.extracting(facts).firstIndex(of: Self.momentMark.span) != nil
    }

    private static let momentName = Array("at".utf8)
    private static let momentMark = Array("\"at\":\"".utf8)

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
