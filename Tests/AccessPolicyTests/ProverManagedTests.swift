import AuditLog
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
        #expect(outcome.tests.map(\.detail) == [nil, nil, nil, nil])
        // It may not let others bypass row security, but as the owner of the table it is past it, and can compare.
        #expect(outcome.tests.map(\.verdict) == [.proved, .proved, .proved, .proved])
        let usable = try await scene.value(
            """
            SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
            WHERE m.member = 'boss@'::regrole AND coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)
            """)
        #expect(usable == "0")
        #expect(try await scene.plan(ProverScene.policy(tests: Self.tests), as: "boss@").isEmpty)
    }

    private static func forced(_ policy: String) -> String {
        policy.replacing("{ \"policies\"", with: "{ \"force\": true, \"policies\"")
    }

    @Test func `what nobody may be past is not known, and the missing right is named`() async throws {
        let scene = try await scene()
        let outcome = try await scene.apply(Self.forced(ProverScene.policy(tests: Self.tests)), as: "boss@")
        #expect(outcome.verdict == .applied)
        #expect(outcome.tests.map(\.verdict) == [.unknown, .proved, .proved, .proved])
        #expect(
            outcome.tests[0].detail
                == scene.own(
                    "whether it would pass without row security too is not known: role \"boss@\" may not give login@ "
                        + "BYPASSRLS, and is not past the row security of what the test reads, as the owner of the tables "
                        + "without FORCE is"))
        #expect(outcome.facts["unknown_tests"] == .number(1))
    }

    @Test func `the owner of the tables tells vacuous tests, under FORCE where given names the table`() async throws {
        let scene = try await scene()
        let given = "INSERT INTO app.docs VALUES (7, 'a', 'z'), (8, 'b', 'z')"
        let hidden = ProverScene.test("SELECT id FROM app.docs WHERE kind = 'z'", "\"rows\": [[7]]", given: given)
        let vacuous = ProverScene.test(
            "UPDATE app.docs SET kind = 'y' WHERE kind = 'z' AND owner = 'a'", "\"affected\": 1", given: given)
        let policy = ProverScene.policy(tests: "\(hidden), \(vacuous)")
        for policy in [policy, Self.forced(policy)] {
            let outcome = try await scene.apply(policy, as: "boss@")
            #expect(outcome.verdict == .applied)
            #expect(outcome.tests.map(\.verdict) == [.proved, .vacuous])
        }
    }

    @Test func `a statement that depends on who runs it is not compared with the owner's`() async throws {
        let scene = try await scene()
        try await scene.run(
            """
            CREATE FUNCTION app.who(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT current_user::text';
            CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER note BEFORE UPDATE ON app.docs FOR EACH ROW EXECUTE FUNCTION app.note();
            """, as: "boss@")
        let tests = [
            ProverScene.test("SELECT id FROM app.docs WHERE owner <> current_user", "\"rows\": [[1]]"),
            ProverScene.test("SELECT id FROM app.docs WHERE app.who(owner) IS NOT NULL", "\"rows\": [[1]]"),
            ProverScene.test("UPDATE app.docs SET kind = 'z'", "\"affected\": 1"),
            ProverScene.test("SELECT id FROM app.docs WHERE kind <> ' current_user app.who() '", "\"rows\": [[1]]"),
        ]
        let outcome = try await scene.apply(
            ProverScene.policy(tests: tests.joined(separator: ", ")), as: "boss@")
        #expect(outcome.tests.map(\.verdict) == [.unknown, .unknown, .unknown, .proved])
        #expect(outcome.tests[0].detail?.contains("since the statement depends on who runs it") == true)
    }

    @Test func `a role that bypasses row security and that it may become stands in`() async throws {
        let scene = try await scene(
            """
            CREATE ROLE auditor@ BYPASSRLS; GRANT auditor@ TO boss@;
            """)
        try await scene.run("GRANT USAGE ON SCHEMA app TO auditor@; GRANT SELECT ON app.docs TO auditor@", as: "boss@")
        let vacuous = ProverScene.test("SELECT id FROM app.docs WHERE owner = 'a'", "\"rows\": [[1]]")
        let outcome = try await scene.apply(
            Self.forced(ProverScene.policy(tests: "\(Self.tests), \(vacuous)")), as: "boss@")
        #expect(outcome.tests.map(\.verdict) == [.proved, .proved, .proved, .proved, .vacuous])
    }

    @Test func `where nothing is known in strict mode nothing is applied`() async throws {
        let scene = try await scene()
        let policy = Self.forced(ProverScene.policy(tests: Self.tests, more: ", \"strict\": true"))
        #expect(try await scene.apply(policy, as: "boss@").verdict == .disproved)
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
    }

    @Test func `with BYPASSRLS of its own it tells vacuous tests under FORCE too`() async throws {
        let scene = try await scene("ALTER ROLE boss@ BYPASSRLS;")
        let vacuous = ProverScene.test("SELECT id FROM app.docs WHERE owner = 'a'", "\"rows\": [[1]]")
        let outcome = try await scene.apply(
            Self.forced(ProverScene.policy(tests: "\(Self.tests), \(vacuous)")), as: "boss@")
        #expect(outcome.verdict == .applied)
        #expect(outcome.tests.map(\.verdict) == [.proved, .proved, .proved, .proved, .vacuous])
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
