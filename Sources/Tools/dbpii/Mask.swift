import ArgumentParser
import Console
import FieldEncryption
import Platform
import PostgresClient
import SystemPackage

struct Mask: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Copy a database for staging, with personal data replaced by consistent fakes.",
        details: """
            Equal values become equal fakes within one run, so that foreign keys still join; different ones stay different, so
            that unique stays unique; card numbers, IBAN and national numbers still pass their checks; e-mail addresses end in
            .example. The key that decides is made for the run and kept nowhere. Rows go through memory from the source into the
            copy: what is masked never rests.

            What is masked is said by --plan (of dbpii scan --plan, edited) and --rule, or found by a scan. Columns that a scan
            finds and nothing is said about are refused (1): name them with --rule TABLE.COLUMN=keep. Encrypted columns are
            replaced by other bytes. Owners, rights, publications and subscriptions are not copied.

            --to takes a folder (with a /), to be loaded by psql -f load.sql, or a database: a name on the same server, or a
            connection string.

            Rules: shape, email, phone, name, date, payment-card, iban, national-id, ip-address, mac-address, bytes, null,
            fixed:TEXT, keep.
            """,
        examples: [
            "dbpii mask -d shop --to shop_staging --dry-run", "dbpii mask -d shop --plan pii.json --to ./staging",
            "dbpii mask -d shop --to 'host=staging dbname=shop' --rule users.email=email --rule users.bio=shape",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "A folder, with a / in its name, or a database.")
    var to: String

    @Option(help: "A plan of dbpii scan.", completion: .file(extensions: ["json"]))
    var plan: FilePath?

    @Option(help: "A column and its rule, as users.email=email, or a key in JSON: users.data.mail=email (repeatable).")
    var rule: [String] = []

    @Option(help: "How sure a scan must be of a column that nothing is said about, from 0 to 1.")
    var minConfidence = 0.5

    @Option(help: "The folder of PostgreSQL's programs (default: DBSEC_POSTGRES, or the server's own version).")
    var programs: FilePath?

    @Flag(help: "Show what would be masked, and copy nothing.")
    var dryRun = false

    func validate() throws {
        guard (0...1).contains(minConfidence) else { throw ValidationError("--min-confidence is from 0 to 1") }
        guard !to.isEmpty else { throw ValidationError("--to is empty") }
    }

    func run(_ context: Context) async throws -> any Report {
        let connection = try await server.connect(context)
        var options = Scanner.Options()
        options.minimumConfidence = minConfidence
        let scan = try await Scanner(connection, options: options, progress: context.progress).scan()
        let said = try orders(schemas: Set(scan.tables.map(\.schema)))
        let derived = Set(scan.tables.filter(\.isDerived).map(\.place))
        let unsaid = scan.findings.filter { finding in
            !derived.contains("\(finding.schema).\(finding.table)")
                && !said.contains {
                    $0.schema == finding.schema && $0.table == finding.table && $0.column == finding.column
                        && ($0.path.isEmpty || $0.path == finding.path ?? [])
                }
        }
        let isGiven = plan != nil || !rule.isEmpty
        guard unsaid.isEmpty || !isGiven else { return MaskRefusal(unsaid.map { MaskRefusal.Column($0) }) }
        let found = try await DiscoveryPlan(scan.with(unsaid), connection)
        let parameters = try server.parameters(for: context.program)
        let installation = try await PostgresInstallation.atLeast(
            connection.majorVersion, given: programs, environment: context.environment)
        await connection.close()
        let copy = MaskedCopy(
            parameters, installation, orders: said + (try Self.orders(of: found, named: "the scan")),
            progress: context.progress)
        if dryRun {
            return MaskReport(to: to, dryRun: true, outcome: MaskedCopy.Outcome(masked: try await copy.plan()))
        }
        return MaskReport(
            to: to, dryRun: false, outcome: try await copy.make(target(parameters), audit: context.openAudit()))
    }

    private func target(_ source: ConnectionParameters) throws -> MaskedCopy.Target {
        let isConnection = to.contains("=") || to.hasPrefix("postgresql://") || to.hasPrefix("postgres://")
        if isConnection { return .database(try ConnectionParameters(database: to, applicationName: "dbpii")) }
        return to.contains("/") ? .folder(FilePath(to).absolute) : .database(source.with(database: to))
    }

    private func orders(schemas: Set<String>) throws -> [MaskOrder] {
        let given = try rule.map { text in
            guard let order = MaskOrder(text, schemas: schemas) else {
                let name = text.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
                throw ValidationError(
                    "\"\(text)\" is not TABLE.COLUMN=RULE; rules are \(MaskRule.names.joined(separator: ", "))"
                        + Suggestion.phrase(for: name, among: MaskRule.names))
            }
            return order
        }
        guard let plan else { return given }
        let document = try DiscoveryPlan(reading: Files.read(plan), named: plan.string)
        // What is said on the command line beats the plan.
        return try Self.orders(of: document, named: plan.string).filter { order in
            !given.contains {
                $0.schema == order.schema && $0.table == order.table && $0.column == order.column
                    && $0.path == order.path
            }
        } + given
    }

    private static func orders(of plan: DiscoveryPlan, named name: String) throws -> [MaskOrder] {
        try plan.columns.enumerated().map { index, column in
            guard let rule = MaskRule(column.mask) else {
                throw PlainFailure(
                    .malformed,
                    "cannot read \(name): columns[\(index)].mask: unknown rule \"\(column.mask)\""
                        + Suggestion.phrase(for: column.mask, among: MaskRule.names))
            }
            return MaskOrder(
                schema: column.schema, table: column.table, column: column.column, path: column.path ?? [], rule: rule)
        }
    }
}

