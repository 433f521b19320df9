import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Heartbeat: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Put a sign of life on record: once a day, so that silence shows.",
        details: """
            A day without one is incomplete for dbaudit verify. With -d it also records a hash of the server's roles, so that
            changes which no record explains show. It puts the checkpoint to the anchors of the configuration, and with
            "rotateDays" there it replaces the key when that is old enough. systemd/dbaudit-heartbeat.timer runs it.
            """,
        examples: ["dbaudit heartbeat --quiet", "dbaudit heartbeat -d postgres"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        let roles = try await server.isNamed ? RoleDigest.read(server.connect(context)) : nil
        let audit = try context.openAudit()
        var event = AuditEvent(.logHeartbeat)
        if let roles {
            event.target.system = roles.system
            event.facts = ["roles_sha256": .text(roles.digest), "roles": .number(roles.count)]
        }
        let entry = try audit.append(event)
        var rotated = false
        if let days = settings.rotateDays, try keyAge(audit, context.now()) >= Double(days) {
            _ = try audit.rotateKey(reason: "older than \(days) days")
            rotated = true
        }
        let anchored = settings.anchors.isEmpty ? [] : try await AnchorReport.anchor(settings.anchors, context)
        return HeartbeatReport(record: entry.seq, rotated: rotated, anchored: anchored)
    }

    /// In days: since the key was replaced, or the log was made.
    private func keyAge(_ audit: AuditLog, _ now: Timestamp) throws -> Double {
        let reader = try LogReader(audit.folder.path)
        let rotation = try reader.records(last: 1, action: AuditAction.logKey.rawValue).records.last
        let created = try rotation ?? reader.records(last: 1, action: AuditAction.logCreated.rawValue).records.last
        return created.map { now.seconds(since: $0.time) / 86400 } ?? 0
    }
}

struct HeartbeatReport: Report {
    let record: Int
    let rotated: Bool
    let anchored: [AnchorReport.Anchored]

    var status: ExitStatus { AnchorReport(anchored: anchored).status }

    var text: String {
        var lines = ["heartbeat is record \(record)"]
        if rotated { lines.append("the log has a new key, and the old one vouches for it") }
        if !anchored.isEmpty { lines.append(AnchorReport(anchored: anchored).text) }
        return lines.joined(separator: "\n")
    }
}

struct Acknowledge: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Say why a finding may stand, on record.",
        details: "For acts done with --break-glass: dbaudit verify names them until they are explained.",
        examples: ["dbaudit acknowledge 1042 \"restore of 3 November, ticket 4711\""])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The number of the record that stands as a finding.")
    var number: Int

    @Argument(help: "Why it may stand.")
    var reason: String

    func validate() throws {
        if reason.allSatisfy(\.isWhitespace) { throw ValidationError("a reason is needed") }
    }

    func run(_ context: Context) async throws -> any Report {
        let audit = try context.openAudit()
        guard let line = try LogTree(audit.folder).line(number),
            try AuditRecord(parsing: line.span).action == AuditAction.logBreakGlass.rawValue
        else {
            throw PlainFailure(
                .inputMissing, "record \(number) is no finding that can be acknowledged",
                hint: "dbaudit verify names them")
        }
        let entry = try audit.append(
            AuditEvent(.logAcknowledge, reason: reason, facts: ["record": .number(number)]))
        return AcknowledgeReport(record: entry.seq, acknowledged: number)
    }
}

struct AcknowledgeReport: Report {
    let record: Int
    let acknowledged: Int
    var text: String { "record \(acknowledged) is acknowledged, in record \(record)" }
}

struct Keys: Command {
    static let configuration = CommandConfiguration(
        abstract: "Show or replace the key that signs the log.", subcommands: [ShowKeys.self, RotateKeys.self])

    @OptionGroup var common: CommonOptions

    func run(_ context: Context) async throws -> any Report { try await ShowKeys().run(context) }
}

struct ShowKeys: Command {
    static let configuration = CommandConfiguration.verb(
        "show", "Print the log's public key, to be pinned where you verify.",
        examples: ["dbaudit keys show > /mnt/auditor/db1.vkey"])

    @OptionGroup var common: CommonOptions

    func run(_ context: Context) async throws -> any Report {
        KeyReport(key: try LogReader(context.state.audit).folder.readVerifierKey().description)
    }
}

struct RotateKeys: Command {
    static let configuration = CommandConfiguration.verb(
        "rotate", "Replace the key; the old one signs the new one and is then destroyed.",
        details: """
            Whoever pinned the old key goes on verifying with it. Whoever steals the new key cannot sign what came before in the
            name of the old one: rotate often, or let the heartbeat do it with "rotateDays" in the configuration.
            """,
        examples: ["dbaudit keys rotate", "dbaudit keys rotate --reason \"ann left the team\""])

    @OptionGroup var common: CommonOptions

    @Option(help: "Why, for the record.")
    var reason: String?

