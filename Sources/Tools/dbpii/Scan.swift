import ArgumentParser
import Console
import FieldEncryption
import Platform
import SystemPackage

struct Scan: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Find the columns that hold personal data.",
        details: """
            Columns are judged by their names (in eight languages), their types, and the share of a random sample of their
            values that pass a check: card numbers, IBAN, numbers of seventeen states, e-mail, telephone, dates of birth, names,
            addresses. Keys inside of JSON columns are judged too. No value is printed, only its shape. Reads, and writes
            nothing. Exit code 1 when something was found, 0 when not. Documentation/finding-data.md says how well it judges.

            --plan writes a document for the next step: what to encrypt under which context, what to index, whose rights to
            narrow, how to mask. dbpii mask reads it.
            """,
        examples: [
            "dbpii scan -d shop", "dbpii scan -d shop --schema public --min-confidence 0.8",
            "dbpii scan -d shop --plan pii.json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "Only this schema (repeatable).")
    var schema: [String] = []

    @Option(help: "Leave out what is less sure, from 0 to 1.")
    var minConfidence = 0.5

    @Option(help: "How many values of each column to look at.")
    var sample = 300

    @Option(help: "Write a plan for what was found to this file.", completion: .file(extensions: ["json"]))
    var plan: FilePath?

    func validate() throws {
        guard (0...1).contains(minConfidence) else { throw ValidationError("--min-confidence is from 0 to 1") }
        guard (10...10_000).contains(sample) else { throw ValidationError("--sample is from 10 to 10000") }
    }

    func run(_ context: Context) async throws -> any Report {
        var options = Scanner.Options()
        options.schemas = Set(schema)
        options.minimumConfidence = minConfidence
        options.sampleSize = sample
        let connection = try await server.connect(context)
        let outcome = try await Scanner(connection, options: options, progress: context.progress).scan()
        if let plan {
            let document = try await DiscoveryPlan(outcome, connection)
            try Files.write(document.encoded(), to: plan.absolute)
        }
        return ScanReport(outcome, plan: plan)
    }
}

struct ScanReport: Report {
    private let outcome: ScanOutcome
    private let plan: FilePath?

    init(_ outcome: ScanOutcome, plan: FilePath?) {
        self.outcome = outcome
        self.plan = plan
    }

    var status: ExitStatus { outcome.findings.isEmpty ? .success : .negative }

    var text: String {
        var lines: [String] = []
        if !outcome.findings.isEmpty {
            var table = TextTable(["COLUMN", "HOLDS", "SURE", "LOOKS LIKE", "BECAUSE OF"])
            for finding in outcome.findings {
                table.append([
                    Plain.line(finding.place), finding.kind.rawValue, "\(Int((finding.confidence * 100).rounded())) %",
                    Plain.line(finding.evidence.first ?? "-"), Plain.line(finding.reasons.joined(separator: "; ")),
                ])
            }
            lines += [table.text, ""]
        }
        lines.append(
            "\(Words.plural(outcome.findings.count, "column")) with personal data, of \(Words.count(outcome.columns)) in "
                + Words.plural(outcome.tables.count, "table"))
        lines += outcome.skipped.map { "not looked at: \(Plain.line("\($0.what): \($0.why)"))" }
        if let plan { lines.append(Plain.line("wrote the plan \(plan)")) }
        return lines.joined(separator: "\n")
    }

    private enum Keys: String, CodingKey {
        case findings, columns, tables, notLooked, plan
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(outcome.findings, forKey: .findings)
        try container.encode(outcome.columns, forKey: .columns)
        try container.encode(outcome.tables.count, forKey: .tables)
        try container.encode(outcome.skipped, forKey: .notLooked)
        try container.encodeIfPresent(plan?.string, forKey: .plan)
    }
}
