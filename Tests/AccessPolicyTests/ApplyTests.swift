import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Policies applied to a real server, one database for each test.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ApplyTests {
    static let tables = """
        CREATE SCHEMA app;
        CREATE TABLE app.users (id bigint PRIMARY KEY, email text, secret text);
        CREATE TABLE app.orders (id bigserial PRIMARY KEY, user_id bigint NOT NULL, note text);
        CREATE TABLE app.parts (id bigint, region text) PARTITION BY LIST (region);
        CREATE TABLE app.parts_eu PARTITION OF app.parts FOR VALUES IN ('eu');
        CREATE VIEW app.emails AS SELECT email FROM app.users;
        CREATE MATERIALIZED VIEW app.counts AS SELECT count(*) FROM app.users;
        CREATE FUNCTION app.total(a integer, b numeric) RETURNS numeric LANGUAGE sql AS 'SELECT a + b';
        CREATE FUNCTION app.total(a text) RETURNS text LANGUAGE sql AS 'SELECT a';
        CREATE PROCEDURE app.tidy(IN days integer) LANGUAGE sql AS 'SELECT 1';
        INSERT INTO app.users SELECT n, 'u' || n || '@example.org', 's' || n FROM generate_series(1, 10) n;
        INSERT INTO app.orders (user_id, note) SELECT 1 + n % 10, 'n' FROM generate_series(1, 100) n;
        """

    static let everything = """
        {
          "version": 1,
          "mode": "authoritative",
          "manages": { "schemas": ["app"], "roles": ["*@"] },
          "roles": {
            "reader@": {},
            "writer@": { "createdb": true },
            "login@": { "login": true, "connectionLimit": 5, "validUntil": "2031-05-06T07:08:09Z", "inherit": false,
                        "memberOf": ["reader@", { "role": "writer@", "admin": true }],
                        "settings": { "search_path": ["app", "Odd Name", "$user"], "statement_timeout": "30s",
                                      "work_mem": 4096, "app.tenant": "x y" } },
          },
          "grants": [
            { "to": ["reader@", "writer@"], "on": { "database": true }, "privileges": ["CONNECT", "TEMP"] },
            { "to": ["reader@", "writer@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["writer@"], "on": { "tables": ["app.*"] }, "privileges": ["ALL"], "future": { "createdBy": ["postgres"] } },
            { "to": ["reader@"], "on": { "tables": ["app.orders", "app.emails"] }, "privileges": ["SELECT"], "withGrantOption": true },
            { "to": ["reader@"], "on": { "columns": { "app.users": ["id", "email"] } }, "privileges": ["SELECT", "UPDATE"] },
            { "to": ["writer@"], "on": { "sequences": ["app.*"] }, "privileges": ["ALL"], "future": { "createdBy": ["writer@"] } },
            { "to": ["writer@"], "on": { "functions": ["app.*"] }, "privileges": ["ALL"], "future": { "createdBy": ["postgres", "writer@"] } },
            { "to": ["reader@"], "on": { "functions": ["app.total(int, numeric(10,2))", "app.tidy(int)"] }, "privileges": ["EXECUTE"] },
          ],
          "rowSecurity": {
            "app.orders": {
              "force": true,
              "policies": [
                { "name": "own", "to": ["reader@"],
                  "match": { "column": "user_id", "type": "bigint", "setting": "app.user" } },
                { "name": "add", "to": ["writer@"], "for": "INSERT", "check": "user_id > 0 -- positive" },
                { "name": "change", "to": ["writer@", "reader@"], "for": "UPDATE", "using": "true", "check": "note <> ''" },
                { "name": "remove", "to": ["writer@"], "for": "DELETE", "using": "orders.note is not null" },
                { "name": "floor", "to": ["PUBLIC"], "for": "SELECT", "restrictive": true,
                  "using": "app.orders.user_id in (select u.id from app.users u where u.id = orders.user_id)" },
                { "name": "whole", "to": ["writer@"], "for": "SELECT",
                  "using": "tableoid = 'app.orders'::regclass and (orders)::text <> '' and exists (select 1 from app.orders o where o.id = orders.id)" },
              ]
            },
          },
        }
        """

    @Test func `after an apply of everything the plan is empty`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        let outcome = try await scene.apply(Self.everything)
        #expect(outcome.verdict == .applied)
        #expect(outcome.plan.changes.count > 15)
        let second = try await scene.plan(Self.everything)
        #expect(second.changes.map(\.sql) == [])
        #expect(try await scene.apply(Self.everything).plan.isEmpty)
    }

    @Test func `what was declared is what the server enforces`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.everything)
        func may(_ role: String, _ what: String, _ privilege: String) async throws -> String? {
            try await scene.value("SELECT has_\(what)_privilege('\(role)@', \(privilege))")
        }
        #expect(try await may("reader", "column", "'app.users', 'email', 'SELECT'") == "t")
        #expect(try await may("reader", "column", "'app.users', 'secret', 'SELECT'") == "f")
        #expect(try await may("reader", "table", "'app.emails', 'SELECT WITH GRANT OPTION'") == "t")
        #expect(try await may("writer", "table", "'app.counts', 'TRIGGER'") == "t")
        #expect(try await may("writer", "table", "'app.parts_eu', 'DELETE'") == "t")
        #expect(try await may("writer", "sequence", "'app.orders_id_seq', 'UPDATE'") == "t")
        // A table made later by the creator that was named.
        try await scene.run("CREATE TABLE app.later (id bigint)")
        #expect(try await may("writer", "table", "'app.later', 'INSERT'") == "t")
        #expect(try await scene.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'login@'") == "5")
        #expect(
            try await scene.value("SELECT rolvaliduntil AT TIME ZONE 'UTC' FROM pg_roles WHERE rolname = 'login@'")
                == "2031-05-06 07:08:09")
        #expect(try await scene.value("SHOW search_path", as: "login@") != nil)
    }

    @Test func `names full of quotes, dots, blanks and other alphabets are names`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE SCHEMA "My ""odd"" schema.x";
            CREATE TABLE "My ""odd"" schema.x"."täble; DROP" ("cöl umn" bigint, "select" text);
            CREATE SEQUENCE "My ""odd"" schema.x"."s'eq";
            CREATE DOMAIN "My ""odd"" schema.x"."d o" AS integer;
            CREATE FUNCTION "My ""odd"" schema.x"."f()" ("My ""odd"" schema.x"."d o") RETURNS integer LANGUAGE sql AS 'SELECT 1';
            """)
        let schema = #"\"My \"\"odd\"\" schema.x\""#
        let policy = #"""
            { "version": 1, "mode": "authoritative", "manages": { "schemas": ["*"], "roles": ["*@"] },
              "roles": { "O'Brien \" -- $dbsec$ 🐘@": { "settings": { "app.x": "a'b\\c" } }, "Größe@": { "memberOf": ["O'Brien \" -- $dbsec$ 🐘@"] } },
              "grants": [
                { "to": ["O'Brien \" -- $dbsec$ 🐘@", "Größe@"], "on": { "schemas": ["My \"odd\" schema.x"] }, "privileges": ["ALL"] },
                { "to": ["O'Brien \" -- $dbsec$ 🐘@"], "on": { "tables": ["SCHEMA.\"täble; DROP\""] }, "privileges": ["SELECT"] },
                { "to": ["Größe@"], "on": { "columns": { "SCHEMA.\"täble; DROP\"": ["cöl umn", "select"] } }, "privileges": ["UPDATE"] },
                { "to": ["Größe@"], "on": { "sequences": ["SCHEMA.*"] }, "privileges": ["USAGE"], "future": { "createdBy": ["Größe@"] } },
                { "to": ["Größe@"], "on": { "functions": ["SCHEMA.\"f()\"(SCHEMA.\"d o\")"] }, "privileges": ["EXECUTE"] } ],
              "rowSecurity": { "SCHEMA.\"täble; DROP\"": { "policies": [
                { "name": "it's \"mine\"", "to": ["Größe@"],
                  "match": { "column": "cöl umn", "type": "bigint", "setting": "app.user" } } ] } },
              "tests": [{ "as": "Größe@", "run": "SELECT 'it''s'", "expect": { "rows": [["it's"]] } }] }
            """#.replacing("SCHEMA", with: schema)
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
    }

    static let reader = """
        { "version": 1, MODE "roles": { "reader@": {} },
          "grants": [
            { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@"], "on": { "tables": ["app.users"] }, "privileges": ["SELECT"] } ] }
        """
    static let additive = reader.replacing("MODE", with: "")
    static let authoritative = reader.replacing(
        "MODE", with: "\"mode\": \"authoritative\", \"manages\": { \"schemas\": [\"app\"], \"roles\": [\"*@\"] },")

    @Test func `a grant made by hand is left and reported in additive mode`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.additive)
        try await scene.run("GRANT DELETE ON app.orders TO reader@")
        let plan = try await scene.plan(Self.additive)
        #expect(plan.isEmpty)
        #expect(plan.undeclared == [scene.own("DELETE on table app.orders to reader@")])
        try await scene.apply(Self.additive)
        #expect(try await scene.value("SELECT has_table_privilege('reader@', 'app.orders', 'DELETE')") == "t")
    }

    @Test func `a grant made by hand is revoked in authoritative mode`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.authoritative)
        try await scene.run(
            """
            CREATE ROLE delegate@;
            CREATE ROLE writer@;
            GRANT DELETE ON app.orders TO reader@;
            GRANT SELECT ON app.orders TO delegate@ WITH GRANT OPTION;
            GRANT UPDATE (email) ON app.users TO reader@;
            GRANT CREATE ON SCHEMA app TO reader@;
            GRANT writer@ TO reader@;
            ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO reader@;
            GRANT USAGE ON SCHEMA app TO delegate@;
            SET ROLE delegate@;
            GRANT SELECT ON app.orders TO reader@;
            """)
        let outcome = try await scene.apply(Self.authoritative)
        #expect(outcome.verdict == .applied)
        #expect(outcome.plan.revokes == 8)
        for (privilege, table) in [("DELETE", "orders"), ("SELECT", "orders"), ("UPDATE", "users")] {
            let held = try await scene.value(
                "SELECT has_any_column_privilege('reader@', 'app.\(table)', '\(privilege == "DELETE" ? "UPDATE" : privilege)')"
            )
            #expect(held == "f")
        }
        #expect(try await scene.value("SELECT has_table_privilege('reader@', 'app.users', 'SELECT')") == "t")
        #expect(try await scene.plan(Self.authoritative).isEmpty)
    }

    @Test func `grants to roles that are not managed, and to PUBLIC, stay in authoritative mode`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.authoritative)
        let name = scene.database.name
        try await scene.run(
            "CREATE ROLE monitor\(name)x; GRANT SELECT ON app.orders TO monitor\(name)x; GRANT SELECT ON app.users TO PUBLIC"
        )
        #expect(try await scene.plan(Self.authoritative).isEmpty)
        #expect(
            try await scene.value("SELECT has_table_privilege('monitor\(name)x', 'app.orders', 'SELECT')") == "t")
    }

    @Test func `more revokes than allowed stop the apply, and nothing is done`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.authoritative)
        try await scene.run("GRANT DELETE ON app.orders, app.users TO reader@; REVOKE SELECT ON app.users FROM reader@")
        let outcome = try await scene.apply(Self.authoritative, maxRevokes: 1)
        #expect(outcome.verdict == .tooManyRevokes(limit: 1))
        #expect(try await scene.value("SELECT has_table_privilege('reader@', 'app.users', 'SELECT')") == "f")
        #expect(try await scene.apply(Self.authoritative, maxRevokes: 2).verdict == .applied)
    }

    @Test func `the grant option alone is taken back`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.authoritative)
        try await scene.run("GRANT SELECT ON app.users TO reader@ WITH GRANT OPTION")
        let plan = try await scene.plan(Self.authoritative)
        #expect(
            plan.changes.map(\.sql)
                == [[scene.own("REVOKE GRANT OPTION FOR SELECT ON TABLE \"app\".\"users\" FROM \"reader@\"")]])
        try await scene.apply(Self.authoritative)
        #expect(try await scene.plan(Self.authoritative).isEmpty)
    }

    @Test func `the members of an extension are never touched`() async throws {
        let scene = try Scene()
        try await scene.run("CREATE SCHEMA app; CREATE TABLE app.users ()")
        try await scene.apply(Self.authoritative)
        try await scene.run(
            """
            CREATE TABLE app.member (id bigint);
            GRANT SELECT ON app.member TO reader@;
            ALTER EXTENSION plpgsql ADD TABLE app.member;
            """)
        #expect(try await scene.plan(Self.authoritative).isEmpty)
    }

    @Test func `a plan waits for nobody but ACCESS EXCLUSIVE, and writes nothing`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.everything)
        let other = try await scene.database.connect()
        try await other.transaction {
            try await other.execute("LOCK TABLE app.orders IN EXCLUSIVE MODE")
            #expect(try await scene.plan(Self.everything).isEmpty)
        }
        #expect(try await scene.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'dbsec%'") == "0")
    }

    @Test func `a second apply at once ends with status 75`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        let other = try await scene.database.connect()
        try await other.transaction {
            try await other.execute("SELECT pg_advisory_xact_lock(7162254444797001729)")
            let failure = await scene.failure { try await scene.apply(Self.additive).verdict }
            #expect(failure.status == .temporary)
            #expect(failure.sentence == "another dbsec is applying a policy to this database")
        }
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
    }

    @Test func `two applies at once end well or with 75, and leave no difference`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    await scene.failure { try await scene.apply(Self.everything).verdict }.status
                }
            }
            for try await status in group { #expect([.success, .temporary].contains(status)) }
        }
        try await scene.apply(Self.everything)
        #expect(try await scene.plan(Self.everything).isEmpty)
    }

    @Test func `a policy that locks out the connected role is refused`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE boss@ LOGIN CREATEROLE;
            ALTER DATABASE \(scene.database.name) OWNER TO boss@;
            REVOKE CONNECT ON DATABASE \(scene.database.name) FROM boss@;
            """)
        let policy = """
            { "version": 1, "mode": "authoritative", "manages": { "roles": ["PUBLIC"] },
              "grants": [{ "to": ["PUBLIC"], "on": { "database": true }, "privileges": ["TEMP"] }] }
            """
        let failure = await scene.failure { try await scene.apply(policy, as: "boss@").verdict }
        #expect(failure.sentence == "the policy would lock out the connected role, so nothing was done")
        #expect(failure.status == .malformed)
    }

    static let unreadable: [(String, String)] = [
        (
            "{ \"version\": 1, \"rowSecurity\": { \"app.orders\": { \"policies\": [{ \"name\": \"x\", \"to\": [\"PUBLIC\"],\n"
                + "\"using\": \"usr_id = 1\" }] } } }",
            "cannot read policy p.json: line 2: rowSecurity[\"app.orders\"].policies[0].using: "
                + "column \"usr_id\" does not exist"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"PUBLIC\"],\n\"on\": { \"functions\": [\"app.total(intt)\"] }, "
                + "\"privileges\": [\"EXECUTE\"] }] }",
            "cannot read policy p.json: line 2: grants[0].on.functions[0]: "
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"PUBLIC\"],\n\"on\": { \"columns\": { \"app.users\": [\"emial\"] } }, "
                + "\"privileges\": [\"SELECT\"] }] }",
            "cannot read policy p.json: line 2: grants[0].on.columns: "
                + "unknown column \"emial\" (did you mean email?) of table app.users"
        ),
        (
            "{ \"version\": 1, \"rowSecurity\": {\n\"app.emails\": {} } }",
            "cannot read policy p.json: line 2: rowSecurity[\"app.emails\"]: app.emails is not a table: it has no row security"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a@\": { \"memberOf\": [\"postgres\"] } } }",
            "cannot read policy p.json: line 1: roles"
        ),
    ]

    @Test(arguments: unreadable) func `what the server cannot read is named with its line`(
        _ policy: String, _ expected: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        let failure = await scene.failure { try await scene.plan(policy).changes.map(\.sql) }
        #expect(failure.sentence.hasPrefix(expected), "\(failure.sentence)")
        #expect(failure.status == .malformed)
    }
}
