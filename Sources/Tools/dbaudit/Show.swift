import ArgumentParser
import AuditLog
import Console
import Platform

struct Show: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Print the newest records, oldest first, or all that some records say.",
        details: "What is printed is not verified: dbaudit verify does that.",
        examples: ["dbaudit show --last 10", "dbaudit show --action backup --json", "dbaudit show 4711"])

    @OptionGroup var common: CommonOptions

    @Argument(help: "Numbers of records to print with everything in them.")
    var seq: [Int] = []

    @Option(help: "How many records.")
    var last = 50

    @Option(help: "Only this action, such as backup.run, or all of one kind: backup.")
    var action: String?

    @Flag(help: "Put on record that the log was read.")
    var record = false

    func validate() throws {
        guard (1...1_000_000).contains(last) else { throw ValidationError("--last is from 1 to 1000000") }
        guard seq.allSatisfy({ $0 >= 0 }) else { throw ValidationError("records are numbered from 0") }
    }

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        if record { try context.openAudit().append(AuditEvent(.logRead, facts: ["verb": "show"])) }
        let values = SensitiveValues(reader.folder)
        guard seq.isEmpty else {
            let found = try reader.records(numbered: seq)
            if let missing = seq.first(where: { number in !found.contains { $0.seq == number } }) {
                throw PlainFailure(.inputMissing, "there is no record \(missing)", hint: "dbaudit show --last 1")
            }
            return ShowReport(
                records: found.map { ReadRecord(record: $0, values: values.values(of: $0)) }, matching: found.count,
                unreadable: 0, isWhole: true)
        }
        let excerpt = try reader.records(last: last, action: action)
        return ShowReport(
            records: excerpt.records.map { ReadRecord(record: $0, values: values.values(of: $0)) },
            matching: excerpt.matching, unreadable: excerpt.unreadable, isWhole: false)
    }
}

struct ShowReport: Report {
    let records: [ReadRecord]
    let matching: Int
    let unreadable: Int
    let isWhole: Bool

    var text: String {
        if isWhole {
            return records.map { RecordWords.whole($0.record, $0.values) }.joined(separator: "\n\n")
        }
        var lines = records.map { RecordWords.line($0.record, $0.values) }
        if unreadable > 0 { lines.append("\(Words.plural(unreadable, "line")) could not be read: see dbaudit verify") }
        return lines.joined(separator: "\n")
    }

    private enum CodingKeys: CodingKey {
        case records, matching, unreadable
    }
}
