import AuditLog
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Takes in what a real server wrote; each of its logs into an audit log of its own.
private func ingest(_ folder: FilePath, ending: String, _ body: (AuditLog) throws -> Void) throws {
    let own = try Files.makeTemporaryDirectory()
    defer { try? Files.removeTree(own) }
    let log = try AuditLog.open(own.appending("audit"), as: source)
    var ingest = try Ingest(into: log, folder: own.appending("ingest"), options: Ingest.Options())
    for name in try Files.list(folder) where name.hasSuffix(ending) { try ingest.take(from: folder.appending(name)) }
    #expect(ingest.summary.unreadable == 0)
    try body(log)
    #expect(try log.verify().isIntact)
    for name in try Files.list(log.folder.path) {
        let text = String(decoding: try Files.read(log.folder.path.appending(name)), as: UTF8.self)
        #expect(!text.contains("hunter2"), "\(name)")
    }
}

extension AuditLog {
    fileprivate func facts(_ action: String, _ name: String) throws -> [String] {
        try records.filter { $0.action == action }.compactMap { record in
            if case .text(let text)? = record.facts?[name] { text } else { nil }
        }
    }
}

private let logging = [
    "logging_collector": "on", "log_destination": "csvlog,jsonlog", "log_directory": "log", "log_filename": "pg.log",
    "log_connections": "on", "log_disconnections": "on", "log_timezone": "UTC",
]

@Suite(.cluster(logging.merging(["log_statement": "all"]) { $1 }), .timeLimit(.minutes(8)))
struct IngestServerTests {
    /// Waits until both of the server's logs have this text: its collector is a process of its own.
    private func wait(for text: String, in folder: FilePath) async throws {
        for _ in 0..<1200 {
            let found = [".csv", ".json"].allSatisfy { ending in
                let bytes = (try? Files.read(folder.appending("pg\(ending)"))) ?? []
                return bytes.span.firstIndex(of: Array(text.utf8).span) != nil
            }
            if found { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the server did not write \(text)")
    }

    @Test func `csvlog and jsonlog of a real server give the same records, and no password`() async throws {
        let cluster = try Cluster.current
        let folder = cluster.server.folder.appending("data/log")
        let connection = try await cluster.connect()
        try await connection.script(
            SQL(
                raw: """
                    CREATE ROLE reader_ingest LOGIN PASSWORD 'hunter2';
                    CREATE TABLE public.ingest_t (id int, note text);
                    INSERT INTO public.ingest_t VALUES (1, 'hunter2, "quoted"
                    second line');
                    ALTER ROLE reader_ingest SET log_statement = 'none';
                    """))
        await #expect(throws: PostgresError.self) {
            try await connection.script(SQL(raw: "ALTER ROLE reader_ingest PASSWORT 'hunter2'"))
        }
        await #expect(throws: PostgresError.self) { try await connection.script(SQL(raw: "SELECT 'hunter2'::int")) }
        await connection.close()
        let other = try await cluster.connect(as: "reader_ingest")
        await #expect(throws: PostgresError.self) { try await other.script(SQL(raw: "SELECT * FROM public.ingest_t")) }
        await other.close()
        await #expect(throws: (any Error).self) { try await cluster.connect(as: "hunter2") }
        let mark = try await cluster.connect()
        try await mark.script(SQL(raw: "SELECT 'the end of this test' /* ingest_mark */"))
        await mark.close()
        try await wait(for: "ingest_mark", in: folder)
        var seen: [[String]] = []
        for ending in [".csv", ".json"] {
            try ingest(folder, ending: ending) { log in
                let statements = try log.facts("pg.statement", "statement")
                #expect(statements.contains { $0.hasPrefix("CREATE ROLE reader_ingest LOGIN PASSWORD ?;") })
                #expect(statements.contains { $0.contains("INSERT INTO public.ingest_t VALUES (?, ?)") })
                let failures = try log.records.filter { $0.action == "pg.failure" }
                #expect(
                    failures.contains {
                        $0.reason == "permission denied for table ingest_t" && $0.actor.role == "reader_ingest"
                    })
                #expect(failures.contains { $0.reason?.contains("…") == true })
                #expect(try log.facts("pg.finding", "finding").contains("superuser-session"))
                #expect(try log.facts("pg.finding", "setting").contains("log_statement"))
                #expect(try !log.facts("pg.finding", "finding").contains("lines-missing"))
                let logins = try log.records.filter { $0.action == "pg.login" }
                #expect(logins.contains { $0.actor.role == "reader_ingest" && $0.outcome == .success })
                #expect(logins.contains { $0.outcome == .failure && $0.actor.role == nil })
                seen.append(
                    try log.records.filter { $0.action.hasPrefix("pg.") }.map { "\($0.action) \($0.actor.role ?? "")" })
            }
        }
        // Of this test's own role: other sessions go on while the two are read.
        #expect(seen[0].filter { $0.hasSuffix(" reader_ingest") } == seen[1].filter { $0.hasSuffix(" reader_ingest") })
        #expect(seen[0].count > 5)
    }

