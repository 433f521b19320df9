import ArgumentParser
import AuditLog
import Backups
import Console
import Cryptography
import Platform
import PostgresClient
import SystemPackage

struct Restore: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Restore databases from a backup, under their own names or another.",
        details: """
            A database must not exist yet, or be empty (else 73); tables and schemas (--table, --schema) may also be added to one
            that has neither them nor their indexes, in one transaction. It comes back with its encoding, locale, owner, settings,
            privileges and comment, and appears under its name only when all of it is there. Signature and digests are checked
            before anything is decrypted, and a file that was changed is never given to PostgreSQL. Afterwards every table is
            compared with the backup's index; one that differs is named (1).

            --replace NAME, typed in full, puts the restored database in the place of the present one once it was found equal:
            its sessions are ended, and it stays as NAME_before_TIME. A restore that was killed changes nothing; the next one
            removes what it left.

            -h, -p, -U and -d say which server to restore into, as for psql; -d names the database to connect to meanwhile.
            """,
        examples: [
            "dbbackup restore latest --database app --target-dbname app_restored --plan",
            "dbbackup restore latest --database app --replace app --globals",
            "dbbackup restore latest --all --globals -h new.example.org -U postgres",
            "dbbackup restore latest --table public.orders --table public.items --target-dbname app_tables",
            "dbbackup restore latest --database app --table public.dropped_by_mistake",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var glass: BreakGlassOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    @Option(help: "Which database of the backup, where it has several; may be repeated.")
    var database: [String] = []

    @Flag(help: "Every database of the backup.")
    var all = false

    @Option(help: "The name of the restored database (default: its own).")
    var targetDbname: String?

    @Option(help: "The database that may be replaced: its name in full; may be repeated.")
    var replace: [String] = []

    @Option(help: "Only this table, view or sequence, as schema.name, with what belongs to it; may be repeated.")
    var table: [String] = []

    @Option(help: "Only this schema; may be repeated.")
    var schema: [String] = []

    @Flag(help: "Make the roles that the target lacks, with their attributes, passwords and memberships.")
    var globals = false

    @Flag(help: "Leave everything to the role that restores.")
    var noOwner = false

    @Flag(help: "Leave out grants.")
    var noPrivileges = false

    @Option(
        help: "Give to role NEW what belonged or was granted to OLD, as OLD=NEW; may be repeated.", transform: Pair.init
    )
    var roleMap: [Pair] = []

    @Option(help: "How many sessions at the same time (default: one for each processor, at most 8).")
    var jobs: Int?

    @Flag(help: "Do not compare what was restored with the backup's index.")
    var noCompare = false

    @Flag(help: "Only say what would be done.")
    var plan = false

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func validate() throws {
        if all, !database.isEmpty { throw ValidationError("name databases, or say --all") }
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs is from 1 to 64") }
        if noCompare, !replace.isEmpty {
            throw ValidationError("--replace compares before it replaces: leave out --no-compare")
        }
        if !replace.isEmpty, !table.isEmpty || !schema.isEmpty {
            throw ValidationError("a part of a database cannot replace the whole: name another with --target-dbname")
        }
        if Set(roleMap.map(\.old)).count < roleMap.count {
            throw ValidationError("--role-map names a role twice")
        }
    }

    private var options: RestoreOptions {
        var options = RestoreOptions()
        options.databases = database
        options.all = all
        options.target = targetDbname
        options.replaced = Set(replace)
        options.selection = DumpSelection(relations: table, schemas: schema)
        options.makesRoles = globals
        options.leavesOwners = noOwner
        options.leavesPrivileges = noPrivileges
        options.roleMap = RoleMap(Dictionary(roleMap.map { ($0.old, $0.new) }, uniquingKeysWith: { first, _ in first }))
        options.jobs = jobs ?? options.jobs
        options.compares = !noCompare
        return options
    }

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let stored = try repository.backup(named: backup)
        // Nothing is decrypted, and no identity is read, before it is known whose backup this is.
        let authentic = try AuthenticBackup(stored, trusted: context.keys.trustedKeys())
        let restoration = Restoration(
            authentic, identities: try context.identities(identity),
            server: try server.parameters(for: context.program).reaching([], context.environment), options: options,
            environment: context.environment, now: context.now, progress: context.progress)
        guard !plan else {
            return try await repository.withFiles(of: authentic, progress: context.progress) {
                RestorePlanReport(try await restoration.prepare().plan)
            }
        }
        let target = AuditTarget(
            cluster: stored.cluster, database: targetDbname ?? database.first, backup: stored.label)
        return try await context.recording(.backupRestore, target: target, past: glass) { note in
            note.facts["manifest"] = .text(stored.manifestHash.hex)
            return try await repository.withFiles(of: authentic, progress: context.progress) {
                let prepared = try await restoration.prepare()
                note.target.database = prepared.plan.databases.map(\.target).joined(separator: ", ")
                note.role = prepared.plan.user
                if !context.isQuiet { prepared.plan.warnings.forEach(context.warn) }
                let report = RestoreReport(prepared.plan, try await restoration.carryOut(prepared))
                note.facts["verdict"] = report.verdict.map { .text($0.rawValue) }
                note.facts["kept"] = report.kept.isEmpty ? nil : .text(report.kept.joined(separator: ", "))
                if report.status != .success { note.answerNo(report.verdict?.rawValue ?? "") }
                return report
            }
        }
    }
}

/// `OLD=NEW`.
struct Pair: Sendable {
    let old: String
    let new: String

