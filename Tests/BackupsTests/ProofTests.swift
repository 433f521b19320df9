import Cryptography
import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(5))) struct `A proof by restoring` {
    @Test func `of a database with a bit of everything says equal, at every level`() async throws {
        let database = try await makeShop()
        try await withProducer { producer in
            let backup = try await producer.back(database).backup
            for level in ProofLevel.allCases {
                let finding = try await producer.prover().prove(backup, level: level)
                #expect(finding.differences == [])
                #expect(finding.proof.missing == [])
                #expect(finding.proof.verdict == .equal)
            }
            let proofs = try backup.proofs(trusted: producer.keys.trustedKeys())
            #expect(proofs.map(\.level) == ProofLevel.allCases)
            #expect(proofs.proven == [database.name])
        }
    }

    /// Large tables are dumped again by programs beside each other, each named in an argument.
    @Test func `of tables that are dumped beside each other says equal, whatever their names`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE SCHEMA "s.*";
            CREATE TABLE "s.*"."a ""b"" ?.$|" AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 30000) n;
            CREATE TABLE "s.*"."a ""b"" ?" AS SELECT n, repeat(md5(n::text), 20) AS t FROM generate_series(1, 29000) n;
            CREATE TABLE large (id bigserial PRIMARY KEY, t text);
            INSERT INTO large (t) SELECT repeat(md5(n::text), 20) FROM generate_series(1, 28000) n;
            CREATE TABLE small AS SELECT 1 AS x; SELECT lo_from_bytea(4243, 'a large object');
            """)
        try await withProducer { producer in
            let made = try await producer.back(database)
            let index = try #require(made.index.database(database.name))
            #expect(index.content.tables.count { $0.bytes >= DumpShares.worthwhile } == 3)
            let finding = try await producer.prover().prove(made.backup, level: .restore)
            #expect(finding.differences == [])
            #expect(finding.proof.verdict == .equal)
        }
    }

    @Test func `names the table whose rows are not those that were recorded`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT 2 AS x")
        try await withProducer { producer in
            let made = try await producer.back(database)
            let backup = try producer.rewrite(made) { $0.databases[0].content.tables[1].rows = 7 }
            let finding = try await producer.prover().prove(backup, level: .restore)
            #expect(finding.proof.verdict == .different)
            #expect(
                finding.differences == [
                    "\(database.name): the archive differs: table public.b: 1 rows instead of 7",
                    "\(database.name): table public.b: 1 rows instead of 7",
                ])
            #expect(try backup.proofs(trusted: producer.keys.trustedKeys()).proven.isEmpty)
        }
    }

    @Test func `says what is missing here, and that is no proof`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let made = try await producer.back(database)
            let backup = try producer.rewrite(made) { $0.databases[0].facts.extensions[0].version = "0.7" }
            let finding = try await producer.prover().prove(backup, level: .restore)
            #expect(finding.proof.verdict == .cannotVerify)
            #expect(finding.proof.missing.contains { $0.hasPrefix("the extension ") && $0.hasSuffix(", not 0.7") })
        }
    }

    /// An index expression that changes things once it is restored: each of them is found and named.
    @Test func `names the sequence, large object and privilege that are not as they were`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE SEQUENCE counter; SELECT nextval('counter'); SELECT lo_from_bytea(4247, 'large');
            CREATE TABLE t AS SELECT 1 AS x, 2 AS y;
            CREATE FUNCTION change() RETURNS void LANGUAGE plpgsql AS $f$
            BEGIN
                PERFORM nextval('public.counter');
                PERFORM lo_put(4247, 0, 'X');
                GRANT SELECT ON public.t TO PUBLIC;
            END $f$;
            CREATE FUNCTION meddle(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$
            BEGIN
                IF current_setting('application_name') = 'dbbackup' THEN PERFORM public.change(); END IF;
                RETURN $1;
            END $f$;
            CREATE TABLE bait AS SELECT 1 AS i; CREATE INDEX zz ON bait (meddle(i))
            """)
        try await withProducer { producer in
            let backup = try await producer.back(database).backup
            let finding = try await producer.prover().prove(backup, level: .restore)
            #expect(
                Set(finding.differences) == [
                    "\(database.name): large objects: the content differs",
                    "\(database.name): the value of sequence public.counter is another",
                    "\(database.name): acl public.TABLE t is new",
                ])
            #expect(finding.proof.verdict == .different)
        }
    }

    /// A superuser may run programs, and whoever owns a table decides what its constraints do when a superuser loads it.
    @Test func `runs what a table's owner wrote where it reaches nothing`() async throws {
        let database = try Database.current
        try await withTemporaryFolder { folder in
            let trap = try Trap(in: folder, socketOf: try Cluster.current)
            let outside = try await Child("/bin/sh", ["-c", trap.program], account: try Cluster.account()).run()
            #expect(
                String(decoding: outside, as: UTF8.self) == "ran\nread a file\nwrote a file\nsaw a socket\nconnected\n",
                "the trap must catch what is not isolated")
            try Files.remove(folder.appending("written"))
            try await database.run("CREATE ROLE trapper LOGIN; GRANT CREATE ON SCHEMA public TO trapper")
            try await database.run(trap.tables, as: "trapper")
            try await withProducer { producer in
                let backup = try await producer.back(database).backup
                let finding = try await producer.prover().prove(backup, level: .restore)
                // One row more: the program ran. Each thing that it reached would be another.
                #expect(finding.differences == ["\(database.name): table public.loot: 1 rows instead of 0"])
            }
            #expect(!Files.exists(folder.appending("written")))
            #expect(try await database.value("SELECT count(*) FROM loot") == "0")
        }
    }
}

