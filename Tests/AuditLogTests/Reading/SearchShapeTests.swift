import Platform
import Testing

@testable import AuditLog

/// A line that is known by its shape is searched as one that is taken apart, whatever stands in it.
@Suite struct SearchShapeTests {
    private static let lines = [
        """
        {"action":"pg.statement","actor":{"role":"app","uid":0,"user":"root"},"clock":{"boot":"b","ns":12},"facts":\
        {"application":"web","at":"2026-11-18T11:07:09.098000Z","line":3,"statement":"SELECT ?"},"host":"vm","id":"i-1",\
        "outcome":"failure","phase":"event","pid":7,"program":"dbaudit","reason":"no","seq":99,"status":77,\
        "target":{"database":"shop","object":"public.orders"},"time":"2026-11-26T20:33:19.613201Z","v":2,"version":"1"}
        """,
        """
        {"action":"backup.run","actor":{"uid":0,"user":"root"},"facts":{"at":5,"x":{"at":"2026-11-18T11:07:09.098000Z"}},\
        "host":"h","id":"i-2","outcome":"success","phase":"finished","pid":7,"program":"p","ref":"i-1","seq":100,\
        "time":"2026-11-26T20:33:19.613201Z","v":2,"version":"1"}
        """,
        """
        {"v":1,"seq":3,"id":"i","time":"2026-11-18T11:07:09.098000Z","action":"pg","facts":{"at":"soon","at":\
        "2026-11-26T20:33:19.613201Z"}}
        """,
    ]

    private static func told(_ fields: RecordFields?, _ line: [UInt8]) -> String? {
        fields.map { "\($0.seq) \($0.version) \($0.places) \($0.moment(line.span))" }
    }

    /// All that one byte or a value more, less or other makes of the lines.
    private static func damaged() -> [[UInt8]] {
        let values = [
            "", "7", "\"\"", "\"2020-01-01T00:00:00.000000Z\"", "\"at\"", "null", "{\"at\":\"x\"}", "\"\\u0041\"",
        ]
        return lines.map { Array($0.utf8) }.flatMap { line in
            var all: [[UInt8]] = [line]
            for index in line.indices {
                for byte: UInt8 in [0x09, 0x22, 0x2C, 0x30, 0x39, 0x5C, 0x61, 0x7D, 0xC3] {
                    var other = line
                    other[index] = byte
                    all.append(other)
                }
                all.append(Array(line[..<index] + line[(index + 1)...]))
            }
            RecordFields.eachMember(of: 0..<line.count, line.span) { _, value in
                for text in values {
                    all.append(Array(line[..<value.lowerBound] + text.utf8 + line[value.upperBound...]))
                }
                RecordFields.eachMember(of: line[value.lowerBound] == UInt8(ascii: "{") ? value : 0..<0, line.span) {
                    _, inner in
                    for text in values {
                        all.append(Array(line[..<inner.lowerBound] + text.utf8 + line[inner.upperBound...]))
                    }
                    return true
                }
                return true
            }
            return all
        }
    }

    @Test func `fields and moments are those of a line taken apart`() {
        let all = Self.damaged()
        var (fields, glances) = (KnownShapes<FieldShape>(), KnownShapes<GlanceShape>())
        // Twice, so that shapes that come late are tried on what came before them.
        for line in all + all {
            let plain = RecordFields(line.span)
            let known = fields.value(of: line.span) { RecordFields($0) }
            let glance = glances.value(of: line.span) { line in RecordFields(line).map { RecordGlance($0, line) } }
            if Self.told(known, line) != Self.told(plain, line) || glance != plain.map({ RecordGlance($0, line.span) })
            {
                Issue.record("\(String(decoding: line, as: UTF8.self))")
            }
        }
    }

    @Test func `each filter takes what it takes of a line taken apart`() {
        var filters: [RecordFilter] = []
        for time in ["2026-11-18T11:07:09.098000Z", "2026-11-26T20:33:19.613201Z", "2020-06-01T00:00:00Z"] {
            filters.append(RecordFilter())
            filters[filters.count - 1].since = Timestamp(time)
            filters.append(RecordFilter())
            filters[filters.count - 1].until = Timestamp(time)
        }
        for action in ["pg", "pg.statement", "backup", "pg.stat"] {
            filters.append(RecordFilter())
            filters[filters.count - 1].actions = [action, "none"]
        }
        filters.append(RecordFilter())
        filters[filters.count - 1].outcome = .failure
        let damaged = Self.damaged()
        let all = stride(from: 0, to: damaged.count, by: 3).map { damaged[$0] }
        for filter in filters {
            let ready = LineFilter(filter)
            var shapes = LineFilter.Shapes()
            for line in all where ready.takes(line.span, &shapes) != ready.takes(line.span) {
                Issue.record("\(filter): \(String(decoding: line, as: UTF8.self))")
            }
        }
    }

    /// What is looked for in texts, in the plain way.
    private static func plainly(_ filter: RecordFilter, _ line: [UInt8]) -> Bool {
        let line = line.span
        guard let fields = RecordFields(line) else { return false }
        func folded(_ text: String) -> String { filter.ignoresCase ? text.lowercased() : text }
        if let actor = filter.actor.map(folded) {
            return RecordFields.members(of: fields.actor, line).contains {
                $0.name != "uid" && folded($0.text) == actor
            }
        }
        if let target = filter.target.map(folded) {
            return RecordFields.members(of: fields.target, line).contains { folded($0.text).contains(target) }
        }
        let text = folded(filter.text ?? "")
        let texts = [fields.reason, fields.action, fields.host, fields.program, fields.id, fields.ref]
        return texts.contains { !$0.isEmpty && folded(JSONText.string(line, $0)).contains(text) }
            || [fields.actor, fields.target, fields.facts].contains { range in
                RecordFields.members(of: range, line).contains { folded($0.text).contains(text) }
            }
    }

    @Test func `texts are found where taking all of them apart finds them`() {
        let words = [
            "app", "a", "é", "e", "\u{301}", "root", "0", "7", "orders", "SELECT ?", "i-1", "at", "\\", "\"", "null",
            "\n", "x", "É", "select ?", "ROOT", "k", "\u{212A}",
        ]
        let hostile = [
            "{\"action\":\"a\",\"actor\":{\"user\":\"e\u{301}\",\"uid\":0,\"app\":\"x\"},\"id\":\"i\",\"time\":\"2026-11-18T11:07:09Z\",\"v\":1}",
            "{\"action\":\"a\\u0061\",\"target\":{\"object\":\"a\\nb\\\\c\",\"n\":null,\"o\":{\"x\":\"app\"}},\"id\":\"i\",\"time\":\"2026-11-18T11:07:09Z\",\"v\":1}",
        ].map { Array($0.utf8) }
        let damaged = Self.damaged()
        let all = hostile + stride(from: 0, to: damaged.count, by: 5).map { damaged[$0] }
        for word in words {
            for number in 0..<6 {
                var filter = RecordFilter()
                filter.ignoresCase = number >= 3
                switch number % 3 {
                case 0: filter.actor = word
                case 1: filter.target = word
                default: filter.text = word
                }
                let ready = LineFilter(filter)
                // A line without the bytes is passed over before, and those are looked for as they are written.
                let needles = ready.needles
                for line in all where needles.allSatisfy({ $0.place(in: line.span) != nil }) {
                    guard let fields = RecordFields(line.span) else { continue }
                    if ready.takes(fields, line.span) != Self.plainly(filter, line) {
                        Issue.record("\(filter): \(String(decoding: line, as: UTF8.self))")
                    }
                }
            }
        }
    }
}
