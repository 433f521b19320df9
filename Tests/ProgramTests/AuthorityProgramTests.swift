import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Reviewed plans, the way back, and several databases, as users of `dbsec` see them.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct AuthorityProgramTests {
    private struct Run: Sendable {
        let folder: FilePath
        let database: Database

        func own(_ text: String) -> String { text.replacing("@", with: "_" + database.name) }

        func policy(_ text: String) throws -> String {
            let path = folder.appending("p.json")
            try Files.write(Array(own(text).utf8), to: path, mode: .ownerReadWrite, durable: false)
            return path.string
        }

        func dbsec(_ arguments: String...) async throws -> ProgramResult {
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run("dbsec", arguments, environment: environment)
        }

        func value(_ query: String) async throws -> String? { try await database.value(own(query)) }
    }

    private func withRun<Value>(_ body: (Run) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            try await body(Run(folder: folder, database: try Database.current))
        }
    }

    static let simple = """
        { "version": 1, "roles": { "reader@": {} },
          "grants": [ { "to": ["reader@"], "on": { "schemas": ["public"] }, "privileges": ["USAGE"] } ] }
        """

    @Test func `a reviewed plan is applied, and then no longer fits`() async throws {
        try await withRun { run async throws in
            let policy = try run.policy(Self.simple)
            let saved = run.folder.appending("reviewed.json").string
            #expect(try await run.dbsec("plan", "--out", saved, policy).status == 1)
            let dry = try await run.dbsec("apply-roles", "--dry-run", "--plan", saved, policy)
            #expect(dry.status == 0, "\(dry.stdout)\(dry.stderr)")
            let applied = try await run.dbsec("apply-roles", "--plan", saved, policy)
            #expect(
                applied.stdout == "applied 2 changes: 2 widen access\nto take it back: dbsec apply-roles --undo 1\n")
            let again = try await run.dbsec("apply-roles", "--plan", saved, policy)
            #expect(again.status == 1)
            #expect(
                again.stdout.hasPrefix("nothing was done, since this has moved: "), "\(again.stdout)")
            #expect(again.stdout.contains(run.own("role reader@: is new, INHERIT")))
        }
    }

    @Test func `a plan file is its owner's alone, and holds what it rests on`() async throws {
        try await withRun { run async throws in
            let policy = try run.policy(Self.simple)
            let saved = run.folder.appending("reviewed.json")
            _ = try await run.dbsec("plan", "--out", saved.string, policy)
            let mode = try await Program.run("/usr/bin/stat", ["-c", "%a", saved.string])
            #expect(mode.stdout == "600\n")
            struct Saved: Decodable {
                struct Place: Decodable { let database: String }
                let format: String
                let place: Place
                let fingerprint: String
                let policy: String
            }
            let plan = try JSONDecoder().decode(Saved.self, from: Data(try Files.read(saved)))
            #expect(plan.format == "dbsec plan 1")
            #expect(plan.place.database == run.database.name)
            #expect(plan.fingerprint.count == 64)
            #expect(plan.policy.count == 64)
        }
    }

    @Test func `a role that somebody else made after the review stops the apply with 1`() async throws {
        try await withRun { run async throws in
            let policy = try run.policy(Self.simple)
            let saved = run.folder.appending("reviewed.json").string
            _ = try await run.dbsec("plan", "--out", saved, policy)
            try await run.database.run(run.own("CREATE ROLE reader@ BYPASSRLS"))
            let stopped = try await run.dbsec("apply-roles", "--plan", saved, "--json", policy)
            #expect(stopped.status == 1)
            #expect(stopped.stdout.contains("\"applied\":false"))
            #expect(stopped.stdout.contains(run.own("role reader@: is new, INHERIT, BYPASSRLS")), "\(stopped.stdout)")
            #expect(try await run.value("SELECT has_schema_privilege('reader@', 'public', 'CREATE')") == "f")
            #expect(!Files.exists(run.folder.appending("state/audit/undo")))
        }
    }

    @Test func `an apply is taken back by its number, once, and that is recorded`() async throws {
        try await withRun { run async throws in
            let policy = try run.policy(Self.simple)
            #expect(try await run.dbsec("apply-roles", policy).status == 0)
            let undone = try await run.dbsec("apply-roles", "--undo", "1")
            #expect(undone.status == 0, "\(undone.stderr)")
            #expect(undone.stdout == "took back the apply of record 1\n")
            #expect(try await run.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "0")
            #expect(try await run.dbsec("apply-roles", "--undo", "1").status == 1)
            #expect(try await run.dbsec("apply-roles", "--undo", "77").status == 66)
            let shown = try await Program.run(
                "dbaudit", ["show", "--action", "policy.undo"],
                environment: ["DBSEC_STATE": run.folder.appending("state").string])
            #expect(shown.stdout.contains("policy.undo finished success"))
            let verified = try await Program.run(
                "dbaudit", ["verify"], environment: ["DBSEC_STATE": run.folder.appending("state").string])
            #expect(verified.status == 0, "\(verified.stdout)")
        }
    }

    @Test(arguments: [
        ["apply-roles"], ["apply-roles", "--undo", "1", "p.json"], ["apply-roles", "--undo", "1", "--dry-run"],
    ])
    func `options that contradict each other end with 64`(_ arguments: [String]) async throws {
        #expect(try await Program.run("dbsec", arguments, environment: [:]).status == 64)
    }

    @Test func `--strict commits nothing that is not proved, whatever the policy says`() async throws {
        try await withRun { run async throws in
            try await run.database.run("CREATE TABLE notes (id int)")
            let policy = try run.policy(
                """
                { "version": 1, "roles": { "reader@": {} },
                  "grants": [
                    { "to": ["reader@"], "on": { "schemas": ["public"] }, "privileges": ["USAGE"] },
                    { "to": ["reader@"], "on": { "tables": ["public.notes"] }, "privileges": ["SELECT"] } ],
                  "rowSecurity": { "public.notes": { "policies": [
                    { "name": "few", "to": ["reader@"], "using": "id < 10" } ] } },
                  "tests": [
                    { "as": "reader@", "given": ["INSERT INTO public.notes VALUES (1)"],
                      "run": "SELECT id FROM public.notes WHERE id < 10", "expect": { "rows": [[1]] } } ] }
                """)
            let strict = try await run.dbsec("apply-roles", "--strict", policy)
            #expect(strict.status == 1, "\(strict.stdout)\(strict.stderr)")
            #expect(strict.stdout.hasPrefix("1 of 1 tests failed: everything was rolled back\n"), "\(strict.stdout)")
            let lenient = try await run.dbsec("apply-roles", policy)
            #expect(lenient.status == 0, "\(lenient.stdout)\(lenient.stderr)")
            #expect(lenient.stdout.contains(": vacuous: it would pass"), "\(lenient.stdout)")
        }
    }

    @Test func `one policy for two databases has one report and one exit code`() async throws {
        try await withRun { run async throws in
            let other = try await Cluster.current.makeDatabase()
            let names = [run.database.name, other.name].sorted()
            let policy = try run.policy(
                Self.simple.replacing(
                    "\"version\": 1,", with: "\"version\": 1, \"databases\": [\"\(names[0])\", \"\(names[1])\"],"))
            let plan = try await run.dbsec("plan", policy)
            #expect(plan.status == 1)
            #expect(plan.stdout.hasPrefix("-- database \(names[0])\nCREATE ROLE "), "\(plan.stdout)")
            #expect(plan.stdout.contains("\n-- database \(names[1])\nCREATE ROLE "))
            let saved = run.folder.appending("plans.json").string
            #expect(try await run.dbsec("plan", "--out", saved, policy).stdout == plan.stdout)
            let dry = try await run.dbsec("apply-roles", "--dry-run", "--plan", saved, policy)
            #expect(dry.status == 0, "\(dry.stdout)\(dry.stderr)")
            let applied = try await run.dbsec("apply-roles", "--plan", saved, policy)
            #expect(applied.status == 0, "\(applied.stderr)")
            #expect(
                applied.stdout == """
                    roles (preparation): applied 1 change: 1 widen access
                    roles (preparation): to take it back: dbsec apply-roles --undo 1
                    database \(names[0]): applied 1 change: 1 widen access
                    database \(names[0]): to take it back: dbsec apply-roles --undo 3
                    database \(names[1]): applied 1 change: 1 widen access
                    database \(names[1]): to take it back: dbsec apply-roles --undo 5
                    roles (completion): no changes

                    """)
            #expect(try await run.dbsec("plan", policy).status == 0)
            let late = try await run.dbsec("apply-roles", "--dry-run", "--plan", saved, policy)
            #expect(late.status == 1)
            #expect(late.stdout.contains("-- moved since the saved plan: "), "\(late.stdout)")
            let refused = try await run.dbsec("apply-roles", "--plan", saved, policy)
            #expect(refused.status == 1)
            #expect(refused.stdout.hasPrefix("nothing was done, since this has moved: database "), "\(refused.stdout)")
            let json = try await run.dbsec("apply-roles", "--json", policy)
            #expect(json.stdout.hasPrefix("{\"applied\":true,\"schema\":1,\"steps\":[{\"database\":"), "\(json.stdout)")
        }
    }
}
