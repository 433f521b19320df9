import ArgumentParser
import AuditLog
import Console
import Platform

struct Search: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Find records by time, actor, action, target, outcome and text.",
        details: """
            What is printed is not verified: dbaudit verify does that. Records that came from a server's log count by the
            time that the server wrote.
            """,
        examples: [
            "dbaudit search --since 7d --outcome failure", "dbaudit search --action pg.login --actor app",
            "dbaudit search --text orders --raw | jq -r .time", "dbaudit search -i --text 'permission denied'",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var filter: FilterOptions

    @Option(help: "How many of the newest records to print.")
    var last = 100

    @Flag(help: "Print the records' own lines, exactly as they stand in the log.")
    var raw = false

    @Flag(help: "Print only how many there are.")
    var count = false

    @Flag(help: "Put on record that the log was read.")
    var record = false

    func validate() throws {
        guard (1...1_000_000).contains(last) else { throw ValidationError("--last is from 1 to 1000000") }
    }

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        if record { try context.openAudit().append(AuditEvent(.logRead, facts: ["verb": "search"])) }
        let (wanted, keep) = (filter.filter(now: context.now()), count ? 0 : last)
        let result = try await onOwnThread { try reader.search(wanted, last: keep) }
        if raw { return RawReport(lines: result.lines) }
        return SearchReport(result, reader, countOnly: count)
    }
}

/// Records in their own words, exactly as they stand in the log.
struct RawReport: Report {
    let lines: [[UInt8]]
    var text: String { lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n") }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(lines.map { String(decoding: $0, as: UTF8.self) }, forKey: AnyKey("lines"))
    }
}

struct SearchReport: Report {
    private let records: [ReadRecord]
    private let matching: Int
    private let unreadable: Int
    private let countOnly: Bool

    init(_ result: SearchResult, _ reader: LogReader, countOnly: Bool) {
        let values = SensitiveValues(reader.folder)
        let parsed = result.lines.map { try? AuditRecord(parsing: $0.span) }
        records = parsed.compactMap { $0 }.map { ReadRecord(record: $0, values: values.values(of: $0)) }
        unreadable = parsed.count - records.count
        matching = result.matching
        self.countOnly = countOnly
    }

    var text: String {
        if countOnly { return "\(matching)" }
        var lines = records.map { RecordWords.line($0.record, $0.values) }
        if unreadable > 0 { lines.append("\(Words.plural(unreadable, "line")) could not be read: see dbaudit verify") }
        if matching > records.count + unreadable {
            lines.append(
                "the newest \(Words.count(records.count)) of \(Words.count(matching)) records: --last N prints more")
        }
        if matching == 0 { lines.append("no record matches") }
        return lines.joined(separator: "\n")
    }

    private enum CodingKeys: CodingKey {
        case records, matching, unreadable
    }
}

/// A record, and what its commitments stand for where that can be read.
struct ReadRecord: Encodable {
    let record: AuditRecord
    let values: [String: String]

    func encode(to encoder: any Encoder) throws {
        try record.encode(to: encoder)
        guard !values.isEmpty else { return }
        var container = encoder.container(keyedBy: AnyKey.self)
        try container.encode(values, forKey: AnyKey("values"))
    }
}
