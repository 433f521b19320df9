import Cryptography
import FieldEncryption
import FoundationEssentials
import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// The program as a DBA runs it.
struct FieldHost {
    let database: Database
    let folder: FilePath

    func run(_ arguments: String..., input: String = "", environment: [String: String?] = [:]) async throws
        -> ProgramResult
    {
        try await Program.run(
            "dbpii", arguments, environment: self.environment.merging(environment) { $1 }, input: Array(input.utf8))
    }

    func start(_ arguments: String...) async throws -> RunningProgram {
        try await Program.start("dbpii", arguments, environment: environment)
    }

    var environment: [String: String?] {
        database.environment.merging(
            ["DBSEC_STATE": folder.string, "DBSEC_CONFIG": nil, "DBPII_UNLOCK": nil]
        ) { $1 }
    }

    var keyring: Keyring {
        get async throws {
            let keys = folder.appending("keys")
            let secret = try await KeyringUnlock.file(keys.appending("keyring-identity.txt")).load()
            return try KeyringFile(keys.appending("keyring.json")).open(with: secret).keyring
        }
    }

    var audit: [String] {
        get throws {
            let log = folder.appending("audit/log-000000.jsonl")
            return String(decoding: try Files.read(log), as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}

func withFieldHost(_ body: (FieldHost) async throws -> Void) async throws {
    try await withTemporaryFolder { folder in
        try await body(FieldHost(database: try Database.current, folder: folder))
    }
}

@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct ColumnProgramTests {
    private let column = ["--table", "users", "--column", "phone"]
    private static let setup = """
        CREATE TABLE users (id integer PRIMARY KEY, phone text NOT NULL);
        INSERT INTO users SELECT n, 'secret ' || n FROM generate_series(1, 500) n;
        """

    @Test func `a column goes through all phases, and back`() async throws {
        try await withFieldHost { host in
            try await host.database.run(Self.setup)
            #expect(try await host.run("column", "status").stdout == "no column is being encrypted\n")
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            let dry = try await host.run(
                "column", "start", "--table", "users", "--column", "phone", "--index", "exact:lowercase:12", "--dry-run"
            )
            #expect(dry.status == 0 && dry.stdout.contains("ADD COLUMN \"phone_enc\""))
            let started = try await host.run(
                "column", "start", "--table", "users", "--column", "phone", "--index", "exact:lowercase:12")
            #expect(started.status == 0, "\(started.stderr)")
            let again = try await host.run("column", "start", "--table", "users", "--column", "phone")
            #expect(again.status == 73)
            let early = try await host.run("column", "finish", "--table", "users", "--column", "phone")
            #expect(early.status == 1)
            let expected = try await host.run(
                "column", "backfill", "--table", "users", "--column", "phone", "--dry-run")
            #expect(expected.stdout == "public.users.phone: 500 rows to encrypt\n")
            let filled = try await host.run("column", "backfill", "--table", "users", "--column", "phone", "--json")
            #expect(filled.status == 0 && filled.stdout.contains("\"left\":0"), "\(filled.stderr)")
            #expect(try await host.run("verify").status == 0)
            let closed = try await host.run(
                "column", "gate", "--table", "users", "--column", "phone", "--quiet-for", "1h")
            #expect(closed.status == 1 && closed.stdout.contains("closed"))
            let open = try await host.run(
                "column", "gate", "--table", "users", "--column", "phone", "--quiet-for", "1s", "--wait")
            #expect(open.status == 0, "\(open.stdout)")
            #expect(try await host.run("column", "finish", "--table", "users", "--column", "phone").status == 0)
            let status = try await host.run("column", "status", "--json")
            #expect(status.stdout.contains("\"phase\":\"checked\""))
            let plan = try await host.run(
                "column", "finish", "--table", "users", "--column", "phone", "--drop-plaintext", "--dry-run")
            #expect(plan.stdout.contains("DROP COLUMN \"phone\""))
            #expect(
                try await host.run("column", "finish", "--table", "users", "--column", "phone", "--drop-plaintext")
                    .status
                    == 0)
            let field = try #require(try await host.database.value("SELECT phone_enc FROM users WHERE id = 7"))
            let read = try await host.run("decrypt", "--context", "users.phone", input: field + "\n")
            #expect(read.stdout == "secret 7\n")

            #expect(try await host.run("keys", "rotate").status == 0)
            #expect(try await host.run("keys", "rotate", "--activate").status == 0)
            #expect(try await host.run("verify").status == 1)
            #expect(try await host.run("column", "rotate", "--table", "users", "--column", "phone").status == 0)
            #expect(try await host.run("verify").status == 0)

            #expect(try await host.run("column", "revert", "--table", "users", "--column", "phone").status == 0)
            let reverted = try await host.run(
                "column", "revert", "--table", "users", "--column", "phone", "--drop-twin")
            #expect(reverted.status == 0, "\(reverted.stderr)")
            #expect(try await host.database.value("SELECT count(*) FROM users WHERE phone = 'secret ' || id") == "500")
            #expect(try await host.run("column", "status").stdout == "no column is being encrypted\n")
            let log = try host.audit
            for action in [
                "keys.init", "keys.rotate", "field.decrypt", "column.start", "column.backfill", "column.gate",
                "column.finish", "column.rotate", "column.revert", "column.verify",
            ] {
                #expect(log.contains { $0.contains("\"\(action)\"") }, "\(action)")
            }
            #expect(!log.contains { $0.contains("secret") })
        }
    }

    @Test func `a job that is killed again and again loses nothing and starts nothing over`() async throws {
        try await withFieldHost { host in
            try await host.database.run(
                """
                CREATE TABLE users (id integer PRIMARY KEY, phone text NOT NULL, filler text DEFAULT repeat('x', 200));
                INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 12000) n;
                """)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            var kills = 0
            var before = 0
            for _ in 0..<40 {
                let job = try await host.start(
                    "column", "backfill", "--table", "users", "--column", "phone", "--batch-time", "1", "--no-verify")
                // Killed once it was seen to have written something more.
                var isAlive = true
                for _ in 0..<20_000 {
                    let count = Int(try await host.database.value("SELECT count(phone_enc) FROM users") ?? "") ?? 0
                    isAlive = kill(job.identifier, 0) == 0
                    if count > before + 200 || count == 12000 || !isAlive { break }
                    try await Task.sleep(for: .milliseconds(2))
                }
                job.send(SIGKILL)
                let result = try await job.result()
                before = Int(try await host.database.value("SELECT count(phone_enc) FROM users") ?? "") ?? 0
                if result.status == 137 { kills += 1 }
                if before == 12000 { break }
            }
            #expect(kills >= 2)
            // A killed client's lock goes when the server notices; the last run waits for that.
            var last = try await host.run("column", "backfill", "--table", "users", "--column", "phone")
            for _ in 0..<600 where last.status == 75 {
                try await Task.sleep(for: .milliseconds(100))
                last = try await host.run("column", "backfill", "--table", "users", "--column", "phone")
            }
            #expect(last.status == 0, "\(last.stderr)")
            #expect(try await host.run("verify").status == 0)
            let written = try await host.database.value("SELECT rows_written FROM dbpii.jobs WHERE job = 'backfill'")
            #expect(written.flatMap { Int($0) } == 12000 || written == "0")
        }
    }

    @Test func `a role without rights is told so, and changes nothing`() async throws {
        try await withFieldHost { host in
            try await host.database.run(Self.setup + "CREATE ROLE fields_no_rights LOGIN;")
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            let refused = try await host.run(
                "column", "start", "-U", "fields_no_rights", "--table", "users", "--column", "phone")
            #expect(refused.status == 77, "\(refused.stderr)")
            #expect(try await host.database.value("SELECT to_regnamespace('dbpii') IS NULL") == "t")
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            let verify = try await host.run("verify", "-U", "fields_no_rights")
            #expect(verify.status == 77)
            let missing = try await host.run("column", "start", "--table", "nothing", "--column", "phone")
            #expect(missing.status == 66)
        }
    }

    @Test func `a role's statement timeout does not stop a job`() async throws {
        try await withFieldHost { host in
            try await host.database.run(
                Self.setup + """
                    CREATE ROLE fields_slow LOGIN SUPERUSER;
                    ALTER ROLE fields_slow SET statement_timeout = '800ms';
                    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END';
                    CREATE TRIGGER slow BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION slow();
                    """)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            let filled = try await host.run(
                "column", "backfill", "-U", "fields_slow", "--table", "users", "--column", "phone")
            #expect(filled.status == 0, "\(filled.stderr)")
        }
    }

    @Test func `a key is not destroyed while a backup or a column needs it`() async throws {
        try await withFieldHost { host in
            try await host.database.run(Self.setup)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            let old = try #require(try await host.keyring.active?.id.description)
            #expect(try await host.run("keys", "destroy", old).status == 1)
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            #expect(try await host.run("column", "backfill", "--table", "users", "--column", "phone").status == 0)
            #expect(try await host.run("keys", "rotate").status == 0)
            #expect(try await host.run("keys", "rotate", "--activate").status == 0)
            let used = try await host.run("keys", "destroy", old)
            #expect(used.status == 1 && used.stdout.contains("column public.users.phone: 500 values"), "\(used.stderr)")
            #expect(try await host.run("column", "rotate", "--table", "users", "--column", "phone").status == 0)

            let backup = host.folder.appending("backups/main/20261126T000000Z")
            try Files.createDirectory(backup)
            try Files.write(Array(Self.manifest(key: old).utf8), to: backup.appending("manifest.json"))
            try Files.write([], to: backup.appending("manifest.json.minisig"))
            let kept = try await host.run("keys", "destroy", old)
            // A manifest that nobody signed says nothing of what it is of, whatever it says.
            #expect(kept.status == 1 && kept.stdout.contains("main/20261126T000000Z, perhaps: "), "\(kept.stdout)")
            try Files.removeTree(backup)

            #expect(
                try await host.run("keys", "destroy", old, "--dry-run").stdout.contains("nothing that was looked at"))
            let gone = try await host.run("keys", "destroy", old)
            #expect(gone.status == 0, "\(gone.stdout) \(gone.stderr)")
            #expect(try await host.run("verify").status == 0)
            let field = try FieldCipher(await host.keyring).column("users.phone").encrypt("x")
            #expect(
                try await host.run("decrypt", "--context", "users.phone", input: "\\x" + Hex.encode(field)).status == 0)
        }
    }

