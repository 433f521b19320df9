import AccessPolicy
import Console
import Platform

/// The plans of several databases, one below the other.
struct DatabasePlansReport: Report {
    private let plans: [(database: String, plan: PlanReport)]
    let status: ExitStatus

    init(_ plans: [(database: String, plan: Plan)], status: ExitStatus? = nil) {
        self.plans = plans.map { ($0.database, PlanReport($0.plan)) }
        self.status = status ?? (plans.allSatisfy(\.plan.isEmpty) ? .success : .negative)
    }

    var text: String {
        plans.map { "-- database \(Plain.line($0.database))\n\($0.plan.text)" }.joined(separator: "\n")
    }

    private struct Entry: Encodable {
        let database: String
        let plan: PlanReport
    }

    private enum Keys: String, CodingKey {
        case databases
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(plans.map { Entry(database: $0.database, plan: $0.plan) }, forKey: .databases)
    }
}

/// What was done in each step of a rollout, or where it stopped and what is so now.
struct RolloutReport: Report {
    private let outcome: RolloutOutcome

    init(_ outcome: RolloutOutcome) {
        self.outcome = outcome
    }

    var status: ExitStatus { outcome.refusal == nil ? .success : .negative }

    var text: String {
        var lines = outcome.refusal.map { [Plain.line($0)] } ?? []
        for step in outcome.steps {
            let place = step.stage == .database ? "database \(step.database)" : "roles (\(step.stage.rawValue))"
            let report = ApplyReport(step.outcome).text.split(separator: "\n")
            lines += report.map { Plain.line("\(place): \($0)") }
        }
        return lines.joined(separator: "\n")
    }

    private struct Step: Encodable {
        let stage: String
        let database: String
        let result: ApplyReport
    }

    private enum Keys: String, CodingKey {
        case applied, refusal, steps
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(outcome.refusal == nil, forKey: .applied)
        try container.encodeIfPresent(outcome.refusal, forKey: .refusal)
        try container.encode(
            outcome.steps.map {
                Step(stage: $0.stage.rawValue, database: $0.database, result: ApplyReport($0.outcome))
            }, forKey: .steps)
    }
}

/// A saved plan was asked for, or given, for a policy of several databases.
struct SeveralDatabases: Failure {
    var status: ExitStatus { .usage }
    var sentence: String { "a saved plan is for one database, and this policy names its databases" }
    var hint: String? { "leave \"databases\" out of the policy and connect to each with -d" }
}
