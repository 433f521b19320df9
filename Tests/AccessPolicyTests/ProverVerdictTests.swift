import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// What tests show of a real server.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverVerdictTests {
    /// Statement, expectation, rows given before, verdict.
    static let cases: [(run: String, expect: String, given: String?, verdict: Verdict)] = [
        ("SELECT id FROM app.docs", "\"rows\": [[1]]", nil, .proved),
        ("SELECT id FROM app.docs", "\"rows\": [[1], [2]]", nil, .failed),
        ("SELECT id FROM app.docs", "\"rows\": []", nil, .leak),
        ("DELETE FROM app.docs", "\"denied\": \"grant\"", nil, .proved),
        ("INSERT INTO app.docs VALUES (3, 'b', 'x')", "\"denied\": \"policy\"", nil, .proved),
        ("INSERT INTO app.docs VALUES (3, 'b', 'x')", "\"denied\": \"grant\"", nil, .leak),
        ("DELETE FROM app.docs", "\"denied\": \"policy\"", nil, .failed),
        ("UPDATE app.docs SET kind = 'y' WHERE id = 2", "\"affected\": 0", nil, .proved),
        ("UPDATE app.docs SET kind = 'y' WHERE id = 2", "\"denied\": true", nil, .leak),
        ("UPDATE app.docs SET kind = 'y' WHERE id = 1", "\"affected\": 0", nil, .leak),
        ("INSERT INTO app.docs VALUES (1, 'a', 'x')", "\"error\": \"23505\"", nil, .proved),
        ("INSERT INTO app.docs VALUES (5, 'a', 'x')", "\"error\": \"23505\"", nil, .leak),
        // An insert that is let through shows access, and no filter.
        ("INSERT INTO app.docs VALUES (5, 'a', 'x')", "\"affected\": 1", nil, .proved),
        // Without rows to hide, a filter shows nothing.
        ("SELECT id FROM app.docs WHERE owner = 'a'", "\"rows\": [[1]]", nil, .vacuous),
        ("SELECT count(*) FROM app.docs WHERE id > 90", "\"rows\": [[0]]", nil, .vacuous),
        ("UPDATE app.docs SET kind = 'y' WHERE id = 9", "\"affected\": 0", nil, .vacuous),
        (
            "SELECT count(*) FROM app.docs WHERE id > 90", "\"rows\": [[0]]",
            "INSERT INTO app.docs VALUES (91, 'b', 'x')", .proved
        ),
        // No table with row security is read.
        ("SELECT 1", "\"rows\": [[1]]", nil, .proved),
        ("TRUNCATE app.docs", "\"denied\": \"grant\"", nil, .proved),
    ]

    @Test(arguments: cases.indices) func `a test has the verdict that it deserves`(_ index: Int) async throws {
        let (run, expect, given, verdict) = Self.cases[index]
        let scene = try Scene()
        try await scene.withDocuments()
        let policy = ProverScene.policy(tests: ProverScene.test(run, expect, given: given))
        let result = try await scene.prove(policy).tests[0]
        #expect(result.verdict == verdict, "\(result.detail ?? "")")
        #expect(try await scene.value("SELECT count(*) FROM app.docs") == "2")
        #expect(try await scene.value("SELECT bool_or(rolbypassrls) FROM pg_roles WHERE rolname LIKE '%@'") == "f")
    }

    @Test func `a role that sees every row by declaration shows access, and is not vacuous`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let all = "{ \"name\": \"all\", \"to\": [\"reader@\"], \"using\": \"true\" }"
        let policy = ProverScene.policy(
            all, tests: ProverScene.test("SELECT count(*) FROM app.docs", "\"rows\": [[2]]"))
        #expect(try await scene.apply(policy).tests.map(\.verdict) == [.proved])
    }

    @Test func `a vacuous test is a warning, and in strict mode a failure`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        let test = ProverScene.test("SELECT count(*) FROM app.docs WHERE id > 90", "\"rows\": [[0]]")
        let lax = try await scene.prove(ProverScene.policy(tests: test))
        #expect(lax.passed)
        #expect(lax.tests[0].passed)
        #expect(
            lax.tests[0].detail
                == "it would pass with row security bypassed too: give it rows that its policies must hide")
        #expect(try await scene.prove(ProverScene.policy(tests: test), isStrict: true).passed == false)
        let strict = ProverScene.policy(tests: test, more: ", \"strict\": true")
        #expect(try await scene.apply(strict).verdict == .disproved)
        #expect(try await scene.apply(ProverScene.policy(tests: test)).verdict == .applied)
    }

    @Test func `below a view it is the policies of the view's owner that are bypassed`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run(
            """
            CREATE ROLE curator@;
            GRANT USAGE ON SCHEMA app TO curator@;
            GRANT SELECT ON app.docs TO curator@;
            CREATE POLICY curated ON app.docs FOR SELECT TO curator@ USING (owner = 'b');
            CREATE VIEW app.curated AS SELECT id FROM app.docs;
            ALTER VIEW app.curated OWNER TO curator@;
            GRANT SELECT ON app.curated TO reader@;
            """)
        func verdict(_ run: String, _ rows: String) async throws -> Verdict {
            try await scene.prove(
                ProverScene.policy(
                    tests: ProverScene.test(run, "\"rows\": \(rows)"), more: ", \"trustedOwners\": [\"curator@\"]")
            ).tests[0].verdict
        }
        #expect(try await verdict("SELECT id FROM app.curated", "[[2]]") == .proved)
        #expect(try await verdict("SELECT id FROM app.curated WHERE id = 2", "[[2]]") == .vacuous)
    }

    @Test func `denials are told apart in every language of the server`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run("ALTER ROLE login@ SET lc_messages TO 'C'")
        let proof = try await scene.prove(
            ProverScene.policy(
                tests: [
                    ProverScene.test("INSERT INTO app.docs VALUES (3, 'b', 'x')", "\"denied\": \"policy\""),
                    ProverScene.test("SELECT * FROM pg_authid", "\"denied\": \"grant\""),
                    ProverScene.test("SELECT nextval('app.none')", "\"error\": \"42P01\""),
                ].joined(separator: ", ")))
        #expect(proof.tests.map(\.verdict) == [.proved, .proved, .proved])
    }

    @Test func `a role whose sessions only read is met as it is, and not taken for denied`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run("ALTER ROLE login@ SET default_transaction_read_only = on")
        let insert = "INSERT INTO app.docs VALUES (3, 'a', 'x')"
        let proof = try await scene.prove(
            ProverScene.policy(
                tests: [
                    ProverScene.test(insert, "\"error\": \"25006\""),
                    ProverScene.test(insert, "\"denied\": true"),
                    ProverScene.test("SELECT id FROM app.docs", "\"rows\": [[1]]"),
                ].joined(separator: ", ")))
        #expect(proof.tests.map(\.verdict) == [.proved, .failed, .proved])
        #expect(proof.tests[1].detail?.hasPrefix("only the role's default_transaction_read_only stopped it") == true)
    }

    @Test func `the settings of the role, of the database and of both together hold in that order`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        let name = scene.database.name
        try await scene.run(
            """
            ALTER DATABASE \(name) SET app.one TO 'database';
            ALTER DATABASE \(name) SET app.two TO 'database';
            ALTER DATABASE \(name) SET app.three TO 'database';
            ALTER ROLE login@ SET app.two TO 'role';
            ALTER ROLE login@ SET app.three TO 'role';
            ALTER ROLE login@ IN DATABASE \(name) SET app.three TO 'both';
            """)
        let shown = "SELECT current_setting('app.one'), current_setting('app.two'), current_setting('app.three')"
        let rows = "\"rows\": [[\"database\", \"role\", \"both\"]]"
        #expect(try await scene.prove(ProverScene.policy(tests: ProverScene.test(shown, rows))).passed)
    }
}
