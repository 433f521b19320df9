import Platform
import PostgresClient

/// Proves a policy by acting as its roles, each test in a savepoint that is undone, and by asking the planner.
struct Prover {
    private let connection: Connection
    private let policy: Policy
    private let snapshot: Snapshot
    private let clock: ProofClock
    private let isStrict: Bool
    private let fence: Fence

    init(_ connection: Connection, _ policy: Policy, _ snapshot: Snapshot, clock: ProofClock, isStrict: Bool = false) {
        self.connection = connection
        self.policy = policy
        self.snapshot = snapshot
        self.clock = clock
        self.isStrict = isStrict || policy.strict
        fence = Fence(connection, snapshot.server, clock)
    }

    /// - Throws: `PolicyProblem` where tests would run the code of owners who are not trusted; `PlainFailure` when a test
    ///   got out of its fence.
    func run() async throws -> Proof {
        guard !policy.tests.isEmpty || !policy.rowSecurity.isEmpty else { return Proof() }
        let code = try await fence.foreignCode(
            trusting: policy.trustedOwners, in: policy.tests.flatMap { $0.given + [$0.statement] })
        let foreign = code.map { "\($0): name the owners in trustedOwners, if you trust them" }
        if let foreign, !policy.tests.isEmpty { throw PolicyProblem("tests", foreign) }
        var proof = Proof()
        for (index, test) in policy.tests.enumerated() {
            let start = ContinuousClock.now
            let judgement: Judgement = try await fence.around("tests[\(index)]") { try await self.judgement(of: test) }
            proof.tests.append(
                TestResult(
                    test: "tests[\(index)]", name: test.name, role: test.role, verdict: judgement.verdict,
                    passed: judgement.verdict.passes(strict: isStrict), detail: judgement.detail,
                    duration: ContinuousClock.now - start))
        }
        let oracle = PlannerOracle(connection, policy, snapshot, fence)
        do {
            proof.findings = if let foreign { oracle.notLooked(foreign) } else { try await oracle.findings() }
        } catch let late as OverBudget {
            proof.findings = oracle.notLooked(late.sentence)
        }
        return proof
    }

    /// What the test shows; what it did is left for the savepoint around it to undo.
    private func judgement(of test: AccessTest) async throws -> Judgement {
        do {
            try await fence.limit()
            let forced = UnforcedTables(connection, snapshot, namedIn: test.given)
            try await forced.lift()
            for (index, statement) in test.given.enumerated() {
                do {
                    try await connection.execute(SQL(raw: statement))
                } catch let error as PostgresError where error.code != nil && error.code != "57014" {
                    return Judgement(.failed, "given[\(index)] failed: \(error.sentence)")
                }
            }
            try await forced.restore()
            var plan: ExplainedPlan?
            let first = try await connection.undoing {
                if let problem = try await act(as: test) { return problem }
                if test.expectation.countsRows { plan = try await self.plan(of: test) }
                return try await run(test)
            }
            guard first == .proved, let plan else { return first }
            return try await Bypass(connection, snapshot.server, fence, forced).judgement(of: test, plan: plan)
        } catch is OverBudget {
            return Judgement(.failed, clock.overBudget.sentence)
        } catch let error as PostgresError where error.code == "57014" {
            return Judgement(.failed, clock.overBudget.sentence)
        }
    }

    private func act(as test: AccessTest) async throws -> Judgement? {
        do {
            try await fence.become(test.role, with: test.settings)
            return nil
        } catch let error as PostgresError where error.code != nil {
            return Judgement(.failed, "cannot act as \(spelled(test.role)): \(error.sentence)")
        }
    }

    private func run(_ test: AccessTest) async throws -> Judgement {
        let answer = try await connection.answer(to: test.statement)
        if case .done = answer {
            let user: String = try await connection.query("SELECT CURRENT_USER::text").one()[0]
            guard user == test.role else { return Judgement(.leak, "the statement changed its role") }
        }
        return test.expectation.judge(answer)
    }

    private func plan(of test: AccessTest) async throws -> ExplainedPlan? {
        try await connection.plan(of: test.statement)
    }
}

extension Connection {
    /// Runs one statement of a test.
    ///
    /// - Throws: what is no answer of the server to it: a lost connection, a cancel, the end of its time.
    nonisolated(nonsending) func answer(to statement: String) async throws -> TestAnswer {
        do {
            let rows = try await query(SQL(raw: statement))
            let found = try rows.map { row in
                try rows.columns.indices.map { column -> String? in try row[column] }
            }
            return .done(rows: found, touched: rows.touched)
        } catch let error as PostgresError {
            guard let code = error.code, code != "57014", !code.hasPrefix("08"), !code.hasPrefix("57P") else {
                throw error
            }
            let sentence = code == "42501" ? error.message : error.sentence
            return .refused(code: code, routine: error.routine, sentence: sentence)
        }
    }

    /// What the planner would do for a statement, without its estimates; nil for one that has no plan or is refused.
    nonisolated(nonsending) func plan(of statement: String) async throws -> ExplainedPlan? {
        do {
            return try await undoing {
                let rows = try await query("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) \(raw: statement)")
                return try ExplainedPlan(json: rows.one()[0])
            }
        } catch let error as PostgresError where error.code != nil && error.code != "57014" {
            return nil
        }
    }
}
