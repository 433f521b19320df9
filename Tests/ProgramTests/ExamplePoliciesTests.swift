import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// The examples of `policies/`, each on its own data: planned, applied and proved by the program, then seen as their users.
///
/// One after the other: the roles are the policies' own, and every test's database shares them.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(4))) struct ExamplePoliciesTests {
    static let examples = ["analytics", "hardened", "saas"]
    static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()

    private struct Example: Sendable {
        let database: Database
        let name: String
        let state: String

        var policy: String { ExamplePoliciesTests.root.appending("policies/\(name).json").string }

        func dbsec(_ arguments: String...) async throws -> ProgramResult {
            var environment = database.environment
            environment["DBSEC_STATE"] = state
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run("dbsec", arguments, environment: environment)
        }

        /// The first value, or the SQLSTATE that it failed with.
        func answer(_ query: String, as role: String, with settings: [String: String] = [:]) async throws -> String? {
            let connection = try await database.connect(as: role)
            do {
                for (name, value) in settings {
                    _ = try await connection.query("SELECT pg_catalog.set_config(\(name), \(value), false)")
                }
                let rows = try await connection.query(SQL(raw: query))
                await connection.close()
                guard let row = rows.first else { return nil }
                return try row[0]
            } catch let error as PostgresError {
                await connection.close()
                return error.code
            }
        }
    }

    /// Runs `body` on the example's data, the policy applied.
    private func with<Value>(_ name: String, _ body: (Example) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let database = try Database.current
            try await database.run(file: Self.root.appending("Tests/Fixtures/\(name).sql"))
            let example = Example(database: database, name: name, state: folder.appending("state").string)
            let applied = try await example.dbsec("apply-roles", "--max-revokes", "50", example.policy)
            try #require(applied.status == 0, "\(applied.stdout)\(applied.stderr)")
            return try await body(example)
        }
    }

    @Test(arguments: examples) func `an example is planned, applied and proved, and then nothing is left to change`(
        _ name: String
    ) async throws {
        try await with(name) { example in
            let plan = try await example.dbsec("plan", example.policy)
            #expect(plan.status == 0)
            #expect(plan.stdout.hasSuffix("no changes\n"))
            let tested = try await example.dbsec("test", "--strict", example.policy)
            #expect(tested.status == 0, "\(tested.stdout)\(tested.stderr)")
            // Nothing for the planner to say, and nothing vacuous.
            let last = tested.stdout.split(separator: "\n").last ?? ""
            #expect(last.hasSuffix("tests proved") && !last.contains(","), "\(tested.stdout)")
            let again = try await example.dbsec("apply-roles", example.policy)
            #expect(again.stdout.hasPrefix("no changes\n"))
        }
    }

    private static let tenants = "SELECT id::text FROM app.tenants ORDER BY name LIMIT 1"

    @Test func `a tenant sees its own rows, support one tenant's, and nobody an API key`() async throws {
        try await with("saas") { saas in
            let tenant = try #require(try await saas.database.value(Self.tenants))
            let setting = ["app.tenant_id": tenant]
            let documents = "SELECT count(*)::text FROM app.documents"
            #expect(try await saas.answer(documents, as: "saas_api", with: setting) == "100")
            #expect(try await saas.answer(documents, as: "saas_api") == "0")
            #expect(try await saas.answer("SELECT api_key FROM app.tenants", as: "saas_api", with: setting) == "42501")
            let support = ["app.support_tenant_id": tenant]
            let projects = "SELECT count(*)::text FROM app.projects"
            #expect(try await saas.answer(projects, as: "saas_support_kim", with: support) == "10")
            #expect(
                try await saas.answer("SELECT body FROM app.documents", as: "saas_support_kim", with: support)
                    == "42501")
            #expect(try await saas.answer("DELETE FROM app.projects", as: "saas_support_kim", with: support) == "25006")
        }
    }

    @Test func `the floor holds although somebody opens a table, and the next apply closes it`() async throws {
        try await with("saas") { saas in
            try await saas.database.run("CREATE POLICY open ON app.documents USING (true)")
            let documents = "SELECT count(*)::text FROM app.documents"
            #expect(try await saas.answer(documents, as: "saas_api") == "0")
            let plan = try await saas.dbsec("plan", saas.policy)
            #expect(plan.stdout.contains("DROP POLICY \"open\" ON \"app\".\"documents\""))
            #expect(plan.stdout.contains("-- locks table app.documents ACCESS EXCLUSIVE until COMMIT\n"))
            // Support has no floor: what it may see of documents is wide open now, and its tests need not show it.
            let tested = try await saas.dbsec("test", saas.policy)
            #expect(
                tested.stdout.contains(
                    "table app.documents: warning: no row security is left for SELECT of saas_support, saas_support_kim, "
                        + "because of policies that are not declared: open\n"), "\(tested.stdout)")
            #expect(try await saas.dbsec("apply-roles", saas.policy).status == 0)
            #expect(try await saas.database.value("SELECT count(*) FROM pg_policy WHERE polname = 'open'") == "0")
        }
    }

    @Test func `a dashboard counts customers who consented, and learns nobody's name`() async throws {
        try await with("analytics") { analytics in
            let known = try await analytics.database.value("SELECT count(*) FROM warehouse.customers WHERE consented")
            let role = "analytics_dashboard"
            for source in ["warehouse.customers", "reporting.customers"] {
                #expect(try await analytics.answer("SELECT count(id)::text FROM \(source)", as: role) == known)
            }
            for column in ["name", "email", "birth_date"] {
                let query = "SELECT \(column)::text FROM warehouse.customers LIMIT 1"
                #expect(try await analytics.answer(query, as: role) == "42501", "\(column)")
            }
            let masked = "SELECT email FROM reporting.customers ORDER BY id LIMIT 1"
            #expect(try await analytics.answer(masked, as: role) == "c***@example.org")
            #expect(try await analytics.answer("DELETE FROM warehouse.orders", as: role) == "25006")
        }
    }

    @Test func `in a hardened database PUBLIC may nothing, and each role what it is for`() async throws {
        try await with("hardened") { hardened in
            try await hardened.database.run(
                "DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
            let failure = await #expect(throws: PostgresError.self) {
                _ = try await hardened.answer("SELECT '1'", as: "stranger")
            }
            #expect(failure?.message.contains("permission denied for database") == true)
            let count = "SELECT public.note_count()::text"
            #expect(try await hardened.answer(count, as: "db_app") == "100")
            #expect(try await hardened.answer(count, as: "db_reader") == "100")
            #expect(try await hardened.answer("INSERT INTO public.notes (text) VALUES ('x')", as: "db_app") == nil)
            #expect(
                try await hardened.answer("INSERT INTO public.notes (text) VALUES ('x')", as: "db_reader") == "25006")
            #expect(try await hardened.answer("CREATE TABLE public.t ()", as: "db_app") == "42501")
            #expect(try await hardened.answer("CREATE TEMP TABLE t ()", as: "db_app") == "42501")
            #expect(try await hardened.answer("CREATE TABLE public.t ()", as: "db_migrator") == "42501")
            // What the owner makes later is open to both, without another apply.
            try await hardened.database.run("SET ROLE db_owner; CREATE TABLE public.later (n int)", as: "db_migrator")
            #expect(try await hardened.answer("SELECT count(*)::text FROM public.later", as: "db_reader") == "0")
            #expect(try await hardened.answer("INSERT INTO public.later VALUES (1)", as: "db_app") == nil)
            try await hardened.database.run(
                "SET ROLE db_owner; CREATE FUNCTION public.later() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                as: "db_migrator")
            let open = "SELECT has_function_privilege('db_nobody', 'public.later()', 'EXECUTE')::text"
            #expect(try await hardened.database.value(open) == "false")
            #expect(try await hardened.answer("SELECT public.later()::text", as: "db_reader") == "1")
        }
    }

    /// Roles, parameters and tablespaces are the whole server's, and other tests make some too.
    @Test(arguments: [
        ("analytics", []), ("hardened", []), ("saas", ["fk-action-rewrites table app.documents"]),
    ]) func `the lint says nothing of an applied example but what is so`(_ name: String, _ known: [String]) async throws
    {
        struct Lint: Decodable {
            struct Finding: Decodable {
                let id: String
                let severity: String
                let object: String
            }
            let findings: [Finding]
            let notes: [String]
        }
        try await with(name) { example in
            let result = try await example.dbsec("lint", "--json", example.policy)
            #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
            let lint = try JSONDecoder().decode(Lint.self, from: Data(result.stdout.utf8))
            let found = lint.findings.filter { finding in
                finding.severity != "info"
                    && !["role", "parameter", "tablespace"].contains(finding.object.split(separator: " ").first ?? "")
            }
            #expect(found.map { "\($0.id) \($0.object)" } == known)
            #expect(lint.notes == [])
        }
    }

    // MARK: The schema, held by a validator that is not ours

    private func validate(_ paths: [String]) async throws -> ProgramResult {
        try await Program.run(Self.root.appending("scripts/validate-policy").string, paths)
    }

    @Test func `every example is valid by the schema`() async throws {
        let folder = Self.root.appending("policies")
        let policies = try Files.list(folder).filter { $0.hasSuffix(".json") && !$0.hasSuffix(".schema.json") }.sorted()
        #expect(policies.count >= 4)
        let result = try await validate(policies.map { folder.appending($0).string })
        #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
        #expect(result.stdout.split(separator: "\n").count == policies.count)
    }

    static let mistakes: [(document: String, path: String)] = [
        ("{}", "'version' is a required property"),
        ("{ \"version\": 2 }", "$.version"),
        ("{ \"version\": 1, \"mode\": \"authoritative\" }", "'manages' is a required property"),
        ("{ \"version\": 1, \"rolls\": {} }", "'rolls' was unexpected"),
        ("{ \"version\": 1, \"strict\": \"yes\" }", "$.strict"),
        ("{ \"version\": 1, \"proofBudget\": 0 }", "$.proofBudget"),
        ("{ \"version\": 1, \"roles\": { \"a\": { \"logn\": true } } }", "$.roles"),
        ("{ \"version\": 1, \"roles\": { \"a\": { \"superuser\": true } } }", "$.roles"),
        ("{ \"version\": 1, \"roles\": { \"a\": { \"password\": \"secret\" } } }", "$.roles"),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [\"a\"], \"on\": { \"schemas\": [\"s\"] }, \"privileges\": [\"SELEKT\"] }] }",
            "$.grants[0].privileges[0]"
        ),
        (
            "{ \"version\": 1, \"grants\": [{ \"to\": [], \"on\": { \"database\": true }, \"privileges\": [\"CONNECT\"] }] }",
            "$.grants[0].to"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\" }] }",
            "'expect' is a required property"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\", \"expect\": { \"denied\": false } }] }",
            "$.tests[0].expect"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\", \"expect\": { \"denied\": \"any\" } }] }",
            "$.tests[0].expect"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\", \"expect\": { \"affected\": -1 } }] }",
            "$.tests[0].expect"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\", \"expect\": { \"error\": \"unique\" } }] }",
            "$.tests[0].expect"
        ),
        (
            "{ \"version\": 1, \"tests\": [{ \"as\": \"a\", \"run\": \"SELECT 1\", \"expect\": { \"rows\": [], \"denied\": true } }] }",
            "$.tests[0].expect"
        ),
    ]

    @Test func `a document with a mistake is refused by the schema and by dbsec`() async throws {
        try await withTemporaryFolder { folder in
            let files = Self.mistakes.indices.map { folder.appending("bad\($0).json") }
            for (file, mistake) in zip(files, Self.mistakes) {
                try Files.write(Array(mistake.document.utf8), to: file, mode: .ownerReadWrite, durable: false)
            }
            let schema = try await validate(files.map(\.string))
            #expect(schema.status == 1, "\(schema.stderr)")
            let lines = schema.stdout.split(separator: "\n")
            try #require(lines.count == files.count)
            for ((file, mistake), line) in zip(zip(files, Self.mistakes), lines) {
                #expect(line.hasPrefix("\(file): ") && line.contains(mistake.path), "\(line)")
                let ours = try await Program.run(
                    "dbsec", ["generate", file.string],
                    environment: ["DBSEC_STATE": folder.string, "DBSEC_CONFIG": nil])
                #expect(ours.status == 65, "\(mistake.document): \(ours.stdout)\(ours.stderr)")
            }
        }
    }
}