    func run(_ context: Context) async throws -> any Report {
        KeyReport(key: try context.openAudit().rotateKey(reason: reason).description)
    }
}

struct KeyReport: Report {
    let key: String
    var text: String { key }
}

struct Prune: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Give up records that are old enough, and keep their hashes.",
        details: """
            Whole files of the log in which nothing is younger go; the newest file always stays. Every proof, root and
            checkpoint still holds, since 32 bytes of each record are kept. PCI DSS wants 12 months, which is the default;
            HIPAA wants six years. Nothing goes from a log that is not what was signed.
            """,
        examples: ["dbaudit prune --dry-run", "dbaudit prune --keep-months 72"])

    @OptionGroup var common: CommonOptions

    @Option(help: "How many months are kept (default: keepMonths in the configuration, or 12).")
    var keepMonths: Int?

    @Flag(help: "Only say what would go.")
    var dryRun = false

    func validate() throws {
        if let keepMonths, !(1...1200).contains(keepMonths) { throw ValidationError("--keep-months is from 1 to 1200") }
    }

    func run(_ context: Context) async throws -> any Report {
        let months = try keepMonths ?? context.settings.keepMonths ?? 12
        let cutoff = context.now().monthsEarlier(months)
        let audit = try context.openAudit()
        let plan = try dryRun ? audit.prunePlan(before: cutoff) : audit.prune(before: cutoff)
        return PruneReport(parts: plan.parts, months: months, dryRun: dryRun)
    }
}

extension Timestamp {
    /// The same day of the month, that many months ago, or the last day of a shorter month.
    fileprivate func monthsEarlier(_ months: Int) -> Timestamp {
        let now = civil
        let month = now.year * 12 + now.month - 1 - months
        func text(_ number: Int, _ width: Int) -> String {
            String(repeating: "0", count: max(0, width - String(number).count)) + String(number)
        }
        for day in stride(from: now.day, through: 1, by: -1) {
            let date = "\(text(month / 12, 4))-\(text(month % 12 + 1, 2))-\(text(day, 2))"
            if let time = Timestamp("\(date)T\(String(description.dropFirst(11)))") { return time }
        }
        return self
    }
}

struct PruneReport: Report {
    let parts: [LogPrunePlan.Part]
    let months: Int
    let dryRun: Bool

    var text: String {
        guard !parts.isEmpty else { return "no file of the log is older than \(Words.plural(months, "month"))" }
        return parts.map { part in
            "\(dryRun ? "would give up" : "gave up") \(part.file): \(Words.plural(part.records, "record")) until "
                + "\(part.until.brief), \(Words.size(part.bytes))"
        }.joined(separator: "\n")
    }
}

struct Redact: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Erase a person's sensitive values from the log; every proof still holds.",
        details: """
            The records keep their commitments, which tell nothing without the salts that are erased too. That somebody erased
            something, and in which records, is on record; what it was is not. --subject - reads the value from standard input.
            """,
        examples: ["dbaudit redact --subject ann@example.org --dry-run", "dbaudit redact --seq 1042"])

    @OptionGroup var common: CommonOptions

    @Option(help: "A value as it was recorded: an address, a user's name; - reads it from standard input.")
    var subject: String?

    @Option(help: "The number of a record.")
    var seq: Int?

    @Option(help: "Why, for the record; without the person's data.")
    var reason: String?

    @Flag(help: "Only say which records would be concerned.")
    var dryRun = false

    func validate() throws {
        if (subject == nil) == (seq == nil) { throw ValidationError("name --subject or --seq") }
    }

    func run(_ context: Context) async throws -> any Report {
        let what = try whom()
        let audit = try context.openAudit()
        if dryRun { return RedactReport(records: try audit.records(about: what), dryRun: true) }
        return try await audit.recording(.logRedact, facts: reason.map { ["why": .text($0)] } ?? [:]) { note in
            let erased = try audit.redact(what)
            note.facts["records"] = .number(erased.count)
            note.facts["which"] = .text(erased.prefix(1000).map(String.init).joined(separator: ","))
            if let reason { note.facts["why"] = .text(reason) }
            return RedactReport(records: erased, dryRun: false)
        }
    }

    private func whom() throws -> RedactionSubject {
        if let seq { return .record(seq) }
        guard subject == "-" else { return .value(subject ?? "") }
        var bytes = try Files.read("/dev/stdin", limit: 1 << 16)
        while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
        return .value(String(decoding: bytes, as: UTF8.self))
    }
}

struct RedactReport: Report {
    let records: [Int]
    let dryRun: Bool

    var status: ExitStatus { records.isEmpty ? .negative : .success }

    var text: String {
        guard !records.isEmpty else { return "no record holds sensitive values of that subject" }
        let which = records.prefix(20).map(String.init).joined(separator: ", ") + (records.count > 20 ? ", ..." : "")
        return
            "\(dryRun ? "would erase" : "erased") the sensitive values of \(Words.plural(records.count, "record")): \(which)"
    }
}
