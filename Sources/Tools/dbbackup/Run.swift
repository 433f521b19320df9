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
            database is dumped. Nothing appears in the repository before everything has succeeded.
            """,
        examples: ["dbbackup run", "dbbackup run --quiet shop", "dbbackup run -h db.example.org -U backup"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The databases (default: every one that takes connections and is no template).")
    var databases: [String] = []

    @Option(help: "The name of the cluster's folder (default: the server's cluster_name, or main).")
    var cluster: String?

    @Option(help: "How many seconds to wait for a table that is locked exclusively (default: 60).")
    var lockWaitTimeout: Int?

    @Option(help: "The folder of PostgreSQL's programs (default: DBSEC_POSTGRES, or one that fits the server).")
    var pgBin: FilePath?

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
    }

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        var options = BackupRun.Options(databases: databases, cluster: cluster ?? settings.cluster)
        options.lockWait = lockWaitTimeout ?? settings.lockWaitTimeout ?? options.lockWait
        options.programs = pgBin
        options.tags = tag
        try context.keys.requireReader()
        let repository = try await context.repository(place)
        let run = BackupRun(
            server: try server.parameters(for: context.program).reaching(databases, context.environment),
            repository: repository, keys: context.keys, audit: try context.openAudit(),
            program: "\(context.program) \(Release.version)", options: options, environment: context.environment,
            now: context.now, progress: context.progress)
        let made = try await run.make()
        for sentence in made.leftovers { context.warn(sentence) }
        try await repository.sendWhole(
            made.backup, made.manifest, audit: context.openAudit(), progress: context.progress)
        var copies: [CopyReport.Place] = []
        for place in settings.copies + copyTo {
            copies.append(
                await CopyReport.Place(place) {
                    [try await context.copying(to: place, from: repository).copy(made.backup)]
                })
        }
        return RunReport(made, copies)
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
    let copies: [CopyReport.Place]

    /// The backup itself is there, whatever became of its copies.
    var status: ExitStatus { CopyReport(dryRun: false, copies: copies).status }

    init(_ made: BackupRun.Made, _ copies: [CopyReport.Place]) {
        self.copies = copies
        backup = made.backup.name
        folder = made.backup.folder.string
        databases = made.index.databases.map { database in
            Database(
                name: database.facts.name, tables: database.content.tables.count, rows: database.content.rows,
                bytes: database.content.bytes, stored: made.manifest.dump(of: database.facts.name)?.size ?? 0)
        }
        bytes = made.manifest.contentSize
        stored = made.manifest.size
        seconds = made.manifest.finished.seconds(since: made.manifest.started)
        manifest = made.backup.manifestHash.hex
        trust = made.manifest.trust.rawValue
        notCovered = made.manifest.notCovered
    }

    var text: String {
        let rows = databases.reduce(0) { $0 + $1.rows }
        var lines = [
            "\(backup): \(Words.plural(databases.count, "database")), \(Words.plural(rows, "row")), "
                + "\(Words.size(bytes)) in \(Words.size(stored)), \(Words.duration(seconds))"
        ]
        if trust == Manifest.Trust.sameHost.rawValue { lines.append("trust: same host") }
        lines += notCovered.map(\.line)
        lines += copies.flatMap(\.lines).map { "copy: \(Plain.line($0))" }
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
