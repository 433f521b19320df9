import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// As on RDS, Cloud SQL or Azure: the provisioner may make roles and databases, owns the database, and is no superuser.
///
/// One after the other: the roles of the shop are the policy's own, and every test's database shares them.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct ManagedServiceTests {
    private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()
    private static let shop = root.appending("policies/ecommerce.json").string

    private struct Service: Sendable {
        let database: Database
        let folder: FilePath

        /// The provisioner of this test.
        var boss: String { "boss_\(database.name)" }

        func own(_ text: String) -> String { text.replacing("@", with: "_" + database.name) }

        func dbsec(_ arguments: [String], environment more: [String: String?] = [:]) async throws -> ProgramResult {
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            environment["PGUSER"] = boss
            return try await Program.run("dbsec", arguments, environment: environment.merging(more) { $1 })
        }

        func write(_ policy: String) throws -> String {
            let path = folder.appending("p.json")
            try Files.write(Array(own(policy).utf8), to: path, mode: .ownerReadWrite, durable: false)
            return path.string
        }
    }

    private func withService<Value>(_ body: (Service) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let service = Service(database: try Database.current, folder: folder)
            try await service.database.run(
                """
                CREATE ROLE \(service.boss) LOGIN CREATEROLE CREATEDB;
                ALTER DATABASE \(service.database.name) OWNER TO \(service.boss);
                """)
            return try await body(service)
        }
    }

    @Test func `the shop is planned, applied, proved, compared and taken back without superuser`() async throws {
        try await withService { service async throws in
            let fixture = Self.root.appending("Tests/Fixtures/ecommerce.sql")
            try await service.database.run(
                String(decoding: try Files.read(fixture), as: UTF8.self), as: service.boss)
            let first = try await service.dbsec(["plan", Self.shop])
            #expect(first.status == 1, "\(first.stderr)")
            #expect(!first.stdout.contains("lacks"), "\(first.stdout)")
            let applied = try await service.dbsec(["apply-roles", Self.shop])
            #expect(applied.status == 0, "\(applied.stderr)\(applied.stdout)")
            #expect(applied.stdout.contains("proved by 7 tests before the commit"))
            #expect(try await service.dbsec(["plan", Self.shop]).stdout == "no changes\n")
            #expect(try await service.dbsec(["apply-roles", Self.shop]).status == 0)
            let tested = try await service.dbsec(["test", Self.shop])
            #expect(tested.status == 0, "\(tested.stdout)")
            // The proofs held the table's owner to no policy, and left that it is.
            let forced = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'orders'"
            #expect(try await service.database.value(forced) == "t")
            let undone = try await service.dbsec(["apply-roles", "--undo", "1"])
            #expect(undone.status == 0, "\(undone.stderr)\(undone.stdout)")
            let left = try await service.database.value(
                "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'db\\_%' OR rolname LIKE '%\\_user'")
            #expect(left == "0")
            #expect(try await service.dbsec(["plan", Self.shop]).stdout == first.stdout)
        }
    }

    static let own = """
        { "version": 1, "mode": "authoritative", "manages": { "schemas": ["app"], "roles": ["*@r", "PUBLIC"] },
          "roles": {
            "reader@r": {}, "writer@r": { "memberOf": [{ "role": "reader@r", "until": "2099-12-31" }] },
            "login@r": { "login": true, "connectionLimit": 9, "validUntil": "2098-01-01", "memberOf": ["writer@r"],
                         "settings": { "statement_timeout": "30s", "search_path": ["app"] },
                         "password": { "env": "APP_PASSWORD" } },
            "maker@r": { "createdb": true },
            "old@r": { "state": "absent", "reassignTo": "boss@" } },
          "grants": [
            { "to": ["reader@r", "boss@"], "on": { "database": true }, "privileges": ["CONNECT"] },
            { "to": ["boss@"], "on": { "database": true }, "privileges": ["TEMPORARY"] },
            { "to": ["reader@r"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@r"], "on": { "columns": { "app.docs": ["id", "owner"] } }, "privileges": ["SELECT"] },
            { "to": ["writer@r"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT", "INSERT"],
              "future": { "createdBy": ["boss@"] }, "until": "2099-12-31" },
            { "to": ["writer@r"], "on": { "sequences": ["app.*"] }, "privileges": ["USAGE"] },
            { "to": ["writer@r"], "on": { "functions": ["app.*"] }, "privileges": ["EXECUTE"] } ],
          "rowSecurity": { "app.docs": { "force": true, "policies": [
            { "name": "own", "to": ["reader@r", "writer@r"],
              "match": { "column": "owner", "type": "text", "setting": "app.user" } } ] } },
          "tests": [
            { "as": "login@r", "with": { "app.user": "a" },
              "given": ["INSERT INTO app.docs (owner, body) VALUES ('a', 'x'), ('b', 'y')"],
              "run": "SELECT owner, body FROM docs", "expect": { "rows": [["a", "x"]] } },
            { "as": "reader@r", "run": "SELECT body FROM app.docs", "expect": { "denied": true } },
            { "as": "login@r", "with": { "app.user": "a" }, "run": "INSERT INTO docs (owner) VALUES ('b')",
              "expect": { "denied": true } } ] }
        """

    @Test func `a policy with passwords, deadlines, a retired role and FORCE works without superuser`() async throws {
        try await withService { service async throws in
            try await service.database.run(
                service.own(
                    """
                    CREATE SCHEMA app;
                    CREATE TABLE app.docs (id bigint GENERATED BY DEFAULT AS IDENTITY, owner text, body text);
                    CREATE SEQUENCE app.s;
                    CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
                    CREATE ROLE old@r; GRANT SELECT ON app.docs TO old@r; GRANT USAGE ON SCHEMA app TO old@r;
                    """), as: service.boss)
            let policy = try service.write(Self.own)
            let password: [String: String?] = ["APP_PASSWORD": "secret"]
            let applied = try await service.dbsec(["apply-roles", policy], environment: password)
            #expect(applied.status == 0, "\(applied.stderr)\(applied.stdout)")
            let plan = try await service.dbsec(["plan", policy], environment: password)
            #expect(
                plan.stdout
                    == service.own(
                        """
                        -- not declared, left alone: USAGE on schema public to PUBLIC
                        -- note: the password of role login@r was not compared: boss@ may not read pg_authid; it was left as it is
                        no changes

                        """))
            let verifier = try await service.database.value(
                service.own("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'login@r'"))
            #expect(verifier == "t")
            let old = try await service.database.value(
                service.own("SELECT count(*) FROM pg_roles WHERE rolname = 'old@r'"))
            #expect(old == "0")
        }
    }

    @Test func `what only a superuser may give is said before anything is done`() async throws {
        try await withService { service async throws in
            let policy = try service.write(
                """
                { "version": 1, "roles": { "a@r": { "bypassRls": true }, "b@r": { "memberOf": ["c@r"] }, "c@r": {} } }
                """)
            try await service.database.run(service.own("CREATE ROLE c@r ADMIN postgres"))
            let refused = try await service.dbsec(["apply-roles", policy])
            #expect(refused.status == 77)
            #expect(refused.stderr.contains("BYPASSRLS"), "\(refused.stderr)")
            let made = try await service.database.value(
                service.own("SELECT count(*) FROM pg_roles WHERE rolname IN ('a@r', 'b@r')"))
            #expect(made == "0")
            let plan = try await service.dbsec(["plan", policy])
            #expect(plan.status == 1)
            #expect(plan.stdout.contains("-- note: role \(service.boss) lacks "))
        }
    }
}
