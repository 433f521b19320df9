import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster, .database, .timeLimit(.minutes(2))) struct BackupRunTests {
    static let people = """
        CREATE TABLE people (id serial PRIMARY KEY, name text, photo bytea, born timestamptz, score float8);
        INSERT INTO people (name, photo, born, score)
        SELECT 'name ' || n, decode(md5(n::text), 'hex'), '2000-01-01 00:00+00'::timestamptz + n * interval '1 hour',
               random() * n
        FROM generate_series(1, 2000) AS n;
        INSERT INTO people (name) VALUES (E'tab\\t line\\n backslash \\\\ end \\\\.'), (NULL), (''), ('\\.');
        """

    @Test func `the index says what the table holds, computed apart`() async throws {
        let database = try Database.current
        try await database.run(Self.people)
        let expected = try await digest("SELECT * FROM people", in: database)
        let made = try await withProducer { try await $0.back(database) }
        let table = try #require(made.index.databases.first?.content.table("people"))
        #expect(table.columns == ["id", "name", "photo", "born", "score"])
        #expect(table.rows == expected.rows)
        #expect(table.bytes == expected.bytes)
        #expect(table.digest.description == expected.digest)
        #expect(
            made.index.databases.first?.definitions.contains { $0.title == "SEQUENCE SET public.people_id_seq" } == true
        )
    }

    @Test func `settings of the database change nothing`() async throws {
        let database = try Database.current
        try await database.run(Self.people)
        let before = try await withProducer { try await $0.back(database) }
        try await database.run(
            """
            ALTER DATABASE "\(database.name)" SET TimeZone = 'Asia/Tokyo';
            ALTER DATABASE "\(database.name)" SET bytea_output = 'escape';
            ALTER DATABASE "\(database.name)" SET extra_float_digits = 0
            """)
        let after = try await withProducer { try await $0.back(database) }
        #expect(before.index.databases[0].content == after.index.databases[0].content)
        #expect(after.index.databases[0].facts.settings.first?.assignments.contains("bytea_output=escape") == true)
    }

    @Test func `hash partitions on an enum stand once, at the root`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
            CREATE TABLE h (m mood, n int) PARTITION BY HASH (m);
            CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (modulus 2, remainder 0);
            CREATE TABLE h1 (m mood, n int);
            ALTER TABLE h ATTACH PARTITION h1 FOR VALUES WITH (modulus 2, remainder 1);
            INSERT INTO h SELECT (ARRAY['sad', 'ok', 'happy'])[1 + n % 3]::mood, n FROM generate_series(1, 300) AS n
            """)
        let expected = try await digest("SELECT * FROM h", in: database)
        let made = try await withProducer { try await $0.back(database) }
        let tables = made.index.databases[0].content.tables
        #expect(tables.map(\.name.name) == ["h"])
        #expect(tables.first?.rows == 300)
        #expect(tables.first?.digest.description == expected.digest)
    }

    @Test func `large objects are counted and digested with their numbers`() async throws {
        let database = try Database.current
        try await database.run(
            "SELECT lo_from_bytea(700001, decode(repeat('ab', 300000), 'hex')), lo_from_bytea(700002, '')")
        let objects = try await withProducer { try await $0.back(database) }.index.databases[0].content.largeObjects
        #expect(objects.count == 2)
        #expect(objects.bytes == 300_000)
        let first = SHA256.hash([0, 10, 174, 97] + Array(repeating: 0xab, count: 300_000))
        var sum = ContentSum(first)
        sum.add(ContentSum(SHA256.hash([0, 10, 174, 98])))
        #expect(objects.digest == sum)
    }

    @Test func `names of any kind are backed up`() async throws {
        let cluster = try Cluster.current
        let name = "a/../b %2F \"é\" -\(UInt32.random(in: 0...9999))"
        let connection = try await cluster.connect()
        try await connection.execute("CREATE DATABASE \(identifier: name)")
        let database = Database(cluster: cluster, name: name)
        try await database.run(
            """
            CREATE SCHEMA "s (x"; CREATE TABLE "s (x"."t"", y)" ("a, b" int, "c) FROM stdin;" text);
            INSERT INTO "s (x"."t"", y)" VALUES (1, 'one')
            """)
        try await withProducer { producer in
            let made = try await producer.back(database)
            let table = try #require(made.index.databases[0].content.tables.first)
            #expect(table.name == TableName(schema: "s (x", name: "t\", y)"))
            #expect(table.columns == ["a, b", "c) FROM stdin;"])
            #expect(made.manifest.dump(of: name)?.name.contains("/") == false)
            #expect(
                try producer.open(#require(made.manifest.dump(of: name)), of: made.backup).starts(with: "PGDMP".utf8))
        }
        await connection.close()
    }

    @Test func `a table that is rewritten while it is dumped keeps all its rows`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE big AS SELECT n, n::text AS t FROM generate_series(1, 20000) AS n")
        // A pg_dump that starts late, so that the rewrite comes between the snapshot and pg_dump's own locks.
        let made = try await withPrograms(
            of: database, wrapping: "pg_dump", "test \"$1\" = --version || sleep 2"
        ) { programs in
            try await withProducer { producer in
                async let made = producer.back(database, programs: programs)
                try await waitUntil(
                    database,
                    "SELECT count(*) FROM pg_locks WHERE relation = 'big'::regclass AND mode = 'AccessShareLock'",
                    is: "1")
                try await database.run("ALTER TABLE big ALTER COLUMN n TYPE bigint")
                return try await made
            }
        }
        #expect(made.index.databases[0].content.table("big")?.rows == 20000)
    }

    @Test func `a table that somebody holds is named with who holds it`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE held (n int)")
        let holder = try await Connection.open(database.parameters.with(applicationName: "a nightly job"))
        try await holder.script("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        let failure = await #expect(throws: PlainFailure.self) {
            try await withProducer { try await $0.back(database, lockWait: 1) }
        }
        #expect(failure?.status == .temporary)
        #expect(failure?.sentence.hasPrefix("table public.held is locked by session \(holder.processID)") == true)
        #expect(failure?.sentence.contains("a nightly job") == true)
        await holder.close()
    }

    @Test func `rows that row security hides are not left out in silence`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE ROLE "\(database.name)_backup" LOGIN;
            CREATE TABLE secret (n int); INSERT INTO secret VALUES (1);
            ALTER TABLE secret ENABLE ROW LEVEL SECURITY; ALTER TABLE secret FORCE ROW LEVEL SECURITY;
            GRANT pg_read_all_data TO "\(database.name)_backup"
            """)
        let server = database.parameters.with(user: "\(database.name)_backup")
        let failure = await #expect(throws: PlainFailure.self) {
            try await withProducer { try await $0.back(database, server: server) }
        }
        #expect(failure?.status == .permission)
        #expect(
            failure?.sentence
                == "row security hides rows of table public.secret in database \"\(database.name)\" from this role")
        #expect(failure?.hint?.contains("BYPASSRLS") == true)
        // Another database would be fine by itself: nothing of it is dumped either.
        let other = try await Cluster.current.makeDatabase()
        try await withProducer { producer in
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.run([other.name, database.name], server: server)
            }
            #expect(failure?.status == .permission)
            let labels = try producer.repository.committedLabels(of: "main")
            #expect(labels == [])
        }
        try await database.run("ALTER ROLE \"\(database.name)_backup\" BYPASSRLS")
        let made = try await withProducer { try await $0.back(database, server: server) }
        #expect(made.index.databases[0].content.table("secret")?.rows == 1)
    }

    @Test func `what a dump does not hold is said, without names`() async throws {
        let database = try Database.current
        try await database.run(
            "CREATE TABLE t (n int); CREATE MATERIALIZED VIEW m AS SELECT n FROM t; CREATE MATERIALIZED VIEW k AS SELECT n FROM t"
        )
        let made = try await withProducer { try await $0.back(database) }
        #expect(
            made.manifest.notCovered == [
                .init(
                    database: database.name, what: "materialized view", count: 2,
                    reason: "a restore computes its content anew")
            ])
        #expect(made.index.databases[0].facts.notCovered.map(\.name) == ["public.k", "public.m"])
    }

    @Test func `the keys of encrypted columns are named, and what only looks like dbpii's table is not asked`()
        async throws
    {
        let database = try Database.current
        let (one, two) = ("00000000000000aa", "00000000000000bb")
        try await database.run(
            """
            CREATE SCHEMA dbpii;
            CREATE TABLE dbpii.columns (context text, keys text[]);
            INSERT INTO dbpii.columns VALUES
                ('users.phone', ARRAY['\(two)', '\(one)']), ('users.email', ARRAY['\(one)', 'no key']),
                ('users.new', '{}')
            """)
        let made = try await withProducer { try await $0.back(database) }
        #expect(
            made.manifest.fieldKeys == [
                FieldKeyUse(context: "users.email", keys: [one]),
                FieldKeyUse(context: "users.phone", keys: [one, two]),
            ])
        // A view would run what its owner wrote, as the role that makes backups.
        try await database.run(
            """
            DROP TABLE dbpii.columns;
            CREATE VIEW dbpii.columns AS SELECT 'x' AS context, ARRAY['\(one)'] AS keys FROM (SELECT 1 / 0) AS trap
            """)
        #expect(try await withProducer { try await $0.back(database) }.manifest.fieldKeys == nil)
    }

    @Test func `the facts of the database are those of the catalog`() async throws {
        let database = try Database.current
        try await database.run(
            """
            COMMENT ON DATABASE "\(database.name)" IS 'the shop';
            REVOKE CONNECT ON DATABASE "\(database.name)" FROM PUBLIC;
            ALTER DATABASE "\(database.name)" CONNECTION LIMIT 7;
            CREATE ROLE "\(database.name)_a"; CREATE ROLE "\(database.name)_b" IN ROLE "\(database.name)_a" LOGIN PASSWORD 'x'
            """)
        let index = try await withProducer { try await $0.back(database) }.index
        let facts = index.databases[0].facts
        #expect(facts.comment == "the shop")
        #expect(facts.connectionLimit == 7)
        #expect(facts.privileges == ["=T/postgres", "postgres=CTc/postgres"])
        #expect(facts.encoding == "UTF8")
        #expect(facts.collate == "C.UTF-8")
        #expect(facts.extensions == [.init(name: "plpgsql", version: "1.0", schema: "pg_catalog")])
        #expect(index.cluster.bootstrapSuperuser == "postgres")
        #expect(
            index.cluster.memberships.contains {
                $0.role == "\(database.name)_a" && $0.member == "\(database.name)_b"
            })
        #expect(index.cluster.roles.contains { $0.name == "\(database.name)_b" && $0.login })
    }

    /// The server's programs in a folder, one of them with a shell command in front.
    private func withPrograms<Value>(
        of database: Database, wrapping program: String, _ command: String, _ body: (FilePath) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { folder in
            let real = database.cluster.installation.folder
            for name in ["pg_dump", "pg_dumpall"] {
                let first = name == program ? command : ":"
                try Files.write(
                    Array("#!/bin/sh\n\(first)\nexec \(real.appending(name)) \"$@\"\n".utf8),
                    to: folder.appending(name), mode: [.ownerReadWriteExecute])
            }
            return try await body(folder)
        }
    }

    private func waitUntil(_ database: Database, _ query: String, is wanted: String) async throws {
        while try await database.value(query) != wanted { try await Task.sleep(for: .milliseconds(20)) }
    }
}

