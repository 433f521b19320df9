import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// What was reviewed is what is applied.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct SavedPlanTests {
    static let policy = """
        { "version": 1, "roles": { "reader@": {}, "login@": { "login": true, "memberOf": ["reader@"] } },
          "grants": [
            { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT"] } ] }
        """

    @Test func `a saved plan is read again from its file, and applied where nothing has moved`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let draft = try await log.draft(Self.policy)
            let path = log.folder.appending("plan.json")
            try draft.write(to: path)
            let reviewed = try SavedPlans.read(path).plans[0]
            #expect(reviewed.changes.map(\.sql) == draft.changes.map(\.sql))
            let outcome = try await log.apply(Self.policy, reviewed: reviewed)
            #expect(outcome.verdict == .applied)
            #expect(try await scene.plan(Self.policy).isEmpty)
        }
    }

    static let moves: [(String, String)] = [
        ("CREATE ROLE reader@", "role reader@: is new"),
        ("CREATE TABLE app.later ()", "owner of table app.later: is new, postgres"),
        ("ALTER TABLE app.users OWNER TO elder@", "owner of table app.users: was postgres, is elder@"),
        (
            "GRANT SELECT ON app.users TO elder@",
            "privileges on table app.users to elder@, granted by postgres: is new, SELECT"
        ),
        (
            "GRANT INSERT (email) ON app.users TO elder@",
            "privileges on column app.users.email to elder@, granted by postgres: is new, INSERT"
        ),
        (
            "ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY",
            "row security of table app.orders: was disabled, is enabled"
        ),
        (
            "CREATE POLICY x ON app.orders USING (true)",
            "policy x on table app.orders: is new, permissive for ALL to PUBLIC"
        ),
        ("DROP TABLE app.parts_eu", "owner of table app.parts_eu: was postgres, is gone"),
    ]

    @Test(arguments: moves) func `a plan is refused when what it rests on has moved, and says what`(
        _ move: String, _ expected: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + "CREATE ROLE elder@;")
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(Self.policy)
            try await scene.run(move)
            let before = try await log.state()
            let outcome = try await log.apply(Self.policy, reviewed: reviewed)
            guard case .moved(let moved) = outcome.verdict else {
                Issue.record("applied")
                return
            }
            #expect(moved.contains { $0.hasPrefix(scene.own(expected)) }, "\(moved)")
            #expect(try await log.state() == before)
        }
    }

    @Test func `somebody who came into a granted role meanwhile is a reason to look again`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + "CREATE ROLE reader@; CREATE ROLE contractor@;")
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(Self.policy)
            try await scene.run("GRANT reader@ TO contractor@")
            guard case .moved(let moved) = try await log.apply(Self.policy, reviewed: reviewed).verdict else {
                Issue.record("applied")
                return
            }
            #expect(moved.contains { $0.hasPrefix(scene.own("membership of contractor@ in reader@")) }, "\(moved)")
        }
    }

    @Test func `what the policy does not speak of may move`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(Self.policy)
            try await scene.run("CREATE ROLE stranger@; CREATE SCHEMA other; CREATE TABLE other.t ()")
            #expect(try await log.apply(Self.policy, reviewed: reviewed).verdict == .applied)
        }
    }

    @Test func `a plan is for one policy and one database`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(Self.policy)
            let other = Self.policy.replacing("SELECT", with: "INSERT")
            guard case .moved(let policy) = try await log.apply(other, reviewed: reviewed).verdict else {
                Issue.record("another policy was applied")
                return
            }
            #expect(policy.count == 1)
            #expect(policy[0].hasPrefix("the policy is another one: its SHA-256 is "))
            let database = try await Cluster.current.makeDatabase()
            try await database.run(scene.own(ApplyTests.tables))
            let elsewhere = Provisioner(
                try await database.connect(), try scene.file(Self.policy), passwords: GivenPasswords())
            let verdict = try await elsewhere.apply(maxRevokes: 20, audit: log.log, reviewed: reviewed).verdict
            #expect(
                verdict
                    == .moved([
                        "the database is \(database.name), and the plan was made for \(scene.database.name)"
                    ]))
        }
    }

    @Test func `a plan file that was edited is refused`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let path = log.folder.appending("plan.json")
            try await log.draft(Self.policy).write(to: path)
            let text = String(decoding: try Files.read(path), as: UTF8.self)
            try Files.write(Array(text.replacing("GRANT SELECT", with: "GRANT INSERT").utf8), to: path)
            let failure = await scene.failure { try SavedPlans.read(path).plans.count }
            #expect(failure.status == .malformed)
            #expect(failure.sentence.hasSuffix("was changed since it was made: its fingerprint does not fit"))
        }
    }
}
