import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct Lint: Command {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, sarif
    }

    static let configuration = CommandConfiguration.verb(
        nil, "Look for known traps in the database, and in the policy that is meant for it.",
        details: """
            Judged is what roles can do that are not trusted with everything: with a policy the roles that it names,
            without one every role that can log in, and PUBLIC. Exit code 1 if a finding reaches --fail-on. Writes
            nothing. Documentation/lint.md lists the findings.
            """,
        examples: [
            "dbsec lint -d shop policies/ecommerce.json",
            "dbsec lint -d shop --format sarif --baseline lint.json > lint.sarif",
            "dbsec lint -d shop --only rls-truncate --only policy-always-true --fail-on warning",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy that is meant for the database.", completion: .file(extensions: ["json"]))
    var policy: FilePath?

    @Option(help: "text, json (as --json) or sarif (2.1.0).")
    var format: Format = .text

    @Option(help: "End with 1 from this severity on: error, warning or info.")
    var failOn: LintSeverity = .error

    @Option(help: "Accepted findings, each with a reason and a last day.", completion: .file(extensions: ["json"]))
    var baseline: FilePath?

    @Option(help: "Only findings in this schema (repeatable).")
    var schema: [String] = []

    @Option(help: "Only this finding (repeatable).")
    var only: [String] = []

    @Option(help: "Not this finding (repeatable).")
    var except: [String] = []

    @Option(help: "An owner whose functions and policies the planner may evaluate (repeatable).")
    var trustOwner: [String] = []

    func validate() throws {
        guard !common.json || format != .sarif else {
            throw ValidationError("--json and --format sarif exclude each other")
        }
        for id in only + except where !LintRule.identifiers.contains(id) {
            throw ValidationError(unknown("finding", id, among: LintRule.identifiers))
        }
    }

    func run(_ context: Context) async throws -> any Report {
        var options = Linter.Options()
        options.schemas = Set(schema)
        options.only = Set(only)
        options.except = Set(except)
        options.trustedOwners = trustOwner
        options.baseline = try baseline.map(Baseline.load)
        let file = try policy.map(PolicyFile.load)
        let connection = try await server.connect(context)
        let outcome = try await Linter(connection, policy: file?.policy, options: options).run(at: context.now())
        return try LintReport(outcome, format: format, failOn: failOn)
    }
}

extension LintSeverity: ExpressibleByArgument {}

/// Findings by severity, the worst first, and their counts at the end.
struct LintReport: Report {
    private let outcome: LintOutcome
    let status: ExitStatus
    private(set) var text = ""

    init(_ outcome: LintOutcome, format: Lint.Format, failOn: LintSeverity) throws {
        self.outcome = outcome
        status = outcome.open.contains { $0.severity >= failOn } ? .negative : .success
        switch format {
        case .text: text = lines.joined(separator: "\n")
        case .json: text = try JSONDocument.text(self)
        case .sarif: text = try Sarif.text(of: outcome.findings, version: Release.version)
        }
    }

    private var lines: [String] {
        var lines: [String] = []
        for severity in LintSeverity.allCases.reversed() {
            let findings = outcome.open.filter { $0.severity == severity }
            guard !findings.isEmpty else { continue }
            lines.append("\(severity.rawValue.uppercased()) (\(findings.count))")
            for finding in findings { lines += Self.lines(of: finding) }
            lines.append("")
        }
        lines.append(summary)
        lines += outcome.notes.map { "note: \(Plain.line($0))" }
        return lines
    }

    private static func lines(of finding: Finding) -> [String] {
        ["  \(finding.id)  \(Plain.line(finding.object.description))", "      \(Plain.line(finding.evidence))"]
            + finding.remedy.map { remedy in
                "      \(Plain.line(remedy))" + (remedy.hasPrefix("--") || remedy.contains(" -- ") ? "" : ";")
            } + ["      source: \(finding.source)"]
    }

    private var summary: String {
        let parts = LintSeverity.allCases.reversed().map { Words.plural(outcome.count($0), $0.rawValue) }
        let accepted = outcome.findings.count - outcome.open.count
        return parts.joined(separator: ", ") + (accepted > 0 ? "; \(accepted) accepted by the baseline" : "")
    }

    private enum Keys: String, CodingKey {
        case findings, counts, notes
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(outcome.findings, forKey: .findings)
        let counts = LintSeverity.allCases.map { ($0.rawValue, outcome.count($0)) }
        try container.encode(Dictionary(counts) { first, _ in first }, forKey: .counts)
        try container.encode(outcome.notes, forKey: .notes)
    }
}
