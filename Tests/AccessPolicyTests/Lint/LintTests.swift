import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Who lints, whom the planner trusts, and what the lint leaves alone.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct LintTests {
    /// A table whose owner is nobody's friend: planning its policy as somebody else calls the owner's function.
    private static let hostile = """
        CREATE ROLE owner@; CREATE ROLE app@ LOGIN;
        CREATE SCHEMA app AUTHORIZATION owner@;
        SET ROLE owner@;
        CREATE TABLE app.log (who name);
        GRANT USAGE ON SCHEMA app TO PUBLIC;
        CREATE FUNCTION app.f(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
            BEGIN PERFORM pg_catalog.pg_notify('planned', current_user); RETURN true; END $$;
        CREATE TABLE app.t (id int);
        ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON app.t TO app@ USING (app.f(1));
        GRANT SELECT ON app.t TO app@;
        """

    @Test func `an untrusted owner's function does not run while the planner is asked`() async throws {
        let scene = try Scene()
        try await scene.run(Self.hostile)
        let outcome = try await scene.lint()
        #expect(
            outcome.notes.contains { $0.contains(scene.own("planning it may run code of owner@, who is not trusted")) })
        #expect(!outcome.findings.contains { $0.id == "policy-always-true" })
    }

    @Test func `a trusted owner's function is folded by the planner`() async throws {
        let scene = try Scene()
        try await scene.run(Self.hostile)
        var options = Linter.Options()
        options.trustedOwners = [scene.own("owner@")]
        let outcome = try await scene.lint(options: options)
        #expect(outcome.findings.contains { $0.id == "policy-always-true" && $0.evidence.contains("folds away") })
        #expect(outcome.notes.isEmpty)
    }

    /// A function that is reached only through the table of a policy's sub-select, or an operator, counts as well.
    @Test(arguments: [
        """
        CREATE TABLE app.inner (id int CHECK (app.f(id))); ALTER TABLE app.inner OWNER TO owner@;
        CREATE POLICY q ON public.t TO app@ USING (EXISTS (SELECT FROM app.inner i WHERE i.id = t.id));
        """,
        """
        CREATE FUNCTION app.eq(int, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
        ALTER FUNCTION app.eq(int, text) OWNER TO owner@;
        CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = text, FUNCTION = app.eq);
        CREATE POLICY q ON public.t TO app@ USING (id OPERATOR(app.===) 'x'::text);
        """,
        """
        CREATE VIEW app.v AS SELECT app.f(1) AS is_fine; ALTER VIEW app.v OWNER TO owner@;
        CREATE POLICY q ON public.t TO app@ USING ((SELECT v.is_fine FROM app.v));
        """,
        "CREATE INDEX ON public.t ((app.f(id)));",
    ]) func `code that is reached indirectly is not run either`(_ attack: String) async throws {
        let scene = try Scene()
        try await scene.run(Self.hostile)
        try await scene.run(
            """
            CREATE TABLE public.t (id int);
            ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON public.t TO app@ USING (id = 1);
            """)
        #expect(try await scene.undecided() == 1)
        try await scene.run(attack)
        #expect(try await scene.undecided() == 2)
    }

    @Test func `a role without superuser lints what it may see, and says what it may not`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE owner@ LOGIN CREATEROLE;
            ALTER DATABASE \(scene.database.name) OWNER TO owner@;
            CREATE ROLE app@ LOGIN;
            CREATE SCHEMA app AUTHORIZATION owner@;
            GRANT USAGE ON SCHEMA app TO app@;
            SET ROLE owner@;
            CREATE TABLE app.t (id int NOT NULL);
            ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON app.t TO app@ USING (id = id);
            GRANT SELECT, TRUNCATE ON app.t TO app@;
            """)
        let outcome = try await scene.lint(as: "owner@")
        let finding = outcome.findings.first { $0.id == "policy-always-true" }
        #expect(finding?.evidence.contains("as the planner confirms") == true)
        #expect(outcome.notes.contains { $0.contains("passwords were not looked at") })
        #expect(outcome.notes.contains { $0.contains("the planner was not asked as") })
    }

    @Test func `members of extensions and system schemas are left out`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC;
            CREATE TABLE ext.t (password text); GRANT ALL ON ext.t TO PUBLIC;
            CREATE FUNCTION ext.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
            """)
        #expect(Set(try await scene.lint().findings.filter { $0.object.schema == "ext" }.map(\.object.kind)).count > 2)
        try await scene.run("ALTER EXTENSION plpgsql ADD TABLE ext.t; ALTER EXTENSION plpgsql ADD FUNCTION ext.f()")
        let outcome = try await scene.lint()
        #expect(!outcome.findings.contains { $0.object.schema == "ext" })
        #expect(!outcome.findings.contains { $0.object.schema == "pg_catalog" })
    }

    @Test func `of an empty new database it says only what PostgreSQL lets PUBLIC do there`() async throws {
        let scene = try Scene()
        let findings = try await scene.lint().findings.filter(scene.isOwn)
        #expect(findings.map(\.id) == ["database-public-connect", "database-public-temporary"])
        #expect(findings.allSatisfy { $0.severity == .info })
    }

    @Test func `a table that somebody has locked ends the lint with 75, and not with waiting`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON public.t USING (id = 1);
            """)
        let other = try await scene.database.connect()
        var options = Linter.Options()
        options.lockTimeout = .milliseconds(100)
        let failure = try await other.transaction {
            try await other.execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")
            return await scene.failure { try await scene.lint(options: options).findings.count }
        }
        #expect(failure.status == .temporary)
        #expect(failure.sentence.contains("lock timeout"))
    }

    @Test func `the lint leaves no lock, no transaction and its own role behind`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE app@ LOGIN; GRANT USAGE ON SCHEMA public TO app@;
            CREATE TABLE public.t (id int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON public.t TO app@ USING (id = 1); GRANT SELECT ON public.t TO app@;
            """)
        let connection = try await scene.database.connect()
        _ = try await Linter(connection).run(at: .now())
        let row = try await connection.query(
            """
            SELECT CURRENT_USER::text, (SELECT count(*) FROM pg_catalog.pg_locks
                WHERE pid = pg_catalog.pg_backend_pid() AND relation = 'public.t'::pg_catalog.regclass),
                pg_catalog.current_setting('enable_seqscan')
            """
        ).one()
        let (user, locks, seqscan): (String, Int, String) = (try row[0], try row[1], try row[2])
        #expect(user == "postgres")
        #expect(locks == 0)
        #expect(seqscan == "on")
    }
}

