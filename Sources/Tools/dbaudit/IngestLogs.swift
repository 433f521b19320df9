import ArgumentParser
import AuditLog
import Console
import Platform
import PostgresClient
import SystemPackage

struct IngestLogs: Command {
    static let configuration = CommandConfiguration.verb(
        "ingest", "Take what PostgreSQL logs, and the events of dbauth, into the audit log; each line once.",
        details: """
            Reads csvlog, jsonlog, pgaudit in either, pgauditlogtofile, and the JSON that CloudNativePG and Azure wrap them
            in. It goes on where it stopped, whatever logrotate did meanwhile; what was compressed is unpacked with gzip, zstd,
            xz, bzip2 or lz4. Passwords and keys are taken out before
            anything is written; of statements only the form is kept, every value a ?, unless --statements says otherwise.

            Raised as findings (dbaudit search --action pg.finding): lines that are missing from a session, changes to
            settings of logging and pgaudit, and sessions of superusers, who could switch both off.
            """,
        examples: [
            "dbaudit ingest --from /var/log/postgresql", "dbaudit ingest --from audit-20261126_0000.log",
            "dbaudit ingest --from app -h db1", "dbaudit ingest --from /var/lib/pgsql/log --superuser admin",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(
        help: "A log file, a folder of them, or a database that has dbauth's events. May be given again.",
        completion: .file())
    var from: [String] = []

    @Option(help: "How much of statements is kept: form (values as ?), full (without passwords and keys), none.")
    var statements = "form"

    @Option(help: "A role whose sessions are findings. May be given again; postgres is always one.")
    var superuser: [String] = []

    @Option(help: "The offset of the server's log_timezone, where the log has only the zone's name: +01:00.")
    var utcOffset: String?

    func validate() throws {
        guard !from.isEmpty || server.dbname != nil else {
            throw ValidationError("say what to take: --from FILE, FOLDER or DATABASE")
        }
        guard StatementDetail(rawValue: statements) != nil else {
            throw ValidationError("--statements is form, full or none")
        }
        if let utcOffset, Timestamp.seconds(east: utcOffset) == nil {
            throw ValidationError("--utc-offset is like +01:00")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        var options = Ingest.Options()
        options.detail = StatementDetail(rawValue: statements) ?? .form
        options.superusers.formUnion(superuser)
        options.zone = utcOffset.flatMap { Timestamp.seconds(east: $0) }
        let places = from.filter { isPath($0) }
        let databases = from.filter { !isPath($0) } + (server.dbname.map { [$0] } ?? [])
        var ingest = try Ingest(
            into: context.openAudit(), folder: context.state.path.appending("ingest"), options: options,
            progress: context.progress)
        for place in places.map({ FilePath($0) }) {
            try await ingest.takePacked(from: place)
            try ingest.take(from: place)
        }
        for database in databases {
            var server = server
            server.dbname = database
            try await LoginEvents.take(into: &ingest, from: server.connect(context))
        }
        for warning in ingest.summary.warnings { context.warn(warning) }
        if ingest.summary.files == 0, ingest.summary.warnings.isEmpty, let path = ingest.summary.passedOver.first {
            context.warn("\(path) and what is beside it is no log in a known format: set log_destination = 'jsonlog'")
        }
        return IngestReport(summary: ingest.summary)
    }

    /// What has a slash or is there is a file; everything else is a database.
    private func isPath(_ text: String) -> Bool {
        (text.contains("/") && !text.contains("://")) || Files.exists(FilePath(text))
    }
}

struct IngestReport: Report {
    let summary: Ingest.Summary

    var text: String {
        guard summary.lines > 0 else { return "nothing new" }
        var parts = [
            "took \(Words.plural(summary.lines, "line")) (\(Words.size(summary.bytes))): "
                + "\(Words.plural(summary.records, "record")), \(Words.plural(summary.findings, "finding"))"
        ]
        if summary.unreadable > 0 { parts.append("\(Words.plural(summary.unreadable, "line")) could not be read") }
        if summary.findings > 0 { parts.append("dbaudit search --action pg.finding shows the findings") }
        return parts.joined(separator: "\n")
    }

    private enum Keys: String, CodingKey {
        case files, bytes, lines, records, findings, unreadable, passedOver
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(summary.files, forKey: .files)
        try container.encode(summary.bytes, forKey: .bytes)
        try container.encode(summary.lines, forKey: .lines)
        try container.encode(summary.records, forKey: .records)
        try container.encode(summary.findings, forKey: .findings)
        try container.encode(summary.unreadable, forKey: .unreadable)
        try container.encode(summary.passedOver, forKey: .passedOver)
    }
}
