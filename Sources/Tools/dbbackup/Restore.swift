import ArgumentParser
import AuditLog
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Restore: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Restore a database from a backup, under its own name or another.",
        details: """
            The database must not exist yet, or be empty (else 73). It comes back with its encoding, locale, owner, settings,
            privileges and comment, and appears under its name only when all of it is there. Signature and digests are checked
            before anything is decrypted, and a file that was changed is never given to PostgreSQL.
            """,
        examples: ["dbbackup restore latest --database app --target-dbname app_restored --plan"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    @Option(help: "Which database of the backup, where it has several.")
    var database: String?

    @Option(help: "The name of the restored database (default: its own).")
    var targetDbname: String?

    @Flag(help: "Make the roles that the target lacks, with their attributes, passwords and memberships.")
    var globals = false

    @Flag(help: "Only say what would be done.")
    var plan = false

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let stored = try repository.backup(named: backup)
        let restoration = Restoration(
            try AuthenticBackup(stored, trusted: context.keys.trustedKeys()),
            identities: try context.identities(identity),
            server: try server.parameters(for: context.program).reaching([], context.environment),
            options: Restoration.Options(database: database, target: targetDbname, makesRoles: globals),
            environment: context.environment, progress: context.progress)
        guard !plan else {
            return try await context.withFiles(of: stored, in: repository) {
                RestoreReport(try await restoration.prepare().plan, seconds: nil)
            }
        }
        let target = AuditTarget(
            cluster: stored.cluster, database: targetDbname ?? database, backup: stored.label)
        return try await context.openAudit().recording(.backupRestore, target: target) { note in
            note.facts["manifest"] = .text(stored.manifestHash.hex)
            return try await context.withFiles(of: stored, in: repository) {
                let prepared = try await restoration.prepare()
                note.target.database = prepared.plan.target
                note.role = prepared.plan.user
                if !context.isQuiet { context.warn(prepared.plan.warning) }
                return RestoreReport(prepared.plan, seconds: try await restoration.carryOut(prepared))
            }
        }
    }
}

private struct RestoreReport: Report {
    let backup: String
    let database: String
    let target: String
    let isNew: Bool
    let rolesToMake: [String]
    let missingTablespaces: [String]
    let tables: Int
    let rows: Int
    let bytes: Int
    let warning: String
    /// Nil for a plan.
    let seconds: Double?
    private let steps: [String]

    private enum CodingKeys: String, CodingKey {
        case backup, database, target, isNew, rolesToMake, missingTablespaces, tables, rows, bytes, warning, seconds
    }

    init(_ plan: RestorePlan, seconds: Double?) {
        backup = plan.backup
        database = plan.database
        target = plan.target
        isNew = plan.isNew
        rolesToMake = plan.rolesToMake
        missingTablespaces = plan.missingTablespaces
        (tables, rows, bytes) = (plan.tables, plan.rows, plan.bytes)
        warning = plan.warning
        steps = plan.steps
        self.seconds = seconds
    }

    var text: String {
        guard let seconds else {
            let numbered = steps.enumerated().map { "\($0.offset + 1). \($0.element)" }
            return (numbered + ["warning: \(warning)"]).map(Plain.line).joined(separator: "\n")
        }
        return Plain.line(
            "restored \"\(database)\" of \(backup) as \"\(target)\": \(Words.plural(tables, "table")), "
                + "\(Words.plural(rows, "row")), \(Words.duration(seconds))")
    }
}
