import ArgumentParser
import Backups
import Console
import Platform

struct Prune: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Remove the backups that no rule keeps, and say why for each.",
        details: """
            The rules keep, each on its own, per database and by the signed time of the backup, in UTC. Days count back from the
            newest backup, not from today, so that backups that stopped coming are not removed one by one. The newest backup
            that a restore has proved is never removed, nor one that is held (dbbackup hold). Without any rule nothing is done
            (78).

            What no rule keeps is given up: it is listed no more, and removed by the first prune after the time of grace. Until
            then dbbackup hold brings it back. Under an object lock (lockDays in the configuration) it is removed when the
            lock has ended; in append-only storage (appendOnly) never, which is left to the storage's own rules.
            """,
        examples: [
            "dbbackup prune --keep-last 7 --keep-days 30 --dry-run",
            "dbbackup prune --keep-daily 14 --keep-weekly 8 --keep-monthly 24 --require-proof restore",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Option(help: "Keep this many of the newest backups of each database.")
    var keepLast: Int?

    @Option(help: "Keep what is at most this many days older than the newest backup of the database.")
    var keepDays: Int?

    @Option(help: "Keep the newest of each of this many hours in which there is one.")
    var keepHourly: Int?

    @Option(help: "Keep the newest of each of this many days.")
    var keepDaily: Int?

    @Option(help: "Keep the newest of each of this many weeks.")
    var keepWeekly: Int?

    @Option(help: "Keep the newest of each of this many months.")
    var keepMonthly: Int?

    @Option(help: "Keep the newest of each of this many years.")
    var keepYearly: Int?

    @Option(help: "Keep what is at most so much older than the newest backup of the database, as 30d, 6m or 2y5m7d3h.")
    var keepWithin: String?

    @Option(help: "Keep what was made with this tag; may be repeated.")
    var keepTag: [String] = []

    @Option(help: "A backup makes an older one removable only once it was proved to this level.")
    var requireProof: ProofLevel?

    @Option(help: "How many hours what was given up stays on the disk (default: 24).")
    var graceHours: Int?

    @Option(help: "Only this cluster's.")
    var cluster: String?

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    func validate() throws {
        if let graceHours, graceHours < 0 { throw ValidationError("--grace-hours is 0 or more") }
        if let keepWithin, CalendarSpan(keepWithin) == nil {
            throw ValidationError("\"\(keepWithin)\" is no length of time: write 30d, 6m or 2y5m7d3h")
        }
    }

    private var rules: Set<RetentionRule> {
        let numbered: [RetentionRule?] = [
            keepLast.map(RetentionRule.last), keepDays.map(RetentionRule.days), keepHourly.map { .each(.hourly, $0) },
            keepDaily.map { .each(.daily, $0) }, keepWeekly.map { .each(.weekly, $0) },
            keepMonthly.map { .each(.monthly, $0) }, keepYearly.map { .each(.yearly, $0) },
            keepWithin.flatMap(CalendarSpan.init).map(RetentionRule.within),
        ]
        return Set(numbered.compactMap(\.self) + keepTag.map(RetentionRule.tagged))
    }

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings.retention
        // A rule on the command line stands for all of those in the file.
        let policy = try RetentionPolicy(
            rules.isEmpty ? settings.rules : rules, requiredProof: requireProof ?? settings.requiredProof)
        let repository = try await context.repository(place)
        let pruning = Pruning(
            repository: repository, keys: context.keys, policy: policy,
            graceHours: graceHours ?? settings.graceHours, storage: settings.storage, now: context.now)
        let clusters = try repository.clusters().filter { cluster == nil || $0 == cluster }
        if let cluster, clusters.isEmpty {
            throw PlainFailure(.inputMissing, "there is no cluster \"\(cluster)\" in \(repository.name)")
        }
        var backups: [Decided] = []
        for cluster in clusters {
            let decided =
                try await dryRun
                ? pruning.decide(cluster) : pruning.prune(cluster, audit: context.openAudit())
            backups += decided.decisions.map(Decided.init)
            backups += decided.waiting.sorted { $0.key < $1.key }.map { Decided(cluster, $0.key, until: $0.value) }
            backups += decided.cleared.map { Decided(cleared: $0, of: cluster) }
            backups += decided.doubtful.sorted { $0.key < $1.key }.map { Decided(cluster, $0.key, doubt: $0.value) }
        }
        return PruneReport(dryRun: dryRun, backups: backups)
    }
}

private struct Decided: Encodable, Sendable {
    let backup: String
    let isKept: Bool
    let reasons: [String]

    init(_ decision: RetentionDecision) {
        backup = "\(decision.backup.cluster)/\(decision.backup.label)"
        isKept = decision.isKept
        reasons = decision.reasons
    }

    init(_ cluster: String, _ label: String, until end: Timestamp?) {
        backup = "\(cluster)/\(label)"
        isKept = false
        let when = end.map { "may be removed from \($0.brief) on" } ?? "the storage lets nobody remove it"
        reasons = ["given up, and still there: \(when)"]
    }

    init(cleared label: String, of cluster: String) {
        backup = "\(cluster)/\(label)"
        isKept = false
        reasons = ["an interrupted copy, of which nothing is left now"]
    }

    init(_ cluster: String, _ label: String, doubt: String) {
        backup = "\(cluster)/\(label)"
        isKept = true
        reasons = ["not touched: \(doubt)"]
    }
}

private struct PruneReport: Report {
    let dryRun: Bool
    let backups: [Decided]

    var text: String {
        guard !backups.isEmpty else { return "there are no backups yet" }
        var table = TextTable(["BACKUP", "FATE", "REASONS"])
        for backup in backups {
            let fate = backup.isKept ? "kept" : dryRun ? "would be given up" : "given up"
            table.append([Plain.line(backup.backup), fate, Plain.line(backup.reasons.joined(separator: "; "))])
        }
        return table.text
    }
}
