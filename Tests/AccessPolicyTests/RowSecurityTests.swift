import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Row-level security against a real server: what stays, what goes, what is equal.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct RowSecurityTests {
    static let table = """
        CREATE SCHEMA app;
        CREATE TABLE app.docs (id bigint PRIMARY KEY, owner text, kind text);
        INSERT INTO app.docs VALUES (1, 'a', 'x'), (2, 'b', 'x');
        """

    static func policy(_ policies: String, mode: String = "authoritative", more: String = "") -> String {
        """
        { "version": 1, "mode": "\(mode)", "manages": { "schemas": ["app"], "roles": ["*@"] },
          "roles": { "reader@": {}, "login@": { "login": true, "memberOf": ["reader@"] } },
          "grants": [
            { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT", "INSERT"] } ],
          "rowSecurity": { "app.docs": { "policies": [ \(policies) ] } } \(more) }
        """
    }

    static let own = """
        { "name": "own", "to": ["reader@"], "match": { "column": "owner", "type": "text", "setting": "app.user" } }
        """

    @Test func `a restrictive policy that is left out is not dropped`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        let floor = """
            { "name": "floor", "to": ["reader@"], "restrictive": true, "for": "SELECT", "using": "kind = 'x'" }
            """
        try await scene.apply(Self.policy("\(Self.own), \(floor)"))
        let plan = try await scene.plan(Self.policy(Self.own))
        #expect(plan.isEmpty)
        #expect(plan.undeclared == ["restrictive policy floor on table app.docs"])
        try await scene.apply(Self.policy(Self.own))
        #expect(try await scene.value("SELECT count(*) FROM pg_policy WHERE polname = 'floor'") == "1")
    }

    @Test func `a permissive policy made by hand is dropped in authoritative mode and left in additive mode`()
        async throws
    {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        try await scene.run("CREATE POLICY leak ON app.docs USING (true)")
        #expect(try await scene.plan(Self.policy(Self.own, mode: "additive")).isEmpty)
        try await scene.apply(Self.policy(Self.own))
        #expect(try await scene.value("SELECT string_agg(polname, ',') FROM pg_policy") == "own")
    }

    @Test func `row security that is switched off by hand is switched on again, FORCE that is not written stays`()
        async throws
    {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        try await scene.run("ALTER TABLE app.docs DISABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        let plan = try await scene.plan(Self.policy(Self.own))
        #expect(plan.changes.map(\.sql) == [["ALTER TABLE \"app\".\"docs\" ENABLE ROW LEVEL SECURITY"]])
    }

    static let changes = [
        "ALTER POLICY own ON app.docs USING (true)",
        "ALTER POLICY own ON app.docs WITH CHECK (owner IS NOT NULL)",
        "ALTER POLICY own ON app.docs TO PUBLIC",
        "DROP POLICY own ON app.docs; CREATE POLICY own ON app.docs FOR SELECT TO reader@ USING (true)",
        "DROP POLICY own ON app.docs; CREATE POLICY own ON app.docs AS RESTRICTIVE TO reader@ USING (true)",
    ]

    @Test(arguments: changes) func `a policy changed by hand is put right`(_ change: String) async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        try await scene.run(change)
        let plan = try await scene.plan(Self.policy(Self.own))
        #expect(plan.changes.map(\.kind) == [.alterPolicy])
        try await scene.apply(Self.policy(Self.own))
        #expect(try await scene.plan(Self.policy(Self.own)).isEmpty)
    }

    @Test func `match shows a user its rows, and none when the setting is unset or was reset`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        let count = "SELECT count(*) FROM app.docs"
        #expect(try await scene.value(count, as: "login@") == "0")
        let connection = try await scene.database.connect(as: scene.own("login@"))
        try await connection.execute("SELECT set_config('app.user', 'a', false)")
        #expect(try await connection.query("SELECT count(*) FROM app.docs").one()[0] == "1")
        // A setting that was reset is empty, not NULL.
        try await connection.execute("RESET \"app\".\"user\"")
        #expect(try await connection.query("SELECT count(*) FROM app.docs").one()[0] == "0")
        try await connection.execute("SELECT set_config('app.user', 'a', false)")
        await #expect(throws: (any Error).self) {
            try await connection.execute("INSERT INTO app.docs VALUES (3, 'b', 'x')")
        }
    }

    static func tests(_ tests: String) -> String { policy(own, more: ", \"tests\": [ \(tests) ]") }

    @Test func `a failed test rolls everything back`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        let outcome = try await scene.apply(
            Self.tests(
                """
                { "as": "login@", "with": { "app.user": "a" }, "run": "SELECT id FROM app.docs",
                  "expect": { "rows": [[1]] } },
                { "as": "login@", "with": { "app.user": "a" }, "run": "SELECT id FROM app.docs",
                  "expect": { "rows": [[1], [2]] } }
                """))
        #expect(outcome.verdict == .disproved)
        #expect(outcome.tests.map(\.passed) == [true, false])
        #expect(outcome.tests[1].detail == "expected [[1], [2]], found [[1]]")
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
        #expect(try await scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'docs'") == "f")
    }

    @Test func `tests act with the role's own settings, and leave nothing behind`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        let policy = Self.tests(
            """
            { "as": "login@", "with": { "app.user": "c" },
              "given": ["INSERT INTO app.docs VALUES (7, 'c', 'x')"],
              "run": "SELECT id, current_user = session_user FROM docs", "expect": { "rows": [[7, true]] } },
            { "as": "login@", "with": { "app.user": "c" },
              "run": "INSERT INTO docs VALUES (8, 'd', 'x')", "expect": { "denied": true } },
            { "as": "login@", "run": "DELETE FROM docs", "expect": { "denied": true } }
            """)
        try await scene.apply(Self.policy(Self.own))
        try await scene.run("ALTER ROLE login@ SET search_path TO app")
        #expect(try await scene.test(policy).map(\.passed) == [true, true, true])
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.value("SELECT count(*) FROM app.docs") == "2")
    }

    static let failures: [(String, String)] = [
        (
            "\"run\": \"SELECT 1\", \"expect\": { \"denied\": true }",
            "expected to be denied, but it was done, with 1 row"
        ),
        ("\"run\": \"DELETE FROM app.docs\", \"expect\": { \"rows\": [] }", "it was denied: "),
        ("\"run\": \"SELECT * FROM app.dogs\", \"expect\": { \"denied\": true }", "it failed: "),
        (
            "\"run\": \"SELECT 1; SELECT 2\", \"expect\": { \"rows\": [[2]] }",
            "it failed: cannot insert multiple commands into a prepared statement"
        ),
        (
            "\"given\": [\"INSERT INTO app.docs VALUES (1)\"], \"run\": \"SELECT 1\", \"expect\": { \"rows\": [[1]] }",
            "given[0] failed: "
        ),
        (
            "\"run\": \"SELECT set_config('session_authorization', 'postgres', true)\", \"expect\": { \"rows\": [[\\\"postgres\\\"]] }",
            "the statement changed its role"
        ),
    ]

    @Test(arguments: failures) func `a test that fails says why`(_ test: String, _ reason: String) async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        let tests = Self.tests("{ \"as\": \"login@\", \(test.replacing("\\\"", with: "\"")) }")
        try await scene.apply(Self.policy(Self.own))
        let results = try await scene.test(tests)
        #expect(results.map(\.passed) == [false])
        #expect(results[0].detail?.hasPrefix(reason) == true, "\(results[0].detail ?? "")")
    }

    @Test func `the code of an owner who is not trusted does not run in tests`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        try await scene.run(
            """
            CREATE ROLE tenant@;
            CREATE FUNCTION app.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            ALTER FUNCTION app.spy() OWNER TO tenant@;
            CREATE TRIGGER spy BEFORE INSERT ON app.docs FOR EACH ROW EXECUTE FUNCTION app.spy();
            """)
        let test = "{ \"as\": \"login@\", \"run\": \"SELECT 1\", \"expect\": { \"rows\": [[1]] } }"
        let failure = await scene.failure { try await scene.test(Self.tests(test)) }
        #expect(failure.status == .malformed)
        #expect(
            failure.sentence.hasSuffix(
                scene.own(
                    "tests: code of function app.spy may run during the tests, and belongs to \"tenant@\": "
                        + "name the owners in trustedOwners, if you trust them")))
        let trusting = Self.policy(
            Self.own, more: ", \"trustedOwners\": [\"tenant@\"], \"tests\": [ \(test) ]")
        #expect(try await scene.test(trusting).map(\.passed) == [true])
    }

    @Test func `a default that its table's owner wrote does not run in tests`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        // Built-in functions are enough to take the session over, and no dependency is recorded for them.
        try await scene.run(
            """
            CREATE ROLE tenant@;
            CREATE TABLE app.trap (n int, x text DEFAULT set_config('session_authorization', 'postgres', false));
            ALTER TABLE app.trap OWNER TO tenant@;
            """)
        let test = """
            { "as": "login@", "given": ["INSERT INTO app.trap (n) VALUES (1)"], "run": "SELECT 1",
              "expect": { "rows": [[1]] } }
            """
        let failure = await scene.failure { try await scene.test(Self.tests(test)) }
        #expect(failure.sentence.contains(scene.own("code of table app.trap may run during the tests")))
    }

    @Test func `tests that take longer than their budget fail`() async throws {
        let scene = try Scene()
        try await scene.run(Self.table)
        try await scene.apply(Self.policy(Self.own))
        let policy = Self.policy(
            Self.own,
            more: """
                , "proofBudget": 1, "tests": [
                  { "as": "login@", "run": "SELECT pg_sleep(600)", "expect": { "denied": true } },
                  { "as": "login@", "run": "SELECT 1", "expect": { "rows": [[1]] } } ]
                """)
        let results = try await scene.test(policy)
        #expect(results.map(\.passed) == [false, false])
        #expect(results[0].detail?.contains("proofBudget, 1 s") == true)
    }
}