/// A server whose lock table is small.
@Suite(.cluster(["max_connections": "20", "max_locks_per_transaction": "32"]), .database, .timeLimit(.minutes(3)))
struct LintLockTests {
    @Test func `more tables than the lock table holds are asked about in pieces`() async throws {
        let scene = try Scene()
        try await scene.run("CREATE ROLE app@ LOGIN; GRANT USAGE ON SCHEMA public TO app@;")
        for part in 0..<8 {
            try await scene.run(
                """
                DO $$ BEGIN FOR i IN 1..500 LOOP
                    EXECUTE format('CREATE TABLE public.t%s (id int)', \(part * 500) + i);
                    EXECUTE format('ALTER TABLE public.t%s ENABLE ROW LEVEL SECURITY', \(part * 500) + i);
                    EXECUTE format('CREATE POLICY p ON public.t%s TO app@ USING (id = id)', \(part * 500) + i);
                END LOOP; END $$
                """)
        }
        // The same in one piece is more than the server can do.
        let whole = await scene.failure {
            try await scene.run(
                "DO $$ BEGIN FOR i IN 1..4000 LOOP EXECUTE format('EXPLAIN SELECT FROM public.t%s', i); END LOOP; END $$"
            )
        }
        #expect(whole.sentence.contains("out of shared memory"))
        var options = Linter.Options()
        options.only = ["policy-always-true"]
        let outcome = try await scene.lint(options: options)
        #expect(outcome.findings.count == 4000)
        #expect(outcome.findings.allSatisfy { $0.evidence.contains("as the planner confirms") })
        #expect(outcome.notes.isEmpty)
    }
}

extension Scene {
    /// How many tables the planner was not asked about.
    fileprivate func undecided() async throws -> Int {
        let notes = try await lint().notes.filter { $0.contains("planning it may run code") }
        return notes.compactMap { note in
            note.split(separator: " ").compactMap { Int($0) }.first
        }.reduce(0, +)
    }
}
