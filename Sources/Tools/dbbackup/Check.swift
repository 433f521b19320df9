import ArgumentParser
import Backups
import Console
import Platform
import SystemPackage

struct Check: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Say whether the newest backups and their proofs are young enough.",
        details: """
            One line as monitoring plugins print it, with the exit code 0 or 1 (which Nagios shows as a warning). Only backups
            and proofs count that a pinned key signed. --metrics writes a file for the textfile collector of Prometheus' node
            exporter besides.
            """,
        examples: [
            "dbbackup check --max-age 26h --max-proof-age 8d",
            "dbbackup check --expect shop --max-restore-time 30m --metrics /var/lib/node_exporter/dbbackup.prom",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Option(help: "How old the newest backup of each database may be, as 26h (default: 26h).", transform: Span.init)
    var maxAge: Span?

    @Option(help: "How old the newest proven backup may be, as 8d (default: 8d).", transform: Span.init)
    var maxProofAge: Span?

    @Option(help: "How long a restore may take, by the newest proof.", transform: Span.init)
    var maxRestoreTime: Span?

    @Option(help: "A database that must have a backup; may be repeated.")
    var expect: [String] = []

    @Option(help: "For how many more runs as large as the last there must be room on the disk.")
    var minRunsLeft = 3

    @Option(help: "Write metrics for Prometheus' textfile collector to this file.", completion: .file())
    var metrics: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let health = try Health.read(repository, keys: context.keys)
        let limits = HealthLimits(
            age: maxAge?.seconds ?? 26 * 3600, provenAge: maxProofAge?.seconds ?? 8 * 86400,
            restoreTime: maxRestoreTime?.seconds, runsLeft: minRunsLeft)
        // Of a place elsewhere only its mirror is on a disk here.
        let free = repository.remote == nil ? try? Files.freeSpace(repository.root) : nil
        let problems = health.problems(
            limits, expected: expect, at: context.now(), freeBytes: free, duration: Words.duration)
        if let metrics {
            try Metrics(health, problems: problems.count, freeBytes: free)
                .write(to: metrics.absolute)
        }
        return CheckReport(health, problems, limits, at: context.now())
    }
}

/// A length of time as people write it: `90`, `90s`, `45m`, `26h`, `8d`.
struct Span: Sendable {
    let seconds: Double

    init(_ text: String) throws {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? text[...] : text.dropLast()), number > 0, number < 1e9 else {
            throw ValidationError("\"\(text)\" is no length of time: write 90s, 45m, 26h or 8d")
        }
        seconds = number * (unit ?? 1)
    }
}

private struct CheckReport: Report {
    struct Database: Encodable {
        let cluster: String
        let database: String
        let newest: Timestamp
        let newestProven: Timestamp?
        let restoreSeconds: Double?
        let backups: Int
    }

    let problems: [String]
    let databases: [Database]
    private let performance: String

    private enum CodingKeys: String, CodingKey {
        case problems, databases
    }

    init(_ health: Health, _ problems: [String], _ limits: HealthLimits, at now: Timestamp) {
        self.problems = problems
        databases = health.databases.map {
            Database(
                cluster: $0.cluster, database: $0.database, newest: $0.newest, newestProven: $0.newestProven,
                restoreSeconds: $0.restoreSeconds, backups: $0.backups)
        }
        let oldest = health.databases.map { now.seconds(since: $0.newest) }.max()
        let oldestProven = health.databases.compactMap { $0.newestProven.map { now.seconds(since: $0) } }.max()
        performance = [("age", oldest, limits.age), ("proven_age", oldestProven, limits.provenAge)]
            .compactMap { name, value, limit in
                value.map { "\(name)=\(Int($0))s;\(limit.map { String(Int($0)) } ?? "")" }
            }.joined(separator: " ")
    }

    var status: ExitStatus { problems.isEmpty ? .success : .negative }

    var text: String {
        let line =
            problems.isEmpty
            ? "BACKUP OK: \(Words.plural(databases.count, "database")) backed up and proved"
            : "BACKUP WARNING: \(Plain.line(problems.joined(separator: "; ")))"
        return performance.isEmpty ? line : "\(line) | \(performance)"
    }
}