@Suite(.cluster, .database, .timeLimit(.minutes(2))) struct PublishingTests {
    @Test func `the files are those of the manifest, which the pinned key signed`() async throws {
        let database = try Database.current
        try await database.run(BackupRunTests.people)
        try await withProducer { producer in
            let made = try await producer.back(database)
            let trusted = try #require(producer.keys.trustedKeys().first)
            let signature = try trusted.verify(made.backup.signatureBytes.span, of: made.backup.manifestBytes.span)
            #expect(signature.trustedComment == "dbsec backup main/\(made.backup.label)")
            for file in made.manifest.files {
                let bytes = try Files.read(made.backup.path(of: file))
                #expect(bytes.count == file.size)
                #expect(SHA256.hash(bytes) == file.sha256)
                #expect(try producer.open(file, of: made.backup).count == file.contentSize)
            }
            #expect(made.manifest.files.map(\.role) == [.globals, .dump, .index])
            #expect(try Files.list(made.backup.folder).count == made.manifest.files.count + 2)
            #expect(made.manifest.trust == .sameHost)
            #expect(made.manifest.label == made.backup.label)
            #expect(made.manifest.auditCheckpoint?.contains("— ") == true)
            let index = try producer.open(#require(made.manifest.file(.index)), of: made.backup)
            #expect(try IndexDocument(reading: index, named: "index.json") == made.index)
        }
    }

    @Test func `leftovers of a killed run go with the next one`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let leftover = producer.repository.folder(of: "main").appending("20200101T000000Z")
            try Files.createDirectory(leftover)
            try Files.write([1, 2, 3], to: leftover.appending("app.dump.zst.age"))
            let made = try await producer.back(database)
            #expect(try Files.list(producer.repository.folder(of: "main")) == [".lock", made.backup.label])
        }
    }

    @Test func `a second run of the same cluster has to wait its turn`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            try Files.createDirectory(producer.repository.folder(of: "main"))
            let lock = try FileLock(producer.repository.lock(of: "main"))
            let failure = await #expect(throws: FileFailure.self) { try await producer.back(database) }
            #expect(failure?.status == .temporary)
            withExtendedLifetime(lock) {}
            #expect(try producer.repository.backups().isEmpty)
        }
    }

    @Test func `the folder of another server is not written to`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let made = try await producer.back(database)
            var other = made.manifest
            other.systemIdentifier = "1"
            try Files.write(other.encoded(), to: made.backup.folder.appending(Manifest.fileName))
            let failure = await #expect(throws: PlainFailure.self) { try await producer.back(database) }
            #expect(failure?.status == .configuration)
            #expect(failure?.hint?.contains("--cluster") == true)
        }
    }

    @Test func `two backups have different labels, in their order`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let first = try await producer.back(database)
            let second = try await producer.back(database)
            #expect(first.backup.label < second.backup.label)
            #expect(try producer.repository.backup(named: "latest").label == second.backup.label)
        }
    }

    @Test func `without an identity that is held somewhere nothing is made`() async throws {
        let database = try Database.current
        try await withTemporaryFolder { folder in
            let producer = try await Producer.ready(in: folder, keepsIdentity: false)
            let failure = await #expect(throws: PlainFailure.self) { try await producer.back(database) }
            #expect(failure?.status == .configuration)
            #expect(failure?.hint?.contains("keys confirm") == true)
        }
    }

    @Test func `an unwritable audit log lets nothing happen`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            try Files.remove(producer.folder.appending("audit").appending("checkpoint"))
            try Files.createDirectory(producer.folder.appending("audit").appending("checkpoint"))
            await #expect(throws: (any Error).self) { try await producer.back(database) }
            #expect(try producer.repository.backups().isEmpty)
        }
    }
}
