import ArgumentParser
import Backups
import Console
import Platform

struct Copy: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Copy backups to another place, read them back, and compare.",
        details: """
            The place is a folder, or remote:path as rclone knows it: an object store, a server with SFTP or WebDAV, and many
            more (rclone config makes one). Each file is read back and its digest compared; the signature is written last, so
            that half a copy is none. Without a name, all that the place lacks is copied. list, verify, restore, cat and prune
            take such a place too, as --repository.
            """,
        examples: [
            "dbbackup copy --to offsite:backups/pg", "dbbackup copy latest --to /mnt/nas/pg",
            "dbbackup verify latest --repository offsite:backups/pg",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest (default: all that the place lacks).")
    var backup: String?

    @Option(help: "Where to: remote:path or a folder; may be repeated (default: the copies in the configuration).")
    var to: [String] = []

    @Flag(help: "Only say what would be copied.")
    var dryRun = false

    func run(_ context: Context) async throws -> any Report {
        let places = try to.isEmpty ? context.settings.copies : to
        guard !places.isEmpty else {
            throw PlainFailure(
                .usage, "no place to copy to", hint: "name one with --to, or in copies in the configuration")
        }
        let source = try await context.repository(place)
        let named = try backup.map { try source.backup(named: $0) }
        var copies: [CopyReport.Place] = []
        for place in places {
            copies.append(
                await CopyReport.Place(place) {
                    let copying = try await context.copying(to: place, from: source)
                    var copied: [BackupCopying.Copied] = []
                    let wanted =
                        if let named { [named] } else { try await copying.missing(source.backups()) }
                    for stored in wanted {
                        copied.append(
                            try await dryRun
                                ? BackupCopying.Copied(backup: stored.name, bytes: stored.manifest().size)
                                : copying.copy(stored))
                    }
                    return copied
                })
        }
        return CopyReport(copies, dryRun: dryRun)
    }
}

/// What copying to several places came to; one that fails does not keep the others.
struct CopyReport: Report {
    struct Place: Encodable, Sendable {
        let place: String
        let backups: [BackupCopying.Copied]
        let problem: String?
        fileprivate let status: ExitStatus

        private enum CodingKeys: String, CodingKey {
            case place, backups, problem
        }

        init(_ place: String, _ copy: () async throws -> [BackupCopying.Copied]) async {
            self.place = place
            do {
                (backups, problem, status) = (try await copy(), nil, .success)
            } catch {
                let failure = error as? any Failure
                backups = []
                problem = failure?.sentence ?? "\(error)"
                status = failure?.status ?? .internalError
            }
        }

        var problems: [String] { problem.map { ["no copy in \(place): \($0)"] } ?? [] }

        var lines: [String] {
            if problem != nil { return problems }
            guard !backups.isEmpty else { return ["\(place): nothing to copy"] }
            return backups.map { "\(place): \($0.backup), \($0.bytes == 0 ? "there already" : Words.size($0.bytes))" }
        }
    }

    let dryRun: Bool
    let copies: [Place]

    init(_ copies: [Place], dryRun: Bool = false) {
        self.copies = copies
        self.dryRun = dryRun
    }

    var status: ExitStatus { ending?.status ?? .success }

    /// What is told of the first place that failed; nil when none did.
    var ending: RunHooks.Ending? {
        copies.first { $0.problem != nil }.map { RunHooks.Ending(status: $0.status, reason: $0.problems.first) }
    }

    var text: String {
        copies.flatMap(\.lines).map { Plain.line(dryRun ? "would copy to \($0)" : $0) }.joined(separator: "\n")
    }
}
