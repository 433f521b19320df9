import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// A database whose rows lie in several files of a backup.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct `A split dump` {
    private static let tables = [
        ["public.large", "public.\"odd \"\"name\"\" \""], ["public.parts_1"], ["public.parts_2"],
    ]

    private func withSplit(_ body: (Producer, StoredBackup, DatabaseIndex) async throws -> Void) async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE large (id bigserial PRIMARY KEY, name text); CREATE INDEX ON large (name);
            INSERT INTO large (name) SELECT md5(n::text) FROM generate_series(1, 30000) AS n;
            CREATE TABLE "odd ""name"" " (id bigint REFERENCES large, t text);
            INSERT INTO "odd ""name"" " SELECT n, E'tab\\tback\\\\' FROM generate_series(1, 100) AS n;
            CREATE TABLE parts (k int, t text) PARTITION BY HASH (k);
            CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 0);
            CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 1);
            CREATE TABLE parts_2 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 2);
            INSERT INTO parts SELECT n, 'x' FROM generate_series(1, 900) AS n;
            CREATE TABLE small AS SELECT 1 AS x; SELECT lo_from_bytea(4244, 'a large object');
            CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM large; CREATE SEQUENCE free; SELECT nextval('free')
            """)
        try await withProducer { producer in
            let made = try await producer.back(database)
            let split = try await producer.split(made, database, apart: Self.tables)
            try await body(producer, split, made.index.databases[0])
        }
    }

    @Test func `is one dump's table of contents and content`() async throws {
        try await withSplit { producer, backup, recorded in
            let reading = SealedReading(identities: try producer.identities(), progress: nil)
            let authentic = try AuthenticBackup(backup, trusted: producer.keys.trustedKeys())
            let dump = try await reading.dump(of: recorded.facts.name, in: authentic)
            #expect(dump.streams.count == 4)
            let content = try reading.content(of: dump, as: recorded)
            #expect(content == recorded.content)
            let whole = dump.toc.definitions.map { "\($0.title) \($0.sha256)" }.sorted()
            #expect(whole == recorded.definitions.map { "\($0.title) \($0.sha256)" }.sorted())
        }
    }

    @Test func `is proved at every level`() async throws {
        try await withSplit { producer, backup, _ in
            for level in ProofLevel.allCases {
                let finding = try await producer.prover().prove(backup, level: level)
                #expect(finding.differences == [])
                #expect(finding.proof.missing == [])
                #expect(finding.proof.verdict == .equal)
            }
        }
    }

    @Test(arguments: [1, 4], [false, true]) func `is restored into a new database and into an empty one`(
        jobs: Int, isNew: Bool
    ) async throws {
        let database = try Database.current
        try await withSplit { producer, backup, recorded in
            let name = isNew ? "split_\(jobs)_\(database.name)" : try await database.cluster.makeDatabase().name
            var options = RestoreOptions()
            options.target = name
            options.jobs = jobs
            let restored = try await producer.restore(backup, options, database)
            #expect(restored.map(\.verdict) == [.equal])
            #expect(restored.flatMap(\.differences) == [])
            let copy = Database(cluster: database.cluster, name: name)
            let query = """
                SELECT (SELECT count(*) || ' ' || md5(string_agg(l::text, ' ' ORDER BY id)) FROM large AS l)
                    || (SELECT count(*) FROM parts) || (SELECT count(*) FROM pg_index WHERE indrelid = 'large'::regclass)
                    || (SELECT count(*) FROM pg_constraint WHERE contype = 'f') || (SELECT count FROM m)
                    || nextval('large_id_seq') || nextval('free') || convert_from(lo_get(4244), 'UTF8')
                """
            #expect(try await copy.value(query) == database.value(query))
        }
    }

    @Test func `gives single tables, from whichever files have their rows`() async throws {
        let database = try Database.current
        try await withSplit { producer, backup, recorded in
            var options = RestoreOptions()
            options.target = "tables_\(database.name)"
            options.selection = DumpSelection(relations: ["public.parts", "public.odd \"name\" "])
            let restored = try await producer.restore(backup, options, database)
            #expect(restored.map(\.verdict) == [.equal])
            let copy = Database(cluster: database.cluster, name: "tables_\(database.name)")
            #expect(try await copy.value("SELECT count(*) FROM parts") == "900")
            #expect(try await copy.value("SELECT count(*) FROM \"odd \"\"name\"\" \"") == "100")
            #expect(try await copy.value("SELECT to_regclass('large')") == nil)
            let authentic = try AuthenticBackup(backup, trusted: producer.keys.trustedKeys())
            let rows = CountingRows()
            let contents = BackupContents(authentic, identities: try producer.identities())
            #expect(try await contents.copyRows(of: "public.parts", in: database.name, into: rows) == 900)
            #expect(try await contents.copyRows(of: "public.large", in: database.name, into: rows) == 30000)
        }
    }

    @Test func `that lacks one of its files is different`() async throws {
        try await withSplit { producer, backup, _ in
            try Files.remove(backup.folder.appending("\(FileName.data(of: try Database.current.name, number: 2))"))
            let finding = try await producer.prover().prove(backup, level: .restore)
            #expect(finding.proof.verdict == .different)
        }
    }
}

private final class CountingRows: ByteSink, Sendable {
    func write(_ bytes: Span<UInt8>) {}
    func finish() {}
}

extension Producer {
    func identities() throws -> [AgeIdentity] {
        let file = try Files.readSecret(keys.identityFile)
        return try AgeIdentity.parse(file.span)
    }

    func restore(
        _ backup: StoredBackup, _ options: RestoreOptions, _ database: Database
    ) async throws -> [Restoration.Restored] {
        let restoration = Restoration(
            try AuthenticBackup(backup, trusted: keys.trustedKeys()), identities: try identities(),
            server: database.cluster.parameters, options: options,
            environment: ["DBSEC_POSTGRES": database.cluster.installation.folder.string])
        return try await restoration.carryOut(try await restoration.prepare())
    }

    /// The same backup as several pg_dump programs would have written it, by their own options.
    func split(
        _ made: BackupRun.Made, _ database: Database, apart: [[String]]
    ) async throws -> StoredBackup {
        var (manifest, index) = (made.manifest, made.index)
        // The other databases stay as they are.
        manifest.files.removeAll { $0.database == database.name || $0.role == .index }
        let connection = try database.parameters
            .with(serverOptions: "-c TimeZone=UTC -c bytea_output=hex").forPrograms()
        func seal(_ name: String, _ role: Manifest.File.Role, _ arguments: [String]) async throws {
            let path = made.backup.folder.appending(name)
            if Files.exists(path) { try Files.remove(path) }
            let child = Child(
                database.cluster.installation.program("pg_dump"),
                ["--format=custom", "--compress=0"] + arguments + [connection.argument],
                environment: connection.environment)
            let recipients = try keys.recipients()
            manifest.files.append(
                try await child.stream { pipe in
                    let file = try SealedFile(creating: path, for: recipients)
                    let reader = ArchiveReader(ContentIndexer(), into: file)
                    try pipe.drain(into: reader)
                    return try file.entry(role, database: database.name)
                })
        }
        try await seal(
            FileName.dump(of: database.name), .dump, apart.joined().map { "--exclude-table-data=\($0)" })
        for (number, tables) in apart.enumerated() {
            try await seal(
                FileName.data(of: database.name, number: number + 1), .data,
                ["--data-only"] + tables.map { "--table=\($0)" })
        }
        let dump = try #require(manifest.dump(of: database.name))
        let place = try #require(index.databases.firstIndex { $0.facts.name == database.name })
        index.databases[place].definitions = try ArchiveFront(reading: open(dump, of: made.backup)).toc.definitions
        let path = made.backup.folder.appending(FileName.index)
        try Files.remove(path)
        let file = try SealedFile(creating: path, for: keys.recipients())
        let document = try Document.encode(index)
        try file.write(document.span)
        try file.finish()
        manifest.files.append(try file.entry(.index))
        return try sign(manifest, in: made.backup)
    }
}
