import AuditLog
import Glibc
import Platform
import SystemPackage

/// What `scripts/benchmark-audit` measures of the log itself.
///
/// `each`, `session`, `batch` and `told` append COUNT records to FOLDER,
/// `verify` reads it, or with a checkpoint what is new, and `prove` proves record COUNT. `ingest` takes a server's log
/// into it, and `search` looks for records that hold a text, or are between two times.
@main struct AuditBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4 else { usage() }
        if arguments[1] == "search" { return try search(arguments) }
        if arguments[1] == "ingest" { return try ingest(arguments) }
        guard let count = Int(arguments[3]) else { usage() }
        let source = AuditSource(program: "benchmark", version: "1", environment: [:])
        let log = try AuditLog.open(FilePath(arguments[2]), as: source)
        let size = arguments.count > 4 ? Int(arguments[4]) ?? 5000 : 5000
        let start = ContinuousClock.now
        switch arguments[1] {
        // Says of each record that it is durable, once it is: whatever was said must be found, whenever this is killed.
        case "told":
            for number in 0..<count {
                let entry = try log.append(event(number))
                try StandardOutput.write("\(entry.seq) \(entry.id)\n")
            }
            return
        case "verify":
            var options = VerifyOptions()
            if arguments.count > 4 {
                options.kept = [KeptCheckpoint(try LogFolder.readCheckpoint(FilePath(arguments[4])), from: "kept")]
                options.onlyNew = true
            }
            let verdict = try LogReader(FilePath(arguments[2])).verify(options)
            guard verdict.isIntact else { exit(1) }
            print("\(verdict.records - verdict.firstRead)")
            return
        case "prove":
            print(try LogReader(FilePath(arguments[2])).prove(count).encoded)
            return
        case "each": for number in 0..<count { try log.append(event(number)) }
        case "session": try log.session { session in for number in 0..<count { try session.append(event(number)) } }
        default:
            for first in stride(from: 0, to: count, by: size) {
                try log.append(batch: (first..<min(first + size, count)).map(event))
            }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        print("\(Int(Double(count) / seconds))")
    }

    private static func usage() -> Never {
        print("usage: AuditBenchmark each|session|batch|told|verify|prove FOLDER COUNT [SIZE|CHECKPOINT]")
        print("       AuditBenchmark ingest FOLDER FILE")
        print("       AuditBenchmark search FOLDER TEXT|SINCE [UNTIL]")
        exit(64)
    }

    private static func ingest(_ arguments: [String]) throws {
        let folder = FilePath(arguments[2])
        let log = try AuditLog.open(folder, as: AuditSource(program: "benchmark", version: "1", environment: [:]))
        var ingest = try Ingest(
            into: log, folder: folder.removingLastComponent().appending("ingest"), options: Ingest.Options())
        let start = ContinuousClock.now
        try ingest.take(from: FilePath(arguments[3]))
        let seconds = start.duration(to: .now) / .seconds(1)
        print("\(Int(Double(ingest.summary.lines) / seconds))")
    }

    private static func search(_ arguments: [String]) throws {
        var filter = RecordFilter()
        if arguments.count > 4 {
            (filter.since, filter.until) = (Timestamp(arguments[3]), Timestamp(arguments[4]))
        } else if !arguments[3].isEmpty {
            filter.text = arguments[3]
        }
        print(try LogReader(FilePath(arguments[2])).search(filter, last: 100).matching)
    }

    /// As an act's end looks: about 450 bytes.
    private static func event(_ number: Int) -> AuditEvent {
        AuditEvent(
            .backupVerify, outcome: .success, role: "backup",
            target: AuditTarget(
                system: "7361111111111111111", cluster: "main", database: "app", backup: "20261126T020000Z"),
            facts: ["rows": .number(number), "verdict": "equal"], milliseconds: number % 1000)
    }
}
