import AuditLog
import Cryptography
import Platform
import PostgresClient
import SystemPackage
import Testing

@testable import Backups

@Suite(.timeLimit(.minutes(5))) struct `A proof` {
    @Test func `of a good backup says equal at every level`() async throws {
        try await withBackup(of: richSchema) { workshop, backup in
            for level in ProofLevel.allCases {
                let finding = try await workshop.prover().prove(backup, level: level)
                #expect(finding.differences == [])
                #expect(finding.proof.missing == [])
                #expect(finding.proof.verdict == .equal)
            }
            let proofs = try backup.proofs(trusted: workshop.keys.trustedKeys())
            #expect(proofs.map(\.level) == ProofLevel.allCases)
            #expect(proofs.proven == ["shop"])
        }
    }
}

/// A bit of everything whose text or place changes between a dump and a restore.
private let richSchema = """
    CREATE ROLE "shop owner"; CREATE ROLE reader; GRANT reader TO "shop owner";
    CREATE DATABASE shop OWNER "shop owner" TEMPLATE template0 LOCALE 'C.UTF-8';
    ALTER DATABASE shop SET timezone TO 'Europe/Berlin';
    ALTER DATABASE shop SET default_transaction_read_only TO on;
    ALTER ROLE reader IN DATABASE shop SET work_mem TO '8MB';
    REVOKE CONNECT ON DATABASE shop FROM PUBLIC; GRANT CONNECT ON DATABASE shop TO reader;
    COMMENT ON DATABASE shop IS 'the shop''s; DATABASE shop';
    \\c shop
    SET default_transaction_read_only TO off;
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
    CREATE EXTENSION citext; CREATE EXTENSION hstore;
    CREATE TABLE fancy (c citext, h hstore); INSERT INTO fancy VALUES ('Abc', 'a=>1');
    SELECT lo_from_bytea(4242, 'a large object');
    ALTER DEFAULT PRIVILEGES FOR ROLE "shop owner" IN SCHEMA public GRANT SELECT ON TABLES TO reader;
    CREATE SEQUENCE counter START 5; SELECT nextval('counter'), nextval('counter');

    """

/// A state folder with keys, and a server to back up.
struct Workshop: Sendable {
    let folder: FilePath
    let server: ConnectionParameters

    var keys: KeyFolder { KeyFolder(folder.appending("keys")) }
    var repository: Repository { Repository(folder.appending("backups")) }

    func prover() throws -> Prover {
        let file = try Files.readSecret(keys.identityFile)
        let identities = try AgeIdentity.parse(file.span)
        return Prover(
            keys: keys, identities: identities, signer: try keys.signingKey(),
            scratch: Prover.Scratch(fallback: folder, hidden: [folder], environment: ProcessEnvironment.variables),
            program: "dbbackup test")
    }
}

func withBackup(
    of script: String, _ body: @escaping @Sendable (Workshop, StoredBackup) async throws -> Void
) async throws {
    try await Isolation.makeAccount()
    let folder = try Files.makeTemporaryDirectory(in: "/dev/shm", prefix: "dbsec-test")
    defer { try? Files.removeTree(folder) }
    try Files.createDirectory(folder.appending("source"))
    let wish = ScratchCluster.Wish(
        binaries: "/usr/lib/postgresql/15/bin", superuser: "postgres", place: folder.appending("source"), hidden: [],
        preloadLibraries: [], objects: 0)
    try await ScratchCluster.with(wish) { cluster in
        let workshop = Workshop(folder: folder, server: try cluster.parameters(database: "postgres"))
        let psql = Child(
            "/usr/lib/postgresql/15/bin/psql",
            ["-X", "-q", "-v", "ON_ERROR_STOP=1", try workshop.server.forPrograms().argument])
        _ = try await psql.run(input: Array(script.utf8))
        let source = AuditSource(program: "test", version: "0", environment: [:])
        let audit = try AuditLog.open(folder.appending("audit"), as: source)
        _ = try await Initialisation(keys: workshop.keys, repository: workshop.repository, audit: audit)
            .make(recipients: [], keepsIdentity: true)
        let run = BackupRun(
            server: workshop.server, repository: workshop.repository, keys: workshop.keys, audit: audit,
            program: "dbbackup test", options: BackupRun.Options(databases: ["shop"]))
        try await body(workshop, try await run.make().backup)
    }
}
