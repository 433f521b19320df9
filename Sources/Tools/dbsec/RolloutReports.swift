import AccessPolicy
import Console
import Platform

/// The plans of several databases, one below the other.
struct DatabasePlansReport: Report {
    private let plans: [(database: String, plan: PlanReport)]
    let status: ExitStatus

    /// - Parameter moved: What has moved in which database since a saved plan was made.
    init(_ drafts: [SavedPlan], moved: [(database: String, what: [String])] = [], status: ExitStatus? = nil) {
        var plans = drafts.map { draft in
            let here = moved.filter { $0.database == draft.place.database }.flatMap(\.what)
            return (database: draft.place.database, plan: PlanReport(draft.plan, moved: here))
        }
        // Planned once, and no longer a database of the policy.
        for (database, what) in moved where !drafts.contains(where: { $0.place.database == database }) {
            plans.append((database, PlanReport(Plan(), moved: what)))
        }
        self.plans = plans
        self.status = status ?? (drafts.allSatisfy(\.plan.isEmpty) ? .success : .negative)
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