/// A table whose check, evaluated by a superuser, runs a program that reports what it can reach.
private struct Trap {
    let program: String
    private let listener: LoopbackPort

    init(in folder: FilePath, socketOf cluster: Cluster) throws {
        listener = try LoopbackPort()
        try Files.write(
            Array("secret".utf8), to: folder.appending("readable"), mode: [.ownerRead, .groupRead, .otherRead])
        chmod(folder.string, 0o777)
        let socket = cluster.server.folder.appending(".s.PGSQL.5432")
        program = """
            bash -c "echo ran; cat \(folder)/readable >/dev/null 2>&1 && echo read a file; \
            echo x 2>/dev/null >\(folder)/written && echo wrote a file; test -S \(socket) && echo saw a socket; \
            exec 3<>/dev/tcp/127.0.0.1/\(listener.number) && echo connected" 2>/dev/null; true
            """
    }

    var tables: String {
        """
        CREATE TABLE loot (what text);
        CREATE FUNCTION harmless(int) RETURNS boolean LANGUAGE plpgsql AS $f$
        BEGIN
            -- Its owner is none, and fills the table in peace; whoever restores it is.
            IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
                EXECUTE format('COPY public.loot FROM PROGRAM %L', $p$\(program)$p$);
            END IF;
            RETURN true;
        END $f$;
        CREATE TABLE bait (i int CHECK (harmless(i)));
        INSERT INTO bait VALUES (1);
        """
    }
}

