import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// How long others are kept waiting: the locks that a plan names, and the budget that ends them.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverBudgetTests {
    static let slow = ProverScene.test("SELECT pg_sleep(600)", "\"denied\": true")

    @Test func `an apply that would hold its locks too long is rolled back, with advice`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let start = ContinuousClock.now
        let outcome = try await scene.apply(ProverScene.policy(tests: Self.slow, budget: 1))
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(outcome.verdict == .overBudget(seconds: 1))
        #expect(
            outcome.refusal
                == "row security changes would hold their ACCESS EXCLUSIVE locks longer than proofBudget, 1 s: everything "
                + "was rolled back; apply it in a quiet hour with a larger proofBudget, or give it faster tests")
        #expect(try await scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'docs'") == "f")
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
    }

    @Test func `a proof alone is bounded too, and the advice is another`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        let outcome = try await scene.apply(ProverScene.policy(tests: Self.slow, budget: 1))
        #expect(outcome.verdict == .overBudget(seconds: 1))
        #expect(
            outcome.refusal
                == "the proof took longer than proofBudget, 1 s: everything was rolled back; give it a larger proofBudget, "
                + "or faster tests")
        #expect(outcome.tests.map(\.verdict) == [.failed])
    }

    @Test func `a reader waits no longer than the budget`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        async let outcome = scene.apply(ProverScene.policy(tests: Self.slow, budget: 2))
        let reader = try await scene.database.connect()
        let locked =
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'app.docs'::regclass"
        while try await scene.value(locked) == "0" { try await Task.sleep(for: .milliseconds(10)) }
        let start = ContinuousClock.now
        #expect(try await reader.query("SELECT count(*)::text FROM app.docs").one()[0] == "2")
        let waited = ContinuousClock.now - start
        #expect(waited > .milliseconds(200))
        #expect(waited < .seconds(10))
        #expect(try await outcome.verdict == .overBudget(seconds: 2))
    }

    @Test func `a lock that is waited for counts, since others wait behind it`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let other = try await scene.database.connect()
        try await other.transaction {
            try await other.execute("LOCK TABLE app.docs IN ACCESS SHARE MODE")
            let outcome = try await scene.apply(ProverScene.policy(budget: 1))
            #expect(outcome.verdict == .overBudget(seconds: 1))
        }
        #expect(try await scene.apply(ProverScene.policy()).verdict == .applied)
    }

    @Test func `the plan names the locks`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let plan = try await scene.plan(ProverScene.policy())
        #expect(plan.locks == [PlannedLock(table: ObjectName("app", "docs"), mode: .accessExclusive)])
        try await scene.apply(ProverScene.policy())
        try await scene.run("REVOKE SELECT ON app.docs FROM reader@")
        let small = try await scene.plan(ProverScene.policy())
        #expect(small.changes.count == 1)
        #expect(small.locks == [])
    }

    @Test func `what the plan says is locked is locked, and nothing else`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        try await scene.run("CREATE TABLE app.other (id bigint)")
        let policy = ProverScene.policy(
            tests: ProverScene.test("SELECT pg_sleep(1), 1", "\"rows\": [[\"\", 1]]"), budget: 30)
        async let outcome = scene.apply(policy)
        let locked = """
            SELECT string_agg(relation::regclass::text, ',') FROM pg_locks
            WHERE mode = 'AccessExclusiveLock' AND relation::regclass::text LIKE 'app.%'
            """
        while try await scene.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(1)%'")
            == "0"
        {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await scene.value(locked) == "app.docs")
        #expect(try await outcome.verdict == .applied)
    }
}
