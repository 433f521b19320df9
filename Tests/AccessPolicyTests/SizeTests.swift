import Platform
import TestSupport
import Testing

@testable import AccessPolicy

/// Policies and databases larger than those that people read.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct SizeTests {
    @Test func `a partition that is added after the grant is granted by the next apply`() async throws {
        let scene = try Scene()
        try await scene.run(
            """
            CREATE SCHEMA app; CREATE TABLE app.parts (id int) PARTITION BY RANGE (id);
            CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (0) TO (10)
            """)
        let policy = """
            { "version": 1, "roles": { "reader@": {} },
              "grants": [{ "to": ["reader@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT"] }] }
            """
        try await scene.apply(policy)
        try await scene.run("CREATE TABLE app.parts_2 PARTITION OF app.parts FOR VALUES FROM (10) TO (20)")
        let plan = try await scene.plan(policy)
        #expect(plan.changes.flatMap(\.sql) == [scene.own(#"GRANT SELECT ON TABLE "app"."parts_2" TO "reader@""#)])
        try await scene.apply(policy)
        #expect(try await scene.plan(policy).isEmpty)
    }

    @Test func `five hundred row security policies leave no difference`() async throws {
        let scene = try Scene()
        let tables = (1...50).map { "CREATE TABLE app.t\($0) (id bigint, owner text);" }.joined()
        try await scene.run("CREATE SCHEMA app; \(tables)")
        let security = (1...50).map { table in
            let policies = (1...10).map { number in
                #"{ "name": "p\#(number)", "to": ["reader@"], "for": "SELECT", "using": "id % 11 = \#(number)" }"#
            }
            return #""app.t\#(table)": { "policies": [\#(policies.joined(separator: ",\n"))] }"#
        }
        let policy = """
            { "version": 1, "roles": { "reader@": {} }, "proofBudget": 120,
              "grants": [{ "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
                         { "to": ["reader@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT"] }],
              "rowSecurity": { \(security.joined(separator: ",\n")) } }
            """
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).isEmpty)
        let count = "SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE relname LIKE 't%'"
        #expect(try await scene.value(count) == "500")
    }

    @Test func `names of sixty-three bytes are whole, and a longer one is refused`() async throws {
        let scene = try Scene()
        let name = String(repeating: "é", count: 31) + "x"
        try await scene.run(#"CREATE SCHEMA "\#(name)"; CREATE TABLE "\#(name)"."\#(name)" ("\#(name)" int)"#)
        let policy = """
            { "version": 1, "roles": { "reader@": {} }, "grants": [
              { "to": ["reader@"], "on": { "columns": { "\(name).\(name)": ["\(name)"] } }, "privileges": ["SELECT"] },
              { "to": ["reader@"], "on": { "schemas": ["\(name)"] }, "privileges": ["USAGE"] }] }
            """
        #expect(try await scene.apply(policy).verdict == .applied)
        #expect(try await scene.plan(policy).isEmpty)
        let failure = await scene.failure { try await scene.plan(policy.replacing(name, with: name + "y")) }
        #expect(failure.status == .malformed, "\(failure.sentence)")
    }

    @Test func `a mistake on line 20,000 is told with its line and place`() async throws {
        let scene = try Scene()
        let grants = (1...3333).map { number in
            """
                {
                  "to": ["r\(number)"],
                  "on": { "tables": ["app.*"] },
                  "privileges": ["SELECT"],
                  "withGrantOption": false
                },
            """
        }
        let policy = """
            {
              "grants": [
            \(grants.joined(separator: "\n"))
                { "to": ["last"], "on": { "tables": ["app.*"] }, "privileges": ["SELEKT"] }
              ], "version": 1 }
            """
        #expect(policy.split(separator: "\n").count > 20_000)
        let failure = await scene.failure { try scene.file(policy) }
        #expect(failure.status == .malformed)
        #expect(
            failure.sentence
                == "cannot read policy p.json: line 20001: grants[3333].privileges[0]: unknown privilege \"SELEKT\" "
                + "(did you mean SELECT?)")
    }
}
