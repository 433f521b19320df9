import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// One database by several pg_dump: what is in the files together must be what one pg_dump would have written.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct `A database in several files` {
    /// Large tables with and without sequences, partitions whose columns stand in another order, names of any kind, and
    /// what belongs to no table.
    private static let content = """
        CREATE SCHEMA "s.*";
        CREATE TABLE "s.*"."a ""b"" ?.$|" AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 30000) n;
        CREATE TABLE "s.*"."a ""b"" ?" AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 29000) n;
        CREATE TABLE "größen" AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 27000) n;
        CREATE TABLE serial (id bigserial PRIMARY KEY, t text);
        INSERT INTO serial (t) SELECT repeat(md5(n::text), 20) FROM generate_series(1, 28000) n;
        CREATE TABLE parent (id int NOT NULL, t text, twice int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (id);
        CREATE TABLE leaf_1 PARTITION OF parent FOR VALUES FROM (0) TO (30000);
        CREATE TABLE leaf_2 (twice int GENERATED ALWAYS AS (id * 2) STORED, t text, id int NOT NULL);
        ALTER TABLE parent ATTACH PARTITION leaf_2 FOR VALUES FROM (30000) TO (60000);
        CREATE TABLE leaf_3 PARTITION OF parent DEFAULT;
        INSERT INTO parent (id, t) SELECT n, repeat(md5(n::text), 20) FROM generate_series(1, 60100) n;
        CREATE TABLE small AS SELECT 1 AS x; CREATE SEQUENCE loose START 7; SELECT nextval('loose');
        CREATE VIEW v AS SELECT * FROM serial; CREATE MATERIALIZED VIEW m AS SELECT x FROM small;
        SELECT lo_from_bytea(4244, 'a large object'); CREATE PUBLICATION everything FOR ALL TABLES;
        ALTER TABLE serial ADD CONSTRAINT positive CHECK (id > 0); CREATE INDEX ON parent (id);
        """

    @Test func `is together what one dump is`() async throws {
        let database = try Database.current
        try await database.run(Self.content)
        try await withProducer { producer in
            let whole = try await producer.run([database.name]) { $0.splitFrom = nil }
            let split = try await producer.run([database.name]) { ($0.splitFrom, $0.jobs) = (0, 3) }
            let data = split.manifest.data(of: database.name)
            #expect(data.map(\.name) == (1...2).map { "\(database.name).data-00\($0).zst.age" })
            #expect(whole.manifest.data(of: database.name).isEmpty)

            let one = try toc(#require(whole.manifest.dump(of: database.name)), whole, producer)
            let first = try toc(#require(split.manifest.dump(of: database.name)), split, producer)
            let others = try data.map { try toc($0, split, producer) }
            // Nothing is missing, nothing is new; and no rows are in two of them.
            let parts = [first] + others
            let rows = parts.flatMap { $0.entries.filter { $0.kind == "TABLE DATA" }.map(title) }
            #expect(Set(rows).count == rows.count)
            #expect(others.allSatisfy { !$0.entries.filter { $0.kind == "TABLE DATA" }.isEmpty })
            #expect(Set(parts.flatMap { $0.entries.map(title) }) == Set(one.entries.map(title)))
            #expect(
                first.entries.filter { $0.kind != "TABLE DATA" }.map(title)
                    == one.entries.filter { $0.kind != "TABLE DATA" }.map(title))

            // The partitions' root may be in another order of columns: the recorded one, by which both are read again.
            let content = try #require(whole.index.database(database.name)?.content)
            let together = try #require(split.index.database(database.name)?.content)
            #expect(content.differences(to: together).map(\.description) == [])
            #expect(together.table("parent")?.rows == 60100)
            #expect(together.largeObjects.count == 1)
            #expect(split.index.database(database.name)?.definitions == first.definitions)
        }
    }

    @Test func `stays one where nothing in it is large, or one program is all there may be`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n")
        try await withProducer { producer in
            let made = try await producer.run([database.name]) { ($0.splitFrom, $0.jobs) = (0, 4) }
            #expect(made.manifest.data(of: database.name).isEmpty)
        }
    }

    @Test func `is restored by stock tools as the documentation says`() async throws {
        let database = try Database.current
        try await database.run(Self.content)
        try await withProducer { producer in
            let made = try await producer.run([database.name]) { ($0.splitFrom, $0.jobs) = (0, 3) }
            let copy = "copy_\(database.name)"
            let restored = try await Program.run(
                "/bin/bash",
                [
                    "-ec",
                    """
                    cd "$1"
                    open() { age -d -i "$2" "$1" | zstd -dq; }
                    restore() { "$DBSEC_POSTGRES/pg_restore" --exit-on-error "$@"; }
                    open $PGDATABASE.dump.zst.age "$2" > /dev/null
                    "$DBSEC_POSTGRES/createdb" -T template0 "$3"
                    open $PGDATABASE.dump.zst.age "$2" | restore --section=pre-data -d "$3"
                    for file in $PGDATABASE.dump.zst.age $PGDATABASE.data-*.zst.age; do
                      open "$file" "$2" | restore --section=data -d "$3"
                    done
                    open $PGDATABASE.dump.zst.age "$2" | restore --section=post-data -d "$3"
                    """, "bash", made.backup.folder.string, producer.keys.identityFile.string, copy,
                ], environment: database.environment)
            #expect(restored.status == 0, "\(restored.stderr)")
            let again = try await producer.run([copy]) { $0.splitFrom = nil }
            let (before, after) = (made.index.databases[0].content, again.index.databases[0].content)
            #expect(before.differences(to: after).map(\.description).filter { !$0.contains("columns") } == [])
            let restoredDatabase = Database(cluster: database.cluster, name: copy)
            #expect(
                try await restoredDatabase.value("SELECT nextval('serial_id_seq') || ' ' || nextval('loose')")
                    == "28001 8")
        }
    }

    @Test func `one program that fails fails all of it, and leaves nothing`() async throws {
        let database = try Database.current
        try await database.run(Self.content)
        try await withTemporaryFolder { folder in
            let real = database.cluster.installation.folder
            for (name, first) in [
                (
                    "pg_dump",
                    "case \"$*\" in *--data-only*) sleep 0.3; echo 'pg_dump: error: no luck' >&2; exit 1;; esac"
                ),
                ("pg_dumpall", ":"),
            ] {
                try Files.write(
                    Array("#!/bin/sh\n\(first)\nexec \(real.appending(name)) \"$@\"\n".utf8),
                    to: folder.appending(name), mode: [.ownerReadWriteExecute])
            }
            try await withProducer { producer in
                let failure = await #expect(throws: DumpFailure.self) {
                    try await producer.run([database.name], programs: folder) { ($0.splitFrom, $0.jobs) = (0, 3) }
                }
                #expect(
                    failure?.sentence
                        == "cannot dump \"\(database.name)\": pg_dump failed with status 1: error: no luck")
                let backups = try producer.repository.backups()
                #expect(backups.isEmpty)
                #expect(try Files.list(producer.repository.folder(of: "main")) == [".lock"])
            }
        }
    }

    /// Two databases that wait for one another's permits would wait for ever.
    @Test func `several large databases share the programs that there may be`() async throws {
        let cluster = try Cluster.current
        var databases: [Database] = []
        for number in 1...3 {
            let database = try await cluster.makeDatabase()
            try await database.run(
                """
                CREATE TABLE a AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 27000) n;
                CREATE TABLE b AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 27000) n;
                CREATE TABLE c AS SELECT n FROM generate_series(1, \(number) * 1000) n
                """)
            databases.append(database)
        }
        databases.append(try await cluster.makeDatabase())
        try await withProducer { producer in
            for jobs in [2, 4] {
                let made = try await producer.run(databases.map(\.name)) { ($0.splitFrom, $0.jobs) = (20 << 20, jobs) }
                let rows = databases.map { made.index.database($0.name)?.content.rows }
                #expect(rows == [55000, 56000, 57000, 0])
                #expect(
                    databases.map { made.manifest.data(of: $0.name).count }
                        == [1, 1, 1, 0].map { $0 * min(jobs - 1, 2) })
            }
        }
    }

    private func title(_ entry: ArchiveTOC.Entry) -> String {
        "\(entry.kind) \(entry.namespace ?? "") \(entry.tag) \(entry.copyStatement ?? "")"
    }

    private func toc(_ file: Manifest.File, _ made: BackupRun.Made, _ producer: Producer) throws -> ArchiveTOC {
        let reader = ArchiveReader(ContentIndexer())
        try producer.open(file, of: made.backup, into: reader)
        return try #require(reader.toc)
    }
}
