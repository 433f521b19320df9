import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// The templates of `match`, as the server enforces them.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct MatchTests {
    private static func policy(_ match: String) -> String {
        """
        { "version": 1, "roles": { "app@": {} },
          "grants": [
            { "to": ["app@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["app@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT", "INSERT"] } ],
          "rowSecurity": { "app.notes": { "policies": [{ "name": "own", "to": ["app@"], "match": \(match) }] } } }
        """
    }

    private static let tables = """
        CREATE SCHEMA app;
        CREATE TABLE app.notes (id bigint, org_id bigint, user_id bigint);
        CREATE TABLE app.members (user_id bigint, org_id bigint);
        INSERT INTO app.members VALUES (1, 10), (1, 20), (2, 30);
        INSERT INTO app.notes SELECT n, 10 * n, n FROM generate_series(1, 5) n;
        """

    private static let member = """
        { "column": "org_id", "type": "bigint", "setting": "app.user",
          "through": { "table": "app.members", "member": "user_id", "group": "org_id" } }
        """

    @Test func `a user sees the rows of all groups it is a member of, and nobody sees any without a user`() async throws
    {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.policy(Self.member))
        #expect(try await scene.plan(Self.policy(Self.member)).changes.map(\.sql) == [])
        try await scene.run("ALTER ROLE app@ LOGIN")
        for (user, rows) in [("1", "1,2"), ("2", "3"), ("3", nil), ("", nil)] {
            try await scene.run("ALTER ROLE app@ SET \"app\".\"user\" = '\(user)'")
            let seen = try await scene.value("SELECT string_agg(id::text, ',' ORDER BY id) FROM app.notes", as: "app@")
            #expect(seen == rows, "user \(user)")
        }
    }

    @Test func `a user writes only into groups it is a member of`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.policy(Self.member))
        try await scene.run("ALTER ROLE app@ LOGIN; ALTER ROLE app@ SET \"app\".\"user\" = '1'")
        try await scene.run("INSERT INTO app.notes VALUES (6, 20)", as: "app@")
        let failure = await scene.failure { try await scene.run("INSERT INTO app.notes VALUES (7, 30)", as: "app@") }
        #expect(failure.sentence.contains("violates row-level security policy"))
    }

    @Test func `the groups of a user are found once for a statement`() async throws {
        let scene = try Scene()
        try await scene.run(Self.tables)
        try await scene.apply(Self.policy(Self.member))
        try await scene.run("ALTER ROLE app@ LOGIN")
        let connection = try await scene.database.connect(as: scene.own("app@"))
        var lines: [String] = []
        for row in try await connection.query("EXPLAIN (COSTS OFF) SELECT * FROM app.notes") {
            lines.append(try row[0])
        }
        let text = lines.joined(separator: "\n")
        #expect(text.contains("InitPlan"), "\(text)")
        #expect(text.contains("hashed SubPlan"), "\(text)")
        await connection.close()
    }

    @Test func `a policy that goes through its own table is refused`() async throws {
        let scene = try Scene()
        let failure = await scene.failure {
            try await scene.plan(Self.policy(Self.member).replacing("app.members", with: "app.notes")).isEmpty
        }
        #expect(failure.sentence.contains("match goes through app.notes itself"))
        #expect(failure.status == .malformed)
    }
}
