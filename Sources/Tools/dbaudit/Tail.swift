import ArgumentParser
import AuditLog
import Console
import Platform
import SystemPackage

struct Tail: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Print the newest records, and with -f those that come, until it is stopped.",
        details:
            "Follows the log over the end of its files. With --json every record is a document on a line of its own.",
        examples: ["dbaudit tail -f", "dbaudit tail -f --outcome failure --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var filter: FilterOptions

    @Option(name: [.customShort("n"), .long], help: "How many of the newest records to begin with.")
    var last = 10

    @Flag(name: [.short, .long], help: "Go on with the records that come.")
    var follow = false

    func validate() throws {
        guard (0...1_000_000).contains(last) else { throw ValidationError("--last is from 0 to 1000000") }
    }

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        let wanted = filter.filter(now: context.now())
        // The place first: what comes between the two is then printed, once.
        var follower = try LogFollower(reader, wanted)
        let keep = last
        let newest = try await onOwnThread { try reader.search(wanted, last: keep) }
        let printer = RecordPrinter(reader, json: common.json)
        guard try printer.print(newest.lines) else { return NothingMore() }
        var highest = printer.highest
        while follow, !StandardOutput.hasNoReader {
            try Task.checkCancellation()
            let lines = try follower.next()
            guard try printer.print(lines, after: highest) else { break }
            highest = max(highest, printer.highest)
            try await Task.sleep(for: .milliseconds(200))
        }
        return NothingMore()
    }
}

/// Everything is printed already.
private struct NothingMore: Report {
    var text: String { "" }
}

/// Prints records as they come.
private final class RecordPrinter {
    private let values: SensitiveValues
    private let json: Bool
    private let output = StandardOutputSink()
    /// The number of the last record that was printed.
    private(set) var highest = -1

    init(_ reader: LogReader, json: Bool) {
        values = SensitiveValues(reader.folder)
        self.json = json
    }

    /// False when nobody reads any more.
    func print(_ lines: [[UInt8]], after seq: Int = -1) throws -> Bool {
        var text = ""
        for line in lines {
            guard let record = try? AuditRecord(parsing: line.span), record.seq > seq else { continue }
            highest = max(highest, record.seq)
            let clear = values.values(of: record)
            text +=
                try json
                ? JSONDocument.text(One(record: ReadRecord(record: record, values: clear)))
                : RecordWords.line(record, clear)
            text += "\n"
        }
        do {
            try output.write(Array(text.utf8).span)
            return true
        } catch let failure as FileFailure where failure.code == .brokenPipe {
            return false
        }
    }

    private struct One: Report {
        let record: ReadRecord
        var text: String { "" }
    }
}
