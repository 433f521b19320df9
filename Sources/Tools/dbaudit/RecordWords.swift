import AuditLog
import Console
import Platform

/// A record as people read it; what came from outside is shown, never obeyed.
enum RecordWords {
    /// On one line.
    static func line(_ record: AuditRecord, _ values: [String: String] = [:]) -> String {
        var parts = ["\(record.seq)", moment(record), record.action]
        if record.phase != .event { parts.append(record.phase.rawValue) }
        if let outcome = record.outcome { parts.append(outcome.rawValue) }
        parts.append("by \(actor(record))")
        if let role = record.actor.role { parts.append("role=\(role)") }
        if let target = record.target { parts += words(target).map { "\($0.0)=\($0.1)" } }
        parts += facts(record, values).map { "\($0.0)=\($0.1)" }
        if let reason = record.reason { parts.append("(\(reason))") }
        return Plain.line(parts.joined(separator: " "))
    }

    /// On many lines, with everything that it says.
    static func whole(_ record: AuditRecord, _ values: [String: String]) -> String {
        var rows = [
            ("record", "\(record.seq)"), ("id", record.id), ("time", record.time.description),
            ("action", record.action), ("phase", record.phase.rawValue),
        ]
        if let outcome = record.outcome { rows.append(("outcome", outcome.rawValue)) }
        if let reason = record.reason { rows.append(("reason", reason)) }
        if let status = record.status { rows.append(("status", "\(status)")) }
        if let ref = record.ref { rows.append(("ref", ref)) }
        if let milliseconds = record.ms { rows.append(("took", Words.duration(Double(milliseconds) / 1000))) }
        rows.append(("account", "\(record.actor.user) (\(record.actor.uid))"))
        if let sudo = record.actor.sudo { rows.append(("sudo", sudo)) }
        if let login = record.actor.loginuid { rows.append(("login uid", "\(login)")) }
        if let role = record.actor.role { rows.append(("role", role)) }
        rows.append(("program", "\(record.program) \(record.version) on \(record.host), process \(record.pid)"))
        if let target = record.target { rows += words(target) }
        rows += facts(record, values)
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, text in
            Plain.line(name) + String(repeating: " ", count: width + 2 - name.count) + Plain.line(text)
        }.joined(separator: "\n")
    }

    /// When it happened: what was taken from elsewhere says so itself.
    private static func moment(_ record: AuditRecord) -> String {
        if case .text(let text)? = record.facts?["at"], let at = Timestamp(text) { return at.brief }
        return record.time.brief
    }

    private static func actor(_ record: AuditRecord) -> String {
        record.actor.sudo.map { "\($0) as \(record.actor.user)" } ?? record.actor.user
    }

    private static func facts(_ record: AuditRecord, _ values: [String: String]) -> [(String, String)] {
        var facts = (record.facts ?? [:]).filter { $0.key != "at" }.map { name, fact in
            switch fact {
            case .text(let text): (name, text)
            case .number(let number): (name, "\(number)")
            }
        }
        for name in (record.sensitive ?? [:]).keys {
            facts.append((name, values[name] ?? "(erased or not readable here)"))
        }
        return facts.sorted { $0.0 < $1.0 }
    }

    private static func words(_ target: AuditTarget) -> [(String, String)] {
        [
            ("system", target.system), ("cluster", target.cluster), ("database", target.database),
            ("backup", target.backup), ("object", target.object),
        ].compactMap { name, value in value.map { (name, $0) } }
    }
}