    init(_ text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw ValidationError("\"\(text)\" is no pair of roles: write OLD=NEW")
        }
        (old, new) = (parts[0], parts[1])
    }
}

private struct RestorePlanReport: Report {
    struct Database: Encodable {
        let database: String
        let target: String
        /// `new`, `fill`, `add` or `replace`.
        let way: String
        let keptAs: String?
        let sessions: Int?
        let tables: Int
        let rows: Int
        let bytes: Int
        let storedBytes: Int
        let files: Int
        let extensions: [String]
        let notRestored: [String]
        /// What it needs and finds in the target.
        let used: [String]
        let withoutRows: [String]
        let notCovered: [Manifest.Gap]

        init(_ plan: DatabasePlan) {
            (database, target) = (plan.database, plan.target)
            switch plan.way {
            case .new: (way, keptAs, sessions) = ("new", nil, nil)
            case .fill: (way, keptAs, sessions) = ("fill", nil, nil)
            case .add: (way, keptAs, sessions) = ("add", nil, nil)
            case .replace(let kept, let there): (way, keptAs, sessions) = ("replace", kept, there)
            }
            (tables, rows, bytes, storedBytes) = (plan.tables, plan.rows, plan.bytes, plan.storedBytes)
            files = plan.streams
            extensions = plan.extensions
            notRestored = plan.leftOut
            used = plan.used
            withoutRows = plan.withoutRows
            notCovered = plan.notCovered
        }
    }

    let backup: String
    let signer: String
    let snapshot: Timestamp
    let server: String
    let user: String
    let program: String
    let jobs: Int
    let rolesToMake: [String]
    let roleMap: [String: String]
    let missingTablespaces: [String]
    let leftovers: [String]
    let databases: [Database]
    let steps: [String]
    let warnings: [String]

    init(_ plan: RestorePlan) {
        (backup, signer, snapshot) = (plan.backup, plan.signer, plan.snapshot)
        (server, user, program, jobs) = (plan.server, plan.user, plan.program, plan.jobs)
        (rolesToMake, roleMap) = (plan.rolesToMake, plan.roleMap)
        (missingTablespaces, leftovers) = (plan.missingTablespaces, plan.leftovers)
        databases = plan.databases.map(Database.init)
        (steps, warnings) = (plan.steps, plan.warnings)
    }

    var text: String {
        let bytes = databases.reduce(0) { $0 + $1.bytes }
        let stored = databases.reduce(0) { $0 + $1.storedBytes }
        var lines = [
            "backup      \(backup), as of \(snapshot.brief), signed by \(signer)",
            "size        \(Words.size(bytes)) in \(Words.size(stored))",
            "server      \(server), as \"\(user)\"",
            "pg_restore  \(program), \(Words.plural(jobs, "session")) at a time",
        ]
        lines += steps.enumerated().map { "\($0.offset + 1). \($0.element)" }
        lines += databases.flatMap(\.notCovered).map(\.line)
        lines += warnings.map { "warning: \($0)" }
        return lines.map(Plain.line).joined(separator: "\n")
    }
}

private struct RestoreReport: Report {
    struct Database: Encodable {
        let database: String
        let target: String
        let tables: Int
        let rows: Int
        let seconds: Double
        /// Nil where nothing was compared.
        let verdict: Verdict?
        let differences: [String]
        /// What the database that was there is called now.
        let keptAs: String?
        let isInPlace: Bool
    }

    let backup: String
    let databases: [Database]
    let rolesMade: [String]
    let notCovered: [Manifest.Gap]

    init(_ plan: RestorePlan, _ restored: [Restoration.Restored]) {
        backup = plan.backup
        rolesMade = plan.rolesToMake
        notCovered = plan.databases.flatMap(\.notCovered)
        databases = restored.map { one in
            var kept: String?
            if case .replace(let name, _) = one.plan.way, one.isInPlace { kept = name }
            return Database(
                database: one.plan.database, target: one.plan.target, tables: one.plan.tables, rows: one.plan.rows,
                seconds: one.seconds, verdict: one.verdict, differences: one.differences, keptAs: kept,
                isInPlace: one.isInPlace)
        }
    }

    var verdict: Verdict? {
        let verdicts = databases.compactMap(\.verdict)
        return verdicts.isEmpty ? nil : .worst(of: verdicts)
    }

    var kept: [String] { databases.compactMap(\.keptAs) }

    var status: ExitStatus { verdict ?? .equal == .equal ? .success : .negative }

    var text: String {
        var lines: [String] = []
        for database in databases {
            let size = "\(Words.plural(database.tables, "table")), \(Words.plural(database.rows, "row"))"
            let verdict = database.verdict.map { ", \($0.rawValue)" } ?? ", not compared"
            lines.append(
                database.isInPlace
                    ? "restored \"\(database.database)\" of \(backup) as \"\(database.target)\": \(size), "
                        + "\(Words.duration(database.seconds))\(verdict)"
                    : "\"\(database.target)\" was not replaced: what was restored is not what the backup's index says")
            if let kept = database.keptAs { lines.append("the database that was there is now \"\(kept)\"") }
            // A broken restore can differ in every table: the first ones tell enough, and --json has them all.
            lines += database.differences.prefix(20).map { "  \($0)" }
            if database.differences.count > 20 { lines.append("  and \(database.differences.count - 20) more") }
        }
        return (lines + notCovered.map(\.line)).map(Plain.line).joined(separator: "\n")
    }
}
