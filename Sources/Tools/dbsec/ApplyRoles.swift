import AccessPolicy
import ArgumentParser
import Console
import Platform
import PostgresClient
import SystemPackage

struct ApplyRoles: Command {
    static let configuration = CommandConfiguration.verb(
        "apply-roles", "Make the database as the policy says, in one transaction, and prove it before COMMIT.",
        details: """
            Recorded in the audit log; without a log nothing is done. A second run changes nothing. In authoritative mode,
            what is not declared is revoked, up to --max-revokes. With --plan, exactly the plan that dbsec plan --out has
            saved is applied, or nothing (exit code 1) when policy or database have moved since; over several databases,
            when any of them has. With --undo, one earlier
            apply is taken back, if nothing it touched has changed since. Over several databases, each has a transaction of
            its own, and roles get login, memberships and passwords only when all databases are proved.
            """,
        examples: [
            "dbsec apply-roles --dry-run policies/ecommerce.json", "dbsec apply-roles -d shop policies/ecommerce.json",
            "dbsec apply-roles -d shop --plan reviewed.json policies/ecommerce.json",
            "dbsec apply-roles -d shop --undo 12",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath?

    @Flag(help: "Show the plan and change nothing.")
    var dryRun = false

    @Option(help: "Apply this saved plan and nothing else.", completion: .file(extensions: ["json"]))
    var plan: FilePath?

    @Option(help: "Take back the apply with this number or id in the audit log (see dbaudit show).")
    var undo: String?

    @Flag(help: "Commit only when every test is proved: vacuous and unknown ones fail, whatever the policy says.")
    var strict = false

    @Option(help: "Do nothing when more undeclared rights than this would be taken away.")
    var maxRevokes = 20

    func validate() throws {
        guard maxRevokes >= 0 else { throw ValidationError("--max-revokes is 0 or more") }
        guard undo == nil || (policy == nil && plan == nil && !dryRun && !strict) else {
            throw ValidationError("--undo takes neither a policy nor --plan, --dry-run or --strict")
        }
        guard undo != nil || policy != nil else { throw ValidationError("a policy is expected") }
    }

    func run(_ context: Context) async throws -> any Report {
        if let undo {
            let connection = try await server.connect(context)
            return ApplyReport(try await Undoing(connection).undo(undo, audit: try context.openAudit()), undone: undo)
        }
        guard let policy else { throw ValidationError("a policy is expected") }
        let loaded = try PolicyFile.load(policy)
        let file = strict ? loaded.strict : loaded
        let reviewed = try plan.map(SavedPlans.read)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: context.environment)
        let connection = try await server.connect(context)
        let rollout = Rollout(connection, file, passwords: passwords, now: context.now())
        if try await rollout.isNeeded() { return try await run(rollout, reviewed, context) }
        let provisioner = Provisioner(connection, file, passwords: passwords, now: context.now())
        if dryRun {
            let draft = try await provisioner.draft()
            let moved = reviewed?.moved(in: [draft]).flatMap(\.what) ?? []
            let isAllowed = moved.isEmpty && draft.plan.revokes <= maxRevokes
            return PlanReport(draft.plan, moved: moved, status: isAllowed ? .success : .negative)
        }
        let outcome = try await provisioner.apply(
            maxRevokes: maxRevokes, audit: try context.openAudit(), reviewed: reviewed?.plans.first)
        return ApplyReport(outcome)
    }

    /// Several databases, or roles that hold something in others.
    private func run(
        _ rollout: Rollout, _ reviewed: SavedPlans?, _ context: Context
    ) async throws -> any Report {
        if dryRun {
            let drafts = try await rollout.drafts()
            let moved = reviewed?.moved(in: drafts) ?? []
            let isAllowed = moved.isEmpty && drafts.reduce(0) { $0 + $1.plan.revokes } <= maxRevokes
            return DatabasePlansReport(drafts, moved: moved, status: isAllowed ? .success : .negative)
        }
        return RolloutReport(
            try await rollout.apply(maxRevokes: maxRevokes, audit: try context.openAudit(), reviewed: reviewed))
    }
}

struct ApplyReport: Report {
    private let outcome: Outcome
    /// The record that was taken back, where that was asked for.
    private let undone: String?

    init(_ outcome: Outcome, undone: String? = nil) {
        self.outcome = outcome
        self.undone = undone
    }

    var status: ExitStatus { outcome.refusal == nil ? .success : .negative }

    var text: String {
        var lines: [String] = []
        if let refusal = outcome.refusal {
            lines.append(Plain.line(refusal))
            lines += outcome.tests.filter { !$0.passed }.map(TestReport.line)
            lines += outcome.proof.findings.filter(\.fails).map(TestReport.line)
        } else if let undone {
            lines.append("took back the apply of record \(undone)")
        } else {
            lines.append(outcome.plan.isEmpty ? "no changes" : "applied \(PlanWords.counts(outcome.plan))")
            if !outcome.tests.isEmpty {
                lines.append("proved by \(Words.plural(outcome.tests.count, "test")) before the commit")
            }
            lines += outcome.tests.filter { $0.verdict != .proved }.map { "warning: \(TestReport.line($0))" }
            lines += outcome.proof.findings.map(TestReport.line)
        }
        if let undo = outcome.undo {
            lines.append(
                undo.statements > 0
                    ? "to take it back: dbsec apply-roles --undo \(undo.record)" : "it cannot be taken back")
            if undo.left > 0 {
                lines.append(
                    "\(Words.plural(undo.left, "thing")) cannot be undone: \(undo.file) in the audit log's folder lists them"
                )
            }
        }
        if !outcome.plan.undeclared.isEmpty {
            lines.append("\(outcome.plan.undeclared.count) not declared, left alone: see dbsec plan")
        }
        lines += outcome.plan.notes.map { "note: \(Plain.line($0))" }
        return lines.joined(separator: "\n")
    }

    private enum Keys: String, CodingKey {
        case applied, refusal, changes, undeclared, notes, tests, findings, undo, moved
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
        try container.encodeIfPresent(outcome.undo, forKey: .undo)
        if case .moved(let moved) = outcome.verdict { try container.encode(moved, forKey: .moved) }
    }
}
