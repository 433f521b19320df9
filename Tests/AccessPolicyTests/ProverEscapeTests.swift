import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Whatever the code of a trusted owner tries, afterwards the session is who it was and nothing was changed.
@Suite(.cluster, .database, .timeLimit(.minutes(4))) struct ProverEscapeTests {
    /// What a function may try whose owner is trusted, and what comes of it; nil where the run must stop.
    static let tricks: [(body: String, verdict: Verdict?)] = [
        ("PERFORM set_config('session_authorization', 'postgres', true); CREATE ROLE evil@ SUPERUSER", .leak),
        ("PERFORM set_config('session_authorization', 'postgres', false)", .leak),
        ("SET SESSION AUTHORIZATION DEFAULT; CREATE ROLE evil@ SUPERUSER", .leak),
        ("RESET SESSION AUTHORIZATION", .leak),
        ("SET ROLE reader@", .leak),
        ("PERFORM set_config('role', 'reader@', false)", .leak),
        (
            "SET SESSION AUTHORIZATION DEFAULT; CREATE ROLE evil@ SUPERUSER; GRANT SELECT ON app.docs TO PUBLIC; "
                + "SET SESSION AUTHORIZATION login@", .proved
        ),
        ("PERFORM set_config('search_path', 'evil', false)", .proved),
        ("PERFORM set_config('row_security', 'off', false)", .proved),
        ("PERFORM set_config('app.user', 'b', false)", .proved),
        ("COMMIT", .failed),
        ("ROLLBACK", .failed),
        ("EXECUTE 'COMMIT'", .failed),
        ("EXECUTE 'SAVEPOINT dbsec'", .failed),
        ("EXECUTE 'ROLLBACK TO SAVEPOINT dbsec'", .failed),
        ("EXECUTE 'RELEASE SAVEPOINT dbsec'", .failed),
        ("EXECUTE 'DISCARD ALL'", .failed),
        ("CREATE TEMP TABLE trap (n int); CREATE TEMP VIEW docs AS SELECT 1", .proved),
        ("LISTEN evil; NOTIFY evil", .proved),
        ("EXECUTE 'DECLARE evil CURSOR WITH HOLD FOR SELECT 1'", .proved),
        ("INSERT INTO app.docs VALUES (9, 'a', 'x')", .proved),
        ("COPY app.docs TO PROGRAM 'touch /dev/null'", .failed),
        ("ALTER ROLE login@ BYPASSRLS", .failed),
        ("PERFORM pg_advisory_lock(4711)", nil),
        ("EXECUTE 'PREPARE evil AS SELECT 1'", nil),
        ("EXECUTE 'DEALLOCATE ALL'", .proved),
    ]

    @Test(arguments: tricks.indices)
    func `a function whose owner is trusted leaves neither the session nor the database changed`(
        _ index: Int
    ) async throws {
        let (body, verdict) = Self.tricks[index]
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run(
            """
            CREATE ROLE tenant@;
            CREATE FUNCTION app.trick() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN \(body); RETURN 1; END $$;
            ALTER FUNCTION app.trick OWNER TO tenant@;
            """)
        let facts = """
            SELECT (SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@') || ' ' || (SELECT count(*) FROM app.docs) || ' '
                || (SELECT count(*) FROM pg_class) || ' ' || (SELECT relacl::text FROM pg_class WHERE relname = 'docs')
                || ' ' || (SELECT bool_or(rolbypassrls) FROM pg_roles WHERE rolname LIKE '%@')
            """
        let before = try await scene.value(facts)
        let policy = ProverScene.policy(
            tests: ProverScene.test("SELECT app.trick()", "\"rows\": [[1]]"), more: ", \"trustedOwners\": [\"tenant@\"]"
        )
        let connection = try await scene.database.connect()
        let state =
            "SELECT CURRENT_USER::text, SESSION_USER::text, current_setting('search_path'), current_setting('role')"
        func session() async throws -> [String] {
            let row = try await connection.query(SQL(raw: state)).one()
            return try (0..<4).map { try row[$0] }
        }
        let was = try await session()
        if let verdict {
            let result = try await scene.prove(policy, on: connection).tests[0]
            #expect(result.verdict == verdict, "\(body): \(result.detail ?? "")")
        } else {
            let failure = await scene.failure { try await scene.prove(policy, on: connection) }
            #expect(failure.status == .permission, "\(body): \(failure.sentence)")
            #expect(failure.sentence.hasPrefix("tests[0] changed the "), "\(failure.sentence)")
        }
        #expect(try await session() == was, "\(body)")
        #expect(try await scene.value(facts) == before, "\(body)")
    }

    @Test func `a SECURITY DEFINER function changes neither user nor role`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        for setting in ["role", "session_authorization"] {
            try await scene.run(
                """
                CREATE OR REPLACE FUNCTION app.trick() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS
                    $$ BEGIN PERFORM set_config('\(setting)', 'postgres', false); RETURN 1; END $$;
                """)
            let test = ProverScene.test("SELECT app.trick()", "\"rows\": [[1]]")
            let result = try await scene.prove(ProverScene.policy(tests: test)).tests[0]
            #expect(result.verdict == .failed, "\(setting)")
            #expect(result.detail?.contains("within security-definer function") == true, "\(result.detail ?? "")")
        }
    }

    @Test func `what the planner runs of a trusted owner is fenced too`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        // An immutable function of constants runs while the statement is planned.
        try await scene.run(
            """
            CREATE FUNCTION app.trick(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
                $$ BEGIN PERFORM pg_advisory_lock(4711); RETURN false; END $$
            """)
        let policy = "{ \"name\": \"bad\", \"to\": [\"reader@\"], \"using\": \"app.trick(1)\" }"
        let failure = await scene.failure { try await scene.apply(ProverScene.policy(policy)).verdict }
        #expect(failure.status == .permission)
        #expect(
            failure.sentence
                == "a policy's expression changed the advisory locks of this session from 1 to 2, so nothing was done")
        #expect(try await scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'docs'") == "f")
    }

    @Test func `several statements are no test, whatever they are`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        for run in [
            "SELECT 1; COMMIT", "SELECT 1; SET ROLE postgres", "WITH x AS (SELECT 1) SELECT 1; DROP TABLE app.docs",
        ] {
            let result = try await scene.prove(ProverScene.policy(tests: ProverScene.test(run, "\"rows\": [[1]]")))
                .tests[0]
            #expect(result.verdict == .failed)
            #expect(result.detail?.hasPrefix("it failed: cannot insert multiple commands") == true)
        }
        #expect(try await scene.value("SELECT count(*) FROM app.docs") == "2")
    }

    @Test func `a role that could switch to its superuser cannot end an apply as one`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        try await scene.run(
            """
            CREATE FUNCTION app.trick() RETURNS integer LANGUAGE plpgsql AS
                $$ BEGIN PERFORM set_config('session_authorization', 'postgres', false); RETURN 1; END $$;
            """)
        let policy = ProverScene.policy(tests: ProverScene.test("SELECT app.trick()", "\"rows\": [[1]]"))
        let outcome = try await scene.apply(policy)
        #expect(outcome.verdict == .disproved)
        #expect(outcome.tests[0].detail == "the statement changed its role")
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
    }
}