/// Columns that look like personal data, and that neither plan nor rule says anything about.
struct MaskRefusal: Report {
    struct Column: Encodable, Sendable {
        let column: String
        let kind: String
        let confidence: Double

        init(_ finding: ColumnFinding) {
            (column, kind, confidence) = (finding.place, finding.kind.rawValue, finding.confidence)
        }
    }

    let unsaid: [Column]

    init(_ unsaid: [Column]) { self.unsaid = unsaid }

    var status: ExitStatus { .negative }

    var text: String {
        let lines = unsaid.map { "  \(Plain.line($0.column)): \($0.kind), \(Int(($0.confidence * 100).rounded())) %" }
        return
            (["nothing was copied: these columns look like personal data, and no rule says what to do with them"]
            + lines
            + ["give each a rule, as --rule TABLE.COLUMN=shape, or --rule TABLE.COLUMN=keep"]).joined(separator: "\n")
    }
}

struct MaskReport: Report {
    let to: String
    let dryRun: Bool
    let outcome: MaskedCopy.Outcome

    var text: String {
        var lines = outcome.masked.map { "  \(Plain.line($0))" }
        lines.insert(
            "\(dryRun ? "would mask" : "masked") \(Words.plural(outcome.masked.count, "column"))", at: 0)
        if !dryRun {
            lines.append(
                "copied \(Words.count(outcome.rows)) rows of \(Words.plural(outcome.tables, "table")) to \(Plain.line(Self.place(to)))"
            )
            lines += outcome.notCopied.map { "not copied: \(Plain.line($0))" }
        }
        return lines.joined(separator: "\n")
    }

    /// A connection string may hold what is not to be printed.
    private static func place(_ to: String) -> String {
        to.contains("=") || to.contains("://") ? "the database" : to
    }

    private enum Keys: String, CodingKey {
        case masked, rows, tables, notCopied, dryRun
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(outcome.masked, forKey: .masked)
        try container.encode(outcome.rows, forKey: .rows)
        try container.encode(outcome.tables, forKey: .tables)
        try container.encode(outcome.notCopied, forKey: .notCopied)
        try container.encode(dryRun, forKey: .dryRun)
    }
}
