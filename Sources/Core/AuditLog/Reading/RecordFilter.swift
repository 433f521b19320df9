package import Platform

/// Which records are wanted: every part that is given must hold.
package struct RecordFilter: Equatable, Sendable {
    /// From this moment on.
    package var since: Timestamp?
    /// Before this moment.
    package var until: Timestamp?
    /// Codes such as `backup.run`, or their first part, `backup`; any of them.
    package var actions: [String] = []
    /// An account, a sudo user or a database role.
    package var actor: String?
    /// Part of a name in what was touched: database, backup, object, cluster.
    package var target: String?
    package var outcome: AuditRecord.Outcome?
    /// Part of any text in the record.
    package var text: String?
    /// Whether capital and small letters are the same in `text`, `target` and `actor`.
    package var ignoresCase = false

    package init() {}

    package var isEmpty: Bool { self == RecordFilter() }
}

/// A filter made ready to judge millions of lines: most are refused by their bytes alone.
struct LineFilter: Sendable {
    private let filter: RecordFilter
    private let since: [UInt8]?
    private let until: [UInt8]?
    /// Bytes that every wanted line has somewhere; the one that is hoped to be rarest comes first.
    let needles: [Needle]
    private let actor: TextMatch?
    private let target: TextMatch?
    private let text: TextMatch?
    private let asksGlanceOnly: Bool

    /// Bytes to look for.
    struct Needle: Sendable {
        fileprivate let bytes: [UInt8]
        fileprivate var ignoresCase = false

        func place(in bytes: Span<UInt8>, from start: Int = 0) -> Int? {
            bytes.firstIndex(of: self.bytes.span, from: start, ignoringCase: ignoresCase)
        }
    }

    init(_ filter: RecordFilter) {
        self.filter = filter
        since = filter.since.map { Array($0.description.utf8) }
        until = filter.until.map { Array($0.description.utf8) }
        var needles: [Needle] = []
        // Control characters can be escaped in more than one way, so those texts are looked for in the values alone.
        for text in [filter.text, filter.target, filter.actor] {
            if let text, !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) {
                let written = Array(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").utf8)
                needles += filter.ignoresCase ? Self.caseless(written) : [Needle(bytes: written)]
            }
        }
        if let outcome = filter.outcome {
            needles.append(Needle(bytes: Array("\"outcome\":\"\(outcome.rawValue)\"".utf8)))
        }
        if filter.actions.count == 1 {
            needles.append(Needle(bytes: Array("\"action\":\"\(filter.actions[0])".utf8)))
        }
        self.needles = needles
        actor = filter.actor.map { TextMatch($0, ignoringCase: filter.ignoresCase) }
        target = filter.target.map { TextMatch($0, ignoringCase: filter.ignoresCase) }
        text = filter.text.map { TextMatch($0, ignoringCase: filter.ignoresCase) }
        asksGlanceOnly = actor == nil && target == nil && text == nil && !filter.isEmpty
    }

    /// The longest run of ASCII: other letters' two cases may differ in more than their bits, and are compared in the values.
    private static func caseless(_ text: [UInt8]) -> [Needle] {
        guard let run = text.split(whereSeparator: { $0 >= 0x80 }).max(by: { $0.count < $1.count }) else { return [] }
        return [Needle(bytes: run.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, ignoresCase: true)]
    }

    /// Whether every line is wanted, so that counting line feeds is all there is to do.
    var takesAll: Bool { filter.isEmpty }

    func takes(_ line: Span<UInt8>) -> Bool {
        var shapes = Shapes()
        return takes(line, &shapes)
    }

    /// The shapes of the lines before.
    struct Shapes {
        fileprivate var fields = KnownShapes<FieldShape>()
        fileprivate var glances = KnownShapes<GlanceShape>()
    }

    func takes(_ line: Span<UInt8>, _ shapes: inout Shapes) -> Bool {
        for needle in needles where needle.place(in: line) == nil { return false }
        if since != nil || until != nil, !mayBeInTime(line) { return false }
        if asksGlanceOnly {
            let glance = shapes.glances.value(of: line) { line in RecordFields(line).map { RecordGlance($0, line) } }
            guard let glance, isWanted(line, glance.outcome, glance.action) else { return false }
            return isInside(line, glance.moment)
        }
        guard let fields = shapes.fields.value(of: line, { RecordFields($0) }) else { return false }
        return takes(fields, line)
    }

    func takes(_ fields: RecordFields, _ line: Span<UInt8>) -> Bool {
        guard isWanted(line, fields.outcome, fields.action) else { return false }
        if let actor, !actor.isMember(of: fields.actor, except: "uid", line) { return false }
        if let target, !target.isAmongMembers(of: fields.target, line) { return false }
        if since != nil || until != nil, !isInTime(fields, line) { return false }
        return text?.isAnywhere(in: fields, line) ?? true
    }

    private func isWanted(_ line: Span<UInt8>, _ outcome: Range<Int>, _ action: Range<Int>) -> Bool {
        if let wanted = filter.outcome, !Self.equal(line, outcome, wanted.rawValue) { return false }
        if !filter.actions.isEmpty {
            guard filter.actions.contains(where: { Self.isAction(line, action, $0) }) else { return false }
        }
        return true
    }

    /// Whether it is that action, or one of those whose codes begin with it and a dot.
    private static func isAction(_ line: Span<UInt8>, _ range: Range<Int>, _ wanted: String) -> Bool {
        let wanted = wanted.utf8Span.span
        let action = line.extracting(range)
        if action.holds(wanted, at: 0) {
            return action.count == wanted.count || action[wanted.count] == UInt8(ascii: ".")
        }
        guard action.firstIndex(of: UInt8(ascii: "\\")) != nil else { return false }
        let (text, name) = (JSONText.string(line, range), String(repairing: wanted))
        return text == name || text.hasPrefix("\(name).")
    }

    private static func equal(_ line: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
        range.count == text.utf8.count && zip(range, text.utf8).allSatisfy { line[$0] == $1 }
    }

    /// Quick, and false only when the time is outside: `facts`, where the other time stands, comes before `time`.
    private func mayBeInTime(_ line: Span<UInt8>) -> Bool {
        guard let time = Self.time(line, after: Self.momentKey) ?? Self.time(line, after: Self.timeKey) else {
            return true
        }
        return isInside(line, time)
    }

    private static func time(_ line: Span<UInt8>, after key: [UInt8]) -> Range<Int>? {
        guard let found = line.firstIndex(of: key.span) else { return nil }
        let time = found + key.count..<found + key.count + 27
        guard time.upperBound < line.count, line[time.upperBound] == UInt8(ascii: "\"") else { return nil }
        return time
    }

    private static let timeKey = Array("\"time\":\"".utf8)
    private static let momentKey = Array("\"at\":\"".utf8)

    private func isInTime(_ fields: RecordFields, _ line: Span<UInt8>) -> Bool {
        isInside(line, fields.moment(line))
    }

    /// Times compare as their bytes do.
    private func isInside(_ line: Span<UInt8>, _ time: Range<Int>) -> Bool {
        if let since, Self.compare(line, time, since) < 0 { return false }
        if let until, Self.compare(line, time, until) >= 0 { return false }
        return true
    }

    private static func compare(_ line: Span<UInt8>, _ range: Range<Int>, _ other: [UInt8]) -> Int {
        for (index, byte) in zip(range, other) where line[index] != byte { return line[index] < byte ? -1 : 1 }
        return range.count - other.count
    }
}
