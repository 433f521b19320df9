import Platform

/// How long changes of row security may hold their ACCESS EXCLUSIVE locks: from the first of them to COMMIT.
struct ProofClock: Sendable {
    let seconds: Int
    private var deadline: ContinuousClock.Instant?
    private var lastLimit: ContinuousClock.Instant?

    init(seconds: Int) {
        self.seconds = seconds
    }

    /// Begins to count; again does nothing.
    mutating func start() {
        if deadline == nil { deadline = ContinuousClock.now + .seconds(seconds) }
    }

    func started() -> ProofClock {
        var clock = self
        clock.start()
        return clock
    }

    /// What a statement may still take; nil while nothing is counted.
    ///
    /// - Throws: `OverBudget` when nothing is left.
    func millisecondsLeft() throws(OverBudget) -> Int? {
        guard let deadline else { return nil }
        let milliseconds = Int((deadline - ContinuousClock.now).asMilliseconds)
        guard milliseconds > 0 else { throw overBudget }
        // Rounded up: what is stopped by it was stopped when the time was over, and not just before.
        return milliseconds + 1
    }

    /// The same for statements in a row: nil also when the last answer is so young that it still bounds them well.
    mutating func newLimit() throws(OverBudget) -> Int? {
        guard let left = try millisecondsLeft() else { return nil }
        let now = ContinuousClock.now
        if let lastLimit, now - lastLimit < .milliseconds(250) { return nil }
        lastLimit = now
        return left
    }

    var isOver: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

    func check() throws(OverBudget) {
        _ = try millisecondsLeft()
    }

    var overBudget: OverBudget { OverBudget(seconds: seconds) }
}

/// The locks would have been held too long.
struct OverBudget: Error {
    let seconds: Int

    var sentence: String {
        "the tests took longer than proofBudget, \(seconds) s, while row security changes hold their locks"
    }
}
