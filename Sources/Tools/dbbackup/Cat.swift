import ArgumentParser
import AuditLog
import Backups
import Console
import Platform
import SystemPackage

struct Cat: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Write the rows of one table to standard output, without a server.",
        details: """
            The rows come as COPY text: columns between tabs, \\N for NULL; psql reads them with \\copy. Signature and digest are
            checked before the first row appears. It is recorded in the audit log.
            """,
        examples: ["dbbackup cat latest --table public.orders | psql -d scratch -c '\\copy orders FROM STDIN'"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    @Option(help: "The table, as schema.table.")
    var table: String

    @Option(help: "Which database of the backup, where it has several.")
    var database: String?

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func validate() throws {
        if common.json { throw ValidationError("rows are COPY text: --json has no meaning here") }
    }

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let stored = try repository.backup(named: backup)
        let authentic = try AuthenticBackup(stored, trusted: context.keys.trustedKeys())
        let database = try database ?? authentic.manifest.onlyDatabase
        let contents = BackupContents(
            authentic, identities: try context.identities(identity), progress: context.progress)
        let target = AuditTarget(cluster: stored.cluster, database: database, backup: stored.label)
        return try await context.openAudit().recording(.backupRead, target: target) { note in
            note.facts["table"] = .text(table)
            do {
                note.facts["rows"] = .number(
                    try await repository.withFiles(of: authentic, progress: context.progress) {
                        try await contents.copyRows(of: table, in: database, into: StandardOutputSink())
                    })
            } catch let failure as FileFailure where failure.code == .brokenPipe {
                // The reader had enough.
            }
            return NoReport()
        }
    }
}

/// The rows were the result.
private struct NoReport: Report {
    var text: String { "" }
}
