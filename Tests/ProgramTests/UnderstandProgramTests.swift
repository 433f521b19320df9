import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// `dbsec who-can`, `explain`, `report` and `inspect` as their users run them; the page in a real browser.
///
/// One after the other: a report tells of all roles of the server, so that other tests would change what is reported.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(4))) struct UnderstandProgramTests {
    private struct Run: Sendable {
        let folder: FilePath
        let database: Database

        /// The role's name in this test, since roles belong to the whole server.
        func own(_ text: String) -> String { text.replacing("@", with: "_" + database.name) }

        func dbsec(_ arguments: String...) async throws -> ProgramResult {
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            return try await Program.run("dbsec", arguments.map(own), environment: environment)
        }

        func path(_ name: String) -> String { folder.appending(name).string }

        func text(_ name: String) throws -> String {
            String(decoding: try Files.read(folder.appending(name)), as: UTF8.self)
        }

        /// The page as a browser has filled it, with the filters of `hash`; only its body, without the data and script.
        func page(_ name: String, hash: String = "") async throws -> String {
            let result = try await Program.run(
                "/usr/bin/chromium",
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000",
                    "--user-data-dir=\(path("browser"))", "--dump-dom", "file://\(path(name))\(hash)",
                ])
            let end = result.stdout.firstRange(of: "<script")?.lowerBound ?? result.stdout.endIndex
            return String(result.stdout[..<end])
        }
    }

    private func withShop<Value>(_ body: (Run) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let run = Run(folder: folder, database: try Database.current)
            try await run.database.run(
                run.own(
                    """
                    CREATE ROLE "clerk@"; CREATE ROLE "ann@" LOGIN; CREATE ROLE "bob@" LOGIN CREATEROLE;
                    GRANT "clerk@" TO "ann@";
                    CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO "clerk@", "bob@";
                    CREATE TABLE app.orders (id int, owner_id int); CREATE TABLE app.parts (id int);
                    CREATE TABLE app."<img src=x onerror=alert(1)>" (id int);
                    CREATE FUNCTION app.total(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
                    GRANT SELECT ON app.orders, app.parts TO "clerk@";
                    GRANT SELECT ON app."<img src=x onerror=alert(1)>" TO "bob@";
                    GRANT UPDATE (id) ON app.parts TO "bob@";
                    ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
                    CREATE POLICY own ON app.orders TO "clerk@" USING (owner_id = 42);
                    """))
            return try await body(run)
        }
    }

    @Test func `who-can tells the ways, and ends with 1 when nobody can`() async throws {
        try await withShop { run in
            let reads = try await run.dbsec("who-can", "select", "app.orders")
            #expect(reads.status == 0)
            let line =
                "  ann@ -> member of clerk@ (inherits) -> granted SELECT by postgres; rows where (owner_id = 42) (policy own)\n"
            #expect(reads.stdout.contains(run.own(line)), "\(reads.stdout)")
            let deletes = try await run.dbsec("who-can", "DELETE", "app.orders")
            #expect(deletes.status == 1)
            #expect(deletes.stdout.hasSuffix("\nnobody else can log in and do this\n"))
            let json = try await run.dbsec("who-can", "UPDATE", "app.parts", "--json")
            #expect(json.status == 0)
            #expect(json.stdout.contains("\"columns\":[\"id\"]"), "\(json.stdout)")
        }
    }

    @Test func `explain answers a script's question by its exit code`() async throws {
        try await withShop { run in
            #expect(try await run.dbsec("explain", "ann@", "app.orders", "--privilege", "SELECT").status == 0)
            #expect(try await run.dbsec("explain", "ann@", "app.orders", "--privilege", "DELETE").status == 1)
            #expect(try await run.dbsec("explain", "bob@", "app.parts.id", "--privilege", "UPDATE").status == 0)
            let total = try await run.dbsec("explain", "ann@", "app.total(integer)")
            #expect(
                total.stdout
                    == run.own(
                        """
                        ann@ on function app.total(integer):
                          EXECUTE: yes
                            ann@ -> granted EXECUTE to PUBLIC by postgres

                        """))
        }
    }

    static let mistakes: [([String], Int32, String)] = [
        (["explain", "ann@", "app.ordres"], 66, "error: unknown object \"app.ordres\" (did you mean app.orders?)\n"),
        (["explain", "any@", "app.orders"], 66, "error: unknown role "),
        (
            ["explain", "ann@", "app.orders.idd"], 66,
            "error: unknown column \"idd\" (did you mean id?) of table app.orders"
        ),
        (["explain", "ann@", "app.total(text)"], 66, "error: unknown function \"app.total(text)\""),
        (["who-can", "SELCT", "app.orders"], 64, "error: unknown privilege \"SELCT\" (did you mean SELECT?)\n"),
        (["who-can", "USAGE", "app.orders"], 64, "hint: a table has SELECT, INSERT"),
        (["report", "--sign", "Ann"], 64, "--sign belongs to --review"),
    ]

    @Test(arguments: mistakes) func `a mistake ends with its code and a suggestion`(
        _ arguments: [String], _ status: Int32, _ words: String
    ) async throws {
        try await withShop { run in
            var environment = run.database.environment
            environment["DBSEC_CONFIG"] = .some(nil)
            let result = try await Program.run("dbsec", arguments.map(run.own), environment: environment)
            #expect(result.status == status)
            #expect(result.stdout == "")
            #expect(result.stderr.contains(words), "\(result.stderr)")
        }
    }

    @Test func `the page shows in a browser what was found, and names are never markup`() async throws {
        try await withShop { run in
            let made = try await run.dbsec("report", "--out", run.path("r.html"))
            #expect(made.status == 0, "\(made.stderr)")
            let page = try await run.page("r.html")
            #expect(page.contains("<h1><bdi id=\"database\">\(run.database.name)</bdi></h1>"))
            #expect(page.contains("owner_id = 42"))
            #expect(page.contains("&lt;img src=x onerror=alert(1)&gt;"))
            #expect(!page.contains("<img"))
            #expect(!page.contains("style=\""))
        }
    }

    @Test func `search and filters leave what they name`() async throws {
        try await withShop { run in
            #expect(try await run.dbsec("report", "--out", run.path("r.html")).status == 0)
            let search = try await run.page("r.html", hash: "#q=orders")
            #expect(search.contains("<mark>orders</mark>"))
            #expect(!search.contains("parts"))
            let role = try await run.page("r.html", hash: run.own("#role=bob@&privilege=UPDATE"))
            #expect(role.contains("<output id=\"count\">1 of "))
            let list = role.firstRange(of: "id=\"list\"").map { String(role[$0.upperBound...]) } ?? ""
            #expect(list.contains("app.parts"))
            #expect(!list.contains("owner_id"))
            let roles = try await run.page("r.html", hash: "#view=roles&q=clerk")
            #expect(roles.contains(run.own("<mark>clerk</mark>_\(run.database.name)")))
        }
    }

    @Test func `a report in a file is for its owner only`() async throws {
        try await withShop { run in
            #expect(try await run.dbsec("report", "--out", run.path("r.csv")).status == 0)
            let mode = try FileManager.default.attributesOfItem(atPath: run.path("r.csv"))[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try run.text("r.csv").hasPrefix("role,can log in,kind,in,objects,all of them,privileges,"))
            #expect(try run.text("r.csv").contains(run.own("\r\nann@,yes,table,app,orders,no,SELECT,,")))
        }
    }

    @Test func `the digest of a review can be checked with other tools`() async throws {
        try await withShop { run in
            #expect(try await run.dbsec("report", "--review", "--out", run.path("r.json")).status == 0)
            let script = """
                import hashlib, json, sys
                document = json.load(open(sys.argv[1]))
                text = json.dumps(document["access"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
                print(hashlib.sha256(text.encode()).hexdigest() == document["sha256"])
                """
            let checked = try await Program.run("/usr/bin/python3", ["-c", script, run.path("r.json")])
            #expect(checked.stdout == "True\n", "\(checked.stderr)")
        }
    }

    @Test func `a sign-off is recorded, and refused when the access has changed`() async throws {
        try await withShop { run in
            #expect(try await run.dbsec("report", "--review", "--out", run.path("r.json")).status == 0)
            let document = try run.text("r.json")
            let digest = String(try #require(document.split(separator: "\"sha256\":\"").last).prefix(64))
            let signed = try await run.dbsec(
                "report", "--review", "--sign", "Ada Lovelace", "--sha256", digest, "--out", run.path("s.html"))
            #expect(signed.status == 0, "\(signed.stdout)")
            #expect(try run.text("s.html").contains("Ada Lovelace"))
            let shown = try await Program.run(
                "dbaudit", ["show", "--state", run.path("state"), "--json"], environment: ["DBSEC_CONFIG": nil])
            for part in ["policy.review", digest, "Ada Lovelace"] { #expect(shown.stdout.contains(part)) }
            try await run.database.run("GRANT SELECT ON app.orders TO PUBLIC")
            let changed = try await run.dbsec("report", "--review", "--sign", "Ada Lovelace", "--sha256", digest)
            #expect(changed.status == 1)
            #expect(changed.stdout.hasPrefix("not signed: the access has changed"))
        }
    }

    @Test func `inspect writes a document that plans empty, the same every time`() async throws {
        try await withShop { run in
            let made = try await run.dbsec("inspect", "--schema", "app", "--out", run.path("p.json"))
            #expect(made.status == 0, "\(made.stderr)")
            let plan = try await run.dbsec("plan", run.path("p.json"))
            #expect(plan.status == 0, "\(plan.stdout)")
            #expect(try await run.dbsec("inspect", "--schema", "app").stdout == run.text("p.json"))
        }
    }
}
