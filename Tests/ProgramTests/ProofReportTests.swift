import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbsec test` as people, programs and CI systems read it.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProofReportTests {
    private struct Run: Sendable {
        let folder: FilePath
        let database: Database

        func own(_ text: String) -> String { text.replacing("@", with: "_" + database.name) }

        func dbsec(_ verb: String, _ options: String..., policy: String) async throws -> ProgramResult {
            let path = folder.appending("p.json")
            try Files.write(Array(own(policy).utf8), to: path, mode: .ownerReadWrite, durable: false)
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run("dbsec", [verb, path.string] + options, environment: environment)
        }
    }

    private func withRun<Value>(_ body: (Run) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let run = Run(folder: folder, database: try Database.current)
            try await run.database.run(
                "CREATE TABLE docs (id bigint PRIMARY KEY, owner text); INSERT INTO docs VALUES (1, 'a')")
            let applied = try await run.dbsec("apply-roles", policy: Self.policy(""))
            try #require(applied.status == 0, "\(applied.stdout)\(applied.stderr)")
            return try await body(run)
        }
    }

    private static func policy(_ tests: String) -> String {
        """
        { "version": 1, "roles": { "reader@": {} },
          "grants": [ { "to": ["reader@"], "on": { "tables": ["public.docs"] }, "privileges": ["SELECT"] } ],
          "rowSecurity": { "public.docs": { "policies": [
            { "name": "own", "to": ["reader@"], "for": "SELECT", "using": "owner = current_setting('app.user', true)" } ] } },
          "tests": [ \(tests) ] }
        """
    }

    private static let mixed = policy(
        """
        { "name": "sees <nothing> & \\"no one\\"", "as": "reader@", "run": "SELECT id FROM public.docs",
          "expect": { "rows": [] } },
        { "as": "reader@", "with": { "app.user": "a" }, "run": "SELECT id FROM public.docs", "expect": { "rows": [[1]] } },
        { "as": "reader@", "run": "DELETE FROM public.docs", "expect": { "affected": 0 } },
        { "as": "reader@", "with": { "app.user": "a" }, "run": "SELECT id FROM public.docs", "expect": { "rows": [] } }
        """)

    @Test func `each test has a line with its verdict, and the last line counts them`() async throws {
        try await withRun { run in
            let result = try await run.dbsec("test", policy: Self.mixed)
            #expect(result.status == 1)
            #expect(
                result.stdout
                    == run.own(
                        """
                        tests[0] (sees <nothing> & "no one") as reader@: proved
                        tests[1] as reader@: vacuous: it would pass with row security bypassed too: give it rows that its policies must hide
                        tests[2] as reader@: failed: it was denied: permission denied for table docs
                        tests[3] as reader@: leak: expected [], found [[1]]
                        table public.docs: warning: current_setting() runs for every row in SELECT of reader@: write it as (SELECT current_setting(...)), which runs once
                        1 of 4 tests proved, 1 leak, 1 failed, 1 vacuous; 1 warning

                        """))
        }
    }

    private struct Document: Decodable {
        struct Test: Decodable {
            let test: String
            let verdict: String
            let passed: Bool
            let detail: String?
        }

        struct Finding: Decodable {
            let kind: String
            let verdict: String
            let fails: Bool
            let table: String
        }

        let schema: Int
        let passed: Bool
        let tests: [Test]
        let findings: [Finding]
    }

    @Test(arguments: ["--json", "--format=json"]) func `the same is one JSON document for programs`(
        _ option: String
    ) async throws {
        try await withRun { run in
            let result = try await run.dbsec("test", option, policy: Self.mixed)
            #expect(result.status == 1)
            let document = try JSONDecoder().decode(Document.self, from: Data(result.stdout.utf8))
            #expect(document.schema == 1)
            #expect(!document.passed)
            #expect(document.tests.map(\.verdict) == ["proved", "vacuous", "failed", "leak"])
            #expect(document.tests.map(\.passed) == [true, true, false, false])
            #expect(document.findings.map(\.kind) == ["perRow"])
            #expect(document.findings[0].table == "public.docs")
        }
    }

    /// Reads the XML with a parser that is not ours, and prints what a CI system would show.
    private static let reader = """
        import sys, xml.etree.ElementTree as tree
        root = tree.parse(sys.stdin).getroot()
        suite = root[0]
        print(root.tag, suite.tag, *(suite.get(k) for k in ("tests", "failures", "skipped", "errors")))
        for case in suite:
            print(case.get("name"), [(o.tag, o.get("type"), o.get("message")) for o in case])
        """

    @Test func `JUnit's XML shows failures as failures, and what shows nothing as skipped`() async throws {
        try await withRun { run in
            let result = try await run.dbsec("test", "--format", "junit", policy: Self.mixed)
            #expect(result.status == 1)
            let read = try await Program.run(
                "/usr/bin/env", ["python3", "-c", Self.reader], input: Array(result.stdout.utf8))
            let lines = read.stdout.split(separator: "\n").map(String.init)
            try #require(lines.count == 6, "\(read.stdout)\(read.stderr)\(result.stdout)")
            #expect(lines[0] == "testsuites testsuite 5 2 2 0")
            #expect(lines[1] == "tests[0]: sees <nothing> & \"no one\" []")
            #expect(lines[2].hasPrefix("tests[1] [('skipped', None, 'vacuous: it would pass"))
            #expect(lines[3].hasPrefix("tests[2] [('failure', 'failed', 'failed: it was denied"))
            #expect(lines[4] == "tests[3] [('failure', 'leak', 'leak: expected [], found [[1]]')]")
            #expect(lines[5].hasPrefix("public.docs: perRow [('skipped', None, 'perRow: current_setting() runs"))
        }
    }

    @Test func `with --strict a vacuous test fails`() async throws {
        try await withRun { run in
            let vacuous = Self.policy(
                """
                { "as": "reader@", "run": "SELECT id FROM public.docs WHERE id > 9", "expect": { "rows": [] } }
                """)
            #expect(try await run.dbsec("test", policy: vacuous).status == 0)
            #expect(try await run.dbsec("test", "--strict", policy: vacuous).status == 1)
            let both = try await run.dbsec("test", "--json", "--format", "junit", policy: vacuous)
            #expect(both.status == 64)
            #expect(both.stderr.contains("--json and --format junit ask for two formats"))
        }
    }

    @Test func `an apply says what it proved and what it wonders about`() async throws {
        try await withRun { run in
            let vacuous = Self.policy(
                """
                { "as": "reader@", "run": "SELECT id FROM public.docs WHERE id > 9", "expect": { "rows": [] } }
                """)
            let result = try await run.dbsec("apply-roles", policy: vacuous)
            #expect(result.status == 0)
            #expect(result.stdout.contains("warning: tests[0] as \(run.own("reader@")): vacuous: "), "\(result.stdout)")
            #expect(result.stdout.contains("\ntable public.docs: warning: current_setting() runs for every row"))
        }
    }

    private struct PlanDocument: Decodable {
        struct Lock: Decodable {
            let table: String
            let mode: String
        }

        let locks: [Lock]
    }

    @Test func `a plan lists the locks it will take, for people and for programs`() async throws {
        try await withRun { run in
            try await run.database.run("ALTER TABLE docs DISABLE ROW LEVEL SECURITY")
            let text = try await run.dbsec("plan", policy: Self.policy(""))
            #expect(
                text.stdout.contains("\n-- locks table public.docs ACCESS EXCLUSIVE until COMMIT\n"), "\(text.stdout)")
            let json = try await run.dbsec("plan", "--json", policy: Self.policy(""))
            let document = try JSONDecoder().decode(PlanDocument.self, from: Data(json.stdout.utf8))
            #expect(document.locks.map(\.table) == ["public.docs"])
            #expect(document.locks.map(\.mode) == ["ACCESS EXCLUSIVE"])
        }
    }

    @Test func `an apply that runs out of its budget ends with 1 and advice`() async throws {
        try await withRun { run in
            try await run.database.run("ALTER TABLE docs DISABLE ROW LEVEL SECURITY")
            let slow = Self.policy(
                "{ \"as\": \"reader@\", \"run\": \"SELECT pg_sleep(600)\", \"expect\": { \"rows\": [] } }"
            )
            .replacing("\"version\": 1,", with: "\"version\": 1, \"proofBudget\": 1,")
            let result = try await run.dbsec("apply-roles", policy: slow)
            #expect(result.status == 1, "\(result.stderr)")
            #expect(
                result.stdout.contains(
                    "longer than proofBudget, 1 s: everything was rolled back; apply it in a quiet hour"))
            #expect(try await run.database.value("SELECT relrowsecurity FROM pg_class WHERE relname = 'docs'") == "f")
        }
    }
}
