import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// What the planner says it will enforce, on real servers.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverOracleTests {
    static let tautologies = [
        "id = id", "1 = 1 OR owner IS NULL", "owner = 'a' OR true", "NOT false", "coalesce(true, false)",
        "owner = owner", "'app' LIKE '%'", "(SELECT true) OR 2 > 1", "app.always(1)",
    ]

    @Test(arguments: tautologies) func `a policy that is true for every row stops the apply, unless it says true`(
        _ expression: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        try await scene.run(
            "CREATE FUNCTION app.always(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > 0; END'")
        let policy = "{ \"name\": \"all\", \"to\": [\"reader@\"], \"for\": \"SELECT\", \"using\": \"\(expression)\" }"
        let outcome = try await scene.apply(ProverScene.policy(policy))
        #expect(outcome.verdict == .disproved)
        let finding = try #require(outcome.proof.findings.first { $0.kind == .alwaysTrue })
        #expect(finding.place == "rowSecurity[\"app.docs\"].policies[0].using")
        #expect(finding.detail == "policy all is true for every row, whatever it says: write \"true\" if that is meant")
        #expect(
            outcome.refusal?.hasSuffix("declarations would not be enforced as written: everything was rolled back")
                == true)
        #expect(try await scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'docs'") == "f")
    }

    static let fine: [String] = [
        "{ \"name\": \"all\", \"to\": [\"reader@\"], \"using\": \"true\" }",
        "{ \"name\": \"all\", \"to\": [\"reader@\"], \"using\": \" ( TRUE ) \" }",
        "{ \"name\": \"none\", \"to\": [\"reader@\"], \"using\": \"false\" }, \(ProverScene.own)",
        ProverScene.own,
        "{ \"name\": \"in\", \"to\": [\"reader@\"], \"using\": \"owner IN (SELECT kind FROM app.kinds)\" }",
        "{ \"name\": \"exists\", \"to\": [\"reader@\"], \"using\": \"EXISTS (SELECT FROM app.kinds k WHERE k.kind = docs.kind)\" }",
        "{ \"name\": \"me\", \"to\": [\"reader@\"], \"using\": \"owner = current_user\" }",
        "{ \"name\": \"mine\", \"to\": [\"reader@\"], \"using\": \"app.may(id)\" }",
        "{ \"name\": \"gate\", \"to\": [\"reader@\"], \"using\": \"(SELECT current_setting('app.open', true)) = 'yes'\" }",
        "{ \"name\": \"filled\", \"to\": [\"reader@\"], \"using\": \"owner IS NOT NULL\" }",
    ]

    @Test(arguments: fine) func `a policy that filters, or says that it does not, is no finding`(
        _ policies: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        try await scene.run(
            """
            CREATE TABLE app.kinds (kind text);
            GRANT SELECT ON app.kinds TO PUBLIC;
            CREATE FUNCTION app.may(bigint) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 > count(*) FROM app.kinds';
            """)
        let outcome = try await scene.apply(ProverScene.policy(policies))
        #expect(outcome.verdict == .applied)
        #expect(outcome.proof.findings.map(\.detail) == [])
    }

    @Test func `a check that is always true stops the apply too`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let policy = """
            { "name": "add", "to": ["reader@"], "for": "INSERT", "check": "1=1 or owner is null" }, \(ProverScene.own)
            """
        let outcome = try await scene.apply(ProverScene.policy(policy))
        #expect(outcome.verdict == .disproved)
        #expect(outcome.proof.findings.map(\.place) == ["rowSecurity[\"app.docs\"].policies[0].check", nil])
        #expect(outcome.proof.findings.map(\.kind) == [.alwaysTrue, .unchecked])
    }

    @Test func `a restrictive policy that narrows nothing stops the apply`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let policy = """
            { "name": "floor", "to": ["reader@"], "restrictive": true, "using": "id >= id OR id < id OR true" },
            \(ProverScene.own)
            """
        #expect(try await scene.apply(ProverScene.policy(policy)).proof.findings.map(\.kind) == [.alwaysTrue])
    }

    @Test func `a policy that is true for no row is a warning`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let policy = "{ \"name\": \"none\", \"to\": [\"reader@\"], \"using\": \"1 = 0\" }"
        let outcome = try await scene.apply(ProverScene.policy(policy))
        #expect(outcome.verdict == .applied)
        #expect(outcome.proof.findings.map(\.kind) == [.alwaysFalse, .noRows, .noRows])
        #expect(outcome.proof.findings.allSatisfy { !$0.fails && $0.verdict == .failed })
    }

    @Test func `a role that may read and has no policy sees no row, and that is said`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run(
            "CREATE ROLE other@; GRANT USAGE ON SCHEMA app TO other@; GRANT SELECT (id) ON app.docs TO other@")
        let findings = try await scene.prove(ProverScene.policy()).findings
        #expect(
            findings.map(\.detail) == [scene.own("row security leaves SELECT of other@ no row: no policy is for them")])
    }

    static let perRow = [
        "owner = current_setting('app.user', true)", "owner = app.me()", "kind = 'x' AND owner = app.me() || ''",
    ]

    @Test(arguments: perRow) func `a function that runs for every row where once would do is a warning`(
        _ expression: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        try await scene.run(
            """
            CREATE FUNCTION app.me() RETURNS text LANGUAGE plpgsql STABLE AS
                $$ BEGIN RETURN current_setting('app.user', true); END $$
            """)
        let name = expression.contains("app.me") ? "me" : "current_setting"
        func findings(_ using: String) async throws -> [ProofFinding] {
            let policy = "{ \"name\": \"own\", \"to\": [\"reader@\"], \"for\": \"SELECT\", \"using\": \"\(using)\" }"
            let outcome = try await scene.apply(ProverScene.policy(policy))
            #expect(outcome.verdict == .applied)
            return outcome.proof.findings.filter { $0.kind == .perRow }
        }
        #expect(
            try await findings(expression).map(\.detail) == [
                scene.own(
                    "\(name)() runs for every row in SELECT of login@, reader@: write it as (SELECT \(name)(...)), "
                        + "which runs once")
            ])
        let better = expression.replacing(
            "current_setting('app.user', true)", with: "(SELECT current_setting('app.user', true))"
        )
        .replacing("app.me()", with: "(SELECT app.me())")
        #expect(try await findings(better) == [])
    }

    @Test func `a view that reads as its owner is a leak, one that reads as whoever asks is none`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run(
            """
            CREATE VIEW app.leak AS SELECT * FROM app.docs;
            CREATE VIEW app.chain WITH (security_invoker = on) AS SELECT * FROM app.leak;
            CREATE VIEW app.fine WITH (security_invoker = true) AS SELECT * FROM app.docs;
            CREATE VIEW app.over_fine AS SELECT * FROM app.fine;
            CREATE VIEW app.unused AS SELECT * FROM app.docs;
            CREATE MATERIALIZED VIEW app.copy AS SELECT * FROM app.docs;
            GRANT SELECT ON app.leak, app.chain, app.fine, app.over_fine, app.copy TO reader@;
            """)
        let findings = try await scene.prove(ProverScene.policy()).findings
        #expect(findings.map(\.kind) == [.viewLeak, .viewLeak, .viewLeak])
        #expect(findings.allSatisfy { $0.verdict == .leak && !$0.fails })
        let views = findings.map { $0.detail.split(separator: " ").prefix(2).joined(separator: " ") }
        #expect(views == ["view app.chain", "view app.copy", "view app.leak"])
        #expect(
            findings[2].detail
                == scene.own(
                    "view app.leak reads the table as its owner \"postgres\", whom row security does not hold, and reader@ "
                        + "may use it: make it WITH (security_invoker = true), if the view itself does not say which rows"
                ))
    }

    @Test func `a policy made by hand that lets every row in is a warning where it stays`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run("CREATE POLICY leak ON app.docs FOR SELECT TO reader@ USING (true)")
        let findings = try await scene.prove(ProverScene.policy()).findings
        #expect(
            findings.map(\.detail) == [
                scene.own(
                    "no row security is left for SELECT of login@, reader@, because of policies that are not declared: leak"
                )
            ])
        #expect(findings.allSatisfy { !$0.fails })
    }

    @Test func `partitions are looked at through their table, and none is no finding`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE SCHEMA app;
            CREATE TABLE app.docs (id bigint NOT NULL, owner text, kind text) PARTITION BY LIST (kind);
            """)
        #expect(try await scene.apply(ProverScene.policy()).proof.findings == [])
        try await scene.run("CREATE TABLE app.docs_x PARTITION OF app.docs FOR VALUES IN ('x')")
        try await scene.run("CREATE TABLE app.docs_y PARTITION OF app.docs FOR VALUES IN ('y')")
        #expect(try await scene.apply(ProverScene.policy()).proof.findings == [])
        let open = "{ \"name\": \"all\", \"to\": [\"reader@\"], \"using\": \"id = id\" }"
        #expect(try await scene.apply(ProverScene.policy(open)).verdict == .disproved)
    }

    @Test func `what the planner may not be asked as a role is passed over, the rest is still seen`() async throws {
        let scene = try Scene()
        try await scene.withDocuments()
        // The role may not run a function that its policy calls: its statements fail, and leak nothing.
        try await scene.run(
            """
            CREATE FUNCTION app.secret() RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''a''';
            REVOKE EXECUTE ON FUNCTION app.secret() FROM PUBLIC;
            CREATE POLICY hidden ON app.docs FOR UPDATE TO reader@ USING (owner = app.secret());
            CREATE ROLE other@; GRANT USAGE ON SCHEMA app TO other@; GRANT SELECT ON app.docs TO other@;
            """)
        let findings = try await scene.prove(ProverScene.policy()).findings
        #expect(findings.map(\.kind) == [.noRows, .notLooked])
        #expect(
            findings[1].detail
                == scene.own(
                    "the planner does not say what UPDATE of login@, reader@ comes to: permission denied for function secret"
                ))
    }

    @Test func `many tables are looked at within the server's table of locks`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE SCHEMA app;
            CREATE ROLE reader@;
            GRANT USAGE ON SCHEMA app TO reader@;
            DO $$ BEGIN
                FOR n IN 1..300 LOOP
                    EXECUTE format('CREATE TABLE app.t%s (id bigint PRIMARY KEY, owner text)', n);
                    EXECUTE format('GRANT SELECT ON app.t%s TO reader@', n);
                END LOOP;
            END $$;
            """)
        let tables = (1...300).map {
            "\"app.t\($0)\": { \"policies\": [{ \"name\": \"own\", \"to\": [\"reader@\"], \"for\": \"SELECT\", "
                + "\"using\": \"\($0 == 7 ? "id = id" : $0 == 8 ? "1 = 0" : "owner = current_user")\" }] }"
        }
        let policy =
            "{ \"version\": 1, \"proofBudget\": 120, \"roles\": { \"reader@\": {} }, \"rowSecurity\": { \(tables.joined(separator: ", ")) } }"
        let outcome = try await scene.apply(policy)
        #expect(outcome.verdict == .disproved)
        let found = outcome.proof.findings.map { "\($0.table.name) \($0.kind)" }
        #expect(Set(found) == ["t7 alwaysTrue", "t7 unfiltered", "t8 alwaysFalse", "t8 noRows"])
    }
}