    private static func manifest(key: String) -> String {
        """
        {"schema":1,"label":"20261126T000000Z","run":"r","cluster":"main","systemIdentifier":"1","serverVersion":"15",
        "serverVersionNumber":150000,"programs":{},"started":"2026-11-26T00:00:00Z","finished":"2026-11-26T00:00:01Z",
        "databases":[],"files":[],"compression":"zstd","encryption":"age-encryption.org/v1","recipients":[],
        "producerKey":"k","trust":"separate","notCovered":[],
        "fieldKeys":[{"context":"users.phone","keys":["\(key)"]}]}
        """
    }
}

/// A server that crashes: alone with its cluster, which all others would lose, and which keeps what it has committed as a
/// real one does.
@Suite(.cluster(["synchronous_commit": "on", "full_page_writes": "on"]), .timeLimit(.minutes(10))) struct CrashTests {
    @Test(.database) func `a job whose server crashes goes on when it is back`() async throws {
        try await withFieldHost { host in
            try await host.database.run(
                """
                CREATE TABLE users (id integer PRIMARY KEY, phone text NOT NULL, filler text DEFAULT repeat('x', 200));
                INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 8000) n;
                CHECKPOINT;
                """)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            let watcher = try await host.database.connect()
            let job = try await host.start(
                "column", "backfill", "--table", "users", "--column", "phone", "--batch-time", "1", "--no-verify")
            for _ in 0..<20_000 {
                let count: Int = try await watcher.query("SELECT count(phone_enc) FROM public.users").one()[0]
                if count > 300 { break }
                try await Task.sleep(for: .milliseconds(2))
            }
            // kill -9 of a backend makes the postmaster end all others and recover from the WAL.
            let victim = try await host.database.connect()
            kill(Int32(victim.processID), SIGKILL)
            let result = try await job.result()
            #expect([0, 69, 75].contains(result.status), "\(result.stderr)")
            var last = try await host.run("column", "backfill", "--table", "users", "--column", "phone")
            for _ in 0..<1800 where last.status != 0 {
                try await Task.sleep(for: .milliseconds(100))
                last = try await host.run("column", "backfill", "--table", "users", "--column", "phone")
            }
            #expect(last.status == 0, "\(last.stderr)")
            #expect(try await host.run("verify").status == 0)
            #expect(try await host.database.value("SELECT count(phone_enc) FROM users") == "8000")
        }
    }
}