/// Fills the test's database with what changes its text or place between a dump and a restore.
func makeShop() async throws -> Database {
    let database = try Database.current
    let connection = try await database.connect()
    try await connection.script(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
                CREATE ROLE "shop owner"; CREATE ROLE reader PASSWORD 'secret'; GRANT reader TO "shop owner";
            END IF;
        END $$;
        ALTER DATABASE \(identifier: database.name) OWNER TO "shop owner";
        ALTER DATABASE \(identifier: database.name) SET timezone TO 'Europe/Berlin';
        ALTER DATABASE \(identifier: database.name) SET bytea_output TO escape;
        ALTER ROLE reader IN DATABASE \(identifier: database.name) SET work_mem TO '8MB';
        REVOKE CONNECT ON DATABASE \(identifier: database.name) FROM PUBLIC;
        GRANT CONNECT ON DATABASE \(identifier: database.name) TO reader;
        COMMENT ON DATABASE \(identifier: database.name) IS 'the shop''s; DATABASE shop'
        """)
    await connection.close()
    try await database.run(richSchema)
    let after = try await database.connect()
    // Last, since from then on nothing can be made.
    try await after.execute(
        "ALTER DATABASE \(identifier: database.name) SET default_transaction_read_only TO on")
    await after.close()
    return database
}

/// A bit of everything.
let richSchema = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TABLE moods (id int, m mood, t text) PARTITION BY HASH (m);
    CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE moods_2 PARTITION OF moods FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    INSERT INTO moods SELECT g, (ARRAY['sad','ok','happy'])[1 + g % 3]::mood, repeat('x', g % 50) FROM generate_series(1, 600) g;
    CREATE TABLE parent (a int, b text);
    CREATE TABLE child (c date, b text, a int);
    ALTER TABLE child INHERIT parent;
    INSERT INTO child VALUES ('2026-01-01', E'tab\\tback\\\\slash', 1), (NULL, NULL, 2);
    CREATE TABLE orders (id bigserial PRIMARY KEY, status varchar(10) CHECK (status IN ('new', 'paid')),
        at timestamptz DEFAULT now(), raw bytea, total money, twice int GENERATED ALWAYS AS (length(status) * 2) STORED);
    INSERT INTO orders (status, raw, total) SELECT 'new', decode(md5(g::text), 'hex'), g FROM generate_series(1, 1000) g;
    DELETE FROM orders WHERE id % 3 = 0;
    CREATE INDEX ON orders (status, at) WHERE status IN ('new', 'paid');
    ALTER TABLE orders OWNER TO "shop owner"; GRANT SELECT (id, status) ON orders TO reader;
    ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON orders TO reader USING (status = ANY (ARRAY['new', 'paid']));
    CREATE MATERIALIZED VIEW totals AS SELECT status, sum(total) FROM orders GROUP BY status;
    CREATE VIEW recent AS SELECT * FROM orders WHERE at > now() - interval '1 day';
    CREATE TABLE "odd ""name"" " ("select" int, "A b" text, empty text);
    INSERT INTO "odd ""name"" " VALUES (1, '', NULL), (1, '', NULL), (2, '\\.', 'x');
    CREATE TABLE nothing ();
    CREATE FUNCTION plus(int) RETURNS int LANGUAGE sql IMMUTABLE AS $_$ SELECT $1 + 1; -- ' $_$;
    DO $$ BEGIN
        -- An installation may come without them.
        IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext') THEN
            CREATE EXTENSION citext; CREATE TABLE fancy (c citext); INSERT INTO fancy VALUES ('Abc');
        END IF;
    END $$;
    SELECT lo_from_bytea(4242, 'a large object');
    ALTER DEFAULT PRIVILEGES FOR ROLE "shop owner" IN SCHEMA public GRANT SELECT ON TABLES TO reader;
    CREATE SEQUENCE counter START 5; SELECT nextval('counter'), nextval('counter');
    """

extension Producer {
    func prover(identities: [AgeIdentity]? = nil) throws -> Prover {
        let file = try Files.readSecret(keys.identityFile)
        let own = try AgeIdentity.parse(file.span)
        let cluster = try? Cluster.current
        let scratch = Prover.Scratch(
            fallback: folder.appending("scratch"), hidden: [folder],
            environment: cluster.map { ["DBSEC_POSTGRES": $0.installation.folder.string] } ?? [:])
        return Prover(
            keys: keys, identities: identities ?? own, signer: try keys.signingKey(), scratch: scratch, program: "tests"
        )
    }

    /// The same backup with another index, signed as if the producer had recorded that.
    func rewrite(_ made: BackupRun.Made, _ change: (inout IndexDocument) -> Void) throws -> StoredBackup {
        var (manifest, index) = (made.manifest, made.index)
        change(&index)
        let path = made.backup.folder.appending(FileName.index)
        try Files.remove(path)
        let file = try SealedFile(creating: path, for: keys.recipients())
        let bytes = try Document.encode(index)
        try file.write(bytes.span)
        try file.finish()
        manifest.files.removeAll { $0.role == .index }
        manifest.files.append(try file.entry(.index))
        return try sign(manifest, in: made.backup)
    }

    func sign(_ manifest: Manifest, in backup: StoredBackup) throws -> StoredBackup {
        let bytes = try manifest.encoded()
        let signature = try keys.signingKey().sign(bytes.span, trustedComment: "tests")
        try Files.write(bytes, to: backup.folder.appending(Manifest.fileName))
        try Files.write(signature, to: backup.folder.appending(Manifest.signatureFileName))
        return try StoredBackup(folder: backup.folder, cluster: backup.cluster, label: backup.label)
    }
}
