import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// A document made of a database must have nothing to change there.
@Suite(.cluster, .database, .timeLimit(.minutes(4))) struct UnderstandInspectTests {
    private func inspect(
        _ scene: Scene, as role: String? = nil, schema: String? = nil
    ) async throws -> Inspection {
        let connection = try await scene.database.connect(as: role.map(scene.own))
        let inspection = try await Inspection.inspect(connection, schema: schema)
        await connection.close()
        return inspection
    }

    @Test(arguments: [11, 12, 13, 14, 15, 16] as [UInt64])
    func `the document of a database made at random plans empty`(_ seed: UInt64) async throws {
        let scene = try Scene()
        let connection = try await scene.database.connect()
        var dice = Dice(seed: seed)
        for statement in scene.randomAccess(&dice, version: connection.serverVersion) {
            try await connection.execute(SQL(raw: statement))
        }
        let inspection = try await inspect(scene)
        #expect(inspection.differences == [], "seed \(seed)")
        // Only of superusers no policy makes members.
        #expect(inspection.notes.allSatisfy { $0.hasSuffix(", which is a superuser") })
    }

    @Test func `the document of the shop says what its policy says`() async throws {
        let scene = try Scene()
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        try await scene.database.run(file: root.appending("Fixtures/ecommerce.sql"))
        try await scene.apply(
            """
            { "version": 1,
              "roles": { "reader@": {}, "ann@": { "login": true, "memberOf": ["reader@"], "connectionLimit": 3,
                "validUntil": "2031-05-01", "settings": { "search_path": ["$user", "public"], "statement_timeout": "30s" } } },
              "grants": [
                { "to": ["reader@"], "on": { "tables": ["public.*"] }, "privileges": ["SELECT"],
                  "future": { "createdBy": ["postgres"] } },
                { "to": ["reader@"], "on": { "columns": { "public.users": ["id", "email"] } }, "privileges": ["UPDATE"] } ],
              "rowSecurity": { "public.orders": { "force": true, "policies": [
                { "name": "own", "to": ["reader@"],
                  "match": { "column": "user_id", "type": "bigint", "setting": "app.user" } } ] } } }
            """)
        let inspection = try await inspect(scene, schema: "public")
        #expect(inspection.differences == [])
        let parts = [
            """
                "ann@": {
                  "login": true,
                  "connectionLimit": 3,
                  "validUntil": "2031-05-01T00:00:00Z",
                  "settings": { "search_path": ["$user", "public"], "statement_timeout": "30s" },
                  "memberOf": ["reader@"]
                },
            """,
            """
                { "to": ["reader@"], "on": { "tables": ["public.*"] }, "privileges": ["SELECT"] },
            """,
            """
                  "on": { "columns": { "public.users": ["email", "id"] } },
                  "privileges": ["UPDATE"]
            """,
            """
                  "createdBy": ["postgres"],
                  "schemas": ["public"],
                  "on": "tables",
                  "to": ["reader@"],
                  "privileges": ["SELECT"]
            """,
            """
                  "force": true,
                  "policies": [
                    {
                      "name": "own",
                      "to": ["reader@"],
                      "using": "(user_id = ( SELECT
            """,
        ]
        for part in parts {
            #expect(inspection.document.contains(scene.own(part)), "\(inspection.document)")
        }
    }

    @Test func `names full of quotes and marks come back as they are`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE "we""ird. role*@" LOGIN; CREATE ROLE "ünï 😀@" NOINHERIT CONNECTION LIMIT 0;
            GRANT "ünï 😀@" TO "we""ird. role*@" WITH ADMIN OPTION;
            ALTER ROLE "we""ird. role*@" SET search_path = "$user", "a.b""c", "With Space", pg_catalog;
            ALTER ROLE "we""ird. role*@" SET "my.setting" = 'a, "b"; -- c';
            CREATE SCHEMA "a.b""c"; CREATE SCHEMA "*";
            CREATE TABLE "a.b""c"."t.*(x)" ("col.""1" int, "😀" int); CREATE TABLE "a.b""c"."</script>" (i int);
            CREATE TABLE "*"."*" (i int); CREATE TABLE "*"."line
            feed" (i int); CREATE TYPE "*"."my type" AS ENUM ('x');
            CREATE FUNCTION "a.b""c"."f(int)"("*"."my type", VARIADIC int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
            CREATE PROCEDURE "*".p(IN a int, OUT b int) LANGUAGE sql AS 'SELECT 1';
            GRANT SELECT ("col.""1", "😀") ON "a.b""c"."t.*(x)" TO "ünï 😀@" WITH GRANT OPTION;
            GRANT INSERT ON "a.b""c"."t.*(x)", "*"."*" TO "we""ird. role*@";
            GRANT SELECT ON ALL TABLES IN SCHEMA "*" TO PUBLIC;
            GRANT EXECUTE ON FUNCTION "a.b""c"."f(int)" TO "ünï 😀@" WITH GRANT OPTION;
            GRANT ALL ON PROCEDURE "*".p(int) TO "ünï 😀@";
            ALTER TABLE "a.b""c"."t.*(x)" ENABLE ROW LEVEL SECURITY;
            CREATE POLICY "p ""1"" -- x" ON "a.b""c"."t.*(x)" AS RESTRICTIVE FOR SELECT TO PUBLIC, "ünï 😀@"
                USING ("😀" = 1 AND '--' <> $$a 'quoted' \\ text$$);
            """)
        let inspection = try await inspect(scene)
        #expect(inspection.differences == [])
        #expect(inspection.document.contains(#""\"*\".*""#))
    }

    @Test func `what a policy cannot say is noted, and the rest still plans empty`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE "a@"; GRANT postgres TO "a@"; CREATE TABLE t (i int); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
            CREATE POLICY odd ON t TO "a@" WITH CHECK (true); CREATE POLICY even ON t TO "a@" USING (true);
            ALTER ROLE "a@" VALID UNTIL '-infinity'; ALTER ROLE "a@" PASSWORD 'not to be seen';
            """)
        let inspection = try await inspect(scene)
        #expect(inspection.differences == [])
        let own = inspection.notes.filter { $0.contains("public.t") || $0.contains(scene.own("a@")) }
        #expect(
            own == [
                "policy odd of table public.t, which has no USING and lets no row be seen",
                scene.own("the membership of a@ in postgres, which is a superuser"),
            ])
        #expect(inspection.document.contains("// Not in this policy: policy odd of table public.t"))
        #expect(!inspection.document.contains("not to be seen"))
        #expect(!inspection.document.contains("SCRAM"))
    }

    @Test func `a role without superuser gets a document too`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE "boss@" LOGIN CREATEROLE; CREATE ROLE "r@"; CREATE ROLE "owner@";
            GRANT ALL ON SCHEMA public TO "boss@"; CREATE TABLE t (i int); ALTER TABLE t OWNER TO "owner@";
            GRANT SELECT ON t TO "r@";
            """)
        try await scene.run("CREATE ROLE \"made@\"; GRANT \"made@\" TO \"r@\"", as: "boss@")
        let inspection = try await inspect(scene, as: "boss@")
        #expect(inspection.differences == [])
        #expect(inspection.document.contains(scene.own("{ \"to\": [\"r@\"], \"on\": { \"tables\": [\"public.t\"] }")))
    }

    @Test func `one schema's document speaks of nothing else`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE ROLE "in@"; CREATE ROLE "member@" LOGIN; CREATE ROLE "out@"; GRANT "in@" TO "member@";
            CREATE SCHEMA a; CREATE TABLE a.t (); CREATE SCHEMA b; CREATE TABLE b.t ();
            GRANT SELECT ON a.t TO "in@"; GRANT SELECT ON b.t TO "out@";
            """)
        let inspection = try await inspect(scene, schema: "a")
        #expect(inspection.differences == [])
        for word in ["in@", "member@"] { #expect(inspection.document.contains(scene.own("\"\(word)\""))) }
        for word in ["out@", "b.t"] { #expect(!inspection.document.contains(scene.own(word))) }
        let failure = await scene.failure { try await inspect(scene, schema: "aa") }
        #expect(failure == ("unknown schema \"aa\" (did you mean a?)", .inputMissing))
    }
}
