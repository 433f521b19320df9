import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Proofs by a provisioner that is no superuser, as on managed services: CREATEROLE, and owner of database and tables.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverManagedTests {
    static let setting = """
        CREATE ROLE boss@ LOGIN CREATEROLE;
        GRANT CREATE ON DATABASE DATABASE TO boss@;
        """

    static let tests = [
        ProverScene.test("SELECT id FROM app.docs", "\"rows\": [[1]]"),
        ProverScene.test("INSERT INTO app.docs VALUES (3, 'b', 'x')", "\"denied\": \"policy\""),
        ProverScene.test("DELETE FROM app.docs", "\"denied\": \"grant\""),
        ProverScene.test("SELECT CURRENT_USER::text, SESSION_USER::text", "\"rows\": [[\"login@\", \"boss@\"]]"),
    ].joined(separator: ", ")

    private func scene(_ more: String = "") async throws -> Scene {
        let scene = try Scene()
        try await scene.run(Self.setting.replacing("DATABASE DATABASE", with: "DATABASE \(scene.database.name)") + more)
        try await scene.run(ProverScene.table, as: "boss@")
        return scene
    }

    @Test func `it grants itself the roles inside of the savepoint, and keeps nothing`() async throws {
        let scene = try await scene()
        let outcome = try await scene.apply(ProverScene.policy(tests: Self.tests), as: "boss@")
        #expect(outcome.verdict == .applied)
        #expect(outcome.tests.map(\.detail) == [outcome.tests[0].detail, nil, nil, nil])
        // A role that may not let others bypass row security cannot tell whether its tests show anything.
        #expect(outcome.tests.map(\.verdict) == [.unknown, .proved, .proved, .proved])
        #expect(
            outcome.tests[0].detail
                == scene.own(
                    "role \"boss@\" may not let login@ bypass row security, so it is not known whether the test would pass "
                        + "without it too"))
        let usable = try await scene.value(
            """
            SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
            WHERE m.member = 'boss@'::regrole AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
            """)
        #expect(usable == "0")
        #expect(try await scene.plan(ProverScene.policy(tests: Self.tests), as: "boss@").isEmpty)
    }

    @Test func `where nothing is known in strict mode nothing is applied`() async throws {
        let scene = try await scene()
        let policy = ProverScene.policy(tests: Self.tests, more: ", \"strict\": true")
        #expect(try await scene.apply(policy, as: "boss@").verdict == .disproved)
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
    }

    @Test func `with BYPASSRLS of its own it tells vacuous tests, from PostgreSQL 16 on`() async throws {
        let scene = try await scene("ALTER ROLE boss@ BYPASSRLS;")
        let version = try Cluster.current.installation.majorVersion
        let vacuous = ProverScene.test("SELECT id FROM app.docs WHERE owner = 'a'", "\"rows\": [[1]]")
        let outcome = try await scene.apply(ProverScene.policy(tests: "\(Self.tests), \(vacuous)"), as: "boss@")
        #expect(outcome.verdict == .applied)
        let isKnown = version >= 16
        #expect(outcome.tests[0].verdict == (isKnown ? .proved : .unknown))
        #expect(outcome.tests[4].verdict == (isKnown ? .vacuous : .unknown))
    }

    @Test func `the planner is asked as each role, and for tables that hold their owner too`() async throws {
        let scene = try await scene()
        func policy(_ using: String, force: Bool) -> String {
            ProverScene.policy("{ \"name\": \"all\", \"to\": [\"reader@\"], \"using\": \"\(using)\" }")
                .replacing("{ \"policies\"", with: "{ \"force\": \(force), \"policies\"")
        }
        for force in [false, true] {
            let outcome = try await scene.apply(policy("1 = 1 OR owner IS NULL", force: force), as: "boss@")
            #expect(outcome.verdict == .disproved)
            #expect(outcome.proof.findings.map(\.kind).contains(force ? .unfiltered : .alwaysTrue))
        }
        #expect(try await scene.apply(policy("owner = current_user", force: true), as: "boss@").verdict == .applied)
    }

    @Test func `escapes fail for it too`() async throws {
        let scene = try await scene()
        try await scene.run(
            """
            CREATE FUNCTION app.trick(t text) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; RETURN 1; END $$;
            """, as: "boss@")
        let tricks: [(String, Verdict)] = [
            ("RESET ROLE", .leak), ("SET ROLE boss@", .leak), ("SET SESSION AUTHORIZATION postgres", .failed),
            ("COMMIT", .failed), ("ALTER ROLE login@ CREATEDB", .failed),
            ("RESET ROLE; CREATE ROLE evil@; SET ROLE login@", .proved),
        ]
        for (trick, verdict) in tricks {
            let test = ProverScene.test("SELECT app.trick('\(trick)')", "\"rows\": [[1]]")
            try await scene.apply(ProverScene.policy(), as: "boss@")
            let proof = try await scene.prove(ProverScene.policy(tests: test), as: "boss@")
            #expect(proof.tests.map(\.verdict) == [verdict], "\(trick): \(proof.tests[0].detail ?? "")")
        }
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'evil@'") == "0")
        #expect(try await scene.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'login@'") == "f")
    }
}
