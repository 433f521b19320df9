import AuditLog
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// One policy for several databases of a server.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct RolloutTests {
    /// Two databases with the same tables, and the policy for both.
    private struct Pair {
        let log: SceneLog
        let other: Database
        let policy: String

        var scene: Scene { log.scene }
        var names: [String] { [scene.database.name, other.name].sorted() }

        func rollout(_ policy: String? = nil) async throws -> Rollout {
            let file = try scene.file(policy ?? self.policy)
            let passwords = try await GivenPasswords.fetch(file.policy, environment: ["PASSWORD": "secret"])
            return Rollout(try await scene.database.connect(), file, passwords: passwords)
        }

        func apply(_ policy: String? = nil) async throws -> RolloutOutcome {
            try await rollout(policy).apply(maxRevokes: 20, audit: log.log)
        }

        /// Whether the role may log in, and what it is a member of.
        func login() async throws -> String? {
            try await scene.value(
                "SELECT rolcanlogin || ' ' || pg_has_role('login@', 'reader@', 'MEMBER') FROM pg_roles WHERE rolname = 'login@'"
            )
        }

        func reads(_ database: String) async throws -> String? {
            let connection = try await scene.database.cluster.connect(to: database)
            let row = try await connection.query(
                SQL(raw: scene.own("SELECT has_table_privilege('reader@', 'app.users', 'SELECT')"))
            ).one()
            await connection.close()
            return try row[0]
        }
    }

    private func withPair<Value>(_ body: (Pair) async throws -> Value) async throws -> Value {
        let scene = try Scene()
        let other = try await Cluster.current.makeDatabase()
        try await scene.run(ApplyTests.tables)
        try await other.run(scene.own(ApplyTests.tables))
        let policy = """
            { "version": 1, "databases": ["\(scene.database.name)", "\(other.name.dropLast())*"],
              "roles": { "reader@": {},
                "login@": { "login": true, "memberOf": ["reader@"], "password": { "env": "PASSWORD" } } },
              "grants": [
                { "to": ["reader@"], "on": { "database": true }, "privileges": ["CONNECT"] },
                { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
                { "to": ["reader@"], "on": { "tables": ["app.users"] }, "privileges": ["SELECT"] } ],
              "tests": [
                { "as": "login@", "run": "SELECT count(*) FROM app.users", "expect": { "rows": [[10]] } },
                { "as": "login@", "run": "SELECT * FROM app.orders", "expect": { "denied": true } } ] }
            """
        return try await SceneLog.around(scene) { log in
            try await body(Pair(log: log, other: other, policy: policy))
        }
    }

    @Test func `all databases are changed and proved, and then the roles can log in`() async throws {
        try await withPair { pair async throws in
            let outcome = try await pair.apply()
            #expect(outcome.refusal == nil)
            #expect(outcome.steps.map(\.stage) == [.preparation, .database, .database, .completion])
            #expect(outcome.steps.map(\.database) == [pair.names[0]] + pair.names + [pair.names[0]])
            #expect(outcome.steps.map(\.outcome.tests.count) == [0, 2, 2, 0])
            for name in pair.names { #expect(try await pair.reads(name) == "t") }
            #expect(try await pair.login() == "true true")
            for entry in try await pair.rollout().plan() { #expect(entry.plan.isEmpty, "\(entry)") }
            #expect(try await pair.apply().steps.allSatisfy(\.outcome.plan.isEmpty))
        }
    }

    @Test func `a proof that fails in the second database leaves roles without power, and says what is done`()
        async throws
    {
        try await withPair { pair async throws in
            // Which one comes second depends on their names.
            let second = Database(cluster: try Cluster.current, name: pair.names[1])
            try await second.run("DELETE FROM app.users WHERE id = 1")
            let outcome = try await pair.apply()
            #expect(
                outcome.refusal
                    == "database \(pair.names[1]): 1 of 2 tests failed: everything was rolled back; "
                    + "new roles are there, without login and memberships; roles that shall go can log in no more; "
                    + "changed and proved: \(pair.names[0]); as it was: \(pair.names[1]); the next run goes on from here"
            )
            #expect(try await pair.login() == "false false")
            #expect(try await pair.reads(pair.names[0]) == "t")
            #expect(try await pair.reads(pair.names[1]) == "f")
            try await second.run("INSERT INTO app.users VALUES (1)")
            #expect(try await pair.apply().refusal == nil)
            #expect(try await pair.login() == "true true")
        }
    }

    @Test func `a connection that is lost in the second database is told with what is done, and status 69`()
        async throws
    {
        try await withPair { pair async throws in
            // Sleeps in the second database only, and then as long as it is let.
            let sleep = "SELECT pg_sleep(CASE current_database() WHEN '\(pair.names[1])' THEN 600 ELSE 0 END)::text"
            let stopping = pair.policy.replacing("SELECT * FROM app.orders", with: sleep)
                .replacing("{ \"denied\": true }", with: "{ \"rows\": [[\"\"]] }")
                .replacing("\"tests\":", with: "\"proofBudget\": 3600, \"tests\":")
            let run = Task { await pair.scene.failure { try await pair.apply(stopping).refusal ?? "applied" } }
            let sleeping =
                "FROM pg_stat_activity WHERE datname = '\(pair.names[1])' AND query LIKE '%pg_sleep(CASE%' AND state = 'active' AND pid <> pg_backend_pid()"
            while try await pair.scene.value("SELECT count(*) \(sleeping)") == "0" {
                try await Task.sleep(for: .milliseconds(20))
            }
            _ = try await pair.scene.value("SELECT pg_terminate_backend(pid) \(sleeping)")
            let failure = await run.value
            #expect(failure.status == .unavailable, "\(failure.sentence)")
            #expect(
                failure.sentence.contains("changed and proved: \(pair.names[0]); as it was: \(pair.names[1])"),
                "\(failure.sentence)")
            #expect(try await pair.login() == "false false")
            #expect(try await pair.reads(pair.names[1]) == "f")
            #expect(try await pair.apply().refusal == nil)
        }
    }

    @Test func `a mistake that one database shows stops all before anything is done`() async throws {
        try await withPair { pair async throws in
            try await pair.other.run("DROP TABLE app.users CASCADE")
            let failure = await pair.scene.failure { try await pair.apply().refusal ?? "applied" }
            #expect(failure.status == .malformed)
            #expect(failure.sentence.hasPrefix("database \(pair.other.name): cannot read policy p.json: line "))
            #expect(try await pair.scene.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@'") == "0")
        }
    }

    @Test func `each database's part is recorded, and can be taken back`() async throws {
        try await withPair { pair async throws in
            let outcome = try await pair.apply()
            let records = try LogReader(pair.log.folder).records(last: 20, action: "policy.apply").records
            #expect(
                records.filter { $0.phase == .finished }.map { $0.facts?["stage"] } == [
                    .text("preparation"), .text("database"), .text("database"), .text("completion"),
                ])
            for step in outcome.steps.reversed() {
                let connection = try await Cluster.current.connect(to: step.database)
                let receipt = try #require(step.outcome.undo)
                let undone = try await Undoing(connection).undo(String(receipt.record), audit: pair.log.log)
                #expect(undone.verdict == .applied)
            }
            #expect(try await pair.scene.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@'") == "0")
        }
    }

    @Test func `the plans of several databases are reviewed in one file and applied as they are`() async throws {
        try await withPair { pair async throws in
            let path = pair.log.folder.appending("plans.json")
            let drafts = try await pair.rollout().drafts()
            #expect(drafts.map(\.place.database) == pair.names)
            try SavedPlans(drafts).write(to: path)
            let reviewed = try SavedPlans.read(path)
            #expect(reviewed.moved(in: try await pair.rollout().drafts()).isEmpty)
            let outcome = try await pair.rollout().apply(maxRevokes: 20, audit: pair.log.log, reviewed: reviewed)
            #expect(outcome.refusal == nil)
            #expect(outcome.steps.map(\.stage) == [.preparation, .database, .database, .completion])
            #expect(try await pair.login() == "true true")
            for name in pair.names { #expect(try await pair.reads(name) == "t") }
            for entry in try await pair.rollout().plan() { #expect(entry.plan.isEmpty) }
        }
    }

    @Test func `when one of several databases has moved since the review, none is changed`() async throws {
        try await withPair { pair async throws in
            let reviewed = SavedPlans(try await pair.rollout().drafts())
            let second = Database(cluster: try Cluster.current, name: pair.names[1])
            try await second.run("CREATE TABLE app.later (); ALTER TABLE app.users ENABLE ROW LEVEL SECURITY")
            let outcome = try await pair.rollout().apply(maxRevokes: 20, audit: pair.log.log, reviewed: reviewed)
            #expect(
                outcome.refusal
                    == "nothing was done, since this has moved: database \(pair.names[1]): row security of table app.users: "
                    + "was disabled, is enabled")
            #expect(outcome.steps.isEmpty)
            #expect(try await pair.scene.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@'") == "0")
            #expect(try LogReader(pair.log.folder).records(last: 5, action: "policy").records.isEmpty)
        }
    }

    @Test func `a database that the policy is for since the review is a reason to look again`() async throws {
        try await withPair { pair async throws in
            let drafts = try await pair.rollout().drafts()
            let third = try await Cluster.current.makeDatabase()
            try await third.run(pair.scene.own(ApplyTests.tables))
            let more = SavedPlans(drafts + [drafts[0].elsewhere(third.name)])
            let moved = more.moved(in: drafts)
            #expect(moved.map(\.database) == [third.name])
            #expect(moved.map(\.what) == [["it was planned, and the policy is no longer for it"]])
            let fewer = SavedPlans([drafts[0], drafts[0].elsewhere(third.name)]).moved(in: drafts)
            #expect(fewer.map(\.database) == [pair.names[1], third.name])
            #expect(fewer[0].what == ["no plan was made of it"])
        }
    }

    @Test func `a name that matches no database is refused with the nearest`() async throws {
        try await withPair { pair async throws in
            let wrong = "{ \"version\": 1, \"databases\": [\"\(pair.other.name)x\"] }"
            let failure = await pair.scene.failure { try await pair.apply(wrong).refusal ?? "applied" }
            #expect(failure.sentence.hasPrefix("cannot read policy p.json: line 1: databases[0]: unknown database \""))
            #expect(failure.sentence.contains("did you mean \(pair.other.name)?"), "\(failure.sentence)")
        }
    }

    @Test func `a role is retired in all databases of the policy, after they are proved`() async throws {
        try await withPair { pair async throws in
            for database in [pair.scene.database, pair.other] {
                try await database.run(
                    pair.scene.own("CREATE TABLE app.mine (); GRANT ALL ON SCHEMA app TO PUBLIC;"))
            }
            try await pair.scene.run("CREATE ROLE old@ LOGIN; ALTER TABLE app.mine OWNER TO old@")
            try await pair.other.run(pair.scene.own("ALTER TABLE app.mine OWNER TO old@"))
            let policy = pair.policy.replacing(
                "\"reader@\": {},",
                with: "\"reader@\": {}, \"old@\": { \"state\": \"absent\", \"reassignTo\": \"reader@\" },")
            #expect(try await pair.apply(policy).refusal == nil)
            for database in [pair.scene.database, pair.other] {
                #expect(
                    try await database.value("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'")
                        == pair.scene.own("reader@"))
            }
            #expect(try await pair.scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'old@'") == "0")
        }
    }

    @Test func `applies to two databases at once that make the same role both end well, or with 75`() async throws {
        try await withPair { pair async throws in
            let single = pair.policy.replacing(/"databases": \[[^\]]*\],/, with: "").replacing(
                ", \"password\": { \"env\": \"PASSWORD\" }", with: "")
            try await withThrowingTaskGroup { group in
                for database in [pair.scene.database, pair.other] {
                    group.addTask {
                        let failure = await pair.scene.failure {
                            let file = try pair.scene.file(single)
                            return try await Provisioner(
                                try await database.connect(), file, passwords: GivenPasswords()
                            ).apply(maxRevokes: 20, audit: pair.log.log).verdict
                        }
                        return failure
                    }
                }
                for try await (sentence, status) in group {
                    #expect(status == .success || status == .temporary, "\(sentence)")
                }
            }
            for name in pair.names { #expect(try await pair.reads(name) == "t") }
        }
    }
}

extension SavedPlan {
    /// The same plan, as of another database.
    fileprivate func elsewhere(_ database: String) -> SavedPlan {
        SavedPlan(
            plan, policy: policy,
            place: Place(database: database, system: place.system, role: place.role, version: place.version),
            seen: StateFacts(values: state), madeAt: madeAt)
    }
}
