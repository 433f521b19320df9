import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbbackup` as its users run it.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct BackupProgramTests {
    /// A state folder of its own, ready to make backups here.
    private func withState<Value>(_ body: (State) async throws -> Value) async throws -> Value {
        let database = try Database.current
        return try await withTemporaryFolder { folder in
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = .some(nil)
            let state = State(folder: folder.appending("state"), database: database.name, environment: environment)
            let made = try await state.dbbackup("init", "--keep-identity-here")
            #expect(made.status == 0, "\(made.stderr)")
            return try await body(state)
        }
    }

    private struct State: Sendable {
        let folder: FilePath
        let database: String
        let environment: [String: String?]

        var backups: FilePath { folder.appending("backups") }
        var identity: String { folder.appending("keys/identity.txt").string }

        func dbbackup(_ arguments: String..., changing: [String: String?] = [:]) async throws -> ProgramResult {
            try await Program.run("dbbackup", arguments, environment: environment.merging(changing) { $1 })
        }

        /// The folders below main/, complete or not.
        func folders() throws -> [String] {
            let main = backups.appending("main")
            return Files.exists(main) ? try Files.list(main).filter { $0 != ".lock" } : []
        }
    }

    private func fill(rows: Int = 1000) async throws {
        try await Database.current.run(
            "CREATE TABLE people AS SELECT n AS id, md5(n::text) || md5((n + 1)::text) AS name FROM generate_series(1, \(rows)) AS n"
        )
    }

    @Test func `a backup is listed and shown`() async throws {
        try await fill()
        try await withState { state in
            let run = try await state.dbbackup("run", state.database)
            #expect(run.status == 0, "\(run.stderr)")
            #expect(run.stdout.contains("1 database, 1,000 rows"))
            let label = try #require(state.folders().first)
            let list = try await state.dbbackup("list")
            #expect(list.stdout.contains("main/\(label)"))
            #expect(list.stdout.contains(state.database))
            let show = try await state.dbbackup("show", "latest")
            #expect(show.stdout.contains("\(state.database).dump.zst.age"))
            let json = try await state.dbbackup("show", label, "--json")
            let document = try #require(JSONSerialization.jsonObject(with: Data(json.stdout.utf8)) as? [String: Any])
            #expect(document["backup"] as? String == "main/\(label)")
            #expect(document["schema"] as? Int == 1)
        }
    }

    @Test func `the listing says what was proved, and of whom it is believed`() async throws {
        try await withState { state in
            #expect(try await state.dbbackup("run", state.database).status == 0)
            #expect(try await state.dbbackup("list").stdout.contains("  none  "))
            let verify = try await state.dbbackup("verify", "latest", "--level", "decode")
            #expect(verify.status == 0, "\(verify.stderr)")
            #expect(try await state.dbbackup("list").stdout.contains("equal by decode"))
            #expect(try await state.dbbackup("show", "latest").stdout.contains("proof        equal by decode"))
            // A proof by somebody whom this host does not know counts for nothing.
            try Files.removeTree(state.folder.appending("keys/trusted"))
            #expect(try await state.dbbackup("list").stdout.contains("  none  "))
        }
    }

    @Test func `a quiet run prints nothing`() async throws {
        try await withState { state in
            let run = try await state.dbbackup("run", state.database, "--quiet")
            #expect(run.status == 0)
            #expect(run.stdout.isEmpty)
            #expect(run.stderr.isEmpty)
        }
    }

    @Test func `stock tools restore it by hand`() async throws {
        try await fill()
        try await Database.current.run("SELECT lo_from_bytea(4711, 'large')")
        try await withState { state in
            #expect(try await state.dbbackup("run", state.database).status == 0)
            let folder = try state.backups.appending("main").appending(#require(state.folders().first))
            let key = state.folder.appending("keys/signing.pub").string
            let signature = try await Program.run(
                "/usr/bin/minisign", ["-V", "-p", key, "-m", folder.appending("manifest.json").string])
            #expect(signature.status == 0, "\(signature.stderr)")
            let restore = try await Program.run(
                "/bin/sh",
                [
                    "-ec",
                    """
                    "$DBSEC_POSTGRES/createdb" -T template0 "by_hand_$PGDATABASE"
                    age -d -i "$1" "$2/$PGDATABASE.dump.zst.age" | zstd -dq |
                        "$DBSEC_POSTGRES/pg_restore" --exit-on-error -d "by_hand_$PGDATABASE"
                    """, "sh", state.identity, folder.string,
                ], environment: state.environment)
            #expect(restore.status == 0, "\(restore.stderr)")
            let restored = Database(cluster: try Cluster.current, name: "by_hand_\(state.database)")
            let count = "SELECT count(*) || ' ' || md5(string_agg(p::text, '' ORDER BY id)) FROM people AS p"
            #expect(try await restored.value(count) == Database.current.value(count))
            #expect(try await restored.value("SELECT convert_from(lo_get(4711), 'UTF8')") == "large")
        }
    }

    @Test func `a second init changes nothing`() async throws {
        try await withState { state in
            let again = try await state.dbbackup("init", "--keep-identity-here")
            #expect(again.status == 73)
            #expect(again.stderr.hasPrefix("error: there are keys in "))
        }
    }

    @Test func `without a reader there is no run, and showing an identity allows it`() async throws {
        let database = try Database.current
        try await withTemporaryFolder { folder in
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            let made = try await Program.run("dbbackup", ["init", "--json"], environment: environment)
            let document = try #require(JSONSerialization.jsonObject(with: Data(made.stdout.utf8)) as? [String: Any])
            let identity = try #require(document["identity"] as? String)
            #expect(identity.hasPrefix("AGE-SECRET-KEY-1"))
            let refused = try await Program.run("dbbackup", ["run", database.name], environment: environment)
            #expect(refused.status == 78)
            let other = try await Program.run("/usr/bin/age-keygen", [])
            let stranger = try await Program.run(
                "dbbackup", ["keys", "confirm"], environment: environment, input: Array(other.stdout.utf8))
            #expect(stranger.status == 1)
            let confirmed = try await Program.run(
                "dbbackup", ["keys", "confirm"], environment: environment, input: Array("\(identity)\n".utf8))
            #expect(confirmed.status == 0, "\(confirmed.stderr)")
            let run = try await Program.run("dbbackup", ["run", database.name], environment: environment)
            #expect(run.status == 0, "\(run.stderr)")
            #expect(!run.stdout.contains("same host"))
        }
    }

    @Test func `no server is 69, in one line`() async throws {
        try await withState { state in
            let run = try await state.dbbackup("run", changing: ["PGHOST": "/nonexistent"])
            #expect(run.status == 69)
            #expect(run.stderr.hasPrefix("error: connection to server on socket"))
            #expect(try state.folders().isEmpty)
        }
    }

    @Test func `an unknown database is 66, with the nearest name`() async throws {
        try await withState { state in
            let run = try await state.dbbackup("run", "postgrse")
            #expect(run.status == 66)
            #expect(run.stderr.contains("did you mean \"postgres\"?"))
        }
    }

    @Test func `a pg_dump that is older than the server is 69 before anything starts`() async throws {
        try await withState { state in
            try await withTemporaryFolder { folder in
                try Files.write(
                    Array("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n".utf8), to: folder.appending("pg_dump"),
                    mode: [.ownerReadWriteExecute])
                let run = try await state.dbbackup("run", changing: ["DBSEC_POSTGRES": folder.string])
                #expect(run.status == 69)
                #expect(run.stderr.contains("9.6.24"))
                #expect(run.stderr.contains("hint: install postgresql-"))
                #expect(try state.folders().isEmpty)
            }
        }
    }

    @Test func `a dump program that fails in the middle leaves nothing`() async throws {
        try await fill()
        try await withState { state in
            try await withTemporaryFolder { folder in
                let real = try #require(state.environment["DBSEC_POSTGRES"] ?? nil)
                // All but the end of the dump, and an error as the last word.
                let script = """
                    #!/bin/sh
                    test "$1" = --version && exec \(real)/pg_dump --version
                    \(real)/pg_dump "$@" | head -c 20000
                    exit 1

                    """
                try Files.write(Array(script.utf8), to: folder.appending("pg_dump"), mode: [.ownerReadWriteExecute])
                try Files.write(
                    Array("#!/bin/sh\nexec \(real)/pg_dumpall \"$@\"\n".utf8), to: folder.appending("pg_dumpall"),
                    mode: [.ownerReadWriteExecute])
                let run = try await state.dbbackup("run", state.database, "--pg-bin", folder.string)
                #expect(run.status == 69)
                #expect(run.stderr.contains("pg_dump failed with status 1"))
                #expect(try state.folders().isEmpty)
            }
        }
    }

    /// A row may be a gigabyte; pg_dump holds it whole, and we never do.
    @Test func `memory stays flat however wide a row is`() async throws {
        try await Database.current.run(
            """
            CREATE TABLE wide (t text); ALTER TABLE wide ALTER t SET STORAGE EXTERNAL;
            INSERT INTO wide SELECT string_agg(md5(n::text), '') FROM generate_series(1, 5000000) n
            """)
        try await withState { state in
            for arguments in [
                ["run", state.database], ["verify", "--level", "decode"],
                ["restore", "latest", "--target-dbname", state.database + "_again"],
            ] {
                let program = try await Program.start("dbbackup", arguments, environment: state.environment)
                var peak = 0
                while let now = program.peakMemory {
                    peak = max(peak, now)
                    try await Task.sleep(for: .milliseconds(10))
                }
                let result = try await program.result()
                #expect(result.status == 0, "\(result.stderr)")
                #expect(peak > 0)
                #expect(peak < 96_000_000, "\(arguments[0])")
            }
        }
    }

    @Test func `a full disk is 74 and leaves nothing`() async throws {
        try await fill(rows: 60000)
        try await withState { state in
            let kind = Account.isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
            let program = Program.path("dbbackup").string
            let run = try await Program.run(
                "/usr/bin/unshare",
                kind + [
                    "/bin/sh", "-c",
                    """
                    mkdir -p "$1" && mount -t tmpfs -o size=1m none "$1" || exit 99
                    "$2" run "$3"; status=$?
                    ls "$1/main"; exit $status
                    """, "sh", state.backups.string, program, state.database,
                ], environment: state.environment)
            #expect(run.status == 74)
            #expect(run.stderr.contains("no space left on device"))
            #expect(run.stdout.isEmpty)
        }
    }

    @Test func `killed at any moment, a run leaves no backup, and the next one works`() async throws {
        try await fill(rows: 60000)
        try await withState { state in
            for delay in [50, 150, 300, 500, 800] {
                let run = try await Program.start("dbbackup", ["run", state.database], environment: state.environment)
                try await Task.sleep(for: .milliseconds(delay))
                run.send(SIGKILL)
                _ = try await run.result()
            }
            // And once where it is certain to be in the middle.
            let run = try await Program.start("dbbackup", ["run", state.database], environment: state.environment)
            while try !isDumping(state) { try await Task.sleep(for: .milliseconds(5)) }
            run.send(SIGKILL)
            let killed = try await run.result()
            #expect(killed.status == 128 + SIGKILL)
            #expect(try await labels(state).count == complete(state).count)
            let next = try await state.dbbackup("run", state.database)
            #expect(next.status == 0, "\(next.stderr)")
            #expect(try state.folders() == complete(state))
        }
    }

    @Test func `stopped by a signal, a run cleans up and says so`() async throws {
        try await fill(rows: 60000)
        try await withState { state in
            let run = try await Program.start("dbbackup", ["run", state.database], environment: state.environment)
            while try !isDumping(state) { try await Task.sleep(for: .milliseconds(5)) }
            run.send(SIGINT)
            let stopped = try await run.result()
            #expect(stopped.status == 130)
            #expect(try state.folders().isEmpty)
        }
    }

    @Test func `two runs at once: the second is told to come again`() async throws {
        try await fill(rows: 60000)
        try await withState { state in
            let first = try await Program.start("dbbackup", ["run", state.database], environment: state.environment)
            while try !isDumping(state) { try await Task.sleep(for: .milliseconds(5)) }
            // Held still, so that it is certainly under way for as long as the second one lives.
            first.send(SIGSTOP)
            let second = try await state.dbbackup("run", state.database)
            first.send(SIGCONT)
            #expect(second.status == 75)
            #expect(try await first.result().status == 0)
        }
    }

    @Test func `an unwritable audit log forbids the run`() async throws {
        try await withState { state in
            let log = state.folder.appending("audit/log.key")
            try Files.remove(log)
            let run = try await state.dbbackup("run", state.database)
            #expect(run.status != 0)
            #expect(try state.folders().isEmpty)
        }
    }

    /// Whether a dump's file is there and its signature is not.
    private func isDumping(_ state: State) throws -> Bool {
        try state.folders().contains { label in
            let folder = state.backups.appending("main").appending(label)
            return Files.exists(folder.appending("\(state.database).dump.zst.age"))
                && !Files.exists(folder.appending("manifest.json.minisig"))
        }
    }

    private func complete(_ state: State) throws -> [String] {
        try state.folders().filter {
            Files.exists(state.backups.appending("main").appending($0).appending("manifest.json.minisig"))
        }
    }

    private func labels(_ state: State) async throws -> [String] {
        let list = try await state.dbbackup("list", "--json")
        let document = try #require(JSONSerialization.jsonObject(with: Data(list.stdout.utf8)) as? [String: Any])
        return try #require(document["backups"] as? [[String: Any]]).compactMap { $0["label"] as? String }
    }
}

/// With a server that asks for a password.
@Suite(.timeLimit(.minutes(1))) struct BackupPasswordTests {
    @Test(.cluster) func `a wrong password is 77, and is not repeated`() async throws {
        let cluster = try Cluster.current
        let connection = try await cluster.connect()
        try await connection.execute("CREATE ROLE backup LOGIN SUPERUSER PASSWORD 'right'")
        let file: String = try await connection.query("SHOW hba_file").one()[0]
        try await connection.execute(
            """
            COPY (VALUES ('local all postgres trust'), ('local all all scram-sha-256')) TO \(literal: file)
            """)
        try await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        try await withTemporaryFolder { folder in
            var environment = Database(cluster: cluster, name: "postgres").environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            let made = try await Program.run("dbbackup", ["init", "--keep-identity-here"], environment: environment)
            #expect(made.status == 0)
            environment["PGUSER"] = "backup"
            environment["PGPASSWORD"] = "wrong-guess"
            let refused = try await Program.run("dbbackup", ["run"], environment: environment)
            #expect(refused.status == 77)
            #expect(refused.stderr.contains("password authentication failed"))
            #expect(!refused.stderr.contains("wrong-guess"))
            environment["PGPASSWORD"] = "right"
            let run = try await Program.run("dbbackup", ["run"], environment: environment)
            #expect(run.status == 0, "\(run.stderr)")
        }
    }
}
