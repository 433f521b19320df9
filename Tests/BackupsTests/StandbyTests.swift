import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster(["wal_level": "replica", "max_wal_senders": "4"]), .serialized, .timeLimit(.minutes(4)))
struct `A hot standby` {
    @Test func `is backed up like its primary, and unlogged tables are named as missing`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await database.run(
            """
            CREATE TABLE t AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 30000) AS n;
            CREATE TABLE u AS SELECT n, repeat(md5(n::text), 20) AS text FROM generate_series(1, 29000) AS n;
            CREATE UNLOGGED TABLE quick AS SELECT 1 AS x; SELECT lo_from_bytea(5151, 'large')
            """)
        try await withStandby { standby in
            try await withProducer { producer in
                let copy = try await producer.run([database.name], server: standby) { ($0.splitFrom, $0.jobs) = (0, 2) }
                #expect(copy.index.cluster.isStandby)
                #expect(copy.manifest.data(of: database.name).count == 1)
                #expect(
                    copy.manifest.notCovered == [
                        .init(
                            database: database.name, what: "unlogged table", count: 1,
                            reason: "a standby does not have its rows")
                    ])
                let own = try await producer.run([database.name])
                let (theirs, ours) = (copy.index.databases[0].content, own.index.databases[0].content)
                #expect(theirs.tables == ours.tables.filter { $0.name.name != "quick" })
                #expect(theirs.largeObjects == ours.largeObjects)
                #expect(copy.manifest.systemIdentifier == own.manifest.systemIdentifier)
            }
        }
    }

    /// A standby that may not wait ends whoever reads what its replay has to change.
    @Test func `is dumped at another instant when its replay was in the way`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await database.run("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) AS n")
        try await withStandby(["max_standby_streaming_delay": "0"]) { standby in
            try await withTemporaryFolder { folder in
                let programs = try slowFirstDump(in: folder, of: database.cluster.installation.folder)
                try await withProducer { producer in
                    async let made = producer.run([database.name], server: standby, programs: programs)
                    let watch = try await Connection.open(standby.with(database: database.name))
                    while try await watch.query(
                        "SELECT FROM pg_locks WHERE relation = 'public.t'::regclass AND mode = 'AccessShareLock'"
                    ).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                    await watch.close()
                    try await database.run("ALTER TABLE t ADD COLUMN later int DEFAULT 5")
                    let content = try await made.index.databases[0].content
                    #expect(content.table("t")?.columns == ["n", "later"])
                    #expect(content.table("t")?.rows == 1000)
                }
                #expect(Files.exists(folder.appending("dumped")))
            }
        }
    }

    /// A standby of the server around this test, which has replayed all that there is.
    private func withStandby(
        _ settings: [String: String] = [:], _ body: (ConnectionParameters) async throws -> Void
    ) async throws {
        let primary = try Cluster.current
        let account = try Cluster.account()
        let folder = try Files.makeTemporaryDirectory(in: TemporaryCluster.defaultParent, prefix: "dbsec-standby")
        defer { try? Files.removeTree(folder) }
        try Files.changeOwner(folder, to: account)
        let server = try ThrowawayServer(in: folder, superuser: "postgres") { program, arguments in
            Child(
                primary.installation.program(program), arguments, environment: ["TZ": "UTC"], account: account,
                stopping: .interrupt)
        }
        try await Child(
            primary.installation.program("pg_basebackup"),
            [
                "--pgdata=\(folder.appending("data"))", "--host=\(primary.server.folder)", "--port=5432",
                "--username=postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--wal-method=stream",
            ], account: account
        ).run()
        let defaults = [
            "dynamic_shared_memory_type": "mmap", "shared_buffers": "32MB", "hot_standby": "on", "max_wal_senders": "4",
            "wal_level": "replica",
        ]
        try await server.serving(defaults.merging(settings) { $1 }) {
            let connection = try await Connection.open(server.parameters)
            let source = try await primary.connect()
            let end: String = try await source.query("SELECT pg_current_wal_lsn()::text").one()[0]
            while try await connection.query(
                "SELECT WHERE pg_last_wal_replay_lsn() >= \(end)::text::pg_lsn"
            ).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            await source.close()
            await connection.close()
            try await body(server.parameters)
        }
    }

    /// The first pg_dump comes late, the others at once.
    private func slowFirstDump(in folder: FilePath, of real: FilePath) throws -> FilePath {
        let marker = folder.appending("dumped")
        let first = "test \"$1\" = --version || test -e \(marker) || { : > \(marker); sleep 2; }"
        for (name, command) in [("pg_dump", first), ("pg_dumpall", ":")] {
            try Files.write(
                Array("#!/bin/sh\n\(command)\nexec \(real.appending(name)) \"$@\"\n".utf8), to: folder.appending(name),
                mode: [.ownerReadWriteExecute])
        }
        return folder
    }
}