    @Test func `a setting of logging that is changed for the whole server is a finding`() async throws {
        let cluster = try Cluster.current
        let folder = cluster.server.folder.appending("data/log")
        let connection = try await cluster.connect()
        try await connection.script(SQL(raw: "ALTER SYSTEM SET log_min_duration_statement = 54321"))
        try await connection.script(SQL(raw: "SELECT pg_reload_conf()"))
        await connection.close()
        try await wait(for: "54321", in: folder)
        try await wait(for: "changed to", in: folder)
        try ingest(folder, ending: ".json") { log in
            let settings = try log.facts("pg.finding", "setting")
            #expect(settings.filter { $0 == "log_min_duration_statement" }.count == 2)
        }
    }
}

/// The login store's events, in a table as dbauth makes it.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct LoginEventTests {
    private let table = """
        CREATE SCHEMA dbauth;
        CREATE TABLE dbauth.events (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
            at timestamptz NOT NULL DEFAULT clock_timestamp(), action text NOT NULL,
            outcome text NOT NULL CHECK (outcome IN ('success', 'failure')), reason text, account_id uuid,
            identifier_hash bytea, address inet, session_id uuid, database_role name NOT NULL DEFAULT session_user,
            details jsonb);
        """
    private let insert = """
        INSERT INTO dbauth.events (action, outcome, reason, identifier_hash, address)
        """

    @Test func `rows are taken once, in order, and those of running transactions wait`() async throws {
        let database = try Database.current
        try await database.run(table)
        try await withTemporaryFolder { folder in
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.string
            func ingest() async throws -> ProgramResult {
                try await Program.run(
                    "dbaudit", ["ingest", "--from", database.name, "--json"], environment: environment)
            }
            let open = try await database.connect()
            try await open.script(SQL(raw: "BEGIN"))
            let refused = "\(insert) VALUES ('login', 'failure', 'wrong password', '\\xabcd', '10.0.0.7')"
            try await open.script(SQL(raw: refused))
            try await database.run("\(insert) VALUES ('lockout', 'failure', 'too many', '\\xabcd', NULL)")
            let first = try await ingest()
            #expect(first.status == 0 && first.stdout.contains("\"lines\":0"), "\(first.stdout)\(first.stderr)")
            try await open.script(SQL(raw: "COMMIT"))
            await open.close()
            // Other tests of this cluster may have transactions of their own for a while.
            for _ in 0..<600 {
                let next = try await ingest()
                #expect(next.status == 0, "\(next.stderr)")
                if next.stdout.contains("\"lines\":2") { break }
                try await Task.sleep(for: .milliseconds(200))
            }
            try await database.run("\(insert) VALUES ('login', 'success', NULL, NULL, '10.0.0.8')")
            for _ in 0..<600 {
                if try await ingest().stdout.contains("\"lines\":1") { break }
                try await Task.sleep(for: .milliseconds(200))
            }
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let events = try log.records.filter { $0.action == "auth.event" }
            #expect(events.map { $0.facts?["event"] } == ["login", "lockout", "login"])
            #expect(events[0].facts?["identifier_hash"] == "abcd" && events[0].outcome == .failure)
            #expect(SensitiveValues(log.folder).values(of: events[0])["address"] == "10.0.0.7")
            #expect(try log.verify().isIntact)
            let none = try await Program.run("dbaudit", ["ingest", "--from", "postgres"], environment: environment)
            #expect(none.status == 66)
        }
    }
}

