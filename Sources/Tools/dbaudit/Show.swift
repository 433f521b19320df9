import ArgumentParser
import AuditLog
import Console
import Platform

struct Show: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Print the newest records, oldest first.",
        details: "What is printed is not verified: dbaudit verify does that.",
        examples: ["dbaudit show --last 10", "dbaudit show --action backup --json"])

    @OptionGroup var common: CommonOptions

    @Option(help: "How many records.")
    var last = 50

    @Option(help: "Only this action, such as backup.run, or all of one kind: backup.")
    var action: String?

    @Flag(help: "Put on record that the log was read.")
    var record = false

    func validate() throws {
        guard (1...1_000_000).contains(last) else { throw ValidationError("--last is from 1 to 1000000") }
    }

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        if record { try context.openAudit().append(AuditEvent(.logRead)) }
        return ShowReport(excerpt: try reader.records(last: last, action: action))
    }
}

struct ShowReport: Report {
    let excerpt: LogExcerpt

    var text: String {
        var lines = excerpt.records.map(Self.line)
        if excerpt.unreadable > 0 {
            lines.append("\(Words.plural(excerpt.unreadable, "line")) could not be read: see dbaudit verify")
        }
        return lines.joined(separator: "\n")
    }

    /// One record as one line; what came from outside is shown, never obeyed.
    private static func line(_ record: AuditRecord) -> String {
        var parts = ["\(record.seq)", record.time.brief, record.action]
        if record.phase != .event { parts.append(record.phase.rawValue) }
        if let outcome = record.outcome { parts.append(outcome.rawValue) }
        parts.append("by \(record.actor.sudo.map { "\($0) as \(record.actor.user)" } ?? record.actor.user)")
        if let role = record.actor.role { parts.append("role=\(role)") }
        if let target = record.target { parts += words(target) }
        for (name, fact) in (record.facts ?? [:]).sorted(by: { $0.key < $1.key }) {
            switch fact {
            case .text(let text): parts.append("\(name)=\(text)")
            case .number(let number): parts.append("\(name)=\(number)")
            }
        }
        if let reason = record.reason { parts.append("(\(reason))") }
        return Plain.line(parts.joined(separator: " "))
    }

    private static func words(_ target: AuditTarget) -> [String] {
        [
            ("system", target.system), ("cluster", target.cluster), ("database", target.database),
            ("backup", target.backup), ("object", target.object),
        ].compactMap { name, value in value.map { "\(name)=\($0)" } }
    }

    private enum Keys: String, CodingKey {
        case records, matching, unreadable
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(excerpt.records, forKey: .records)
        try container.encode(excerpt.matching, forKey: .matching)
        try container.encode(excerpt.unreadable, forKey: .unreadable)
    }
}
