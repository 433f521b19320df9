import AuditLog
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// Roles, memberships and passwords on a real server.
@Suite(
    .cluster(["log_statement": "ddl", "logging_collector": "on", "log_directory": "log"]), .database,
    .timeLimit(.minutes(3)))
struct RoleTests {
    static let login = """
        { "version": 1, "roles": { "login@": { "login": true, "password": { "env": "PASSWORD" } } } }
        """

    @Test func `a password travels as a verifier, is not sent again while it matches, and is sent when it changed`()
        async throws
    {
        let scene = try Scene()
        let first = ["PASSWORD": "correct horse"]
        try await scene.apply(Self.login, environment: first)
        let verifier = try await scene.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'login@'")
        #expect(verifier?.hasPrefix("SCRAM-SHA-256$4096:") == true)
        #expect(try await scene.plan(Self.login, environment: first).isEmpty)
        let plan = try await scene.plan(Self.login, environment: ["PASSWORD": "battery staple"])
        #expect(plan.changes.map(\.sql) == [[scene.own("ALTER ROLE \"login@\" PASSWORD '<verifier>'")]])
        try await scene.apply(Self.login, environment: ["PASSWORD": "battery staple"])
        #expect(try await scene.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'login@'") != verifier)
    }

    @Test func `neither password nor verifier is in the server's log, which has the rest of the statements`()
        async throws
    {
        let scene = try Scene()
        try await scene.apply(Self.login, environment: ["PASSWORD": "tell nobody 4711"])
        let folder = try Cluster.current.server.folder.appending("data/log")
        var log = ""
        for name in try Files.list(folder) {
            log += String(decoding: try Files.read(folder.appending(name)), as: UTF8.self)
        }
        #expect(log.contains(scene.own("CREATE ROLE \"login@\" WITH LOGIN")))
        #expect(!log.contains("SCRAM-SHA-256"))
        #expect(!log.contains("4711"))
    }

