import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct RunTests: Command {
    static let configuration = CommandConfiguration.verb(
        "test", "Run the policy's tests against the database as it stands, and undo them.",
        details: """
            One line for each test with its verdict (proved, vacuous, unknown, leak, failed), and what the planner will
            enforce that the policy does not say. Exit code 1 if anything fails. Writes nothing that stays.
            """,
        examples: [
            "dbsec test -d shop policies/ecommerce.json",
            "dbsec test --strict --format junit -d shop policies/ecommerce.json > dbsec.xml",
        ])

    enum Format: String, ExpressibleByArgument, CaseIterable, Sendable {
        case text, json, junit
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    @Flag(help: "A test that is vacuous or unknown fails; also \"strict\": true in the policy.")
    var strict = false

    @Option(help: "text, json (as --json), or junit: XML that CI systems show.")
    var format: Format?

    func validate() throws {
        if common.json, let format, format != .json {
            throw ValidationError("--json and --format \(format.rawValue) ask for two formats")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        let connection = try await server.connect(context)
        let provisioner = Provisioner(connection, file, passwords: GivenPasswords())
        let report = TestReport(try await provisioner.proof(isStrict: strict), of: policy)
        return switch format {
        case .none, .text: report
        case .json: PrintedReport(text: try JSONDocument.text(report), status: report.status)
        case .junit: PrintedReport(text: JUnit.document(report.proof, of: policy.string), status: report.status)
        }
    }
}

/// A report that is one text in whatever format was asked for.
struct PrintedReport: Report {
    let text: String
    let status: ExitStatus

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

struct TestReport: Report {
    let proof: Proof
    private let policy: FilePath

    init(_ proof: Proof, of policy: FilePath) {
        self.proof = proof
        self.policy = policy
    }

    var status: ExitStatus { proof.passed ? .success : .negative }

    var text: String {
        (proof.tests.map(Self.line) + proof.findings.map(Self.line) + [Self.summary(proof)]).joined(separator: "\n")
    }

    static func line(_ result: TestResult) -> String {
        let name = result.name.map { " (\($0))" } ?? ""
        let detail = result.detail.map { ": \($0)" } ?? ""
        return Plain.line("\(result.test)\(name) as \(result.role): \(result.verdict.rawValue)\(detail)")
    }

    static func line(_ finding: ProofFinding) -> String {
        let place = finding.place ?? "table \(finding.table)"
        let weight = finding.fails ? finding.verdict.rawValue : "warning"
        return Plain.line("\(place): \(weight): \(finding.detail)")
    }

    /// `5 of 7 tests proved, 1 vacuous, 1 leak; 2 warnings of the planner`.
    static func summary(_ proof: Proof) -> String {
        guard !proof.tests.isEmpty || !proof.findings.isEmpty else { return "the policy has no tests" }
        let others = Verdict.allCases.filter { $0 != .proved }.compactMap { verdict -> String? in
            let count = proof.tests.count { $0.verdict == verdict }
            return count > 0 ? "\(count) \(verdict.rawValue)" : nil
        }
        let proved = proof.tests.count { $0.verdict == .proved }
        var text = (["\(proved) of \(Words.plural(proof.tests.count, "test")) proved"] + others).joined(separator: ", ")
        let failing = proof.findings.count(where: \.fails)
        if failing > 0 { text += "; \(Words.plural(failing, "declaration")) not enforced as written" }
        let warnings = proof.findings.count - failing
        if warnings > 0 { text += "; \(Words.plural(warnings, "warning"))" }
        return text
    }

    private enum Keys: String, CodingKey {
        case passed, tests, findings
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(proof.passed, forKey: .passed)
        try container.encode(proof.tests, forKey: .tests)
        try container.encode(proof.findings, forKey: .findings)
    }
}
