import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// The shop of `Tests/Fixtures/ecommerce.sql` under `policies/ecommerce.json`, seen by connecting as its users.
///
/// One after the other: the roles are the policy's own, and every test's database shares them.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct EcommerceTests {
    private static let root = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent()
    private static let policy = root.appending("policies/ecommerce.json").string

    /// Runs `body` on the shop's data with the policy applied.
    private func withShop<Value>(_ body: (Shop) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let database = try Database.current
            try await database.run(file: Self.root.appending("Tests/Fixtures/ecommerce.sql"))
            return try await body(Shop(database: database, state: folder.appending("state").string))
        }
    }

    private struct Shop: Sendable {
        let database: Database
        let state: String

        func dbsec(_ arguments: String...) async throws -> ProgramResult {
            var environment = database.environment
            environment["DBSEC_STATE"] = state
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run("dbsec", arguments, environment: environment)
        }

        /// Whether the statement works for this user, in a transaction that is rolled back.
        func may(_ user: String, _ statement: String) async throws -> Bool {
            let connection = try await database.connect(as: user)
            defer { Task { await connection.close() } }
            do {
                try await connection.execute("BEGIN READ WRITE")
                try await connection.execute("SELECT set_config('app.current_user_id', '42', true)")
                try await connection.execute(SQL(raw: statement))
                return true
            } catch let error as PostgresError where error.code == "42501" {
                return false
            }
        }
    }

    @Test func `the plan has changes, the apply makes them, and then there are none`() async throws {
        try await withShop { shop in
            let first = try await shop.dbsec("plan", Self.policy)
            #expect(first.status == 1)
            #expect(first.stdout.contains("\nCREATE POLICY \"own_orders\" ON \"public\".\"orders\""))
            let applied = try await shop.dbsec("apply-roles", Self.policy)
            #expect(applied.status == 0, "\(applied.stderr)")
            #expect(applied.stdout.contains("proved by 7 tests before the commit"))
            let second = try await shop.dbsec("plan", Self.policy)
            #expect(second.status == 0)
            #expect(second.stdout == "no changes\n")
            let again = try await shop.dbsec("apply-roles", Self.policy)
            #expect(again.stdout.hasPrefix("no changes\n"))
        }
    }

    static let tables = ["users", "categories", "products", "orders", "order_items", "user_profiles"]
    /// Who may do what on which tables; everything else must be denied.
    static let allowed: [String: [String: Set<String>]] = [
        "admin_user": Dictionary(
            uniqueKeysWithValues: tables.map { ($0, ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"]) }),
        "developer_user": Dictionary(
            uniqueKeysWithValues: tables.map { ($0, ["SELECT", "INSERT", "UPDATE", "DELETE"]) }),
        "readonly_user": Dictionary(uniqueKeysWithValues: tables.map { ($0, ["SELECT"]) }),
        "app_user": Dictionary(
            uniqueKeysWithValues: ["users", "products", "orders", "order_items"].map {
                ($0, ["SELECT", "INSERT", "UPDATE"])
            }),
    ]

    private static func statement(_ command: String, _ table: String) -> String {
        let key = table == "user_profiles" ? "user_id" : "id"
        return switch command {
        case "SELECT": "SELECT count(*) FROM public.\(table)"
        case "INSERT": "INSERT INTO public.\(table) SELECT * FROM (TABLE public.\(table) LIMIT 0) none"
        case "UPDATE": "UPDATE public.\(table) SET \(key) = \(key) WHERE false"
        case "DELETE": "DELETE FROM public.\(table) WHERE false"
        default: "TRUNCATE public.\(table) CASCADE"
        }
    }

    @Test func `each user may do what its role may, and nothing else`() async throws {
        try await withShop { shop in
            #expect(try await shop.dbsec("apply-roles", Self.policy).status == 0)
            for (user, rights) in Self.allowed {
                for table in Self.tables {
                    for command in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"] {
                        // TRUNCATE CASCADE reaches the other tables too, which only the administrator may.
                        let may = try await shop.may(user, Self.statement(command, table))
                        #expect(may == rights[table, default: []].contains(command), "\(user) \(command) \(table)")
                    }
                }
                #expect(try await shop.may(user, "CREATE TABLE public.t ()") == (user == "admin_user"))
            }
        }
    }

    @Test func `the application sees the orders of its user, the others see all`() async throws {
        try await withShop { shop in
            #expect(try await shop.dbsec("apply-roles", Self.policy).status == 0)
            let own = "SELECT count(*) FROM orders WHERE user_id = 42"
            let expected = try await shop.database.value(own)
            #expect(expected != "0")
            let connection = try await shop.database.connect(as: "app_user")
            let count: SQL = "SELECT count(*) FROM public.orders"
            #expect(try await connection.query(count).one()[0] == "0")
            try await connection.execute("SELECT set_config('app.current_user_id', '42', false)")
            #expect(try await connection.query(count).one()[0] == expected)
            for user in ["admin_user", "developer_user", "readonly_user"] {
                #expect(try await shop.database.value("SELECT count(*) FROM orders", as: user) == "10000")
            }
        }
    }

    static let sequences = [
        ("orders_id_seq", true), ("order_items_id_seq", true), ("users_id_seq", false), ("products_id_seq", false),
    ]

    @Test func `the application orders in its user's name only, with the two sequences it may use`() async throws {
        try await withShop { shop in
            #expect(try await shop.dbsec("apply-roles", Self.policy).status == 0)
            #expect(try await shop.may("app_user", "INSERT INTO public.orders (user_id) VALUES (42)"))
            #expect(try await shop.may("app_user", "INSERT INTO public.orders (user_id) VALUES (43)") == false)
            #expect(try await shop.may("app_user", "UPDATE public.orders SET user_id = 43") == false)
            for (sequence, expected) in Self.sequences {
                let may = try await shop.may("app_user", "SELECT nextval('public.\(sequence)')")
                #expect(may == expected, "\(sequence)")
            }
        }
    }

    @Test func `the generated script works twice in psql, and then nothing is left to change`() async throws {
        try await withShop { shop in
            let script = try await shop.dbsec("generate", Self.policy)
            #expect(script.status == 0)
            #expect(try await shop.dbsec("generate", Self.policy).stdout == script.stdout)
            for _ in 1...2 {
                let psql = try await Program.run(
                    "/usr/bin/psql", ["-X", "-q", "-f", "-"], environment: shop.database.environment,
                    input: Array(script.stdout.utf8))
                #expect(psql.status == 0, "\(psql.stderr)")
                let plan = try await shop.dbsec("plan", Self.policy)
                #expect(plan.stdout == "no changes\n")
            }
        }
    }

    @Test func `the tests of the policy are run alone, and find a policy that was weakened`() async throws {
        try await withShop { shop in
            #expect(try await shop.dbsec("apply-roles", Self.policy).status == 0)
            let good = try await shop.dbsec("test", Self.policy)
            #expect(good.status == 0)
            #expect(good.stdout.hasSuffix("7 of 7 tests proved\n"))
            try await shop.database.run("CREATE POLICY leak ON orders TO db_application USING (true)")
            let bad = try await shop.dbsec("test", Self.policy)
            #expect(bad.status == 1)
            #expect(
                bad.stdout.contains(
                    "tests[0] (the application sees the orders of its user) as app_user: leak: expected "
                        + "[[900000001, 42]], found [[900000001, 42], [900000002, 43]]\n"))
        }
    }
}
