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
    }

    /// The longest run of ASCII: other letters' two cases may differ in more than their bits, and are compared in the values.
    private static func caseless(_ text: [UInt8]) -> [Needle] {
        guard let run = text.split(whereSeparator: { $0 >= 0x80 }).max(by: { $0.count < $1.count }) else { return [] }
        return [Needle(bytes: run.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, ignoresCase: true)]
    }

    /// Whether every line is wanted, so that counting line feeds is all there is to do.
    var takesAll: Bool { filter.isEmpty }

    func takes(_ line: Span<UInt8>) -> Bool {
        for needle in needles where needle.place(in: line) == nil { return false }
        if since != nil || until != nil, !mayBeInTime(line) { return false }
        guard let fields = RecordFields(line) else { return false }
        return takes(fields, line)
    }

    func takes(_ fields: RecordFields, _ line: Span<UInt8>) -> Bool {
        if let outcome = filter.outcome, !Self.equal(line, fields.outcome, outcome.rawValue) { return false }
        if !filter.actions.isEmpty {
            let action = JSONText.string(line, fields.action)
            guard filter.actions.contains(where: { action == $0 || action.hasPrefix("\($0).") }) else { return false }
        }
        if let actor = filter.actor {
            let isActor = RecordFields.members(of: fields.actor, line).contains {
                $0.name != "uid" && folded($0.text) == folded(actor)
            }
            guard isActor else { return false }
        }
        if let target = filter.target {
            let isTouched = RecordFields.members(of: fields.target, line).contains {
                folded($0.text).contains(folded(target))
            }
            guard isTouched else { return false }
        }
        if since != nil || until != nil, !isInTime(fields, line) { return false }
        if let text = filter.text { return hasText(text, fields, line) }
        return true
    }

    private static func equal(_ line: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
        range.count == text.utf8.count && zip(range, text.utf8).allSatisfy { line[$0] == $1 }
    }

    /// Quick, and false only when the time is outside: `facts`, where the other time stands, comes before `time`.
    private func mayBeInTime(_ line: Span<UInt8>) -> Bool {
        for key in [Self.momentKey, Self.timeKey] {
            guard let found = line.firstIndex(of: key.span) else { continue }
            let time = found + key.count..<found + key.count + 27
            guard time.upperBound < line.count, line[time.upperBound] == UInt8(ascii: "\"") else { continue }
            return isInside(line, time)
        }
        return true
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

    private func hasText(_ text: String, _ fields: RecordFields, _ line: Span<UInt8>) -> Bool {
        let wanted = folded(text)
        for range in [fields.reason, fields.action, fields.host, fields.program, fields.id, fields.ref] {
            if !range.isEmpty, folded(JSONText.string(line, range)).contains(wanted) { return true }
        }
        return [fields.actor, fields.target, fields.facts].contains { range in
            RecordFields.members(of: range, line).contains { folded($0.text).contains(wanted) }
        }
    }

    /// What texts are compared by.
    private func folded(_ text: String) -> String { filter.ignoresCase ? text.lowercased() : text }
}

extension RecordFields {
    /// When it happened: for what was taken from elsewhere the time there, `facts.at`, otherwise the record's own.
    func moment(_ line: Span<UInt8>) -> Range<Int> {
        var found = time
        guard !facts.isEmpty, line.extracting(facts).firstIndex(of: Self.at.span) != nil else { return found }
        Self.eachMember(of: facts, line) { key, value in
            let isMoment =
                key.count == 2 && line[key.lowerBound] == UInt8(ascii: "a")
                && line[key.lowerBound + 1] == UInt8(ascii: "t") && value.count == 29
            if isMoment { found = value.lowerBound + 1..<value.upperBound - 1 }
            return !isMoment
        }
        return found
    }

    private static let at = Array("\"at\":\"".utf8)
}
