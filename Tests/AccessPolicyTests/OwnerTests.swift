import Platform
import TestSupport
import Testing

@testable import AccessPolicy

/// Owners, default privileges and settings of one database, on a real server.
@Suite(.cluster(["allow_in_place_tablespaces": "on"]), .database, .timeLimit(.minutes(3))) struct OwnerTests {
    private func makeScene() async throws -> Scene {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        return scene
    }

    private static let owners = """
        { "version": 1, "owners": [
          { "owner": "owner@", "on": { "database": true } },
          { "owner": "owner@", "on": { "schemas": ["app", "Odd.one"] } },
          { "owner": "owner@", "on": { "tables": ["app.*", "\\"Odd.one\\".*"] } },
          { "owner": "heir@", "on": { "tables": ["app.users"] } },
          { "owner": "owner@", "on": { "sequences": ["app.*", "\\"Odd.one\\".*"] } },
          { "owner": "owner@", "on": { "functions": ["app.*", "\\"Odd.one\\".*"] } },
          { "owner": "heir@", "on": { "functions": ["app.tidy(int)"] } },
          { "owner": "owner@", "on": { "types": ["app.*", "\\"Odd.one\\".*"] } },
          { "owner": "owner@", "on": { "languages": ["tongue"] } },
          { "owner": "owner@", "on": { "foreignServers": ["remote", "other.remote"] } },
          { "owner": "owner@", "on": { "largeObjects": [7001, 7003] } },
          { "owner": "owner@", "on": { "tablespaces": ["space@"] } } ] }
        """

    /// The objects of every kind that a role owns.
    private static func owned(by role: String) -> String {
        """
        SELECT count(*) FROM (
            SELECT relowner AS owner FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            UNION ALL SELECT proowner FROM pg_proc UNION ALL SELECT datdba FROM pg_database
            UNION ALL SELECT nspowner FROM pg_namespace UNION ALL SELECT lanowner FROM pg_language
            UNION ALL SELECT srvowner FROM pg_foreign_server UNION ALL SELECT lomowner FROM pg_largeobject_metadata
            UNION ALL SELECT spcowner FROM pg_tablespace
            UNION ALL SELECT typowner FROM pg_type t
                WHERE typtype IN ('d', 'e', 'r') OR typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c')
        ) x WHERE owner = '\(role)'::regrole
        """
    }

    @Test func `an object of every kind is given to its owner once`() async throws {
        let scene = try await makeScene()
        #expect(try await scene.apply(Self.owners).verdict == .applied)
        #expect(try await scene.plan(Self.owners).changes.map(\.sql) == [])
        let rest = try await scene.value(
            """
            SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('app', 'Odd.one') AND c.relowner = 'postgres'::regrole
            """)
        #expect(rest == "0")
        let owned = try await scene.value(Self.owned(by: "owner@"))
        #expect(owned == "40")
        // A table with its sequences would be more: app.users has none.
        #expect(try await scene.value(Self.owned(by: "heir@")) == "2")
    }

    @Test func `the statement that changes an owner has the noun of its object`() async throws {
        let scene = try await makeScene()
        let sql = Set(try await scene.plan(Self.owners).changes.flatMap(\.sql))
        for (noun, name) in [
            ("VIEW", "\"app\".\"emails\""), ("MATERIALIZED VIEW", "\"app\".\"counts\""),
            ("FOREIGN TABLE", "\"app\".\"far\""), ("TABLE", "\"app\".\"parts\""), ("SEQUENCE", "\"app\".\"free\""),
            ("PROCEDURE", "\"app\".\"tidy\"(IN integer, text)"), ("ROUTINE", "\"app\".\"sum_of\"(integer)"),
            ("FUNCTION", "\"app\".\"total\"(text)"), ("DOMAIN", "\"app\".\"positive\""), ("TYPE", "\"app\".\"mood\""),
            ("SERVER", "\"other.remote\""), ("LARGE OBJECT", "7003"),
        ] {
            #expect(sql.contains(scene.own("ALTER \(noun) \(name) OWNER TO \"owner@\"")), "\(noun) \(name)")
        }
    }

    @Test func `grants are compared with what the new owner will leave of them`() async throws {
        let scene = try await makeScene()
        try await scene.run(
            """
            ALTER TABLE app.orders OWNER TO heir@;
            GRANT SELECT ON app.orders TO owner@;
            GRANT UPDATE (note) ON app.orders TO owner@, one@;
            GRANT USAGE ON SEQUENCE app.orders_id_seq TO one@, owner@;
            GRANT SELECT ON app.orders TO one@ WITH GRANT OPTION;
            GRANT USAGE ON SCHEMA app TO one@;
            SET ROLE one@;
            GRANT SELECT ON app.orders TO two@;
            """)
        let policy = """
            { "version": 1, "mode": "authoritative", "manages": { "schemas": ["*"], "roles": ["*@"] },
              "owners": [{ "owner": "owner@", "on": { "tables": ["app.orders"] } }],
              "grants": [
                { "to": ["one@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
                { "to": ["heir@", "two@"], "on": { "tables": ["app.orders"] }, "privileges": ["SELECT"] },
                { "to": ["one@"], "on": { "columns": { "app.orders": ["note"] } }, "privileges": ["UPDATE"] },
                { "to": ["heir@"], "on": { "sequences": ["app.orders_id_seq"] }, "privileges": ["USAGE"] } ] }
            """
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        #expect(try await scene.value("SELECT has_table_privilege('heir@', 'app.orders', 'SELECT')") == "t")
        #expect(try await scene.value("SELECT has_table_privilege('heir@', 'app.orders', 'INSERT')") == "f")
        #expect(try await scene.value("SELECT has_table_privilege('one@', 'app.orders', 'SELECT')") == "f")
    }

    @Test func `without superuser a role makes an owner that may create in the schema by the same policy`() async throws
    {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE boss@ LOGIN CREATEROLE;
            CREATE ROLE owner@;
            GRANT owner@ TO boss@;
            ALTER DATABASE \(scene.database.name) OWNER TO boss@;
            """)
        try await scene.run("CREATE SCHEMA app; CREATE TABLE app.users (id bigint)", as: "boss@")
        let policy = """
            { "version": 1,
              "owners": [{ "owner": "owner@", "on": { "tables": ["app.*"] } }],
              "grants": [{ "to": ["owner@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE", "CREATE"] }] }
            """
        #expect(try await scene.apply(policy, as: "boss@").verdict == .applied)
        #expect(try await scene.plan(policy, as: "boss@").isEmpty)
    }

    @Test func `a superuser is given nothing`() async throws {
        let scene = try await makeScene()
        try await scene.run("ALTER TABLE app.users OWNER TO owner@")
        let policy = """
            { "version": 1, "owners": [{ "owner": "postgres", "on": { "tables": ["app.users"] } }] }
            """
        let failure = await scene.failure { try await scene.plan(policy).changes.map(\.sql) }
        #expect(failure.sentence.contains("owners[0].owner: role \"postgres\" is a superuser, and is given nothing"))
    }

    private static func defaults(_ body: String, mode: String = "additive") -> String {
        """
        { "version": 1, "mode": "\(mode)", "manages": { "schemas": ["*"], "roles": ["*@", "PUBLIC"] },
          "defaultPrivileges": [\(body)] }
        """
    }

    private static let every = """
        { "createdBy": ["owner@", "heir@"], "schemas": ["app", "Odd.one"], "on": "tables", "to": ["one@"],
          "privileges": ["SELECT", "INSERT"] },
        { "createdBy": ["owner@"], "on": "tables", "to": ["two@"], "privileges": ["ALL"], "withGrantOption": true },
        { "createdBy": ["owner@"], "on": "sequences", "to": ["one@"], "privileges": ["USAGE"] },
        { "createdBy": ["owner@"], "on": "functions", "to": ["PUBLIC"], "privileges": [] },
        { "createdBy": ["owner@"], "on": "functions", "to": ["one@"], "privileges": ["EXECUTE"] },
        { "createdBy": ["owner@"], "schemas": ["app"], "on": "functions", "to": ["PUBLIC"], "privileges": ["EXECUTE"] },
        { "createdBy": ["owner@"], "on": "types", "to": ["PUBLIC"], "privileges": [] },
        { "createdBy": ["heir@"], "on": "types", "to": ["one@"], "privileges": ["USAGE"] },
        { "createdBy": ["heir@"], "on": "schemas", "to": ["one@", "PUBLIC"], "privileges": ["USAGE"] }
        """

    @Test(arguments: ["additive", "authoritative"]) func `default privileges in every schema and in one are set once`(
        _ mode: String
    ) async throws {
        let scene = try await makeScene()
        let policy = Self.defaults(Self.every, mode: mode)
        #expect(try await scene.apply(policy, maxRevokes: 1000).verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        #expect(try await scene.apply(policy).plan.isEmpty)
        try await scene.run(
            """
            GRANT ALL ON DATABASE \(scene.database.name) TO owner@; GRANT ALL ON SCHEMA app TO owner@;
            SET ROLE owner@;
            CREATE SCHEMA made; CREATE FUNCTION made.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE made.kind AS ENUM ();
            CREATE TABLE app.t (); CREATE TABLE made.t ();
            """)
        func may(_ role: String, _ what: String, _ arguments: String) async throws -> String? {
            try await scene.value("SELECT has_\(what)_privilege('\(role)@', \(arguments))")
        }
        #expect(try await may("three", "function", "'made.f()', 'EXECUTE'") == "f")
        #expect(try await may("one", "function", "'made.f()', 'EXECUTE'") == "t")
        #expect(try await may("three", "function", "'app.f()', 'EXECUTE'") == "t")
        #expect(try await may("one", "type", "'made.kind', 'USAGE'") == "f")
        #expect(try await may("one", "table", "'app.t', 'INSERT'") == "t")
        #expect(try await may("one", "table", "'made.t', 'INSERT'") == "f")
        #expect(try await may("two", "table", "'made.t', 'TRUNCATE WITH GRANT OPTION'") == "t")
    }

    @Test func `default privileges that are not declared go, and what is built in stays`() async throws {
        let scene = try await makeScene()
        try await scene.apply(Self.defaults(Self.every))
        try await scene.run("ALTER DEFAULT PRIVILEGES FOR ROLE maker@ GRANT EXECUTE ON FUNCTIONS TO one@")
        let policy = Self.defaults("", mode: "authoritative")
        #expect(try await scene.apply(policy, maxRevokes: 1000).verdict == .applied)
        #expect(try await scene.plan(policy).isEmpty)
        let left = try await scene.value(
            """
            SELECT string_agg(concat_ws(' ', d.defaclrole::regrole, d.defaclobjtype, a.grantee::regrole::text), ', '
                              ORDER BY d.defaclrole::regrole::text, d.defaclobjtype)
            FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE a.grantee <> d.defaclrole
            """)

        // What was taken from owner@ is not given back by an omission, and maker@ keeps what is built in.
        #expect(left == nil)
        #expect(
            try await scene.value("SELECT count(*) FROM pg_default_acl WHERE defaclrole = 'owner@'::regrole") == "2")
        #expect(
            try await scene.value("SELECT count(*) FROM pg_default_acl WHERE defaclrole = 'maker@'::regrole") == "0")
    }

    @Test func `a list that was emptied by hand lets PUBLIC in, and is closed`() async throws {
        let scene = try await makeScene()
        try await scene.run(
            """
            ALTER DEFAULT PRIVILEGES FOR ROLE owner@ REVOKE ALL ON FUNCTIONS FROM PUBLIC, owner@;
            ALTER DEFAULT PRIVILEGES FOR ROLE heir@ REVOKE ALL ON FUNCTIONS FROM PUBLIC, heir@;
            ALTER DEFAULT PRIVILEGES FOR ROLE heir@ GRANT EXECUTE ON FUNCTIONS TO one@;
            """)
        let policy = Self.defaults(
            "{ \"createdBy\": [\"owner@\"], \"on\": \"functions\", \"to\": [\"PUBLIC\"], \"privileges\": [] }",
            mode: "authoritative")
        #expect(try await scene.apply(policy, maxRevokes: 1000).verdict == .applied)
        #expect(try await scene.plan(policy).isEmpty)
        try await scene.run(
            """
            GRANT ALL ON SCHEMA app TO owner@, heir@;
            SET ROLE owner@; CREATE FUNCTION app.by_owner() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE;
            SET ROLE heir@; CREATE FUNCTION app.by_heir() RETURNS int LANGUAGE sql AS 'SELECT 1';
            """)
        for name in ["by_owner", "by_heir"] {
            #expect(try await scene.value("SELECT has_function_privilege('one@', 'app.\(name)()', 'EXECUTE')") == "f")
        }
    }

    @Test func `taking what is built in for PUBLIC from one schema is refused with the reason`() async throws {
        let scene = try Scene()
        let failure = await scene.failure {
            try await scene.plan(
                Self.defaults(
                    "{ \"createdBy\": [\"a\"], \"schemas\": [\"app\"], \"on\": \"functions\", \"to\": [\"PUBLIC\"], "
                        + "\"privileges\": [] }")
            ).changes.map(\.sql)
        }
        #expect(
            failure.sentence.hasSuffix(
                "defaultPrivileges[0].schemas: what PostgreSQL lets PUBLIC do on every new function, EXECUTE, cannot be "
                    + "taken away in one schema: it would accept the statement and do nothing; leave schemas out"))
    }

    @Test func `default privileges on large objects are set from PostgreSQL 18 on`() async throws {
        let scene = try await makeScene()
        let policy = Self.defaults(
            "{ \"createdBy\": [\"owner@\"], \"on\": \"largeObjects\", \"to\": [\"one@\"], \"privileges\": [\"SELECT\"] }"
        )
        let version: String? = try await scene.value("SHOW server_version_num")
        guard version.flatMap({ Int($0) }) ?? 0 >= 180_000 else {
            let failure = await scene.failure { try await scene.plan(policy).changes.map(\.sql) }
            #expect(failure.sentence.contains("large objects have default privileges from PostgreSQL 18 on"))
            return
        }
        try await scene.apply(policy)
        #expect(try await scene.plan(policy).isEmpty)
        #expect(
            try await scene.value("SELECT count(*) FROM pg_default_acl WHERE defaclobjtype = 'L'") == "1")
    }

    @Test func `settings for the connected database are set once, and win over the others`() async throws {
        let scene = try Scene()
        let policy = """
            { "version": 1, "roles": { "user@": { "login": true, "settings": { "work_mem": "1MB" },
              "settingsInDatabase": { "work_mem": "2MB", "search_path": ["Odd, one", "app"], "app.tenant": "x y" } } } }
            """
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).isEmpty)
        #expect(try await scene.value("SELECT current_setting('work_mem')", as: "user@") == "2MB")
        try await scene.run(
            "ALTER ROLE user@ IN DATABASE \(scene.database.name) SET lock_timeout = '5s'; "
                + "ALTER ROLE user@ IN DATABASE postgres SET lock_timeout = '6s'; "
                + "ALTER ROLE user@ IN DATABASE \(scene.database.name) SET work_mem = '3MB'")
        let plan = try await scene.plan(policy)
        #expect(
            plan.changes.map(\.sql) == [
                [scene.own("ALTER ROLE \"user@\" IN DATABASE \"\(scene.database.name)\" SET \"work_mem\" TO '2MB'")]
            ])
        #expect(plan.undeclared == [scene.own("setting lock_timeout of role user@ in database \(scene.database.name)")])
    }
}
