import Platform
import Testing

@testable import AccessPolicy

@Suite struct DocumentTests {
    private func load(_ text: String) throws -> Policy {
        try PolicyFile(bytes: Array(text.utf8), named: "policy p.json").policy
    }

    private func refusal(of text: String) -> String {
        do {
            _ = try load(text)
            return "accepted"
        } catch let failure as any Failure {
            #expect(failure.status == .malformed)
            return failure.sentence
        } catch {
            return "\(error)"
        }
    }

    @Test func `a whole document is read`() throws {
        let policy = try load(
            """
            {
              // people comment their policies
              "$schema": "policy.schema.json",
              "version": 1,
              "mode": "authoritative",
              "manages": { "schemas": ["public"], "roles": ["app_*"] },
              "roles": {
                "reader": {},
                "app_user": {
                  "login": true, "connectionLimit": 50, "validUntil": "2027-01-31",
                  "settings": { "statement_timeout": "30s", "search_path": ["app", "public"], "work_mem": 4096 },
                  "password": { "env": "APP_PASSWORD" },
                  "memberOf": ["reader", { "role": "writer", "admin": true, "inherit": false }],
                },
                "writer": { "createdb": false, "bypassRls": true },
              },
              "grants": [
                { "to": ["reader"], "on": { "database": true }, "privileges": ["CONNECT", "temp"] },
                { "to": ["reader", "PUBLIC"], "on": { "tables": ["public.*", "app.\\"odd.name\\""] },
                  "privileges": ["SELECT"] },
              ],
              "tests": [{ "as": "reader", "with": { "app.id": 42 }, "run": "SELECT 1", "expect": { "rows": [[1, null]] } }],
            }
            """)
        #expect(policy.mode == .authoritative)
        #expect(policy.roles.map(\.name) == ["app_user", "reader", "writer"])
        let user = policy.roles[0]
        #expect(user.attributes.login == true)
        #expect(user.attributes.createdb == nil)
        #expect(user.validUntil?.text == "2027-01-31T00:00:00Z")
        #expect(
            user.settings == [
                RoleSetting(name: "search_path", values: ["app", "public"]),
                RoleSetting(name: "statement_timeout", values: ["30s"]),
                RoleSetting(name: "work_mem", values: ["4096"]),
            ])
        #expect(user.password == .environment("APP_PASSWORD"))
        #expect(
            user.memberOf == [
                MembershipDeclaration(role: "reader"),
                MembershipDeclaration(role: "writer", admin: true, inherit: false),
            ])
        #expect(policy.grants[0].privileges == .these([.connect, .temporary]))
        #expect(policy.grants[1].grantees == [.role("reader"), .everyone])
        guard case .tables(let tables) = policy.grants[1].target else {
            Issue.record("not tables")
            return
        }
        #expect(tables == [.all(schema: "public"), .one(ObjectName("app", "odd.name"))])
        #expect(policy.tests[0].expectation == .rows([["1", nil]]))
    }

    @Test func `match writes one fast and safe expression for both clauses`() throws {
        let policy = try load(
            """
            { "version": 1, "rowSecurity": { "public.orders": { "policies": [
              { "name": "own", "to": ["app"],
                "match": { "column": "user_id", "type": "bigint", "setting": "app.current_user_id" } },
              { "name": "add", "to": ["app"], "for": "INSERT",
                "match": { "column": "user_id", "type": "bigint", "setting": "app.current_user_id" } } ] } } }
            """)
        let expression =
            "\"user_id\" = (SELECT nullif(pg_catalog.current_setting('app.current_user_id', true), '')::bigint)"
        let policies = policy.rowSecurity[0].policies
        #expect(policies[0].using == expression)
        #expect(policies[0].check == expression)
        #expect(policies[1].using == nil)
        #expect(policies[1].check == expression)
    }

    static let mistakes: [(String, String)] = [
        (
            """
            { "version": 1, "grants": [
              { "to": ["a"], "on": { "tables": ["public.t"] },
                "privileges": ["SELEKT"] } ] }
            """,
            "line 3: grants[0].privileges[0]: unknown privilege \"SELEKT\" (did you mean SELECT?)"
        ),
        ("{ \"version\": 2 }", "line 1: version: version 2 is not known here: this program reads version 1"),
        ("{ }", "line 1: the key \"version\" is missing"),
        ("{ \"version\": 1, \"rolls\": {} }", "line 1: rolls: unknown key \"rolls\" (did you mean roles?)"),
        (
            "{ \"version\": 1, \"mode\": \"aditive\" }",
            "line 1: mode: unknown mode \"aditive\" (did you mean additive?)"
        ),
        (
            "{ \"version\": 1, \"mode\": \"authoritative\" }",
            "line 1: mode: authoritative mode takes away what is not declared: say where with \"manages\""
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a\": { \"superuser\": true } } }",
            "line 1: roles.a.superuser: a policy never makes a superuser"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a\": { \"password\": \"hunter2\" } } }",
            "line 1: roles.a.password: a password never stands in a policy: "
                + "name an environment variable, a file or a command"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a\": { \"settings\": { \"search_path\": \"app, public\" } } } }",
            "line 1: roles.a.settings.search_path: search_path is a list of names: write [\"one\", \"other\"]"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"pg_monitor\": {} } }",
            "line 1: roles.pg_monitor: role names that start with pg_ are PostgreSQL's own"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a\": {},\n \"a\": {} } }",
            "line 2: column 2: the key \"a\" is there twice"
        ),
        (
            "{ \"version\": 1, \"roles\": { \"a\": { \"memberOf\": [\"b\", \"b\"] } } }",
            "line 1: roles.a.memberOf[1]: role \"b\" is listed twice"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"schemas\": [\"s\"] }, "
                + "\"privileges\": [\"SELECT\"] }] }",
            "line 1: grants[0].privileges[0]: there is no SELECT on a schema: it has CREATE, USAGE"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"tables\": [\"users\"] }, "
                + "\"privileges\": [\"SELECT\"] }] }",
            "line 1: grants[0].on.tables[0]: \"users\" does not name its schema, as in public.users"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"functions\": [\"public.f\"] }, "
                + "\"privileges\": [\"EXECUTE\"] }] }",
            "line 1: grants[0].on.functions[0]: \"public.f\" needs its argument types, "
                + "as in public.f(integer, text), or public.f()"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"tables\": [\"p.t\"] }, "
                + "\"privileges\": [\"SELECT\"], \"future\": { \"createdBy\": [\"b\"] } }] }",
            "line 1: grants[0].future: only schema.* of tables, sequences, functions or types has future objects"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"database\": true }, "
                + "\"privileges\": [\"CONNECT\"] },\n{ \"to\": [\"a\"], \"on\": { \"database\": true }, "
                + "\"privileges\": [\"CONNECT\"] }] }",
            "line 2: grants[1]: CONNECT on the database to \"a\" is declared twice: see grants[0]"
        ),
        (
            "{ \"version\": 1, \"rowSecurity\": { \"public.t\": {},\n \"\\\"public\\\".t\": {} } }",
            "table public.t is declared twice"
        ),
        (
            "{ \"version\": 1, \"rowSecurity\": { \"p.t\": { \"policies\": [{ \"name\": \"x\", \"to\": [\"a\"], "
                + "\"for\": \"SELECT\", \"using\": \"true\", \"check\": \"true\" }] } } }",
            "line 1: rowSecurity[\"p.t\"].policies[0].check: a policy for SELECT has no WITH CHECK: say using"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"COMMIT\", \"expect\": { \"denied\": true } }] }",
            "line 1: tests[0].run: a test is one statement that begins with "
                + "SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES, TABLE or TRUNCATE"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"/* */ COMMIT\", "
                + "\"expect\": { \"denied\": true } }] }",
            "a test is one statement that begins with"
        ),
    ]

    @Test(arguments: mistakes) func `a mistake names its line, its path and the nearest word`(
        _ text: String, _ expected: String
    ) {
        let sentence = refusal(of: text)
        #expect(sentence.hasPrefix("cannot read policy p.json: "))
        #expect(sentence.contains(expected), "\(sentence)")
    }

    @Test(arguments: [
        ("public.users", ObjectName("public", "users")),
        ("Public.Users", ObjectName("Public", "Users")),
        ("\"a.b\".\"c\"\"d\"", ObjectName("a.b", "c\"d")),
        ("public.\"*\"", ObjectName("public", "*")),
        ("schema with space.größe", ObjectName("schema with space", "größe")),
    ]) func `a name is read as it is spelled`(_ text: String, _ expected: ObjectName) throws {
        #expect(try NameParser.selector(text) == .one(expected))
        #expect(try NameParser.selector(expected.description) == .one(expected))
    }

    @Test(arguments: ["", "a", "a.", ".a", "a.b.c", "\"a.b", "\"a\"b.c"]) func `a name with the wrong shape is refused`(
        _ text: String
    ) {
        #expect(throws: NameParser.Problem.self) { try NameParser.selector(text) }
    }

    @Test(arguments: [
        ("app_*", "app_user", true), ("app_*", "app_", true), ("app_*", "my_app_user", false), ("*", "x", true),
        ("a*c", "abc", true), ("a*c", "a", false), ("a*b*c", "axxbxxc", true), ("ab*ba", "aba", false),
    ]) func `a star stands for any run of characters`(_ pattern: String, _ name: String, _ matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }
}
