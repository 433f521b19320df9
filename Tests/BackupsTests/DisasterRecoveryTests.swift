import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// Follows Documentation/disaster-recovery.md to the letter: its blocks, in its order, in one shell.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct `The disaster recovery page` {
    @Test(arguments: [false, true]) func `brings back a cluster with stock programs alone`(isSplit: Bool) async throws {
        let database = try Database.current
        let second = Database(cluster: database.cluster, name: "it's \"odd\" \(database.name)")
        try await database.run("CREATE DATABASE \"\(second.name.replacing("\"", with: "\"\""))\"")
        try await second.run("CREATE TABLE t AS SELECT 5 AS x; CREATE INDEX ON t (x)")
        let role = "owner_\(database.name)"
        try await database.run(
            """
            CREATE ROLE \(role) LOGIN PASSWORD 'secret'; ALTER ROLE \(role) SET work_mem = '7MB';
            CREATE TABLE orders (id bigserial PRIMARY KEY, note text); ALTER TABLE orders OWNER TO \(role);
            INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 500) AS n;
            CREATE TABLE items (id int PRIMARY KEY, "order" bigint REFERENCES orders); INSERT INTO items VALUES (1, 1);
            GRANT SELECT ON orders TO PUBLIC; SELECT lo_from_bytea(4245, 'large');
            ALTER DATABASE "\(database.name)" SET work_mem = '9MB'; COMMENT ON DATABASE "\(database.name)" IS 'kept'
            """)
        try await withProducer { producer in
            let made = try await producer.back(database, second)
            let backup =
                isSplit
                ? try await producer.split(made, database, apart: [["public.orders"], ["public.items"]]) : made.backup
            var options = TemporaryCluster.Options()
            options.account = try Cluster.account()
            try await TemporaryCluster.run(try await Cluster.installation(), options) { fresh in
                let said = try await follow(producer, backup, fresh, table: database.name)
                #expect(said.status == 0, "\(said.stdout)\(said.stderr)")
                #expect(said.stdout.contains("Signature and comment signature verified"))
                #expect(said.stdout.contains("\(database.name): orders: 500 rows"))
                #expect(said.stdout.contains("public.orders : 500"))
                #expect(said.stdout.contains("cluster: main"))
                for (copy, original, query) in [
                    (database.name, database, Self.facts), (second.name, second, "SELECT x::text FROM t"),
                    ("rescued", database, Self.rows),
                ] {
                    let connection = try await Connection.open(fresh.parameters.with(database: copy))
                    try await connection.execute("SET search_path = public")
                    let value: String = try await connection.query(SQL(raw: query)).one()[0]
                    #expect(try await original.value(query) == value)
                    await connection.close()
                }
                let connection = try await Connection.open(fresh.parameters)
                let there = """
                    SELECT pg_authid.rolpassword || rolconfig::text FROM pg_authid JOIN pg_roles USING (rolname)
                    WHERE rolname = '\(role)'
                    """
                let verifier: String = try await connection.query(SQL(raw: there)).one()[0]
                #expect(try await database.value(there) == verifier)
                await connection.close()
            }
        }
    }

    @Test func `stops at a file that was changed`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE orders AS SELECT 1 AS id")
        try await withProducer { producer in
            let backup = try await producer.back(database).backup
            let dump = backup.folder.appending(FileName.dump(of: database.name))
            var bytes = try Files.read(dump)
            bytes[bytes.count / 2] ^= 1
            try Files.write(bytes, to: dump)
            let said = try await follow(producer, backup, database.cluster.server, table: database.name)
            #expect(said.status != 0)
            #expect(said.stdout.contains("FAILED"))
            #expect(!said.stdout.contains("restoring"))
        }
    }

    private static let rows = "SELECT count(*) || md5(string_agg(o::text, ' ' ORDER BY id)) FROM orders AS o"
    private static let facts = """
        SELECT (SELECT count(*) || md5(string_agg(o::text, ' ' ORDER BY id)) FROM orders AS o)
            || (SELECT relowner::regrole || relacl::text FROM pg_class WHERE oid = 'orders'::regclass)
            || current_setting('work_mem') || shobj_description((SELECT oid FROM pg_database
                WHERE datname = current_database()), 'pg_database') || convert_from(lo_get(4245), 'UTF8')
            || nextval('orders_id_seq') || (SELECT count(*) FROM pg_constraint WHERE contype = 'f')
        """

    /// Runs the page's `sh` blocks, with this test's values in those that only set variables.
    private func follow(
        _ producer: Producer, _ backup: StoredBackup, _ server: TemporaryCluster, table database: String
    ) async throws -> ProgramResult {
        var root = FilePath(#filePath)
        for _ in 0..<3 { root.removeLastComponent() }
        let page = String(
            decoding: try Files.read(root.appending("Documentation/disaster-recovery.md")), as: UTF8.self)
        let values = [
            "BACKUP": backup.folder.string, "IDENTITY": producer.keys.identityFile.string,
            "SIGNER": producer.folder.appending("keys/signing.pub").string, "PGHOST": server.folder.string,
            "PGUSER": "postgres", "TABLE_DATABASE": database, "TABLE_SCHEMA": "public", "TABLE_NAME": "orders",
            "RESCUE": "rescued",
        ]
        let blocks = page.components(separatedBy: "```sh\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
        #expect(blocks.count == 11)
        let script = blocks.map { block in
            guard block.split(separator: "\n").allSatisfy({ $0.hasPrefix("export ") }) else { return block }
            let names = block.split(whereSeparator: \.isWhitespace).filter { $0.contains("=") }
                .map { String($0.prefix { $0 != "=" }) }
            return names.map { "export \($0)='\(values[$0] ?? "")'" }.joined(separator: "\n")
        }
        let bin = server.installation.folder.string
        return try await Program.run(
            "/bin/sh", ["-eu", "-c", script.joined(separator: "\n")],
            environment: ["PATH": "\(bin):/usr/bin:/bin", "PGDATABASE": nil, "PGPORT": "5432", "PGOPTIONS": nil])
    }
}

extension Producer {
    fileprivate func back(_ databases: Database...) async throws -> BackupRun.Made {
        var options = BackupRun.Options(databases: databases.map(\.name))
        options.programs = databases[0].cluster.installation.folder
        return try await BackupRun(
            server: databases[0].parameters, repository: repository, keys: keys, audit: audit, program: "tests",
            options: options
        ).make()
    }
}
