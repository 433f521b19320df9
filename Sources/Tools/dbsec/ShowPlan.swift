import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct ShowPlan: Command {
    static let configuration = CommandConfiguration.verb(
        "plan", "Show how the database differs from the policy, as SQL with reasons.",
        details: "Writes nothing that stays. Exit code 1 if there is any difference, 0 if there is none.",
        examples: [
            "dbsec plan -d shop policies/ecommerce.json",
            "dbsec plan --json -d postgresql://db1/shop policies/ecommerce.json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: context.environment)
        let connection = try await server.connect(context)
        return PlanReport(try await Provisioner(connection, file, passwords: passwords).plan())
    }
}

/// A plan for people: one line for each change, its reason behind it as a comment.
struct PlanReport: Report {
    private let plan: Plan
    let status: ExitStatus

    init(_ plan: Plan, status: ExitStatus? = nil) {
        self.plan = plan
        self.status = status ?? (plan.isEmpty ? .success : .negative)
    }

    var text: String {
        var lines = plan.changes.map { change in
            "\(change.sql.joined(separator: "; "));  -- \(change.effect.rawValue): \(Plain.line(change.reason))"
        }
        lines += plan.locks.map {
            "-- locks table \(Plain.line($0.table.description)) \($0.mode.rawValue) until COMMIT"
        }
        lines += plan.undeclared.map { "-- not declared, left alone: \(Plain.line($0))" }
        lines += plan.notes.map { "-- note: \(Plain.line($0))" }
        lines.append(summary)
        return lines.joined(separator: "\n")
    }

    private var summary: String { plan.isEmpty ? "no changes" : PlanWords.counts(plan) }

    private enum Keys: String, CodingKey {
        case changes, locks, undeclared, notes, revokes
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(plan.changes, forKey: .changes)
        try container.encode(plan.locks, forKey: .locks)
        try container.encode(plan.undeclared, forKey: .undeclared)
        try container.encode(plan.notes, forKey: .notes)
        try container.encode(plan.revokes, forKey: .revokes)
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
