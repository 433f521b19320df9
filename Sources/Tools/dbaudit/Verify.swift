import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Verify: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Check every record, the tree, the signature, and checkpoints that you kept.",
        details: """
            Two verdicts. Integrity: is this what was written? It is the exit status, and has a level: L0 consistent in itself,
            L1 signed by the pinned key, L2 consistent with a checkpoint kept elsewhere, L3 that checkpoint covers the last
            hours too. Completeness: does something seem to be missing? Acts without an end, days without a heartbeat, backups
            and changed roles that no record explains; --complete makes that a failure as well.

            --from names a checkpoint that you kept, and then only what is new since then is read; --full reads everything all
            the same. Without --key the key in the log's own folder is used, which whoever can write there could have replaced:
            copy log.vkey to where you verify. Without --from nothing is excluded that the log's own account could have done.

            With -d, -h, -p or -U the roles of a server are compared with those of the last heartbeat.
            """,
        examples: [
            "dbaudit verify", "dbaudit verify --key log.vkey --from yesterday.checkpoint --require L2",
            "dbaudit verify --all --complete", "dbaudit verify --full --from friday.checkpoint -d postgres",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(
        help: "A checkpoint kept from an earlier day (dbaudit checkpoint > FILE); may be given again.",
        completion: .file())
    var from: [FilePath] = []

    @Flag(help: "Read every record, whatever --from covers.")
    var full = false

    @Option(help: "The log's public key, or a file that holds it; with --all once for each log.", completion: .file())
    var key: [String] = []

    @Option(help: "The least level that is enough: L0, L1, L2 or L3.")
    var require: LogVerdict.Level?

    @Flag(help: "Answer no (1) when something seems to be missing.")
    var complete = false

    @Option(help: "How many hours old the newest record under a kept checkpoint may be for L3.")
    var fresh = 26

    @Flag(help: "Verify every log of this host: each account has its own.")
    var all = false

    @Flag(help: "Ask the anchors of the configuration that can be read back: files and databases.")
    var anchors = false

    @Option(
        help: "Where the backups are that must have records (default: the repository of the configuration).",
        completion: .directory)
    var repository: String?

    @Flag(help: "Put this verification on record too.")
    var record = false

    func validate() throws {
        if !all, key.count > 1 { throw ValidationError("one log has one key: --key once, or --all") }
    }

    func run(_ context: Context) async throws -> any Report {
        let keys = try key.map { try VerifierKey.named($0) }
        let kept = try from.map { KeptCheckpoint(try LogFolder.readCheckpoint($0), from: "the checkpoint \($0)") }
        guard record else { return try await verify(context, keys, kept) }
        return try await context.openAudit().recording(.logVerify) { note in
            let report = try await verify(context, keys, kept)
            if let own = report.logs.first {
                note.facts = ["records": .number(own.verdict.records), "root": .text(own.verdict.root.hex)]
            }
            if report.logs.contains(where: { !$0.verdict.isIntact }) { note.answerNo("the log is not intact") }
            return report
        }
    }

    private func verify(
        _ context: Context, _ keys: [VerifierKey], _ kept: [KeptCheckpoint]
    ) async throws -> VerifyReport {
        let folders = all ? HostLogs.find(context) : [context.state.audit]
        guard !folders.isEmpty else {
            throw AuditFailure(
                .missing, "there is no audit log on this host", hint: "the first privileged act makes one")
        }
        let backups = try await RecordedBackups(context, repository)
        let roles = try await server.isNamed ? RoleDigest.read(server.connect(context)) : nil
        var logs: [VerifiedLog] = []
        for folder in folders {
            let reader = try LogReader(folder)
            let origin = (try? reader.folder.readCheckpoint())?.checkpoint.origin
            var options = VerifyOptions()
            options.key = all ? keys.first { $0.name == origin } : keys.first
            options.kept = all ? kept.filter { $0.checkpoint.checkpoint.origin == origin } : kept
            options.onlyNew = !options.kept.isEmpty && !full
            options.kept += backups.checkpoints(of: origin)
            if anchors, let origin { options.kept += try await anchored(origin, context) }
            options.now = context.now()
            options.freshness = Double(fresh) * 3600
            var verdict = try reader.verify(options, progress: context.progress)
            backups.compare(with: &verdict)
            roles?.compare(with: &verdict)
            logs.append(VerifiedLog(verdict, folder: folder, isPinned: options.key != nil))
        }
        return VerifyReport(logs: logs, all: all, require: require, complete: complete)
    }

    private func anchored(_ origin: String, _ context: Context) async throws -> [KeptCheckpoint] {
        var kept: [KeptCheckpoint] = []
        for target in try context.settings.anchors { kept += try await target.kept(of: origin, context) }
        return kept
    }
}

extension LogVerdict.Level: ExpressibleByArgument {}

extension ServerOptions {
    /// Whether a server was named here.
    var isNamed: Bool { dbname != nil || host != nil || port != nil || username != nil }
}

extension VerifierKey {
    /// Reads a key that is written out, or the file of that name.
    static func named(_ text: String) throws -> VerifierKey {
        if let key = try? VerifierKey(parsing: text) { return key }
        let path = FilePath(text)
        // A key is never a path: the bytes in its base64 would have to be a folder's name.
        guard Files.exists(path) else { return try VerifierKey(parsing: text) }
        return try VerifierKey(parsing: String(decoding: Files.read(path, limit: 4096), as: UTF8.self))
    }
}
