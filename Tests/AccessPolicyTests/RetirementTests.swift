import AuditLog
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// Roles that shall not be there any more.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct RetirementTests {
    static let old = """
        CREATE ROLE old@ LOGIN;
        CREATE ROLE heir@;
        CREATE ROLE other@;
        GRANT other@ TO old@;
        GRANT CREATE, USAGE ON SCHEMA app TO old@, heir@;
        GRANT SELECT ON app.users TO old@ WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES FOR ROLE old@ IN SCHEMA app GRANT SELECT ON TABLES TO other@;
        CREATE TABLE app.mine (id bigint);
        ALTER TABLE app.mine OWNER TO old@;
        CREATE POLICY shared ON app.orders TO old@, other@ USING (true);
        """

    static let reassigned = """
        { "version": 1, "roles": { "old@": { "state": "absent", "reassignTo": "heir@" } } }
        """

    private func rollout(_ log: SceneLog, _ policy: String, as role: String? = nil) async throws -> RolloutOutcome {
        let connection = try await log.scene.database.connect(as: role.map(log.scene.own))
        let rollout = Rollout(connection, try log.scene.file(policy), passwords: GivenPasswords())
        return try await rollout.apply(maxRevokes: 20, audit: log.log)
    }

    @Test func `the plan names every step, and what cannot be undone`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let plan = try await scene.plan(Self.reassigned)
        #expect(
            plan.changes.map(\.sql) == [
                [scene.own("ALTER ROLE \"old@\" WITH NOLOGIN")],
                [scene.own("REASSIGN OWNED BY \"old@\" TO \"heir@\"")], [scene.own("DROP OWNED BY \"old@\"")],
                [scene.own("DROP ROLE \"old@\"")],
            ])
        #expect(plan.changes.map(\.kind.isUndoable) == [true, false, false, false])
    }

    @Test func `a retired role's objects go to its heir, its privileges go, and it is gone`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        try await SceneLog.around(scene) { log async throws in
            #expect(try await rollout(log, Self.reassigned).refusal == nil)
            #expect(
                try await scene.value("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'") == scene.own("heir@")
            )
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'old@'") == "0")
            #expect(
                try await scene.value(
                    "SELECT array_to_string(polroles::regrole[], ' ') FROM pg_policy WHERE polname = 'shared'")
                    == scene.own("other@"))
            #expect(try await scene.plan(Self.reassigned).isEmpty)
        }
    }

    @Test func `what a role owns and holds in another database is found and handed over there`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let other = try await Cluster.current.makeDatabase()
        try await other.run(
            scene.own("CREATE TABLE theirs (); ALTER TABLE theirs OWNER TO old@; GRANT ALL ON SCHEMA public TO old@"))
        let plan = try await scene.plan(Self.reassigned)
        #expect(
            plan.notes == [
                scene.own(
                    "roles.old@: no undo brings back its password, 1 membership, 2 objects' privileges, 1 ownership"),
                scene.own(
                    "roles.old@: in database \(other.name) too, 1 owned object, 1 privilege or policy will be given away and revoked"
                ),
            ])
        try await SceneLog.around(scene) { log async throws in
            #expect(try await rollout(log, Self.reassigned).refusal == nil)
            #expect(
                try await other.value("SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'")
                    == scene.own("heir@"))
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'old@'") == "0")
        }
    }

    @Test func `what goes with a retired role for good is listed beside each record, and the rest comes back`()
        async throws
    {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let other = try await Cluster.current.makeDatabase()
        try await other.run(scene.own("CREATE TABLE theirs (); GRANT SELECT ON theirs TO old@"))
        let policy = """
            { "version": 1, "roles": { "old@": { "state": "absent", "reassignTo": "heir@" } },
              "grants": [{ "to": ["other@"], "on": { "tables": ["app.users"] }, "privileges": ["INSERT"] }] }
            """
        try await SceneLog.around(scene) { log async throws in
            let steps = try await rollout(log, policy).steps
            #expect(
                steps.map(\.database) == [scene.database.name, scene.database.name, other.name, scene.database.name])
            let texts = try steps.map { step in
                let file = try #require(step.outcome.undo).file
                return String(decoding: try Files.read(log.folder.appending(file)), as: UTF8.self)
            }
            let expected = [
                (
                    1,
                    "-- not undone: privileges on table app.users to old@, granted by postgres: was SELECT WITH GRANT OPTION, is gone"
                ),
                (1, "-- not undone: owner of table app.mine: was old@, is gone"),
                (1, "-- not undone: REASSIGN OWNED BY \"old@\" TO \"heir@\""),
                (
                    2,
                    "-- not undone: privileges on table public.theirs to old@, granted by postgres: was SELECT, is gone"
                ),
                (3, "-- not undone: membership of old@ in other@"),
                (3, "-- not undone: role old@: was INHERIT, CONNECTION LIMIT -1, VALID UNTIL infinity, is gone"),
            ]
            for (step, line) in expected { #expect(texts[step].contains(scene.own(line)), "\(line)\n\(texts[step])") }
            #expect(try await log.undo(steps[1].outcome).verdict == .applied)
            #expect(try await scene.value("SELECT has_table_privilege('other@', 'app.users', 'INSERT')") == "f")
            let failure = await scene.failure {
                let receipt = try #require(steps[2].outcome.undo)
                return try await Undoing(try await Cluster.current.connect(to: other.name))
                    .undo(String(receipt.record), audit: log.log).verdict
            }
            #expect(failure.status == .inputMissing)
            #expect(failure.sentence.contains("can be undone: DROP OWNED BY"), "\(failure.sentence)")
        }
    }

    @Test func `an absent role that is not there is no change`() async throws {
        let scene = try Scene()
        try await scene.run("CREATE ROLE heir@")
        #expect(try await scene.plan(Self.reassigned).isEmpty)
        let rollout = Rollout(
            try await scene.database.connect(), try scene.file(Self.reassigned), passwords: GivenPasswords())
        #expect(try await rollout.isNeeded() == false)
    }

    @Test func `what a role owns is dropped where the policy says so`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let dropped = "{ \"version\": 1, \"roles\": { \"old@\": { \"state\": \"absent\", \"drop\": true } } }"
        try await SceneLog.around(scene) { log async throws in
            #expect(try await rollout(log, dropped).refusal == nil)
            #expect(try await scene.value("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == "0")
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'old@'") == "0")
        }
    }

    static let mistakes: [(setup: String, role: String, expected: String)] = [
        (
            "", "\"state\": \"absent\"",
            "role \"old@\" owns something (in database DB: 1 owned object, 4 privileges or policies): say \"reassignTo\" or \"drop\": true"
        ),
        ("", "\"state\": \"absent\", \"reassignTo\": \"hier@\"", "unknown role \"hier@\" (did you mean heir@?)"),
        (
            "CREATE POLICY alone ON app.users AS RESTRICTIVE TO old@ USING (false)",
            "\"state\": \"absent\", \"reassignTo\": \"heir@\"",
            "restrictive policy \"alone\" on table app.users is for role \"old@\" alone, and would be dropped with it: "
                + "drop it yourself, or declare it for others"
        ),
        (
            "ALTER DATABASE DB OWNER TO old@", "\"state\": \"absent\", \"drop\": true",
            "role \"old@\" owns a database or a tablespace, which is never dropped: say \"reassignTo\""
        ),
        (
            "ALTER ROLE old@ SUPERUSER", "\"state\": \"absent\", \"reassignTo\": \"heir@\"",
            "role \"old@\" is a superuser, and is never changed"
        ),
    ]

    @Test(arguments: mistakes) func `what stands in the way of retiring is named, and nothing is done`(
        _ setup: String, _ role: String, _ expected: String
    ) async throws {
        let scene = try Scene()
        let name = scene.database.name
        try await scene.run(ApplyTests.tables + Self.old + setup.replacing("DB", with: name))
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let policy = "{ \"version\": 1, \"roles\": { \"old@\": { \(role) } } }"
            let failure = await scene.failure { try await rollout(log, policy).refusal ?? "applied" }
            #expect(failure.sentence.hasSuffix(scene.own(expected).replacing("DB", with: name)), "\(failure.sentence)")
            #expect(failure.status == .malformed)
            #expect(try await log.state() == before)
        }
    }

    @Test func `a policy for the role alone in another database stops before anything is done`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let other = try await Cluster.current.makeDatabase()
        try await other.run(scene.own("CREATE TABLE t (); CREATE POLICY alone ON t TO old@ USING (true)"))
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let failure = await scene.failure { try await rollout(log, Self.reassigned).refusal ?? "applied" }
            #expect(
                failure.sentence.contains("in database \(other.name), policy \"alone\" on table public.t"),
                "\(failure.sentence)")
            #expect(try await log.state() == before)
        }
    }

    @Test func `a policy that is declared for others in the same document is no obstacle`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old + "CREATE POLICY alone ON app.users TO old@ USING (true)")
        let policy = """
            { "version": 1, "roles": { "old@": { "state": "absent", "reassignTo": "heir@" } },
              "rowSecurity": { "app.users": { "policies": [{ "name": "alone", "to": ["heir@"], "using": "true" }] } } }
            """
        try await SceneLog.around(scene) { log async throws in
            #expect(try await rollout(log, policy).refusal == nil)
            #expect(try await scene.plan(policy).isEmpty)
        }
    }

    @Test func `an open session leaves the role without login, says so, and the next run goes on`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        try await SceneLog.around(scene) { log async throws in
            let session = try await scene.database.connect(as: scene.own("old@"))
            let failure = await scene.failure { try await rollout(log, Self.reassigned).refusal ?? "applied" }
            #expect(failure.status == .temporary)
            #expect(
                failure.sentence
                    == scene.own(
                        "there are open sessions: 1 of role \"old@\" in database \(scene.database.name); "
                            + "new roles are there, without login and memberships; roles that shall go can log in no more; "
                            + "as it was: \(scene.database.name); the next run goes on from here"),
                "\(failure.sentence)")
            #expect(try await scene.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'old@'") == "f")
            #expect(
                try await scene.value("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'") == scene.own("old@"))
            await session.close()
            // The server notices the end of a session in its own time.
            while try await scene.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'old@'") != "0" {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await rollout(log, Self.reassigned).refusal == nil)
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'old@'") == "0")
        }
    }

    @Test func `a provisioner without superuser retires what it made`() async throws {
        let scene = try Scene()
        try await scene.run(
            "CREATE ROLE boss@ LOGIN CREATEROLE; ALTER DATABASE \(scene.database.name) OWNER TO boss@")
        try await scene.run(
            """
            CREATE SCHEMA app; CREATE ROLE old@r LOGIN; CREATE ROLE heir@r; GRANT CREATE, USAGE ON SCHEMA app TO old@r, heir@r;
            """, as: "boss@")
        try await scene.run(
            "CREATE TABLE app.mine (); CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", as: "old@r")
        let policy =
            "{ \"version\": 1, \"roles\": { \"old@r\": { \"state\": \"absent\", \"reassignTo\": \"heir@r\" } } }"
        try await SceneLog.around(scene) { log async throws in
            while try await scene.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'old@r'") != "0" {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await rollout(log, policy, as: "boss@").refusal == nil)
            #expect(
                try await scene.value("SELECT tableowner FROM pg_tables WHERE tablename = 'mine'")
                    == scene.own("heir@r"))
            #expect(try await scene.value("SELECT pg_has_role('boss@', 'heir@r', 'USAGE')") == "f")
        }
    }

    @Test func `what a retired role passed on is granted again where it is declared`() async throws {
        let scene = try Scene()
        let isNew = try await scene.database.connect().majorVersion >= 16
        try await scene.run(
            ApplyTests.tables + Self.old
                + """
                CREATE ROLE guest@;
                GRANT other@ TO old@ WITH ADMIN OPTION;
                SET ROLE old@;
                GRANT SELECT ON app.users TO guest@;
                GRANT other@ TO guest@ \(isNew ? "" : "GRANTED BY CURRENT_USER");
                """)
        let policy = Self.reassigned.replacing(
            "\"roles\": {",
            with: "\"grants\": [{ \"to\": [\"guest@\"], \"on\": { \"tables\": [\"app.users\"] }, "
                + "\"privileges\": [\"SELECT\"] }], \"roles\": { \"guest@\": { \"memberOf\": [\"other@\"] },")
        try await SceneLog.around(scene) { log async throws in
            #expect(try await rollout(log, policy).refusal == nil)
            #expect(try await scene.value("SELECT has_table_privilege('guest@', 'app.users', 'SELECT')") == "t")
            #expect(try await scene.value("SELECT pg_has_role('guest@', 'other@', 'MEMBER')") == "t")
            #expect(try await scene.plan(policy).isEmpty)
        }
    }

    @Test func `a reviewed plan that retires a role and makes another is carried out in its stages`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.old)
        let policy = Self.reassigned.replacing(
            "\"roles\": {",
            with: "\"grants\": [{ \"to\": [\"new@\"], \"on\": { \"tables\": [\"app.users\"] }, "
                + "\"privileges\": [\"SELECT\"] }], \"roles\": { \"new@\": { \"login\": true, \"memberOf\": [\"other@\"] },"
        )
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(policy)
            func apply() async throws -> RolloutOutcome {
                try await Rollout(
                    try await scene.database.connect(), try scene.file(policy), passwords: GivenPasswords()
                ).apply(maxRevokes: 20, audit: log.log, reviewed: SavedPlans([reviewed]))
            }
            try await scene.run("GRANT INSERT ON app.users TO old@")
            let moved = try await apply()
            #expect(moved.refusal?.contains(scene.own("privileges on table app.users to old@")) == true)
            #expect(moved.steps.isEmpty)
            try await scene.run("REVOKE INSERT ON app.users FROM old@")
            let applied = try await apply()
            #expect(applied.refusal == nil)
            #expect(try await scene.plan(policy).isEmpty)
        }
    }

    static let documents: [(String, String)] = [
        (
            "\"a\": { \"state\": \"absent\", \"login\": true }",
            "roles.a.login: an absent role has only reassignTo or drop"
        ),
        ("\"a\": { \"reassignTo\": \"b\" }", "roles.a.reassignTo: only a role with \"state\": \"absent\" has this"),
        ("\"a\": { \"state\": \"absnt\" }", "roles.a.state: unknown state \"absnt\" (did you mean absent?)"),
        (
            "\"a\": { \"state\": \"absent\", \"drop\": true, \"reassignTo\": \"b\" }",
            "roles.a: reassignTo and drop exclude one another"
        ),
        ("\"a\": { \"state\": \"absent\", \"reassignTo\": \"a\" }", "roles.a: a role cannot be its own heir"),
        (
            "\"a\": { \"state\": \"absent\" }, \"b\": { \"memberOf\": [\"a\"] }",
            "roles.b.memberOf[0]: role \"a\" is declared absent"
        ),
    ]

    @Test(arguments: documents) func `a mistake in retiring is refused with its place`(
        _ roles: String, _ expected: String
    ) {
        let failure = #expect(throws: DocumentFailure.self) {
            try PolicyFile(bytes: Array("{ \"version\": 1, \"roles\": { \(roles) } }".utf8), named: "policy p.json")
        }
        #expect(failure?.sentence == "cannot read policy p.json: line 1: \(expected)")
    }
}
