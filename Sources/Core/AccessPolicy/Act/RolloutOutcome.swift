package import Platform

/// What a rollout did, step by step.
package struct RolloutOutcome: Sendable {
    package struct Step: Sendable {
        package let stage: Stage
        package let database: String
        package let outcome: Outcome
    }

    package let steps: [Step]
    /// Why it stopped, and what is done nevertheless; nil when all is done.
    package let refusal: String?
}

/// How far a rollout has come.
struct RolloutProgress: Sendable {
    let databases: [String]
    private(set) var steps: [RolloutOutcome.Step] = []
    private var current: (stage: Stage, database: String)?

    init(databases: [String]) {
        self.databases = databases
    }

    mutating func begin(_ stage: Stage, _ database: String) {
        current = (stage, database)
    }

    /// - Returns: the outcome of the whole, when this step was refused.
    mutating func end(_ outcome: Outcome) -> RolloutOutcome? {
        guard let current else { return nil }
        if let refusal = outcome.refusal {
            return RolloutOutcome(
                steps: steps + [
                    RolloutOutcome.Step(stage: current.stage, database: current.database, outcome: outcome)
                ],
                refusal: "database \(spelled(current.database)): \(refusal); \(left)")
        }
        steps.append(RolloutOutcome.Step(stage: current.stage, database: current.database, outcome: outcome))
        return nil
    }

    var place: String {
        guard let current else { return "" }
        return current.stage == .database ? "database \(spelled(current.database)): " : ""
    }

    /// What is so now, as a sentence.
    var left: String {
        guard steps.contains(where: { $0.stage == .preparation }) else { return "no database was changed" }
        let done = steps.filter { $0.stage == .database }.map(\.database)
        let rest = databases.filter { !done.contains($0) }
        var words = ["new roles are there, without login and memberships; roles that shall go can log in no more"]
        if !done.isEmpty { words.append("changed and proved: \(done.map(spelled).brief())") }
        if !rest.isEmpty { words.append("as it was: \(rest.map(spelled).brief())") }
        return words.joined(separator: "; ") + "; the next run goes on from here"
    }
}

/// A rollout that stopped in its middle, with what it has done.
package struct RolloutFailure: Failure {
    package let status: ExitStatus
    package let sentence: String
    package let hint: String?

    init(progress: RolloutProgress, error: any Error) {
        let failure = error as? any Failure
        status = failure?.status ?? (error is CancellationError ? .interrupted : .internalError)
        sentence = "\(progress.place)\(failure?.sentence ?? "\(error)"); \(progress.left)"
        hint = failure?.hint
    }
}
