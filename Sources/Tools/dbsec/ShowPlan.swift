import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct ShowPlan: Command {
    static let configuration = CommandConfiguration.verb(
        "plan", "Show how the database differs from the policy, as SQL with reasons.",
        details: """
            Writes nothing that stays. Exit code 1 if there is any difference, 0 if there is none. With --out, the plan is
            saved for review: dbsec apply-roles --plan then applies exactly that, or nothing.
            """,
        examples: [
            "dbsec plan -d shop policies/ecommerce.json",
            "dbsec plan -d shop --out reviewed.json policies/ecommerce.json",
            "dbsec plan --json -d postgresql://db1/shop policies/ecommerce.json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    @Option(help: "Save the plan in this file, readable for its owner only.", completion: .file(extensions: ["json"]))
    var out: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: context.environment)
        let connection = try await server.connect(context)
        if !file.policy.databases.isEmpty {
            let drafts = try await Rollout(connection, file, passwords: passwords, now: context.now()).drafts()
            if let out { try SavedPlans(drafts).write(to: out) }
            return DatabasePlansReport(drafts)
        }
        let provisioner = Provisioner(connection, file, passwords: passwords, now: context.now())
        guard let out else { return PlanReport(try await provisioner.plan()) }
        let draft = try await provisioner.draft()
        try draft.write(to: out)
        return PlanReport(draft.plan)
    }
}

/// A plan for people: one line for each change, its reason behind it as a comment.
struct PlanReport: Report {
    private let plan: Plan
    /// What has moved since a saved plan was made.
    private let moved: [String]
    let status: ExitStatus

    init(_ plan: Plan, moved: [String] = [], status: ExitStatus? = nil) {
        self.plan = plan
        self.moved = moved
        self.status = status ?? (plan.isEmpty ? .success : .negative)
    }

    var text: String {
        var lines = plan.changes.map { change in
            let mark = change.kind.isUndoable ? "" : ", cannot be undone"
            return
                "\(change.sql.joined(separator: "; "));  -- \(change.effect.rawValue)\(mark): \(Plain.line(change.reason))"
        }
        lines += plan.locks.prefix(20).map {
            "-- locks table \(Plain.line($0.table.description)) \($0.mode.rawValue) until COMMIT"
        }
        if plan.locks.count > 20 { lines.append("-- locks \(plan.locks.count - 20) more tables so") }
        lines += plan.undeclared.map { "-- not declared, left alone: \(Plain.line($0))" }
        lines += plan.notes.map { "-- note: \(Plain.line($0))" }
        lines += moved.map { "-- moved since the saved plan: \(Plain.line($0))" }
        lines.append(summary)
        return lines.joined(separator: "\n")
    }

    private var summary: String { plan.isEmpty ? "no changes" : PlanWords.counts(plan) }

    private enum Keys: String, CodingKey {
        case changes, locks, undeclared, notes, revokes, moved
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(plan.changes, forKey: .changes)
        try container.encode(plan.locks, forKey: .locks)
        try container.encode(plan.undeclared, forKey: .undeclared)
        try container.encode(plan.notes, forKey: .notes)
        try container.encode(plan.revokes, forKey: .revokes)
        if !moved.isEmpty { try container.encode(moved, forKey: .moved) }
    }
}

enum PlanWords {
    /// `12 changes: 9 widen access, 2 narrow it, 1 does either`.
    static func counts(_ plan: Plan) -> String {
        let parts = [
            (plan.count(.widens), "widen access"), (plan.count(.narrows), "narrow it"),
            (plan.count(.changes), "may do either"),
        ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return "\(Words.plural(plan.changes.count, "change")): \(parts.joined(separator: ", "))"
    }
}