/// pgaudit and pgauditlogtofile as Debian has them, for PostgreSQL 15, whichever server the other tests run on.
@Suite(.timeLimit(.minutes(8))) struct PgAuditTests {
    private func withServer(_ libraries: String, _ body: @Sendable (TemporaryCluster) async throws -> Void) async throws
    {
        let installation = try await PostgresInstallation.newest(
            environment: ["DBSEC_POSTGRES": "/usr/lib/postgresql/15/bin"])
        var options = TemporaryCluster.Options()
        options.account = try Cluster.account()
        options.settings = logging.merging([
            "shared_preload_libraries": libraries, "pgaudit.log": "all", "pgaudit.log_parameter": "on",
        ]) { $1 }
        try await TemporaryCluster.run(installation, options) { try await body($0) }
    }

    private static func act(_ cluster: TemporaryCluster) async throws {
        let connection = try await Connection.open(cluster.parameters)
        try await connection.script(
            SQL(
                raw: """
                    CREATE EXTENSION pgaudit; CREATE ROLE ann LOGIN PASSWORD 'hunter2'; CREATE TABLE public.t (id int PRIMARY KEY);
                    GRANT INSERT ON public.t TO ann; INSERT INTO public.t VALUES (1)
                    """))
        await connection.close()
        let ann = try await Connection.open(cluster.parameters.with(user: "ann"))
        await #expect(throws: PostgresError.self) {
            try await ann.script(SQL(raw: "SELECT * FROM public.t WHERE id = 4711"))
        }
        await #expect(throws: PostgresError.self) { try await ann.script(SQL(raw: "INSERT INTO public.t VALUES (1)")) }
        try await ann.script(SQL(raw: "INSERT INTO public.t VALUES (3)"))
        await ann.close()
    }

    private static func waiting(_ isThere: () throws -> Bool) async throws {
        for _ in 0..<1200 {
            if try isThere() { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the server wrote nothing")
    }

    private static func contains(_ path: FilePath, _ text: String) -> Bool {
        guard let bytes = try? Files.read(path) else { return false }
        return bytes.span.firstIndex(of: Array(text.utf8).span) != nil
    }

    private static func check(_ log: AuditLog) throws {
        let audited = try log.records.filter { $0.action == "pg.statement" && $0.facts?["class"] != nil }
        let classes = Set(try log.facts("pg.statement", "class"))
        #expect(classes.isSuperset(of: ["DDL", "ROLE", "WRITE"]))
        #expect(audited.contains { $0.actor.role == "ann" && $0.facts?["command"] == "INSERT" })
        #expect(audited.contains { $0.target?.object == "public.t" })
    }

    @Test(arguments: [".csv", ".json"]) func `pgaudit in the server's own log`(ending: String) async throws {
        try await withServer("pgaudit") { cluster in
            try await Self.act(cluster)
            let folder = cluster.folder.appending("data/log")
            try await Self.waiting { Self.contains(folder.appending("pg\(ending)"), "VALUES (3)") }
            try ingest(folder, ending: ending) { log in
                try Self.check(log)
                // What failed before pgaudit saw it stands by itself; what failed after it is joined to it.
                let failures = try log.records.filter { $0.action == "pg.failure" && $0.actor.role == "ann" }
                #expect(failures.contains { $0.facts?["sqlstate"] == "42501" })
                #expect(failures.contains { $0.facts?["sqlstate"] == "23505" && $0.facts?["class"] == "WRITE" })
            }
        }
    }

    @Test func `pgauditlogtofile's own files`() async throws {
        try await withServer("pgaudit,pgauditlogtofile") { cluster in
            try await Self.act(cluster)
            let folder = cluster.folder.appending("data/log")
            try await Self.waiting {
                try Files.list(folder).contains {
                    $0.hasPrefix("audit-") && Self.contains(folder.appending($0), "VALUES (3)")
                }
            }
            let name = try #require(try Files.list(folder).first { $0.hasPrefix("audit-") })
            try ingest(folder, ending: name) { try Self.check($0) }
        }
    }
}
