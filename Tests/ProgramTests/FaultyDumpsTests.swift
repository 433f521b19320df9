import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// What people do to a database while it is dumped.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct FaultyDumpsTests {
    @Test func `a database cannot be dropped meanwhile, and by force the run says which failed`() async throws {
        try await whileDumping { scene, server in
            let refused = await #expect(throws: PostgresError.self) {
                try await server.execute("DROP DATABASE \(identifier: scene.database)")
            }
            #expect(refused?.code == "55006")
            try await server.execute("DROP DATABASE \(identifier: scene.database) WITH (FORCE)")
        } then: { scene, run in
            #expect(run.status == 69, "\(run.stdout) \(run.stderr)")
            #expect(run.stderr.contains(scene.database), "\(run.stderr)")
            #expect(try await scene.labels().count == 1)
            try await scene.expectAllEqual(during: "a dropped database")
            try await scene.with(["PGDATABASE": "postgres"]).expect(0, "run", "postgres")
        }
    }

    @Test func `a table cannot be rewritten meanwhile, and rows that change are not in the backup`() async throws {
        try await whileDumping { scene, _ in
            let database = Database(cluster: try .current, name: scene.database)
            let connection = try await database.connect()
            try await connection.execute("SET lock_timeout = '200ms'")
            for statement in [
                "ALTER TABLE public.people ADD more int DEFAULT 1", "TRUNCATE public.people",
                "DROP TABLE public.people",
            ] {
                let refused = await #expect(throws: PostgresError.self) {
                    try await connection.execute(SQL(raw: statement))
                }
                #expect(refused?.code == "55P03", "\(statement)")
            }
            try await connection.execute("DELETE FROM public.people WHERE id % 2 = 0")
            await connection.close()
        } then: { scene, run in
            #expect(run.status == 0, "\(run.stdout) \(run.stderr)")
            #expect(run.stdout.contains("200,000 rows"), "\(run.stdout)")
            try await scene.expectAllEqual(during: "an altered table")
        }
    }

    @Test func `a role that is dropped meanwhile was there at the instant of the globals`() async throws {
        let role = "faults_gone_\(UInt32.random(in: .min ... .max))"
        try await Database.current.run("CREATE ROLE \(role)")
        try await whileDumping { _, server in
            try await server.execute("DROP ROLE \(identifier: role)")
        } then: { scene, run in
            #expect(run.status == 0, "\(run.stdout) \(run.stderr)")
            try await scene.expectAllEqual(during: "a dropped role")
            let globals = try await Program.run(
                "/bin/sh",
                [
                    "-c", "age -d -i \"$1\" \"$2\" | zstd -dq", "sh", scene.state.appending("keys/identity.txt").string,
                    scene.main.appending(try #require(try await scene.labels().last)).appending("globals.sql.zst.age")
                        .string,
                ])
            #expect(globals.stdout.contains("CREATE ROLE \(role);"))
        }
    }

    @Test func `an audit log that goes away meanwhile is a backup that is done, not recorded`() async throws {
        try await whileDumping { scene, _ in
            try Files.rename(scene.log, to: scene.lostLog)
        } then: { scene, run in
            #expect(run.status == 74, "\(run.stdout) \(run.stderr)")
            #expect(run.stderr.contains("done, not recorded"), "\(run.stderr)")
            try Files.rename(scene.lostLog, to: scene.log)
            #expect(try await scene.labels().count == 2)
            try await scene.expectAllEqual(during: "a lost audit log")
            try await scene.expect(0, "run", scene.database)
        }
    }

    @Test func `a pg_dump of another version is refused when it is older, and used when it is not`() async throws {
        try await FaultScene.with(backups: 0) { scene in
            let isNewer = try Cluster.current.installation.majorVersion > 15
            let run = try await scene.dbbackup("run", scene.database, "--pg-bin", "/usr/lib/postgresql/15/bin")
            #expect(run.status == (isNewer ? 69 : 0), "\(run.stderr)")
            if isNewer { #expect(run.stderr.contains("hint: install postgresql-")) }
            try await scene.expectAllEqual(during: "another version")
        }
    }

    /// Holds a run still in the middle of its dump while `act` has its way, and lets it go on.
    private func whileDumping(
        _ act: (FaultScene, Connection) async throws -> Void,
        then check: (FaultScene, ProgramResult) async throws -> Void
    ) async throws {
        // Much more than a pipe holds, so that pg_dump cannot be done.
        try await FaultScene.with(backups: 1, rows: 200_000) { scene in
            let before = try Set(Files.list(scene.main))
            let run = try await Program.start("dbbackup", ["run", scene.database], environment: scene.environment)
            var isDumping = false
            while !isDumping {
                try await Task.sleep(for: .milliseconds(2))
                for label in try Files.list(scene.main) where !before.contains(label) {
                    let dump = scene.main.appending(label).appending("\(scene.database).dump.zst.age")
                    isDumping = isDumping || Files.exists(dump)
                }
            }
            run.send(SIGSTOP)
            let server = try await Cluster.current.connect()
            do {
                try await act(scene, server)
            } catch {
                run.send(SIGKILL)
                throw error
            }
            await server.close()
            run.send(SIGCONT)
            try await check(scene, try await run.result())
        }
    }
}

extension FaultScene {
    fileprivate var log: FilePath { state.appending("audit/log-000000.jsonl") }
    fileprivate var lostLog: FilePath { folder.appending("lost.jsonl") }
}
