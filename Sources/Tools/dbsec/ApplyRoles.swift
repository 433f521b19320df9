import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct ApplyRoles: Command {
    static let configuration = CommandConfiguration.verb(
        "apply-roles", "Make the database as the policy says, in one transaction, and prove it before COMMIT.",
        details: """
            Recorded in the audit log; without a log nothing is done. A second run changes nothing. In authoritative mode,
            what is not declared is revoked, up to --max-revokes.
            """,
        examples: [
            "dbsec apply-roles --dry-run policies/ecommerce.json", "dbsec apply-roles -d shop policies/ecommerce.json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    @Flag(help: "Show the plan and change nothing.")
    var dryRun = false

    @Option(help: "Do nothing when more undeclared rights than this would be taken away.")
    var maxRevokes = 20

    func validate() throws {
        guard maxRevokes >= 0 else { throw ValidationError("--max-revokes is 0 or more") }
    }

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: context.environment)
        let connection = try await server.connect(context)
        let provisioner = Provisioner(connection, file, passwords: passwords)
        if dryRun {
            let plan = try await provisioner.plan()
            return PlanReport(plan, status: plan.revokes > maxRevokes ? .negative : .success)
        }
        let outcome = try await provisioner.apply(maxRevokes: maxRevokes, audit: try context.openAudit())
        return ApplyReport(outcome)
    }
}

struct ApplyReport: Report {
    private let outcome: Outcome

    init(_ outcome: Outcome) {
        self.outcome = outcome
    }

    var status: ExitStatus { outcome.refusal == nil ? .success : .negative }

    var text: String {
        var lines: [String] = []
        if let refusal = outcome.refusal {
            lines.append(refusal)
            lines += outcome.tests.filter { !$0.passed }.map(TestReport.line)
            lines += outcome.proof.findings.filter(\.fails).map(TestReport.line)
        } else {
            lines.append(outcome.plan.isEmpty ? "no changes" : "applied \(PlanWords.counts(outcome.plan))")
            if !outcome.tests.isEmpty {
                lines.append("proved by \(Words.plural(outcome.tests.count, "test")) before the commit")
            }
            lines += outcome.tests.filter { $0.verdict != .proved }.map { "warning: \(TestReport.line($0))" }
            lines += outcome.proof.findings.map(TestReport.line)
        }
        if !outcome.plan.undeclared.isEmpty {
            lines.append("\(outcome.plan.undeclared.count) not declared, left alone: see dbsec plan")
        }
        lines += outcome.plan.notes.map { "note: \(Plain.line($0))" }
        return lines.joined(separator: "\n")
    }

    private enum Keys: String, CodingKey {
        case applied, refusal, changes, undeclared, notes, tests, findings
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(outcome.refusal == nil, forKey: .applied)
        try container.encodeIfPresent(outcome.refusal, forKey: .refusal)
        try container.encode(outcome.plan.changes, forKey: .changes)
        try container.encode(outcome.plan.undeclared, forKey: .undeclared)
        try container.encode(outcome.plan.notes, forKey: .notes)
        try container.encode(outcome.tests, forKey: .tests)
        try container.encode(outcome.proof.findings, forKey: .findings)
    }
}