    @Test func `a password that is missing is a note in a plan and an error in an apply`() async throws {
        let scene = try Scene()
        let plan = try await scene.plan(Self.login)
        #expect(plan.changes.map(\.kind) == [.createRole])
        #expect(
            plan.notes == [
                scene.own(
                    "the password of role login@ was not compared: the environment variable PASSWORD is not set")
            ])
        let failure = await scene.failure { try await scene.apply(Self.login).verdict }
        #expect(failure.status == .configuration)
        #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'login@'") == "0")
    }

    @Test(arguments: ["pässwörd", "日本語", "with space and $ : '", "ｆｕｌｌ ﬁ", "pa\u{308}ss"])
    func `passwords beyond ASCII compare too`(_ password: String) async throws {
        let scene = try Scene()
        try await scene.apply(Self.login, environment: ["PASSWORD": password])
        #expect(try await scene.plan(Self.login, environment: ["PASSWORD": password]).isEmpty)
    }

    @Test func `a password file must be private, and its last line feed is not part of it`() async throws {
        let scene = try Scene()
        try await withTemporaryFolder { folder in
            let path = folder.appending("password")
            let policy = """
                { "version": 1, "roles": { "login@": { "login": true, "password": { "file": "\(path)" } } } }
                """
            try Files.write(Array("secret\n".utf8), to: path, mode: [.ownerReadWrite, .groupRead])
            #expect(await scene.failure { try await scene.apply(policy).verdict }.status == .configuration)
            try Files.write(Array("secret\n".utf8), to: path, mode: .ownerReadWrite)
            try await scene.apply(policy)
            #expect(try await scene.plan(Self.login, environment: ["PASSWORD": "secret"]).isEmpty)
            let command = """
                { "version": 1, "roles": { "login@": { "password": { "command": ["/bin/cat", "\(path)"] } } } }
                """
            #expect(try await scene.plan(command).isEmpty)
        }
    }

    @Test func `limits and attributes that are declared are set, and lowered again`() async throws {
        let scene = try Scene()
        func policy(_ role: String) -> String { "{ \"version\": 1, \"roles\": { \"r@\": { \(role) } } }" }
        try await scene.apply(policy("\"createdb\": true, \"validUntil\": \"infinity\", \"connectionLimit\": 9"))
        let narrower = policy("\"createdb\": false, \"validUntil\": \"2030-01-01\", \"connectionLimit\": 2")
        let plan = try await scene.plan(narrower)
        #expect(
            plan.changes.map(\.sql) == [
                [
                    scene.own(
                        "ALTER ROLE \"r@\" WITH NOCREATEDB CONNECTION LIMIT 2 VALID UNTIL '2030-01-01T00:00:00Z'")
                ]
            ])
        #expect(plan.changes.map(\.effect) == [.narrows])
        try await scene.apply(narrower)
        #expect(try await scene.plan(narrower).isEmpty)
    }

    @Test func `superusers and the connected role are not changed`() async throws {
        let scene = try Scene()
        try await scene.run("CREATE ROLE root@ SUPERUSER")
        for name in ["root@", "postgres"] {
            let policy = "{ \"version\": 1, \"roles\": { \"\(name)\": { \"connectionLimit\": 3 } } }"
            let failure = await scene.failure { try await scene.apply(policy).verdict }
            #expect(failure.sentence.hasSuffix("and is never changed"), "\(failure.sentence)")
            #expect(failure.status == .malformed)
        }
    }

    static let provisioned = """
        { "version": 1, "mode": "authoritative", "manages": { "schemas": ["app"], "roles": ["*@r"] },
          "roles": {
            "reader@r": {},
            "login@r": { "login": true, "memberOf": ["reader@r"], "password": { "env": "PASSWORD" } } },
          "grants": [
            { "to": ["reader@r"], "on": { "database": true }, "privileges": ["CONNECT"] },
            { "to": ["reader@r"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@r"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT"], "future": { "createdBy": ["boss@"] } } ],
          "rowSecurity": { "app.docs": { "policies": [
            { "name": "own", "to": ["reader@r"],
              "match": { "column": "owner", "type": "text", "setting": "app.user" } } ] } },
          "tests": [
            { "as": "login@r", "with": { "app.user": "a" }, "run": "SELECT owner FROM app.docs", "expect": { "rows": [["a"]] } },
            { "as": "reader@r", "run": "DELETE FROM app.docs", "expect": { "denied": true } } ] }
        """

    @Test func `a provisioner without superuser applies, proves and has nothing left to do`() async throws {
        let scene = try Scene()
        try await scene.run(
            "CREATE ROLE boss@ LOGIN CREATEROLE; ALTER DATABASE \(scene.database.name) OWNER TO boss@")
        try await scene.run(
            "CREATE SCHEMA app; CREATE TABLE app.docs (owner text); INSERT INTO app.docs VALUES ('a'), ('b')",
            as: "boss@")
        let environment = ["PASSWORD": "x"]
        let outcome = try await scene.apply(Self.provisioned, as: "boss@", environment: environment)
        #expect(outcome.verdict == .applied)
        #expect(outcome.tests.map(\.passed) == [true, true])
        let plan = try await scene.plan(Self.provisioned, as: "boss@", environment: environment)
        #expect(plan.changes.map(\.sql) == [])
        #expect(plan.notes.count == 1)
        let verifier = try await scene.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'login@r'")
        #expect(verifier?.hasPrefix("SCRAM-SHA-256$") == true)
        // What the tests granted the provisioner is undone with them: it acts as nobody.
        let may = try await scene.value("SELECT pg_has_role('boss@', 'login@r', 'USAGE')")
        #expect(may == "f")
    }

    @Test func `membership options of PostgreSQL 16 are set, and refused before`() async throws {
        let scene = try Scene()
        let policy = """
            { "version": 1, "roles": { "a@": {}, "b@": { "memberOf": [{ "role": "a@", "inherit": false, "set": true }] } } }
            """
        let version = try await scene.database.connect().majorVersion
        guard version >= 16 else {
            let failure = await scene.failure { try await scene.apply(policy).verdict }
            #expect(failure.sentence.hasSuffix("from PostgreSQL 16 on; this server is \(version)"))
            return
        }
        try await scene.run("CREATE ROLE a@; CREATE ROLE b@; GRANT a@ TO b@ WITH INHERIT TRUE")
        try await scene.apply(policy)
        #expect(try await scene.value("SELECT pg_has_role('b@', 'a@', 'USAGE')") == "f")
        #expect(try await scene.value("SELECT pg_has_role('b@', 'a@', 'MEMBER')") == "t")
        #expect(try await scene.plan(policy).isEmpty)
    }

    @Test func `every apply is recorded with counts and the digest of its plan`() async throws {
        let scene = try Scene()
        let file = try scene.file("{ \"version\": 1, \"roles\": { \"a@\": {} } }")
        let connection = try await scene.database.connect()
        try await withTemporaryFolder { folder in
            let log = try AuditLog.open(
                folder.appending("audit"), as: AuditSource(program: "test", version: "0", environment: [:]))
            let provisioner = Provisioner(connection, file, passwords: GivenPasswords())
            _ = try await provisioner.apply(maxRevokes: 20, audit: log)
            let records = try LogReader(folder.appending("audit")).records(last: 10, action: "policy.apply").records
            #expect(records.map(\.phase) == [.started, .finished])
            #expect(records[1].facts?["changes"] == .number(1))
            #expect(records[1].target?.database == scene.database.name)
            guard case .text(let digest) = records[1].facts?["plan_sha256"] else {
                Issue.record("no digest")
                return
            }
            #expect(digest.count == 64)
        }
    }
}
