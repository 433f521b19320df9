import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Anchor: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Put the newest checkpoint where this host cannot change it.",
        details: """
            Without options it goes to the anchors of the configuration: "audit": {"anchors": [{"file": "/mnt/worm/{date}"},
            {"database": "service=elsewhere"}, {"syslog": "/dev/log"}, {"command": ["/usr/local/bin/put"]}]}. What was put where
            is on record, and dbaudit anchors lists it. Backups carry a checkpoint by themselves.
            """,
        examples: [
            "dbaudit anchor --file /mnt/elsewhere/{date}.checkpoint", "dbaudit anchor --database service=elsewhere",
            "dbaudit anchor --syslog", "dbaudit anchor",
        ])

    @OptionGroup var common: CommonOptions

    @Option(help: "A file; {size} and {date} in its name are filled in.", completion: .file())
    var file: [String] = []

    @Option(help: "A database, as a name, URI or connection string: into its table dbaudit.checkpoints.")
    var database: [String] = []

    @Option(help: "A program that takes the checkpoint on standard input.", completion: .file())
    var command: [String] = []

    @Flag(help: "The system's log: journald or syslog.")
    var syslog = false

    func run(_ context: Context) async throws -> any Report {
        var targets: [AnchorTarget] = file.map { .file($0) } + database.map { .database($0) }
        targets += command.map { .command([$0]) } + (syslog ? [.syslog("/dev/log")] : [])
        if targets.isEmpty { targets = try context.settings.anchors }
        guard !targets.isEmpty else {
            throw PlainFailure(
                .configuration, "there is no place to put a checkpoint",
                hint: "name one: --file, --database, --command or --syslog, or \"anchors\" in the configuration")
        }
        return AnchorReport(anchored: try await AnchorReport.anchor(targets, context))
    }
}

struct AnchorReport: Report {
    struct Anchored: Encodable {
        let kind: String
        let to: String
        let size: Int
        let problem: String?
    }

    let anchored: [Anchored]

    var status: ExitStatus { anchored.contains { $0.problem != nil } ? .unavailable : .success }

    var text: String {
        anchored.map { one in
            one.problem.map { "NOT KEPT in \(Plain.line(one.kind)) \(Plain.line(one.to)): \(Plain.line($0))" }
                ?? "kept \(Words.plural(one.size, "record")) in \(one.kind) \(Plain.line(one.to))"
        }.joined(separator: "\n")
    }

    /// Puts the newest checkpoint to each place, whatever becomes of the others, and each on record.
    static func anchor(_ targets: [AnchorTarget], _ context: Context) async throws -> [Anchored] {
        let audit = try context.openAudit()
        let checkpoint = try audit.folder.readCheckpoint()
        var anchored: [Anchored] = []
        var events: [AuditEvent] = []
        for target in targets {
            var problem: (any Failure)?
            do {
                try await target.keep(checkpoint, context)
            } catch let failure as any Failure {
                problem = failure
            }
            events.append(
                AuditEvent(
                    .logAnchor, outcome: problem == nil ? .success : .failure, reason: problem?.sentence,
                    status: problem?.status,
                    facts: [
                        "kind": .text(target.kind), "to": .text(target.name), "size": .number(checkpoint.size),
                        "root": .text(checkpoint.root.hex),
                    ]))
            anchored.append(
                Anchored(kind: target.kind, to: target.name, size: checkpoint.size, problem: problem?.sentence))
        }
        try audit.append(events)
        return anchored
    }
}

struct Anchors: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "List every copy of a checkpoint that is on record or in backups, and its age.",
        examples: ["dbaudit anchors", "dbaudit anchors --json"])

    @OptionGroup var common: CommonOptions

    @Option(
        help: "Where the backups are (default: the repository of the configuration).", completion: .directory)
    var repository: String?

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        let checkpoint = try reader.folder.readCheckpoint()
        var copies: [AnchorsReport.Copy] = []
        for record in try reader.records(last: 1_000_000, action: AuditAction.logAnchor.rawValue).records
        where record.outcome == .success {
            guard case .text(let kind)? = record.facts?["kind"], case .text(let to)? = record.facts?["to"],
                case .number(let size)? = record.facts?["size"]
            else { continue }
            copies.removeAll { $0.kind == kind && $0.to == to }
            copies.append(AnchorsReport.Copy(kind: kind, to: to, size: size, at: record.time, context.now()))
        }
        let backups = try await RecordedBackups(context, repository)
        if let (name, kept, time) = backups.newest(of: checkpoint.checkpoint.origin) {
            copies.append(
                AnchorsReport.Copy(kind: "backup", to: name, size: kept.size, at: time, context.now()))
        }
        return AnchorsReport(records: checkpoint.size, copies: copies)
    }
}

struct AnchorsReport: Report {
    struct Copy: Encodable {
        let kind: String
        let to: String
        /// How many records it covers.
        let size: Int
        let at: Timestamp
        let ageSeconds: Double

        init(kind: String, to: String, size: Int, at time: Timestamp, _ now: Timestamp) {
            (self.kind, self.to, self.size, at) = (kind, to, size, time)
            ageSeconds = max(0, now.seconds(since: time))
        }
    }

    let records: Int
    let copies: [Copy]

    /// Without any copy nothing protects the log: that is an answer of no.
    var status: ExitStatus { copies.isEmpty ? .negative : .success }

    var text: String {
        guard !copies.isEmpty else {
            return "no checkpoint of this log is known to be kept anywhere: dbaudit anchor --help"
        }
        return copies.map { copy in
            "\(copy.kind)  \(Plain.line(copy.to)): \(Words.count(copy.size)) of \(Words.plural(records, "record")), "
                + "\(copy.at.brief), \(Words.duration(copy.ageSeconds)) ago"
        }.joined(separator: "\n")
    }
}
