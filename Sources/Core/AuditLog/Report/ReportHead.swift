import Platform

/// A second in UTC as one number that rises with time, `20261126171300`: what counting millions can afford.
struct Moment: Comparable, Sendable {
    let digits: Int

    static let none = Moment(digits: 0)

    static func < (left: Moment, right: Moment) -> Bool { left.digits < right.digits }

    init(digits: Int) {
        self.digits = digits
    }

    /// From `2026-11-26T17:13:00...`, the first 19 bytes of it.
    init(_ line: Span<UInt8>, _ range: Range<Int>) {
        var value = 0
        for index in range.prefix(19) where (0x30...0x39).contains(line[index]) {
            value = value * 10 + Int(line[index] - 0x30)
        }
        digits = value
    }

    /// The earlier of the two, where each may not be there.
    func earlier(_ other: Moment) -> Moment {
        if self == .none { return other }
        return other == .none ? self : min(self, other)
    }

    /// Five minutes are one.
    var slot: Int { digits / 10000 * 12 + digits / 100 % 100 / 5 }

    /// When a slot begins.
    static func begin(ofSlot slot: Int) -> Timestamp? {
        Moment(digits: slot / 12 * 10000 + slot % 12 * 500).timestamp
    }

    var timestamp: Timestamp? {
        let text = String(digits)
        return text.utf8.count == 14 ? Timestamp("\(text.prefix(8))T\(text.suffix(6))Z") : nil
    }

    /// RFC 3339; empty when there is none.
    var text: String { timestamp?.brief ?? "" }
}

/// What every record is counted by, without taking it apart wholly.
struct ReportHead {
    let seq: Int
    let action: String
    let actor: String
    let moment: Moment
    let kinds: ReportRow.Kinds

    /// Nil for the beginning of an act: its end counts.
    init?(_ fields: RecordFields, _ line: Span<UInt8>) {
        guard fields.phase.isEmpty || line[fields.phase.lowerBound] != UInt8(ascii: "s") else { return nil }
        seq = fields.seq
        moment = Moment(line, fields.moment(line))
        let code = JSONText.string(line, fields.action)
        let isFailure = !fields.outcome.isEmpty && line[fields.outcome.lowerBound] == UInt8(ascii: "f")
        var (event, statementClass, command) = ("", "", "")
        let isEvent = code == "auth.event"
        if isEvent || code == "pg.statement" {
            RecordFields.eachMember(of: fields.facts, line) { key, value in
                switch JSONText.string(line, key) {
                case "class": statementClass = JSONText.value(line, value)
                case "command": command = JSONText.value(line, value)
                case "event": event = JSONText.value(line, value)
                default: break
                }
                return true
            }
        }
        action = isEvent && !event.isEmpty ? "auth.\(event)" : code
        kinds = ReportRow.kinds(code, isFailure: isFailure, class: statementClass, command: command)
        var (user, sudo, role) = ("", "", "")
        RecordFields.eachMember(of: fields.actor, line) { key, value in
            switch JSONText.string(line, key) {
            case "user": user = JSONText.value(line, value)
            case "sudo": sudo = JSONText.value(line, value)
            case "role": role = JSONText.value(line, value)
            default: break
            }
            return true
        }
        let isTold = isEvent || code.hasPrefix("pg.")
        actor = isTold ? (role.isEmpty ? "unknown" : role) : sudo.isEmpty ? user : sudo
    }
}
