import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbsec` as its users run it, and what it says when something is wrong.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct PolicyProgramTests {
    private struct Run: Sendable {
        let folder: FilePath
        let database: Database

        /// The role's name in this test, since roles belong to the whole server.
        func own(_ text: String) -> String { text.replacing("@", with: "_" + database.name) }

        var state: FilePath { folder.appending("state") }

        func dbsec(
            _ verb: String, _ policy: String, _ options: [String] = [], changing: [String: String?] = [:],
            account: Account? = nil
        ) async throws -> ProgramResult {
            let path = folder.appending("p.json")
            try Files.write(
                Array(own(policy).utf8), to: path, mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
            var environment = database.environment
            environment["DBSEC_STATE"] = state.string
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run(
                "dbsec", [verb, path.string] + options, environment: environment.merging(changing) { $1 },
                account: account)
        }

        func roles() async throws -> String? {
            try await database.value(own("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@'"))
        }
    }

    private func withRun<Value>(_ body: (Run) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            try await body(Run(folder: folder, database: try Database.current))
        }
    }

    static let simple = """
        { "version": 1, "roles": { "reader@": {} },
          "grants": [ { "to": ["reader@"], "on": { "schemas": ["public"] }, "privileges": ["USAGE"] } ] }
        """

    static let mistakes: [(String, String)] = [
        (
            "{ \"version\": 1, \"grants\": [\n{ \"to\": [\"reader@\"], \"on\": { \"schemas\": [\"public\"] },\n"
                + "\"privileges\": [\"USSAGE\"] }] }",
            "p.json: line 3: grants[0].privileges[0]: unknown privilege \"USSAGE\" (did you mean USAGE?)\n"
        ),
        (
            "{ \"version\": 1, \"grants\": [\n{ \"to\": [\"postgers\"], \"on\": { \"schemas\": [\"public\"] },\n"
                + "\"privileges\": [\"USAGE\"] }] }",
            "p.json: line 2: grants[0].to[0]: unknown role \"postgers\" (did you mean postgres?)\n"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"PUBLIC\"], \"on\": { \"tables\": [\"public.usres\"] },\n"
                + "\"privileges\": [\"SELECT\"] }] }",
            "p.json: line 1: grants[0].on.tables[0]: unknown table \"public.usres\" (did you mean public.users?)\n"
        ),
        ("{ \"version\": 1,, }", "p.json: line 1: column 16: "),
        (
            "{ \"version\": 1, \"roles\": { \"a\": { \"logn\": true } } }",
            "unknown key \"logn\" (did you mean login?)\n"
        ),
    ]

    @Test(arguments: mistakes) func `a mistake in a policy ends with 65 and one clear line`(
        _ policy: String, _ expected: String
    ) async throws {
        try await withRun { run in
            try await run.database.run("CREATE TABLE users ()")
            for verb in ["plan", "apply-roles"] {
                let result = try await run.dbsec(verb, policy)
                #expect(result.status == 65)
                #expect(result.stdout == "")
                #expect(result.stderr.hasPrefix("error: cannot read policy "))
                #expect(result.stderr.contains(expected), "\(result.stderr)")
                #expect(result.stderr.split(separator: "\n").count == 1)
            }
        }
    }

    @Test func `a policy that is not there ends with 66, no server with 69, a wrong option with 64`() async throws {
        try await withRun { run in
            let missing = try await Program.run(
                "dbsec", ["plan", run.folder.appending("none.json").string], environment: run.database.environment)
            #expect(missing.status == 66)
            let nowhere = try await run.dbsec("plan", Self.simple, changing: ["PGHOST": run.folder.string])
            #expect(nowhere.status == 69)
            #expect(try await run.dbsec("plan", Self.simple, ["--maxrevokes", "3"]).status == 64)
        }
    }

    @Test func `a dry run shows the plan and changes nothing`() async throws {
        try await withRun { run in
            let result = try await run.dbsec("apply-roles", Self.simple, ["--dry-run"])
            #expect(result.status == 0)
            #expect(
                result.stdout
                    == run.own(
                        """
                        CREATE ROLE "reader@";  -- widens: roles.reader@: there is no such role
                        GRANT USAGE ON SCHEMA "public" TO "reader@";  -- widens: grants[0]: not yet held by reader@ on schema
                        2 changes: 2 widen access

                        """))
            #expect(try await run.roles() == "0")
            #expect(!Files.exists(run.state))
        }
    }

    @Test func `the generated script holds names full of quotes, and works twice`() async throws {
        try await withRun { run in
            try await run.database.run(
                """
                CREATE SCHEMA "a ""b"" $dbsec$.c";
                CREATE TABLE "a ""b"" $dbsec$.c"."t'; DROP" ("x y" bigint);
                CREATE FUNCTION "a ""b"" $dbsec$.c".f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
                """)
            let role = #"O'Brien \" -- $dbsec$ \\ 🐘@"#
            let schema = #"\"a \"\"b\"\" $dbsec$.c\""#
            let policy = #"""
                { "version": 1, "roles": { "ROLE": { "validUntil": "2030-01-01", "settings": { "app.x": "a'b\\c" } } },
                  "grants": [
                    { "to": ["ROLE"], "on": { "database": true }, "privileges": ["ALL"], "withGrantOption": true },
                    { "to": ["ROLE"], "on": { "tables": ["SCHEMA.*"] }, "privileges": ["ALL"], "future": { "createdBy": ["ROLE"] } },
                    { "to": ["ROLE"], "on": { "functions": ["SCHEMA.f(int)"] }, "privileges": ["EXECUTE"] } ],
                  "rowSecurity": { "SCHEMA.\"t'; DROP\"": { "force": true, "policies": [
                    { "name": "it's", "to": ["ROLE"], "using": "\"x y\" > 0 -- a comment" } ] } } }
                """#.replacing("ROLE", with: role).replacing("SCHEMA", with: schema)
            let script = try await run.dbsec("generate", policy)
            #expect(script.status == 0, "\(script.stderr)")
            for _ in 1...2 {
                let psql = try await Program.run(
                    "/usr/bin/psql", ["-X", "-q", "-f", "-"], environment: run.database.environment,
                    input: Array(script.stdout.utf8))
                #expect(psql.status == 0, "\(psql.stderr)")
                #expect(try await run.dbsec("plan", policy).stdout == "no changes\n")
            }
        }
    }

    private struct PlanDocument: Decodable {
        struct Change: Decodable {
            let kind: String
            let effect: String
            let sql: [String]
            let reason: String
        }

        let schema: Int
        let changes: [Change]
        let undeclared: [String]
        let revokes: Int
    }

    @Test func `a plan is one JSON document for programs`() async throws {
        try await withRun { run in
            let result = try await run.dbsec("plan", Self.simple, ["--json"])
            #expect(result.status == 1)
            let plan = try JSONDecoder().decode(PlanDocument.self, from: Data(result.stdout.utf8))
            #expect(plan.schema == 1)
            #expect(plan.changes.map(\.kind) == ["createRole", "grant"])
            #expect(plan.changes[1].sql == [run.own("GRANT USAGE ON SCHEMA \"public\" TO \"reader@\"")])
        }
    }

    @Test func `without an audit log nothing is done`() async throws {
        try await withRun { run in
            try Files.write(Array("in the way".utf8), to: run.state, mode: .ownerReadWrite)
            let result = try await run.dbsec("apply-roles", Self.simple)
            #expect(result.status == 73, "\(result.stderr)")
            #expect(try await run.roles() == "0")
        }
    }

    @Test func `an apply is in the audit log, a failed one too`() async throws {
        try await withRun { run in
            #expect(try await run.dbsec("apply-roles", Self.simple).status == 0)
            let failing = """
                { "version": 1, "roles": { "other@": {} },
                  "tests": [{ "as": "other@", "run": "SELECT 1", "expect": { "denied": true } }] }
                """
            let failed = try await run.dbsec("apply-roles", failing)
            #expect(failed.status == 1)
            #expect(failed.stdout.hasPrefix("1 of 1 tests failed: everything was rolled back\n"))
            #expect(try await run.roles() == "1")
            let shown = try await Program.run(
                "dbaudit", ["show", "--action", "policy.apply"], environment: ["DBSEC_STATE": run.state.string])
            let lines = shown.stdout.split(separator: "\n")
            #expect(lines.count == 4)
            #expect(lines[1].contains("policy.apply finished success"))
            #expect(lines[1].contains("plan_sha256="))
            #expect(lines[3].contains("policy.apply finished failure"))
            let verified = try await Program.run(
                "dbaudit", ["verify"], environment: ["DBSEC_STATE": run.state.string])
            #expect(verified.status == 0)
        }
    }

    @Test(arguments: [130, 69]) func `an apply that is stopped in its middle changed nothing, and says so`(
        _ status: Int32
    ) async throws {
        try await withRun { run in
            let slow = """
                { "version": 1, "roles": { "reader@": {} }, "proofBudget": 600,
                  "tests": [{ "as": "reader@", "run": "SELECT pg_sleep(600)", "expect": { "denied": true } }] }
                """
            let path = run.folder.appending("slow.json")
            try Files.write(Array(run.own(slow).utf8), to: path, mode: .ownerReadWrite, durable: false)
            var environment = run.database.environment
            environment["DBSEC_STATE"] = run.state.string
            let program = try await Program.start("dbsec", ["apply-roles", path.string], environment: environment)
            let sleeping =
                "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'"
            while try await run.database.value("SELECT count(*) \(sleeping)") == "0" {
                try await Task.sleep(for: .milliseconds(20))
            }
            if status == 130 {
                program.send(2)
            } else {
                _ = try await run.database.value("SELECT pg_terminate_backend(pid) \(sleeping)")
            }
            let result = try await program.result()
            #expect(result.status == status, "\(result.stderr)")
            #expect(try await run.roles() == "0")
            let shown = try await Program.run("dbaudit", ["show"], environment: ["DBSEC_STATE": run.state.string])
            #expect(shown.stdout.contains("policy.apply finished failure"))
        }
    }

    @Test func `more revokes than --max-revokes end with 1, and nothing was done`() async throws {
        try await withRun { run in
            let strict = Self.simple.replacing(
                "\"version\": 1,",
                with: "\"version\": 1, \"mode\": \"authoritative\", "
                    + "\"manages\": { \"schemas\": [\"public\"], \"roles\": [\"*@\"] },")
            #expect(try await run.dbsec("apply-roles", strict).status == 0)
            try await run.database.run(run.own("GRANT CREATE ON SCHEMA public TO reader@"))
            let stopped = try await run.dbsec("apply-roles", strict, ["--max-revokes", "0"])
            #expect(stopped.status == 1)
            #expect(stopped.stdout.hasPrefix("the plan takes away 1 rights that are not declared"))
            #expect(try await run.dbsec("plan", strict).status == 1)
            #expect(try await run.dbsec("apply-roles", strict).status == 0)
            #expect(try await run.dbsec("plan", strict).stdout == "no changes\n")
        }
    }

    @Test(.cluster) func `a user logs in with the password that the policy refers to, and with no other`()
        async throws
    {
        try await withRun { run in
            // Inside the cluster of this test alone: passwords for everybody but the superuser.
            try Files.write(
                Array("local all postgres trust\nlocal all all scram-sha-256\n".utf8),
                to: try Cluster.current.server.folder.appending("data/pg_hba.conf"),
                mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
            let database = try await Cluster.current.makeDatabase()
            let run = Run(folder: run.folder, database: database)
            _ = try await database.value("SELECT pg_reload_conf()")
            let policy = """
                { "version": 1, "roles": { "login@": { "login": true, "password": { "env": "SECRET" } } } }
                """
            let applied = try await run.dbsec("apply-roles", policy, changing: ["SECRET": "tr0ub4dor"])
            #expect(applied.status == 0, "\(applied.stderr)")
            let login = ["-U", run.own("login@")]
            let right = try await run.dbsec("test", "{ \"version\": 1 }", login, changing: ["PGPASSWORD": "tr0ub4dor"])
            #expect(right.status == 0, "\(right.stderr)")
            let wrong = try await run.dbsec("plan", "{ \"version\": 1 }", login, changing: ["PGPASSWORD": "wrong"])
            #expect(wrong.status == 77)
            #expect(wrong.stderr.contains("password authentication failed"))
            #expect(!(wrong.stderr + wrong.stdout).contains("wrong"))
        }
    }
}
