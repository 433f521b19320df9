import ArgumentParser
import AuditLog
import Backups
import Console
import Platform

struct HoldBackup: Command {
    static let configuration = CommandConfiguration.verb(
        "hold", "Keep a backup whatever the rules say, or bring back one that a prune has given up.",
        examples: [
            "dbbackup hold 20261123T205011Z --reason 'before the migration'",
            "dbbackup hold --release 20261123T205011Z",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    @Option(help: "Why; prune says it.")
    var reason: String?

    @Flag(help: "The rules decide again.")
    var release = false

    func validate() throws {
        if release == (reason != nil) { throw ValidationError("say why it has to stay with --reason, or --release") }
    }

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        return try await context.openAudit().recording(release ? .backupRelease : .backupHold) { note in
            let stored: StoredBackup
            if let reason {
                stored = try await repository.hold(
                    backup, because: Hold(reason: reason, time: context.now()), trusted: context.keys.trustedKeys())
                note.facts["reason"] = .text(reason)
            } else {
                stored = try await repository.release(backup)
            }
            note.target = AuditTarget(cluster: stored.cluster, backup: stored.label)
            return HoldReport(backup: stored.name, held: !release)
        }
    }
}

private struct HoldReport: Report {
    let backup: String
    let held: Bool

    var text: String { held ? "\(backup) stays until it is released" : "\(backup) is kept as the rules say" }
}
