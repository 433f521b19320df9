import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbbackup restore --replace`: at every moment there is one whole database of the name.
@Suite(.cluster(["max_prepared_transactions": "5"]), .database, .serialized, .timeLimit(.minutes(5)))
struct `Replacing a database` {
    private static let rows = 20_000

    /// A backup of `people`, and then a database in which they are gone and something else is.
    private func withDamage(_ body: (BackupHost) async throws -> Void) async throws {
        try await BackupHost.with(
            """
            CREATE TABLE people AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, \(Self.rows)) AS n;
            CREATE INDEX ON people (name); CREATE INDEX ON people (id)
            """
        ) { host in
            try await host.database.run("DROP TABLE people; CREATE TABLE damage AS SELECT 1 AS x")
            try await body(host)
        }
    }

    private enum Holds: Equatable {
        case old, restored, neither
    }

    /// What is under the name; the sessions of a killed restore may still be ending.
    private func held(_ database: Database) async throws -> Holds {
        let tables = try await database.value(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        )
        if tables == "damage" { return .old }
        guard tables == "people" else { return .neither }
        return try await database.value("SELECT count(*) FROM people") == "\(Self.rows)" ? .restored : .neither
    }

    private func kept(_ host: BackupHost) async throws -> [String] {
        try await host.databases(like: "\(host.database.name)\\_before\\_%")
    }

    @Test func `must be said in full, keeps the old one, and ends its sessions`() async throws {
        try await withDamage { host in
            let name = host.database.name
            #expect(try await host.dbbackup("restore", "latest").status == 73)
            for wrong in ["", String(name.dropLast())] {
                let refused = try await host.dbbackup("restore", "latest", "--replace", wrong)
                #expect(refused.status == 64, "\(refused.stderr)")
            }
            let plan = try await host.dbbackup("restore", "latest", "--replace", name, "--plan")
            #expect(plan.stdout.contains("end the sessions in \"\(name)\" (now "))
            #expect(try await held(host.database) == .old)
            let session = try await host.database.connect()
            let replaced = try await host.dbbackup("restore", "latest", "--replace", name)
            #expect(replaced.status == 0, "\(replaced.stderr)")
            await #expect(throws: PostgresError.self) { try await session.query("SELECT 1") }
            #expect(try await held(host.database) == .restored)
            let kept = try #require(try await kept(host).first)
            #expect(replaced.stdout.contains("the database that was there is now \"\(kept)\""))
            #expect(try await host.other(kept).value("SELECT x FROM damage") == "1")
            let nothing = try await host.dbbackup(
                "restore", "latest", "--target-dbname", "no_\(name)", "--replace", "no_\(name)")
            #expect(nothing.status == 66)
        }
    }

    /// What an application does whose pool connects again at once.
    @Test func `works against sessions that come again and again`() async throws {
        try await withDamage { host in
            let database = host.database
            let pool = Task {
                while !Task.isCancelled {
                    guard let connection = try? await database.connect() else { continue }
                    _ = try? await connection.query("SELECT pg_sleep(10)")
                    await connection.close()
                }
            }
            let replaced = try await host.dbbackup("restore", "latest", "--replace", database.name)
            pool.cancel()
            #expect(replaced.status == 0, "\(replaced.stderr)")
            #expect(try await held(database) == .restored)
        }
    }

    @Test func `that cannot be renamed leaves both, and says what they are called`() async throws {
        try await withDamage { host in
            let name = host.database.name
            try await host.database.run("BEGIN; INSERT INTO damage VALUES (2); PREPARE TRANSACTION 'held'")
            let refused = try await host.dbbackup("restore", "latest", "--replace", name)
            #expect(refused.status == 75, "\(refused.stderr)")
            #expect(try await held(host.database) == .old)
            let aside = try #require(try await host.databases(like: "\(name)\\_restored\\_%").first)
            #expect(refused.stderr.contains("\"\(aside)\""))
            #expect(try await held(host.other(aside)) == .restored)
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
            try await host.database.run("ROLLBACK PREPARED 'held'")
        }
    }

    @Test func `killed at any moment, it has changed nothing or is done, and the next one finishes`() async throws {
        try await withDamage { host in
            let name = host.database.name
            var whole = 0
            for delay in [40, 120, 200, 300, 400, 550, 700, 900] {
                let restore = try await Program.start(
                    "dbbackup", ["restore", "latest", "--replace", name], environment: host.environment)
                try await Task.sleep(for: .milliseconds(delay))
                restore.send(SIGKILL)
                _ = try await restore.result()
                let holds = try await held(host.database)
                #expect(holds != .neither)
                if holds == .restored {
                    #expect(try await kept(host).count == 1)
                    whole += 1
                    break
                }
            }
            guard whole == 0 else { return }
            let next = try await host.dbbackup("restore", "latest", "--replace", name)
            #expect(next.status == 0, "\(next.stderr)")
            #expect(try await held(host.database) == .restored)
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
        }
    }

    @Test func `killed between the two renames, it has changed nothing`() async throws {
        try await withDamage { host in
            let name = host.database.name
            let restore = try await Program.start(
                "dbbackup", ["restore", "latest", "--replace", name], environment: host.environment)
            // A session in the restored database keeps the second rename waiting.
            var blocker: Connection?
            while blocker == nil {
                guard let temporary = try await host.databases(like: "dbsec\\_restore\\_%").first else { continue }
                blocker = try? await host.other(temporary).connect()
            }
            let watch = try await host.database.cluster.connect()
            let second =
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE \"dbsec_restore_%' AND state = 'active'"
            while try await watch.query(SQL(raw: second)).one()[0] == "0" {
                try await Task.sleep(for: .milliseconds(2))
            }
            restore.send(SIGKILL)
            _ = try await restore.result()
            await blocker?.close()
            #expect(try await held(host.database) == .old)
            #expect(try await kept(host).isEmpty)
            let plan = try await host.dbbackup("restore", "latest", "--replace", name, "--plan")
            #expect(plan.stdout.contains("which a restore that was killed has left"))
            let next = try await host.dbbackup("restore", "latest", "--replace", name)
            #expect(next.status == 0, "\(next.stderr)")
            #expect(try await held(host.database) == .restored)
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
        }
    }

    @Test func `stopped by a signal, it leaves nothing and has changed nothing`() async throws {
        try await withDamage { host in
            let restore = try await Program.start(
                "dbbackup", ["restore", "latest", "--replace", host.database.name], environment: host.environment)
            while try await host.databases(like: "dbsec\\_restore\\_%").isEmpty {
                try await Task.sleep(for: .milliseconds(2))
            }
            restore.send(SIGTERM)
            #expect(try await restore.result().status == 143)
            #expect(try await held(host.database) == .old)
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
        }
    }
}
