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
