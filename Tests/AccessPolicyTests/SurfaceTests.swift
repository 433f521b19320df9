import Platform
import TestSupport
import Testing

@testable import AccessPolicy

/// Privileges on every kind of object, on a real server.
@Suite(.cluster(["allow_in_place_tablespaces": "on"]), .database, .timeLimit(.minutes(3))) struct SurfaceTests {
    private func makeScene() async throws -> Scene {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        return scene
    }

    /// A grant on every kind, with and without the option.
    private static func grants(option: Bool) -> String {
        let targets = [
            ("{ \"database\": true }", "CREATE"), ("{ \"schemas\": [\"app\", \"Odd.one\"] }", "USAGE"),
            ("{ \"tables\": [\"app.*\", \"\\\"Odd.one\\\".*\"] }", "SELECT\", \"TRIGGER"),
            ("{ \"columns\": { \"app.users\": [\"id\", \"email\"] } }", "UPDATE"),
            ("{ \"sequences\": [\"app.*\", \"\\\"Odd.one\\\".*\"] }", "USAGE"),
            ("{ \"functions\": [\"app.*\", \"\\\"Odd.one\\\".*\"] }", "EXECUTE"),
            ("{ \"types\": [\"app.*\", \"\\\"Odd.one\\\".\\\"d o\\\"\"] }", "USAGE"),
            ("{ \"languages\": [\"sql\", \"tongue\"] }", "USAGE"),
            ("{ \"foreignDataWrappers\": [\"wrap per\"] }", "USAGE"),
            ("{ \"foreignServers\": [\"remote\", \"other.remote\"] }", "USAGE"),
            ("{ \"largeObjects\": [7001, 7002] }", "SELECT\", \"UPDATE"),
            ("{ \"tablespaces\": [\"space@\"] }", "CREATE"),
            ("{ \"parameters\": [\"App.Own@\", \"App.Other@\"] }", "SET\", \"ALTER SYSTEM"),
        ]
        return targets.map { target, privileges in
            "{ \"to\": [\"one@\"], \"on\": \(target), \"privileges\": [\"\(privileges)\"], \"withGrantOption\": \(option) }"
        }.joined(separator: ",\n")
    }

    private static func policy(_ body: String, roles: String = "\"*@\"", schemas: String = "\"*\"") -> String {
        """
        { "version": 1, "mode": "authoritative",
          "manages": { "schemas": [\(schemas)], "roles": [\(roles)], "cluster": true },
          \(body) }
        """
    }

    /// What role `one@` holds by name, as the server counts it.
    private static let held = """
        SELECT count(*) FROM (
            SELECT relacl AS acl FROM pg_class UNION ALL SELECT attacl FROM pg_attribute
            UNION ALL SELECT proacl FROM pg_proc UNION ALL SELECT typacl FROM pg_type
            UNION ALL SELECT nspacl FROM pg_namespace UNION ALL SELECT lanacl FROM pg_language
            UNION ALL SELECT fdwacl FROM pg_foreign_data_wrapper UNION ALL SELECT srvacl FROM pg_foreign_server
            UNION ALL SELECT lomacl FROM pg_largeobject_metadata UNION ALL SELECT spcacl FROM pg_tablespace
            UNION ALL SELECT paracl FROM pg_parameter_acl UNION ALL SELECT datacl FROM pg_database
        ) x, aclexplode(x.acl) a WHERE a.grantee = 'ROLE@'::regrole
        """

    private func count(_ scene: Scene, _ role: String) async throws -> Int {
        Int(try await scene.value(Self.held.replacing("ROLE", with: role)) ?? "") ?? -1
    }

    @Test(arguments: [false, true]) func `a grant on every kind of object is made once`(_ option: Bool) async throws {
        let scene = try await makeScene()
        let policy = Self.policy("\"grants\": [\(Self.grants(option: option))]")
        #expect(try await scene.apply(policy).verdict == .applied)
        // 13 tables and views, 8 sequences or so: every one of them, and none twice.
        #expect(try await count(scene, "one") > 50)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        let state = try await scene.value(EveryKind.state)
        #expect(try await scene.apply(policy).plan.isEmpty)
        #expect(try await scene.value(EveryKind.state) == state)
    }

    @Test func `what is held on every kind and not declared is revoked`() async throws {
        let scene = try await makeScene()
        try await scene.apply(Self.policy("\"grants\": [\(Self.grants(option: true))]"))
        #expect(try await scene.apply(Self.policy("\"grants\": []"), maxRevokes: 1000).verdict == .applied)
        #expect(try await count(scene, "one") == 0)
    }

    @Test func `the grant option alone is revoked on every kind`() async throws {
        let scene = try await makeScene()
        try await scene.apply(Self.policy("\"grants\": [\(Self.grants(option: true))]"))
        let held = try await count(scene, "one")
        try await scene.apply(Self.policy("\"grants\": [\(Self.grants(option: false))]"), maxRevokes: 1000)
        #expect(try await count(scene, "one") == held)
        #expect(
            try await scene.value(Self.held.replacing("ROLE", with: "one") + " AND a.is_grantable") == "0")
    }

    @Test func `what a role has passed on is revoked on every kind as that role`() async throws {
        let scene = try await makeScene()
        try await scene.apply(Self.policy("\"grants\": [\(Self.grants(option: true))]"))
        try await scene.run(
            """
            SET ROLE one@;
            GRANT CREATE ON DATABASE \(scene.database.name) TO two@;
            GRANT USAGE ON SCHEMA app TO two@ WITH GRANT OPTION;
            GRANT SELECT ON app.users, app.emails, app.far, app.parts TO two@ WITH GRANT OPTION;
            GRANT UPDATE (email) ON app.users TO two@;
            GRANT USAGE ON SEQUENCE app.free TO two@;
            GRANT EXECUTE ON PROCEDURE app.tidy(IN integer, IN text) TO two@;
            GRANT EXECUTE ON PROCEDURE app.tidy(IN integer) TO two@;
            GRANT EXECUTE ON FUNCTION app.count_of() TO two@;
            GRANT USAGE ON TYPE app.mood TO two@;
            GRANT USAGE ON LANGUAGE tongue TO two@;
            GRANT USAGE ON FOREIGN DATA WRAPPER "wrap per" TO two@;
            GRANT USAGE ON FOREIGN SERVER remote TO two@;
            GRANT SELECT ON LARGE OBJECT 7001 TO two@;
            GRANT CREATE ON TABLESPACE space@ TO two@;
            GRANT SET ON PARAMETER app.own@ TO two@;
            RESET ROLE; SET ROLE two@;
            GRANT SELECT ON app.users TO three@;
            """)
        #expect(try await count(scene, "two") == 18)
        // Neither may use the schema any more, and still must take back what they granted in it.
        try await scene.run("REVOKE USAGE ON SCHEMA app FROM one@ CASCADE")
        let policy = Self.policy("\"grants\": []")
        #expect(try await scene.apply(policy, maxRevokes: 1000).verdict == .applied)
        for role in ["one", "two", "three"] { #expect(try await count(scene, role) == 0) }
        #expect(try await scene.plan(policy).isEmpty)
    }

    @Test func `a declared right that rests on one that goes is granted anew by the owner`() async throws {
        let scene = try await makeScene()
        try await scene.run(
            """
            GRANT USAGE ON SCHEMA app TO one@, two@;
            GRANT SELECT, INSERT ON app.users TO one@ WITH GRANT OPTION;
            SET ROLE one@;
            GRANT SELECT, INSERT ON app.users TO two@ WITH GRANT OPTION;
            GRANT SELECT ON app.users TO stranger@x;
            RESET ROLE; SET ROLE two@;
            GRANT SELECT ON app.users TO three@;
            """)
        let policy = Self.policy(
            """
            "grants": [
              { "to": ["two@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
              { "to": ["two@", "three@"], "on": { "tables": ["app.users"] }, "privileges": ["SELECT"] } ]
            """)
        try await scene.apply(policy)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        let grants = try await scene.value(
            """
            SELECT string_agg(concat_ws(' ', a.grantee::regrole, a.privilege_type, a.grantor::regrole), ', ' ORDER BY a.*)
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.oid = 'app.users'::regclass AND a.grantee <> c.relowner
            """)
        #expect(
            grants == scene.own("two@ SELECT postgres, three@ SELECT postgres, stranger@x SELECT postgres"))
    }

    /// As `\df` shows them and CREATE FUNCTION writes them.
    static let signatures: [(written: String, statement: String)] = [
        ("app.total(a integer, b numeric)", "\"app\".\"total\"(integer, numeric)"),
        ("app.total(IN a integer, b numeric(10,2) DEFAULT 1.5)", "\"app\".\"total\"(integer, numeric)"),
        ("app.total(VARIADIC a integer[])", "\"app\".\"total\"(integer[])"),
        ("app.total(VARIADIC integer[])", "\"app\".\"total\"(integer[])"),
        ("\"Odd.one\".\"f()\"(a \"Odd.one\".\"d o\", OUT b integer)", "\"Odd.one\".\"f()\"(\"Odd.one\".\"d o\")"),
        ("app.tidy(IN days integer, OUT note text)", "\"app\".\"tidy\"(IN integer)"),
        ("app.tidy(IN days integer, IN note text)", "\"app\".\"tidy\"(IN integer, text)"),
        ("app.tidy(days int, note character varying(3))", "none"), ("app.total(a intt)", "none"),
    ]

    @Test(arguments: signatures) func `a routine is found by its signature as people copy it`(
        _ written: String, _ statement: String
    ) async throws {
        let scene = try await makeScene()
        let name = written.replacing("\"", with: "\\\"")
        let policy = """
            { "version": 1, "grants": [{ "to": ["one@"], "on": { "functions": ["\(name)"] }, "privileges": ["EXECUTE"] }] }
            """
        guard statement != "none" else {
            let failure = await scene.failure { try await scene.plan(policy).changes.count }
            #expect(failure.status == .malformed)
            #expect(failure.sentence.contains("grants[0].on.functions[0]: "), "\(failure.sentence)")
            return
        }
        #expect(
            try await scene.plan(policy).changes.map(\.sql)
                == [[scene.own("GRANT EXECUTE ON ROUTINE \(statement) TO \"one@\"")]])
        try await scene.apply(policy)
        #expect(try await scene.plan(policy).isEmpty)
    }

    @Test func `objects shared by all databases are managed only where that is written`() async throws {
        let scene = try await makeScene()
        try await scene.run(
            "GRANT CREATE ON TABLESPACE space@ TO one@; GRANT SET ON PARAMETER app.own@ TO one@; "
                + "GRANT USAGE ON FOREIGN SERVER remote TO one@")
        let policy = """
            { "version": 1, "mode": "authoritative", "manages": { "schemas": ["*"], "roles": ["*@"] } }
            """
        let plan = try await scene.plan(policy)
        #expect(
            plan.changes.map(\.sql) == [[scene.own("REVOKE USAGE ON FOREIGN SERVER \"remote\" FROM \"one@\"")]])
        #expect(
            Set(plan.undeclared.filter { $0.contains(" to ") }) == [
                scene.own("CREATE on tablespace space@ to one@"), scene.own("SET on parameter app.own@ to one@"),
            ])
    }

    @Test func `PUBLIC loses what is built in on types, functions and languages where it is managed by name`()
        async throws
    {
        let scene = try await makeScene()
        try await scene.run("CREATE SCHEMA tiny; CREATE TYPE tiny.mood AS ENUM ('a'); CREATE DOMAIN tiny.d AS text")
        try await scene.run("CREATE FUNCTION tiny.f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        func policy(_ roles: String) -> String {
            Self.policy(
                """
                "grants": [
                  { "to": ["PUBLIC"], "on": { "types": ["tiny.d"] }, "privileges": ["USAGE"] },
                  { "to": ["PUBLIC"], "on": { "database": true }, "privileges": ["CONNECT", "TEMP"] } ]
                """, roles: roles, schemas: "\"tiny\"")
        }
        #expect(try await scene.plan(policy("\"*@\", \"P*\"")).changes.map(\.sql) == [])
        let plan = try await scene.plan(policy("\"PUBLIC\""))
        #expect(
            Set(plan.changes.flatMap(\.sql)) == [
                "REVOKE EXECUTE ON ROUTINE \"tiny\".\"f\"() FROM PUBLIC",
                "REVOKE USAGE ON TYPE \"tiny\".\"mood\" FROM PUBLIC",
            ])
        try await scene.apply(policy("\"PUBLIC\""))
        #expect(try await scene.plan(policy("\"PUBLIC\"")).isEmpty)
        #expect(try await scene.value("SELECT has_type_privilege('one@', 'tiny.mood', 'USAGE')") == "f")
        #expect(try await scene.value("SELECT has_type_privilege('one@', 'tiny.d', 'USAGE')") == "t")
        // What comes with PostgreSQL is not taken by omission.
        #expect(try await scene.value("SELECT has_language_privilege('one@', 'sql', 'USAGE')") == "t")
    }

    @Test func `an empty list takes away everything, in additive mode and from members of extensions too`() async throws
    {
        let scene = try await makeScene()
        try await scene.run("GRANT SELECT, INSERT ON app.users TO one@; GRANT SELECT ON app.orders TO one@")
        let policy = """
            { "version": 1, "grants": [
              { "to": ["PUBLIC"], "on": { "database": true }, "privileges": [] },
              { "to": ["PUBLIC"], "on": { "languages": ["plpgsql"] }, "privileges": [] },
              { "to": ["PUBLIC", "one@"], "on": { "tables": ["app.*"] }, "privileges": [] },
              { "to": ["one@"], "on": { "tables": ["app.users"] }, "privileges": ["SELECT"] } ] }
            """
        let outcome = try await scene.apply(policy, maxRevokes: 0)
        #expect(outcome.verdict == .applied)
        #expect(try await scene.plan(policy).changes.map(\.sql) == [])
        #expect(try await scene.value("SELECT has_language_privilege('one@', 'plpgsql', 'USAGE')") == "f")
        #expect(
            try await scene.value("SELECT has_database_privilege('one@', current_database(), 'CONNECT,TEMP')") == "f")
        #expect(try await scene.value("SELECT has_table_privilege('one@', 'app.users', 'SELECT')") == "t")
        #expect(try await scene.value("SELECT has_table_privilege('one@', 'app.users', 'INSERT')") == "f")
        #expect(try await scene.value("SELECT has_table_privilege('one@', 'app.orders', 'SELECT')") == "f")
    }

    static let mistakes: [(String, String)] = [
        (
            "\"grants\": [{ \"to\": [\"one@\"], \"on\": { \"languages\": [\"c\"] }, \"privileges\": [\"USAGE\"] }]",
            "grants[0].on.languages[0]: language c is not trusted: only superusers use it, and nobody is granted that"
        ),
        (
            "\"grants\": [{ \"to\": [\"one@\"], \"on\": { \"foreignServers\": [\"remoet\"] }, \"privileges\": [\"USAGE\"] }]",
            "grants[0].on.foreignServers[0]: unknown foreign server \"remoet\" (did you mean remote?)"
        ),
        (
            "\"grants\": [{ \"to\": [\"one@\"], \"on\": { \"parameters\": [\"wrok_mem\"] }, \"privileges\": [\"SET\"] }]",
            "grants[0].on.parameters[0]: unknown parameter \"wrok_mem\" (did you mean work_mem?)"
        ),
        (
            "\"grants\": [{ \"to\": [\"one@\"], \"on\": { \"largeObjects\": [99] }, \"privileges\": [\"SELECT\"] }]",
            "grants[0].on.largeObjects[0]: there is no large object 99"
        ),
        (
            "\"grants\": [{ \"to\": [\"one@\"], \"on\": { \"types\": [\"app.moood\"] }, \"privileges\": [\"USAGE\"] }]",
            "grants[0].on.types[0]: unknown type \"app.moood\" (did you mean app.mood?)"
        ),
        (
            "\"owners\": [{ \"owner\": \"owner@\", \"on\": { \"sequences\": [\"app.orders_id_seq\"] } }]",
            "owners[0].on.sequences[0]: sequence app.orders_id_seq belongs to a column of table app.orders, "
                + "and follows that table's owner"
        ),
        (
            "\"owners\": [{ \"owner\": \"postgres\", \"on\": { \"schemas\": [\"app\"] } }, "
                + "{ \"owner\": \"heir@\", \"on\": { \"tables\": [\"app.userz\"] } }]",
            "owners[1].on.tables[0]: unknown table \"app.userz\" (did you mean app.users?)"
        ),
        (
            "\"owners\": [{ \"owner\": \"pg_monitor\", \"on\": { \"schemas\": [\"app\"] } }]",
            "owners[0].owner: role \"pg_monitor\" is PostgreSQL's own, and is given nothing"
        ),
        (
            "\"rowSecurity\": { \"app.orders\": { \"policies\": [{ \"name\": \"x\", \"to\": [\"one@\"], \"match\": "
                + "{ \"column\": \"id\", \"type\": \"bigint\", \"setting\": \"a.b\", \"through\": "
                + "{ \"table\": \"app.member\", \"member\": \"a\", \"group\": \"b\" } } }] } }",
            "policies[0].match: relation \"app.member\" does not exist"
        ),
        (
            "\"rowSecurity\": { \"app.orders\": { \"policies\": [{ \"name\": \"x\", \"to\": [\"one@\"], \"match\": "
                + "{ \"column\": \"id\", \"type\": \"bigint\", \"setting\": \"a.b\", \"through\": "
                + "{ \"table\": \"app.members\", \"member\": \"a\", \"group\": \"b\" } } }] } }",
            "policies[0].match: column m.b does not exist"
        ),
    ]

    @Test(arguments: mistakes) func `what is not there is named with its place`(
        _ body: String, _ expected: String
    ) async throws {
        let scene = try await makeScene()
        let failure = await scene.failure { try await scene.plan("{ \"version\": 1, \(body) }").changes.map(\.sql) }
        #expect(failure.sentence.contains(expected), "\(failure.sentence)")
        #expect(failure.status == .malformed)
    }
}
