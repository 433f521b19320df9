import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbsec lint` as its users run it: what it prints, what its exit code says, what a baseline accepts.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct LintProgramTests {
    private static let unfiltered = """
        CREATE TABLE public.orders (id bigint PRIMARY KEY, user_id bigint NOT NULL);
        CREATE POLICY own ON public.orders USING (user_id = 1);
        """

    private func lint(
        _ options: [String], baseline: String? = nil, changing: [String: String?] = [:]
    ) async throws -> ProgramResult {
        try await withTemporaryFolder { folder in
            var options = options
            if let baseline {
                let path = folder.appending("lint.json")
                try Files.write(
                    Array(baseline.utf8), to: path, mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
                options += ["--baseline", path.string]
            }
            var environment = try Database.current.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run(
                "dbsec", ["lint"] + options, environment: environment.merging(changing) { $1 })
        }
    }

    @Test func `the text names the finding, the object, what shows it, what mends it and the source, and counts`()
        async throws
    {
        try await Database.current.run(Self.unfiltered)
        let result = try await lint(["--only", "rls-policies-without-rls"])
        #expect(
            result.stdout == """
                ERROR (1)
                  rls-policies-without-rls  table public.orders
                      1 policy, and row security is off
                      ALTER TABLE "public"."orders" ENABLE ROW LEVEL SECURITY;
                      source: PostgreSQL, 5.9 Row Security Policies

                1 error, 0 warnings, 0 infos

                """)
        #expect(result.status == 1)
        #expect(result.stderr == "")
    }

    @Test func `the remedy mends it`() async throws {
        let database = try Database.current
        try await database.run(Self.unfiltered)
        try await database.run("ALTER TABLE \"public\".\"orders\" ENABLE ROW LEVEL SECURITY;")
        let result = try await lint(["--only", "rls-policies-without-rls"])
        #expect(result.stdout == "0 errors, 0 warnings, 0 infos\n")
        #expect(result.status == 0)
    }

    @Test(arguments: [("error", "database-public-connect", 0), ("info", "database-public-connect", 1)])
    func `the exit code follows --fail-on`(_ threshold: String, _ id: String, _ status: Int32) async throws {
        #expect(try await lint(["--only", id, "--fail-on", threshold]).status == status)
    }

    @Test func `a schema, only and except narrow what is shown`() async throws {
        try await Database.current.run(
            """
            CREATE SCHEMA app;
            CREATE TABLE app.t (id int);
            CREATE POLICY p ON app.t USING (id = 1);
            CREATE TABLE public.u (id int);
            CREATE POLICY p ON public.u USING (id = 1);
            """)
        let narrow = try await lint(["--schema", "app", "--except", "policy-to-public"])
        #expect(narrow.stdout.contains("table app.t"))
        #expect(!narrow.stdout.contains("public.u"))
        #expect(!narrow.stdout.contains("policy-to-public"))
        #expect(!narrow.stdout.contains("database-public-connect"))
    }

    @Test func `a finding or schema that is not known is named with the nearest`() async throws {
        let finding = try await lint(["--only", "rls-truncat"])
        #expect(finding.status == 64)
        #expect(finding.stderr.contains("unknown finding \"rls-truncat\" (did you mean rls-truncate?)"))
        let schema = try await lint(["--schema", "publik"])
        #expect(schema.status == 66)
        #expect(schema.stderr.contains("there is no schema \"publik\" (did you mean public?)"))
    }

    private static func accepting(_ object: String, until: String) -> String {
        """
        // Accepted by the operators.
        { "version": 1, "accepted": [
            { "id": "rls-policies-without-rls", "object": "\(object)", "reason": "OPS-12", "until": "\(until)" }, ] }
        """
    }

    @Test func `an accepted finding is counted and not shown, and does not fail the run`() async throws {
        try await Database.current.run(Self.unfiltered)
        let result = try await lint(
            ["--only", "rls-policies-without-rls"], baseline: Self.accepting("table public.orders", until: "2999-12-31")
        )
        #expect(result.stdout == "0 errors, 0 warnings, 0 infos; 1 accepted by the baseline\n")
        #expect(result.status == 0)
    }

    @Test func `an entry past its day is a finding, and so is what it accepted`() async throws {
        try await Database.current.run(Self.unfiltered)
        let result = try await lint(
            ["--only", "rls-policies-without-rls", "--only", "baseline-expired"],
            baseline: Self.accepting("table public.orders", until: "2020-01-31"))
        #expect(result.status == 1)
        #expect(result.stdout.contains("rls-policies-without-rls  table public.orders"))
        #expect(
            result.stdout.contains("baseline-expired  baseline entry rls-policies-without-rls of table public.orders"))
        #expect(result.stdout.contains("1 error, 1 warning, 0 infos"))
    }

    @Test func `an entry for nothing is a finding`() async throws {
        let result = try await lint(
            ["--only", "rls-policies-without-rls", "--only", "baseline-unused"],
            baseline: Self.accepting("table public.gone", until: "2999-12-31"))
        #expect(result.stdout.contains("baseline-unused  baseline entry rls-policies-without-rls of table public.gone"))
        #expect(result.status == 0)
    }

    @Test(arguments: [
        (
            "{ \"version\": 1, \"accepted\": [\n{ \"id\": \"rls-truncate\", \"object\": \"x\", \"until\": \"2027-01-31\" }] }",
            "line 2: accepted[0]: the key \"reason\" is missing"
        ),
        (
            "{ \"version\": 1, \"accepted\": [\n{ \"id\": \"rls-truncat\", \"object\": \"x\", \"reason\": \"r\", \"until\": \"2027-01-31\" }] }",
            "line 2: accepted[0].id: unknown finding \"rls-truncat\" (did you mean rls-truncate?)"
        ),
        (
            "{ \"version\": 1, \"accepted\": [\n{ \"id\": \"rls-truncate\", \"object\": \"x\", \"reason\": \" \", \"until\": \"2027-01-31\" }] }",
            "line 2: accepted[0].reason: the reason is empty"
        ),
        (
            "{ \"version\": 1, \"accepted\": [\n{ \"id\": \"rls-truncate\", \"object\": \"x\", \"reason\": \"r\", \"until\": \"2027-02-30\" }] }",
            "line 2: accepted[0].until: \"2027-02-30\" is not a date, as 2027-01-31 is"
        ),
    ]) func `a mistake in a baseline is named with its line`(_ baseline: String, _ expected: String) async throws {
        let result = try await lint([], baseline: baseline)
        #expect(result.status == 65)
        #expect(result.stderr.contains(expected), "\(result.stderr)")
    }

    @Test func `JSON has every part of a finding, and --json is --format json`() async throws {
        try await Database.current.run(Self.unfiltered)
        let json = try await lint(["--only", "rls-policies-without-rls", "--json"])
        #expect(
            json.stdout == """
                {"counts":{"error":1,"info":0,"warning":0},"findings":[{"evidence":"1 policy, and row security is off",\
                "id":"rls-policies-without-rls","object":"table public.orders",\
                "remedy":["ALTER TABLE \\"public\\".\\"orders\\" ENABLE ROW LEVEL SECURITY"],"severity":"error",\
                "source":"PostgreSQL, 5.9 Row Security Policies"}],"notes":[],"schema":1}

                """)
        let format = try await lint(["--only", "rls-policies-without-rls", "--format", "json"])
        #expect(format.stdout == json.stdout)
        #expect(try await lint(["--json", "--format", "sarif"]).status == 64)
    }

    @Test func `SARIF has the rules, the results by their rule, and accepted findings suppressed`() async throws {
        try await Database.current.run(Self.unfiltered)
        let result = try await lint(
            ["--format", "sarif"], baseline: Self.accepting("table public.orders", until: "2999-12-31"))
        let log = try JSONDecoder().decode(SarifLog.self, from: Data(result.stdout.utf8))
        #expect(log.version == "2.1.0")
        let run = try #require(log.runs.first)
        for result in run.results { #expect(run.tool.driver.rules[result.ruleIndex].id == result.ruleId) }
        let found = try #require(run.results.first { $0.ruleId == "rls-policies-without-rls" })
        #expect(found.level == "error")
        #expect(found.suppressions?.first?.justification == "OPS-12")
        #expect(found.locations.first?.logicalLocations.first?.fullyQualifiedName == "table public.orders")
        let other = try #require(run.results.first { $0.ruleId == "database-public-connect" })
        #expect(other.level == "note")
        #expect(other.suppressions == nil)
    }

    @Test func `SARIF is valid by the schema of its standard`() async throws {
        try await Database.current.run(Self.unfiltered)
        let found = try await lint(
            ["--format", "sarif"], baseline: Self.accepting("table public.orders", until: "2999-12-31"))
        let nothing = try await lint(["--format", "sarif", "--schema", "pg_catalog"])
        try await withTemporaryFolder { folder in
            for (name, text) in [("found", found.stdout), ("nothing", nothing.stdout)] {
                try Files.write(Array(text.utf8), to: folder.appending(name))
            }
            let script = ExamplePoliciesTests.root.appending("scripts/validate-sarif").string
            let paths = ["found", "nothing"].map { folder.appending($0).string }
            let result = try await Program.run(script, paths)
            #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
            // The validator does refuse what is wrong.
            let broken = found.stdout.replacing("\"ruleIndex\":", with: "\"rulesIndex\":")
            try Files.write(Array(broken.utf8), to: folder.appending("broken"))
            #expect(try await Program.run(script, [folder.appending("broken").string]).status == 1)
        }
    }

    private struct SarifLog: Decodable {
        struct Run: Decodable {
            let tool: Tool
            let results: [Result]
        }
        struct Tool: Decodable {
            let driver: Driver
        }
        struct Driver: Decodable {
            let rules: [Rule]
        }
        struct Rule: Decodable {
            let id: String
        }
        struct Result: Decodable {
            let ruleId: String
            let ruleIndex: Int
            let level: String
            let locations: [Location]
            let suppressions: [Suppression]?
        }
        struct Location: Decodable {
            let logicalLocations: [Logical]
        }
        struct Logical: Decodable {
            let fullyQualifiedName: String
        }
        struct Suppression: Decodable {
            let justification: String
        }

        let version: String
        let runs: [Run]
    }

    @Test func `a name made to break out of a comment or a terminal does neither`() async throws {
        try await Database.current.run(
            """
            CREATE TABLE public."a\nDROP TABLE x; \u{1B}[2J" (id int);
            CREATE POLICY p ON public."a\nDROP TABLE x; \u{1B}[2J" USING (id::text = current_setting('x\ny.z'));
            """)
        let result = try await lint([])
        #expect(result.stdout.contains("rls-policies-without-rls"))
        #expect(!result.stdout.contains("\u{1B}"))
        #expect(!result.stdout.split(separator: "\n").contains { $0.hasPrefix("DROP") })
        let json = try await lint(["--json"])
        #expect(!json.stdout.contains("-- nullif(current_setting('x\\ny"))
    }
}
