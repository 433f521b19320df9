import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbbackup verify`, `restore` and `prune` as their users run them, with a backup of the test's database.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(5))) struct ProofProgramTests {
    /// A host with a backup of a database that has `rows` rows.
    private func withBackup(rows: Int = 1000, _ body: (BackupHost) async throws -> Void) async throws {
        try await BackupHost.with(
            "CREATE TABLE people AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, \(rows)) AS n", body)
    }

    @Test func `verify proves a backup at each level, and the log says so`() async throws {
        try await withBackup { state in
            for level in ["archive", "decode", "restore"] {
                let verified = try await state.dbbackup("verify", "--level", level)
                #expect(verified.status == 0, "\(verified.stdout)\(verified.stderr)")
                #expect(verified.stdout.contains(": equal, level \(level), 1 database"))
                #expect(verified.stdout.contains("trust: same host"))
            }
            #expect(try Files.list(state.backup.appending("proofs")).count == 6)
            let log = try await Program.run("dbaudit", ["verify"], environment: state.environment)
            #expect(log.status == 0, "\(log.stderr)")
            let shown = try await Program.run("dbaudit", ["show"], environment: state.environment)
            #expect(shown.stdout.contains("backup.verify"))
        }
    }

    @Test func `verify goes through all backups as far as there is time, and asks what it is told to ask`() async throws
    {
        try await withBackup { state in
            #expect(try await state.dbbackup("run", state.database.name).status == 0)
            let some = try await state.dbbackup("verify", "--all", "--level", "archive", "--max-duration", "0.02s")
            #expect(some.status == 0, "\(some.stderr)")
            #expect(some.stdout.hasSuffix("\n1 backup left for another time\n"))
            #expect(some.stdout.contains(try state.backup.lastComponent?.string ?? ""))
            let others = try await state.dbbackup("verify", "--all", "--level", "archive")
            #expect(others.stdout.split(separator: "\n").count { $0.contains(": equal, level archive") } == 2)
            let file = state.folder.appending("smoke.sql")
            try Files.write(Array("SELECT count(*) = 1000 FROM people;\n-- expect: 3\nSELECT 2;\n".utf8), to: file)
            let asked = try await state.dbbackup("verify", "--smoke", file.string)
            #expect(asked.status == 1, "\(asked.stderr)")
            #expect(asked.stdout.contains("smoke test in line 3: it says 2 instead of 3"))
            #expect(try await state.dbbackup("verify", "--smoke", file.string, "--level", "decode").status == 64)
            #expect(try await state.dbbackup("verify", "--max-duration", "1h").status == 64)
        }
    }

    @Test func `one bit of the dump makes verify answer 1, and restore refuse with 65 and leave nothing`() async throws
    {
        try await withBackup { state in
            var bytes = try Files.read(state.dump)
            bytes[bytes.count / 2] ^= 4
            try Files.write(bytes, to: state.dump)
            let verified = try await state.dbbackup("verify", "latest", "--level", "archive")
            #expect(verified.status == 1)
            #expect(verified.stdout.contains("was changed since it was signed"))
            let restored = try await state.dbbackup(
                "restore", "latest", "--target-dbname", "copy_of_\(state.database.name)")
            #expect(restored.status == 65)
            #expect(restored.stderr.split(separator: "\n").count { $0.hasPrefix("error: ") } == 1)
            #expect(try await state.databases(like: "copy_of_\(state.database.name)").isEmpty)
        }
    }

    @Test func `a signer who is not pinned makes verify answer 1 and restore refuse with 65`() async throws {
        try await withBackup { state in
            try Files.removeTree(state.folder.appending("keys/trusted"))
            let verified = try await state.dbbackup("verify", "latest")
            #expect(verified.status == 1)
            #expect(verified.stdout.contains("which is not pinned here"))
            #expect(try await state.dbbackup("restore", "latest").status == 65)
        }
    }

    @Test func `another identity cannot verify, which is 69`() async throws {
        try await withBackup { state in
            try await withTemporaryFolder { folder in
                let key = folder.appending("other.txt").string
                #expect(try await Program.run("/usr/bin/age-keygen", ["-o", key]).status == 0)
                let verified = try await state.dbbackup("verify", "--identity", key)
                #expect(verified.status == 69)
                #expect(verified.stdout.contains("cannot verify here"))
            }
        }
    }

    @Test func `a restored database has the content, settings, privileges and comment of its source`() async throws {
        let database = try Database.current
        try await database.run(
            """
            ALTER DATABASE "\(database.name)" SET work_mem TO '9MB';
            COMMENT ON DATABASE "\(database.name)" IS 'kept';
            REVOKE CONNECT ON DATABASE "\(database.name)" FROM PUBLIC
            """)
        try await withBackup { state in
            let name = "copy \"of\" \(state.database.name)"
            let restored = try await state.dbbackup("restore", "latest", "--target-dbname", name)
            #expect(restored.status == 0, "\(restored.stderr)")
            let copy = state.other(name)
            let content = "SELECT count(*) || md5(string_agg(p::text, '' ORDER BY id)) FROM people AS p"
            #expect(try await copy.value(content) == database.value(content))
            #expect(try await copy.value("SHOW work_mem") == "9MB")
            let properties = """
                SELECT shobj_description(oid, 'pg_database') || pg_encoding_to_char(encoding) || datcollate
                       || (SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(datacl) AS item)
                FROM pg_database WHERE datname = current_database()
                """
            #expect(try await copy.value(properties) == database.value(properties))
            #expect(try await state.databases(like: "dbsec_restore_%").isEmpty)
        }
    }

    @Test func `a database with content is never written to, an empty one is filled`() async throws {
        try await withBackup { state in
            let full = try await state.dbbackup("restore", "latest")
            #expect(full.status == 73)
            #expect(full.stderr.contains("not empty"))
            let empty = try await state.database.cluster.makeDatabase()
            let filled = try await state.dbbackup("restore", "latest", "--target-dbname", empty.name)
            #expect(filled.status == 0, "\(filled.stderr)")
            #expect(try await empty.value("SELECT count(*) FROM people") == "1000")
        }
    }

    @Test func `a plan warns, and changes nothing`() async throws {
        try await withBackup { state in
            let name = "planned_\(state.database.name)"
            let plan = try await state.dbbackup("restore", "latest", "--plan", "--target-dbname", name)
            #expect(plan.status == 0, "\(plan.stderr)")
            #expect(plan.stdout.contains("warning: a restore runs code that owners of tables in the backup wrote"))
            #expect(try await state.databases(like: name).isEmpty)
        }
    }

    @Test func `missing roles are named, and made when asked for, with their passwords`() async throws {
        let database = try Database.current
        let role = "Owner of \(database.name)"
        let quoted = "\"\(role)\""
        try await database.run(
            "CREATE ROLE \(quoted) LOGIN PASSWORD 'secret'; ALTER ROLE \(quoted) SET work_mem = '7MB'")
        let verifier = """
            SELECT a.rolpassword || r.rolconfig::text FROM pg_authid AS a JOIN pg_roles AS r USING (oid)
            WHERE a.rolname = '\(role)'
            """
        let before = try await database.value(verifier)
        try await database.run("CREATE TABLE owned (); ALTER TABLE owned OWNER TO \(quoted)")
        try await withBackup { state in
            try await database.run("DROP OWNED BY \(quoted); DROP ROLE \(quoted)")
            let name = "copy_of_\(database.name)"
            let refused = try await state.dbbackup("restore", "latest", "--target-dbname", name)
            #expect(refused.status == 66)
            #expect(refused.stderr.contains(quoted))
            let restored = try await state.dbbackup("restore", "latest", "--target-dbname", name, "--globals")
            #expect(restored.status == 0, "\(restored.stderr)")
            #expect(try await database.value(verifier) == before)
            let owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'owned'"
            #expect(try await state.other(name).value(owner) == quoted)
        }
    }

    @Test func `stopped in the middle, a restore leaves no database`() async throws {
        try await withBackup(rows: 400_000) { state in
            let restore = try await Program.start(
                "dbbackup", ["restore", "latest", "--target-dbname", "stopped_\(state.database.name)"],
                environment: state.environment)
            while try await state.databases(like: "dbsec_restore_%").isEmpty {
                try await Task.sleep(for: .milliseconds(5))
            }
            restore.send(SIGINT)
            let stopped = try await restore.result()
            #expect(stopped.status == 130)
            #expect(try await state.databases(like: "dbsec_restore_%").isEmpty)
            #expect(try await state.databases(like: "stopped_\(state.database.name)").isEmpty)
        }
    }

    @Test func `killed in the middle, a proof leaves a folder that the next one removes`() async throws {
        try await withBackup { state in
            let scratch = state.folder.removingLastComponent().appending("scratch")
            let verify = try await Program.start("dbbackup", ["verify"], environment: state.environment)
            while try !hasServer(scratch) { try await Task.sleep(for: .milliseconds(5)) }
            verify.send(SIGKILL)
            _ = try await verify.result()
            #expect(try Files.list(scratch).count == 1)
            let next = try await state.dbbackup("verify")
            #expect(next.status == 0, "\(next.stdout)\(next.stderr)")
            #expect(try Files.list(scratch).isEmpty)
        }
    }

    @Test func `cat writes the rows of a table, and of all partitions of one`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE odd (a int, b text); INSERT INTO odd VALUES (1, E'x\\ty'), (2, NULL), (3, E'\\\\.');
            CREATE TABLE parts (n int) PARTITION BY LIST (n);
            CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
            CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
            INSERT INTO parts VALUES (1), (2)
            """)
        try await withBackup { state in
            let odd = try await state.dbbackup("cat", "latest", "--table", "public.odd")
            #expect(odd.status == 0, "\(odd.stderr)")
            #expect(odd.stdout == "1\tx\\ty\n2\t\\N\n3\t\\\\.\n")
            #expect(try await state.dbbackup("cat", "latest", "--table", "public.parts").stdout == "1\n2\n")
            #expect(try await state.dbbackup("cat", "latest", "--table", "public.parts_2").stdout == "2\n")
            let missing = try await state.dbbackup("cat", "latest", "--table", "public.ood")
            #expect(missing.status == 66)
            #expect(missing.stderr.contains("did you mean public.odd?"))
        }
    }

    @Test func `diff tells which tables hold other rows`() async throws {
        let database = try Database.current
        try await database.run(
            "CREATE TABLE same AS SELECT 1; CREATE TABLE gone AS SELECT 1; CREATE TABLE less AS SELECT 1")
        try await withBackup { state in
            let first = try state.backup.lastComponent?.string ?? ""
            try await database.run(
                "DROP TABLE gone; DELETE FROM less; CREATE TABLE fresh AS SELECT 1 UNION ALL SELECT 2")
            #expect(try await state.dbbackup("run", database.name).status == 0)
            let diff = try await state.dbbackup("diff", first, "latest", "--json")
            #expect(diff.status == 1, "\(diff.stderr)")
            let document = try #require(JSONSerialization.jsonObject(with: Data(diff.stdout.utf8)) as? [String: Any])
            let databases = try #require(document["databases"] as? [[String: Any]])
            let tables = try #require(databases[0]["tables"] as? [[String: Any]])
            let changes = tables.map {
                "\($0["table"] ?? "") \($0["kind"] ?? "") \($0["rowsBefore"] ?? "") \($0["rowsAfter"] ?? "")"
            }
            #expect(
                changes == [
                    "public.fresh appeared 0 2", "public.gone disappeared 1 0", "public.less changed 1 0",
                ])
            let same = try await state.dbbackup("diff", "latest", "latest")
            #expect(same.status == 0)
            #expect(same.stdout == "no differences\n")
        }
    }

    @Test func `check warns until the newest backup is proved, and writes metrics`() async throws {
        try await withBackup { state in
            let file = state.folder.appending("dbbackup.prom")
            let before = try await state.dbbackup("check")
            #expect(before.status == 1)
            #expect(
                before.stdout.hasPrefix(
                    "BACKUP WARNING: no backup of main/\(state.database.name) was ever proved by a restore | age="))
            #expect(try await state.dbbackup("verify").status == 0)
            let after = try await state.dbbackup("check", "--metrics", file.string, "--expect", state.database.name)
            #expect(after.status == 0, "\(after.stdout)\(after.stderr)")
            #expect(after.stdout.hasPrefix("BACKUP OK: 1 database backed up and proved | age="))
            let metrics = String(decoding: try Files.read(file), as: UTF8.self)
            #expect(metrics.contains("dbsec_backup_newest_proven_timestamp_seconds{cluster=\"main\""))
            #expect(try await state.dbbackup("check", "--max-age", "soon").status == 64)
            // A backup that nobody here knows the signer of counts for nothing.
            try Files.removeTree(state.folder.appending("keys/trusted"))
            #expect(try await state.dbbackup("check").stdout.hasPrefix("BACKUP WARNING: there is no backup"))
        }
    }

    @Test func `prune says why, keeps the proven one, and with no rule does nothing`() async throws {
        try await withBackup { state in
            let proven = try state.backup
            #expect(try await state.dbbackup("verify").status == 0)
            #expect(try await state.dbbackup("run", state.database.name).status == 0)
            let middle = try state.backup
            #expect(try await state.dbbackup("run", state.database.name).status == 0)
            #expect(try await state.dbbackup("prune").status == 78)
            let planned = try await state.dbbackup("prune", "--keep-last", "1", "--dry-run")
            #expect(planned.stdout.contains("would be given up"))
            #expect(Files.exists(middle))
            let pruned = try await state.dbbackup("prune", "--keep-last", "1", "--grace-hours", "0")
            #expect(pruned.status == 0, "\(pruned.stderr)")
            #expect(pruned.stdout.contains("newest proven backup of \"\(state.database.name)\""))
            #expect(Files.exists(proven))
            #expect(!Files.exists(middle))
        }
    }

    /// Whether a scratch server has begun to start in the folder.
    private func hasServer(_ scratch: FilePath) throws -> Bool {
        try Files.list(scratch).contains {
            Files.exists(scratch.appending($0).appending("cluster/data/postmaster.pid"))
        }
    }
}
