import ArgumentParser
import Backups
import Console
import Platform

struct Prune: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Remove the backups that no rule keeps, and say why for each.",
        details: """
            The rules keep, each on its own, per database and by the signed time of the backup. Days count back from the newest
            backup, not from today, so that backups that stopped coming are not removed one by one. The newest backup that a
            restore has proved is never removed. Without any rule nothing is done (78).
            """,
        examples: ["dbbackup prune --keep-last 7 --keep-days 30 --dry-run"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Option(help: "Keep this many of the newest backups of each database.")
    var keepLast: Int?

    @Option(help: "Keep what is at most this many days older than the newest backup of the database.")
    var keepDays: Int?

    @Option(help: "Only this cluster's.")
    var cluster: String?

    @Flag(help: "Only say what would be done.")
    var dryRun = false

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        // A rule on the command line stands for all of those in the file.
        let isGiven = keepLast != nil || keepDays != nil
        let policy = try RetentionPolicy(
            keepLast: isGiven ? keepLast : settings.keepLast, keepDays: isGiven ? keepDays : settings.keepDays)
        let repository = try context.repository(place)
        let pruning = Pruning(repository: repository, keys: context.keys, policy: policy, now: context.now)
        let clusters = try repository.clusters().filter { cluster == nil || $0 == cluster }
        if let cluster, clusters.isEmpty {
            throw PlainFailure(.inputMissing, "there is no cluster \"\(cluster)\" in \(repository.root)")
        }
        var backups: [Decided] = []
        for cluster in clusters {
            let decided =
                try await dryRun
                ? pruning.decide(cluster) : pruning.prune(cluster, audit: context.openAudit())
            backups += decided.decisions.map(Decided.init)
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
            let fate = backup.isKept ? "kept" : dryRun ? "would be removed" : "removed"
            table.append([Plain.line(backup.backup), fate, Plain.line(backup.reasons.joined(separator: "; "))])
        }
        return table.text
    }
}
