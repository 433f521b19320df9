import AuditLog
import Glibc
import Platform
import SystemPackage

/// What `scripts/benchmark-audit` measures of the log itself: `each`, `session`, `batch` and `told` append COUNT records to FOLDER,
/// `verify` reads it, or with a checkpoint what is new, and `prove` proves record COUNT.
@main struct AuditBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4, let count = Int(arguments[3]) else {
            print("usage: AuditBenchmark each|session|batch|told|verify|prove FOLDER COUNT [SIZE|CHECKPOINT]")
            exit(64)
        }
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

    /// As an act's end looks: about 450 bytes.
    private static func event(_ number: Int) -> AuditEvent {
        AuditEvent(
            .backupVerify, outcome: .success, role: "backup",
            target: AuditTarget(
                system: "7361111111111111111", cluster: "main", database: "app", backup: "20261126T020000Z"),
            facts: ["rows": .number(number), "verdict": "equal"], milliseconds: number % 1000)
    }
}
