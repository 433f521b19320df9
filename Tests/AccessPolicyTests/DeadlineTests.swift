import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Grants and memberships that end.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct DeadlineTests {
    static let policy = """
        { "version": 1, MODE
          "roles": { "reader@": {}, "guest@": { "memberOf": [{ "role": "reader@", "until": "2027-01-31" }] } },
          "grants": [
            { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@"], "on": { "columns": { "app.users": ["id"] } }, "privileges": ["SELECT"] },
            { "to": ["guest@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT", "INSERT"], "until": "2027-01-31T18:00:00Z",
              "withGrantOption": true, "future": { "createdBy": ["postgres"] } },
            { "to": ["guest@"], "on": { "tables": ["app.orders"] }, "privileges": ["SELECT"] },
            { "to": ["reader@"], "on": { "tables": ["app.users"] }, "privileges": ["SELECT"], "until": "2027-01-31" } ] }
        """
    static let additive = policy.replacing("MODE", with: "")
    static let authoritative = policy.replacing(
        "MODE", with: "\"mode\": \"authoritative\", \"manages\": { \"schemas\": [\"app\"], \"roles\": [\"*@\"] },")

    static let clocks: [(String, String?)] = [
        ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z"), ("2027-01-31T18:00:00+02:00", "2027-01-31T16:00:00Z"),
        ("2027-01-31T18:00:00-05:30", "2027-01-31T23:30:00Z"),
        ("2027-12-31T23:00:00.5-01:00", "2028-01-01T00:00:00.5Z"),
        ("2027-01-31T18:00:00+00:00", "2027-01-31T18:00:00Z"), ("2027-01-31T18:00:00+2:00", nil),
        ("2027-01-31T18:00:00+24:00", nil), ("2027-01-31T18:00:00+02:60", nil), ("2027-01-31T18:00:00", nil),
        ("2027-02-30T18:00:00+02:00", nil), ("2027-01-31T18:00:00Z+02:00", nil), ("2027-01-31T18:00:00+٠٢:٠٠", nil),
        ("+02:00", nil), ("", nil),
    ]

    @Test(arguments: clocks) func `a time has the offset of its clock, or none`(_ text: String, _ utc: String?) {
        #expect(Timestamp(rfc3339: text) == utc.flatMap { Timestamp($0) })
    }

    @Test func `an expiry written with an offset is the same moment on the server, and no difference afterwards`()
        async throws
    {
        let scene = try Scene()
        let policy = """
            { "version": 1, "roles": { "guest@": { "login": true, "validUntil": "2031-05-06T07:08:09+05:30" } } }
            """
        try await scene.apply(policy)
        #expect(
            try await scene.value(
                "SELECT (rolvaliduntil AT TIME ZONE 'UTC')::text FROM pg_roles WHERE rolname = 'guest@'")
                == "2031-05-06 01:38:09")
        #expect(try await scene.plan(policy).isEmpty)
    }

    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    @Test(arguments: [additive, authoritative]) func `what has ended is taken away in either mode, and nothing else`(
        _ policy: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            try await log.apply(policy, at: time("2027-01-31T17:59:59Z"))
            #expect(try await scene.value("SELECT has_table_privilege('guest@', 'app.parts', 'INSERT')") == "t")
            #expect(try await log.draft(policy, at: time("2027-01-31T18:00:00Z")).changes.isEmpty)
            let evening = try await log.apply(policy, at: time("2027-01-31T18:00:01Z"))
            #expect(evening.verdict == .applied)
            #expect(try await scene.value("SELECT has_table_privilege('guest@', 'app.parts', 'INSERT')") == "f")
            #expect(try await scene.value("SELECT has_table_privilege('guest@', 'app.orders', 'SELECT')") == "t")
            let option = "SELECT has_table_privilege('guest@', 'app.orders', 'SELECT WITH GRANT OPTION')"
            #expect(try await scene.value(option) == "f")
            #expect(try await scene.value("SELECT count(*) FROM pg_default_acl") == "0")
            // The whole of the last day is in it.
            #expect(try await scene.value("SELECT pg_has_role('guest@', 'reader@', 'MEMBER')") == "t")
            #expect(try await log.draft(policy, at: time("2027-01-31T23:59:59Z")).changes.isEmpty)
            try await log.apply(policy, at: time("2027-02-01T00:00:00Z"))
            #expect(try await scene.value("SELECT pg_has_role('guest@', 'reader@', 'MEMBER')") == "f")
            #expect(
                try await scene.value("SELECT has_column_privilege('reader@', 'app.users', 'email', 'SELECT')") == "f")
            // Taking a table's privilege takes its columns' too: the one that is declared is made again.
            #expect(try await scene.value("SELECT has_column_privilege('reader@', 'app.users', 'id', 'SELECT')") == "t")
            #expect(try await log.draft(policy, at: time("2027-02-01T00:00:00Z")).changes.isEmpty)
        }
    }

    @Test func `what has ended is not counted against --max-revokes, since the policy says it`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            try await log.apply(Self.additive, at: time("2027-01-01T00:00:00Z"))
            let plan = try await log.draft(Self.additive, at: time("2028-01-01T00:00:00Z")).plan
            #expect(plan.revokes == 0)
            #expect(plan.changes.filter { $0.effect == .narrows }.count >= 4)
            #expect(
                plan.changes.contains {
                    $0.reason == scene.own("roles.guest@.memberOf[0]: ended at 2027-01-31T23:59:59Z")
                })
        }
    }

    @Test func `a plan notes what ends within 30 days`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            try await log.apply(Self.additive, at: time("2026-12-01T00:00:00Z"))
            #expect(try await log.draft(Self.additive, at: time("2026-12-31T00:00:00Z")).notes.isEmpty)
            let notes = try await log.draft(Self.additive, at: time("2027-01-02T00:00:00Z")).notes
            #expect(
                notes == [
                    scene.own(
                        "roles.guest@.memberOf[0]: the membership of guest@ in reader@ ends at 2027-01-31T23:59:59Z"),
                    scene.own("grants[2]: ends for guest@ at 2027-01-31T18:00:00Z"),
                    scene.own("grants[4]: ends for reader@ at 2027-01-31T23:59:59Z"),
                ])
        }
    }

    @Test func `what ended before it was ever made is not made`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            try await log.apply(Self.additive, at: time("2029-01-01T00:00:00Z"))
            #expect(try await scene.value("SELECT pg_has_role('guest@', 'reader@', 'MEMBER')") == "f")
            #expect(try await scene.value("SELECT has_table_privilege('guest@', 'app.parts', 'SELECT')") == "f")
        }
    }

    @Test func `a reviewed plan is refused when a deadline has passed since`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let reviewed = try await log.draft(Self.additive, at: time("2027-01-31T10:00:00Z"))
            let verdict = try await log.apply(Self.additive, at: time("2027-01-31T20:00:00Z"), reviewed: reviewed)
                .verdict
            guard case .moved(let moved) = verdict else {
                Issue.record("applied")
                return
            }
            #expect(moved.contains { $0.hasPrefix("no longer to be done: GRANT SELECT, INSERT ON TABLE") }, "\(moved)")
        }
    }

    @Test func `the offline script leaves out what ends`() async throws {
        let scene = try Scene()
        let script = try Script.text(of: try scene.file(Self.additive).policy, named: "p.json")
        #expect(!script.contains("INSERT ON ALL TABLES"))
        #expect(script.contains("-- until 2027-01-31T18:00:00Z: dbsec apply-roles makes and ends it\n"))
    }

    @Test(arguments: ["2027-02-30", "tomorrow", "2027-01-31T18:00:00+1:00", "infinity"])
    func `an end that is neither a date nor a time is refused`(_ text: String) {
        let policy = """
            { "version": 1, "roles": { "a": { "memberOf": [{ "role": "b", "until": "\(text)" }] } } }
            """
        let failure = #expect(throws: DocumentFailure.self) {
            try PolicyFile(bytes: Array(policy.utf8), named: "policy p.json")
        }
        #expect(
            failure?.sentence.hasPrefix(
                "cannot read policy p.json: line 1: roles.a.memberOf[0].until: \"\(text)\" is neither") == true)
    }
}
