/// What a test or a look at the planner showed.
package enum Verdict: String, Sendable, CaseIterable, Encodable {
    /// It is as declared.
    case proved
    /// More is possible than declared.
    case leak
    /// Less is possible than declared, or something went wrong on the way.
    case failed
    /// It came as declared, and would have come with row security bypassed too: it shows nothing.
    case vacuous
    /// It came as declared, and whether it shows anything could not be tried.
    case unknown

    /// Whether an apply may go on; `strict` takes `proved` only.
    package func passes(strict: Bool) -> Bool {
        switch self {
        case .proved: true
        case .vacuous, .unknown: !strict
        case .leak, .failed: false
        }
    }
}

/// A verdict with its reason, where there is one to give.
struct Judgement: Equatable {
    let verdict: Verdict
    let detail: String?

    init(_ verdict: Verdict, _ detail: String? = nil) {
        self.verdict = verdict
        self.detail = detail
    }

    static let proved = Judgement(.proved)
}

/// What one test of a policy showed.
package struct TestResult: Sendable, Encodable {
    /// The place in the document.
    package let test: String
    package let name: String?
    package let role: String
    package let verdict: Verdict
    /// Whether an apply may go on.
    package let passed: Bool
    /// What came instead, or why the test shows nothing.
    package let detail: String?
    /// How long it took.
    package let duration: Duration

    package init(
        test: String, name: String?, role: String, verdict: Verdict, passed: Bool, detail: String?,
        duration: Duration = .zero
    ) {
        self.test = test
        self.name = name
        self.role = role
        self.verdict = verdict
        self.passed = passed
        self.detail = detail
        self.duration = duration
    }

    /// Times are left out: the same run gives the same document.
    private enum CodingKeys: String, CodingKey {
        case test, name, role, verdict, passed, detail
    }
}

/// What the planner says of a table's policies that a reader of the document would not expect.
package struct ProofFinding: Sendable, Hashable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        /// A policy's expression is true for every row, and is not written as `true`.
        case alwaysTrue
        /// A policy's expression is true for no row.
        case alwaysFalse
        /// No filter is left for these roles, though no policy of theirs is written as `true`.
        case unfiltered
        /// No new row is refused to these roles, though no policy of theirs is written as `true`.
        case unchecked
        /// A policy holds nobody, since another one is `true` for all of its roles.
        case void
        /// These roles hold the privilege, and row security leaves them no row.
        case noRows
        /// A function that could run once for a statement runs for every row.
        case perRow
        /// A view reads the table as its owner, whom row security does not hold.
        case viewLeak
        /// It could not be looked at.
        case notLooked
    }

    package let kind: Kind
    package let verdict: Verdict
    /// Whether an apply stops at it.
    package let fails: Bool
    package let table: ObjectName
    /// The place in the document, where it is about one declaration.
    package let place: String?
    package let detail: String

    package init(
        _ kind: Kind, _ verdict: Verdict, fails: Bool = false, on table: ObjectName, at place: String? = nil,
        _ detail: String
    ) {
        self.kind = kind
        self.verdict = verdict
        self.fails = fails
        self.table = table
        self.place = place
        self.detail = detail
    }
}

/// All that was shown before a commit.
package struct Proof: Sendable {
    package var tests: [TestResult]
    package var findings: [ProofFinding]

    package init(tests: [TestResult] = [], findings: [ProofFinding] = []) {
        self.tests = tests
        self.findings = findings
    }

    package var passed: Bool { failures == 0 }
    package var failures: Int { tests.count { !$0.passed } + findings.count(where: \.fails) }
}
