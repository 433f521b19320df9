import AuditLog
import Credentials
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

/// The login store as `dbauth` shows it: to administrators, and to applications in other languages.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct StoreProgramTests {
    /// Runs `dbauth` on the test's database.
    private struct Runner {
        let database: Database
        let folder: FilePath

        func callAsFunction(_ arguments: String..., lines: [String] = [], role: String? = nil) async throws
            -> ProgramResult
        {
            var environment = database.environment
            if let role { environment["PGUSER"] = role }
            return try await Program.dbauth(arguments, state: folder, environment: environment, lines: lines)
        }

        /// The audit log's records, a line each.
        var log: String {
            get throws { String(decoding: try Files.read(folder.appending("audit/log-000000.jsonl")), as: UTF8.self) }
        }
    }

    private func with(_ body: (Runner) async throws -> Void) async throws {
        try await withTemporaryFolder { try await body(Runner(database: try Database.current, folder: $0)) }
    }

    @Test func `an application in any language installs, logs in, checks and logs out`() async throws {
        try await with { run in
            let app = "web_\(run.database.name)"
            try await run.database.run("CREATE ROLE \(app) LOGIN")
            let missing = try await run("user", "list")
            #expect(missing.status == 78 && missing.stderr.contains("run dbauth install"))
            let installed = try await run(
                "install", "--scheme", "bcrypt", "--cost", "10", "--deadline-milliseconds", "0", "--minimum-length",
                "8", "--grant-app", app)
            #expect(installed.status == 0 && installed.stdout.contains("version 1"), "\(installed.stderr)")
            #expect(try await run("install").stdout.contains("as they should be"))
            // One thing is set, all others stay.
            #expect(try await run("install", "--tries", "7", "--progressive").status == 0)
            let set = try await run.database.value(
                "SELECT concat_ws(' ', scheme, tries, progressive, minimum_length, deadline_ms, idle_time) FROM dbauth.settings"
            )
            #expect(set == "$2b$10$ 7 t 8 0 01:00:00")
            let made = try await run("user", "create", "alice", lines: ["the right one"], role: app)
            #expect(made.status == 0, "\(made.stderr)")
            #expect(try await run("user", "create", "alice", lines: ["the right one"], role: app).status == 73)
            #expect(try await run("user", "create", "bob", lines: ["short"], role: app).status == 65)
            let wrong = try await run("login", "alice", "--json", lines: ["wrong"], role: app)
            #expect(wrong.status == 1 && wrong.stdout == "{\"outcome\":\"refused\",\"schema\":1}\n")
            let unknown = try await run("login", "nobody", "--json", lines: ["wrong"], role: app)
            #expect(unknown.stdout == wrong.stdout && unknown.stderr == wrong.stderr && unknown.status == 1)
            let right = try await run(
                "login", "alice", "--address", "10.0.0.1", "--json", lines: ["the right one"], role: app)
            #expect(right.status == 0)
            let session: String = try field("session", of: right)
            let checked = try await run("session", "check", "--json", lines: [session], role: app)
            #expect(try field("identifier", of: checked) == "alice")
            let list = try await run("session", "list", "alice")
            #expect(list.stdout.contains("10.0.0.1"))
            #expect(try await run("session", "list", role: app).status == 77)
            let changed = try await run("passwd", lines: [session, "the right one", "a newer one"], role: app)
            #expect(changed.status == 0)
            #expect(try await run("logout", lines: [session], role: app).status == 0)
            #expect(try await run("session", "check", lines: [session], role: app).status == 1)
            #expect(try await run("login", "alice", lines: ["a newer one"], role: app).status == 0)
        }
    }

    @Test func `an administrator's acts are in the audit log, without names and secrets`() async throws {
        try await with { run in
            #expect(
                try await run("install", "--scheme", "bcrypt", "--cost", "10", "--deadline-milliseconds", "0").status
                    == 0)
            let made = try await run("user", "create", "alice@example.com", "--json", lines: ["a long enough one"])
            let id: String = try field("account", of: made)
            for arguments in [["unlock"], ["user", "disable"], ["user", "enable"], ["session", "revoke"]] {
                let result = try await Program.dbauth(
                    arguments + ["alice@example.com"], state: run.folder, environment: run.database.environment)
                #expect(result.status == 0, "\(arguments) \(result.stderr)")
            }
            #expect(try await run("unlock", "nobody").status == 66)
            let reset: String = try field("token", of: try await run("reset", "request", "alice@example.com", "--json"))
            #expect(try await run("reset", "finish", lines: [reset, "another long one"]).status == 0)
            #expect(try await run("reset", "finish", lines: [reset, "another long one"]).status == 1)
            #expect(try await run("login", "alice@example.com", lines: ["another long one"]).status == 0)
            let key = try await run(
                "apikey", "create", "--prefix", "acme", "--name", "export", "--scope", "read", "--expires-days", "9")
            let text = String(key.stdout.dropLast())
            let shown = try APIKey(text)
            #expect(try await run("apikey", "check", "--json", lines: [text]).stdout.contains("\"scopes\":[\"read\"]"))
            #expect(try await run("apikey", "list").stdout.contains("acme_\(shown.shortID)"))
            let rotated = try await run("apikey", "rotate", "acme_\(shown.shortID)")
            let new = try APIKey(String(rotated.stdout.dropLast()))
            #expect(try await run("apikey", "revoke", "acme_\(new.shortID)").status == 0)
            #expect(try await run("apikey", "check", lines: [new.text]).status == 1)
            #expect(try await run("apikey", "revoke", "acme_\(new.shortID)").status == 66)
            #expect(try await run("apikey", "revoke", text).status == 64)
            #expect(try await run("purge", "--events-older-than", "1", "--json").stdout.contains("\"events\":0"))
            #expect(try await run("user", "remove", "alice@example.com").status == 64)
            #expect(try await run("user", "remove", "alice@example.com", "--yes").status == 0)
            let log = try run.log
            for action in [
                "auth.install", "auth.user.create", "auth.unlock", "auth.user.disable", "auth.user.enable",
                "auth.revoke", "auth.reset",
                "auth.apikey.create", "auth.apikey.rotate", "auth.apikey.revoke", "auth.purge", "auth.user.remove",
            ] {
                #expect(log.contains("\"\(action)\""), "\(action)")
            }
            #expect(log.contains(id))
            for secret in ["alice@example.com", "long", reset, String(text.suffix(40)), String(new.text.suffix(40))] {
                #expect(!log.contains(secret), "\(secret)")
            }
        }
    }

    @Test func `without an audit log nothing is done`() async throws {
        try await with { run in
            try Files.write(Array("not a folder".utf8), to: run.folder.appending("audit"))
            #expect(try await run("install").status != 0)
            #expect(try await run.database.value("SELECT to_regnamespace('dbauth')::text") == nil)
        }
    }

    @Test func `hashes of another system are taken over`() async throws {
        try await with { run in
            #expect(
                try await run("install", "--scheme", "bcrypt", "--cost", "10", "--deadline-milliseconds", "0").status
                    == 0)
            let file = run.folder.appending("hashes.tsv")
            let crypt = try Crypt.hash(Array("old password".utf8).span, settings: "$6$rounds=1000$saltsalt")
            let lanes =
                "$argon2id$v=19$m=4096,t=1,p=3$PkEgcHJldHR5IGxvbmcgc2FsdA$HUqx5Z1b/ZypnUrvvJ5UC2Q+T6Q1WwASK/Kr9dRbGA0"
            try Files.write(Array("carol\t\(crypt)\ndave\t\(lanes)\n".utf8), to: file)
            let dry = try await run("user", "import", file.string, "--dry-run")
            #expect(dry.stdout.hasPrefix("would take over 2 accounts, 1 with hashes that need --legacy-username"))
            #expect(try await run("user", "import", file.string).status == 0)
            let again = try await run("user", "import", file.string)
            #expect(again.status == 1 && again.stdout.contains("2 login names taken already"))
            #expect(try await run("login", "carol", lines: ["old password"]).status == 0)
            #expect(try await run("login", "carol", lines: ["old password"]).status == 0)
            let secret = "K3S=KyH#)36_?]LxeR8QNKw6X=gFbxai$C%29V*"
            #expect(try await run("login", "dave", lines: [secret]).status == 1)
            #expect(try await run("login", "dave", "--legacy-username", "postgres", lines: [secret]).status == 0)
            #expect(try await run("login", "dave", lines: [secret]).status == 0)
            try Files.write(Array("eve plain\n".utf8), to: file)
            let bad = try await run("user", "import", file.string)
            #expect(bad.status == 65 && bad.stderr.contains("line 1"))
        }
    }

    @Test func `a second factor and a pepper out of a keyring`() async throws {
        try await with { run in
            let (ring, unlock) = (run.folder.appending("keyring.json"), run.folder.appending("passphrase"))
            try Files.write(Array("a passphrase\n".utf8), to: unlock)
            var phrase = Array("a passphrase".utf8)
            let protection = try KeyringProtection.passphrase(
                SecretBytes(taking: &phrase), cost: .init(operations: 1, memory: 8 << 20))
            try KeyringFile(ring).create(Keyring.generate(at: .now()), protection)
            let keys = ["--keyring", ring.string, "--unlock", "file:\(unlock)"]
            func call(_ arguments: [String], lines: [String] = []) async throws -> ProgramResult {
                try await Program.dbauth(
                    arguments + keys, state: run.folder, environment: run.database.environment, lines: lines)
            }
            let installed = try await call([
                "install", "--scheme", "bcrypt", "--cost", "10", "--deadline-milliseconds", "0", "--pepper",
            ])
            #expect(installed.status == 0, "\(installed.stderr)")
            #expect(try await call(["user", "create", "alice"], lines: ["a long enough one"]).status == 0)
            let bare = try await run("login", "alice", lines: ["a long enough one"])
            #expect(bare.status == 78 && bare.stderr.contains("pepper"))
            let session: String = try field(
                "session", of: try await call(["login", "alice", "--json"], lines: ["a long enough one"]))
            let enrolled = try await call(["totp", "enroll", "--issuer", "Shop", "--json"], lines: [session])
            #expect(try (field("address", of: enrolled) as String).hasPrefix("otpauth://totp/Shop:alice?secret="))
            #expect(try await call(["totp", "confirm"], lines: [session, "12345"]).status == 1)
            #expect(try await run("totp", "remove", "alice").status == 0)
            #expect(try await call(["totp", "confirm"], lines: [session, "12345"]).status == 1)
        }
    }
}
