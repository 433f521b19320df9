import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Run: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Make a backup of all databases, or of those named.",
        details: """
            Every table is locked against being rewritten (ACCESS SHARE, which reading and writing do not mind) while its
            database is dumped. Nothing appears in the repository before everything has ended.

            In names, * and ? stand for any characters and for one; a backslash takes that meaning away. A database that
            cannot be dumped does not lose the others: the backup names it as failed, and the exit code is 1.
            """,
        examples: [
            "dbbackup run", "dbbackup run --quiet shop 'crm_*'", "dbbackup run --exclude 'test_*' --config-files",
            "dbbackup run -h standby.example.org -U backup --jobs 4",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions

    @OptionGroup var choice: RunChoice

    @Option(help: "How many seconds to wait for a table that is locked exclusively (default: 60).")
    var lockWaitTimeout: Int?

    @Option(
        help: "Warn of a table or database that lost more than this percentage since the last backup (default: 50).")
    var maxLoss: Int?

    @Flag(help: "End with 1 when something was lost, after the backup is made.")
    var failOnAnomaly = false

    @Option(help: "A word by which dbbackup prune --keep-tag keeps this backup; may be repeated.")
    var tag: [String] = []

    @Option(
        help:
            "Copy it to this place too: remote:path or a folder; may be repeated (adds to copies in the configuration)."
    )
    var copyTo: [String] = []

    func validate() throws {
        if let lockWaitTimeout, !(1...86_400).contains(lockWaitTimeout) {
            throw ValidationError("--lock-wait-timeout is from 1 to 86400 seconds")
        }
        if let maxLoss, !(0...100).contains(maxLoss) {
            throw ValidationError("--max-loss is a percentage, from 0 to 100")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        var options = settings.runOptions(choice, context)
        options.lockWait = lockWaitTimeout ?? options.lockWait
        options.anomalies.maxLoss = maxLoss ?? options.anomalies.maxLoss
        options.anomalies.fail = failOnAnomaly || options.anomalies.fail
        options.tags = tag
        try context.keys.requireReader()
        let repository = try await context.repository(place)
        let run = BackupRun(
            server: try server.parameters(for: context.program)
                .reaching(options.databases.exact, context.environment),
            repository: repository, keys: context.keys, audit: try context.openAudit(),
            program: "\(context.program) \(Release.version)", options: options, environment: context.environment,
            now: context.now, progress: context.progress)
        var hooks = settings.hooks
        hooks.warn = { context.warn($0) }
        let (made, copies) = try await hooks.around {
            let made = try await run.make()
            try await repository.sendWhole(
                made.backup, made.manifest, audit: context.openAudit(), progress: context.progress)
            return (made, await copy(made.backup, to: settings.copies + copyTo, from: repository, context))
        } ending: { [options] made, copies in
            CopyReport(copies).ending ?? made.ending(options)
        }
        let report = RunReport(made, options, copies)
        for warning in report.warnings { context.warn(warning) }
        return report
    }

    /// Copies to every place: one that fails does not keep the others, and the backup itself stands.
    private func copy(
        _ backup: StoredBackup, to places: [String], from repository: Repository, _ context: Context
    ) async -> [CopyReport.Place] {
        var copies: [CopyReport.Place] = []
        for place in places {
            copies.append(
                await CopyReport.Place(place) {
                    [try await context.copying(to: place, from: repository).copy(backup)]
                })
        }
        return copies
    }
}

/// What a run is about: the same for whoever looks whether it would succeed.
struct RunChoice: ParsableArguments, Sendable {
    @Argument(help: "The databases (default: every one that takes connections and is no template).")
    var databases: [String] = []

    @Option(help: "A database that is left out; may be repeated.")
    var exclude: [String] = []

    @Option(help: "The name of the cluster's folder (default: the server's cluster_name, or main).")
    var cluster: String?

    @Option(
        name: [.short, .long], help: "How many pg_dump may run at the same time (default: one a processor, at most 4).")
    var jobs: Int?

    @Flag(help: "Put the server's configuration files and settings into the backup, too.")
    var configFiles = false

    @Option(help: "The folder of PostgreSQL's programs (default: DBSEC_POSTGRES, or one that fits the server).")
    var pgBin: FilePath?

    func validate() throws {
        if let jobs, !(1...64).contains(jobs) { throw ValidationError("--jobs is from 1 to 64") }
    }
}

extension Settings {
    /// What a run is to do: a flag beats the file.
    func runOptions(_ choice: RunChoice, _ context: Context) -> BackupRun.Options {
        var options = BackupRun.Options(
            databases: DatabaseSelection(
                choice.databases.isEmpty ? databases ?? [] : choice.databases, except: choice.exclude + (exclude ?? [])),
            cluster: choice.cluster ?? cluster)
        options.lockWait = lockWaitTimeout ?? options.lockWait
        options.programs = choice.pgBin
        options.jobs = choice.jobs ?? jobs
        options.configurationFiles = choice.configFiles || configFiles ?? false
        options.anomalies.maxLoss = maxLoss ?? options.anomalies.maxLoss
        options.anomalies.ignored = (ignoreLossOf ?? []).map(NamePattern.init)
        options.anomalies.fail = failOnAnomaly ?? false
        options.memory = context.state.path.appending("last")
        return options
    }
}

private struct RunReport: Report {
    struct Database: Encodable {
        let name: String
        let tables: Int
        let rows: Int
        let bytes: Int
        let stored: Int
    }

    let backup: String
    let folder: String
    let databases: [Database]
    let bytes: Int
    let stored: Int
    let seconds: Double
    let manifest: String
    let trust: String
    let notCovered: [Manifest.Gap]
    let failed: [Failed]
    let anomalies: [Anomaly]
    let copies: [CopyReport.Place]
    let status: ExitStatus
    private let problems: [String]

    private enum CodingKeys: String, CodingKey {
        case backup, folder, databases, bytes, stored, seconds, manifest, trust, notCovered, failed, anomalies, copies
    }

    struct Failed: Encodable {
        let name: String
        let reason: String
        let hint: String?
    }

    init(_ made: BackupRun.Made, _ options: BackupRun.Options, _ copies: [CopyReport.Place]) {
        self.copies = copies
        status = CopyReport(copies).ending?.status ?? made.answer(options)
        failed = made.failed.map { Failed(name: $0.name, reason: $0.failure.sentence, hint: $0.failure.hint) }
        anomalies = made.anomalies
        problems = made.warnings
        backup = made.backup.name
        folder = made.backup.folder.string
        databases = made.index.databases.map { database in
            Database(
                name: database.facts.name, tables: database.content.tables.count, rows: database.content.rows,
                bytes: database.content.bytes, stored: made.manifest.stored(database.facts.name))
        }
        bytes = made.manifest.contentSize
        stored = made.manifest.size
        seconds = made.manifest.finished.seconds(since: made.manifest.started)
        manifest = made.backup.manifestHash.hex
        trust = made.manifest.trust.rawValue
        notCovered = made.manifest.notCovered
    }

    /// For stderr, where cron's mail shows them also of a run that is quiet.
    var warnings: [String] {
        failed.map { "\($0.name) is not in the backup: \($0.reason)\($0.hint.map { " (\($0))" } ?? "")" }
            + anomalies.map(\.sentence) + problems + copies.flatMap(\.problems)
    }

    var text: String {
        let rows = databases.reduce(0) { $0 + $1.rows }
        var lines = [
            "\(backup): \(Words.plural(databases.count, "database")), \(Words.plural(rows, "row")), "
                + "\(Words.size(bytes)) in \(Words.size(stored)), \(Words.duration(seconds))"
        ]
        if trust == Manifest.Trust.sameHost.rawValue { lines.append("trust: same host") }
        lines += notCovered.map(\.line)
        lines += copies.filter { $0.problem == nil }.flatMap(\.lines).map { "copy: \(Plain.line($0))" }
        return lines.joined(separator: "\n")
    }
}

extension Manifest.Gap {
    /// `not covered: 2 materialized views of app: a restore computes their content anew`.
    var line: String {
        let place = database.map { " of \(Plain.line($0))" } ?? ""
        return "not covered: \(Words.plural(count, what))\(place): \(reason)"
    }
}
