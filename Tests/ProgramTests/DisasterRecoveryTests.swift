import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Follows Documentation/disaster-recovery.md to the letter: its blocks, in its order, in one shell.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(5))) struct `The disaster recovery page` {
    @Test func `brings back a cluster with stock programs alone`() async throws {
        let database = try Database.current
        let second = Database(cluster: database.cluster, name: "it's \"odd\" \(database.name)")
        try await database.run("CREATE DATABASE \"\(second.name.replacing("\"", with: "\"\""))\"")
        try await second.run("CREATE TABLE t AS SELECT 5 AS x; CREATE INDEX ON t (x)")
        let role = "owner_\(database.name)"
        try await BackupHost.with(
            """
            CREATE ROLE \(role) LOGIN PASSWORD 'secret'; ALTER ROLE \(role) SET work_mem = '7MB';
            CREATE TABLE orders (id bigserial PRIMARY KEY, note text); ALTER TABLE orders OWNER TO \(role);
            INSERT INTO orders (note) SELECT md5(n::text) FROM generate_series(1, 500) AS n;
            GRANT SELECT ON orders TO PUBLIC; SELECT lo_from_bytea(4245, 'large');
            ALTER DATABASE "\(database.name)" SET work_mem = '9MB'; COMMENT ON DATABASE "\(database.name)" IS 'kept'
            """, databases: [second]
        ) { host in
            var options = TemporaryCluster.Options()
            options.account = try Cluster.account()
            try await TemporaryCluster.run(try await Cluster.installation(), options) { fresh in
                let said = try await follow(host, fresh, table: database.name)
                #expect(said.status == 0, "\(said.stdout)\(said.stderr)")
                #expect(said.stdout.contains("Signature and comment signature verified"))
                #expect(said.stdout.contains("\(database.name): public.orders: 500 rows"))
                #expect(said.stdout.contains("public.orders : 500"))
                #expect(said.stdout.contains("cluster: main"))
                for (copy, original, query) in [
                    (database.name, database, Self.facts), (second.name, second, "SELECT x FROM t"),
                    ("rescued", database, Self.rows),
                ] {
                    let connection = try await Connection.open(fresh.parameters.with(database: copy))
                    try await connection.execute("SET search_path = public")
                    let value: String = try await connection.query(SQL(raw: query)).one()[0]
                    #expect(try await original.value(query) == value)
                    await connection.close()
                }
                let connection = try await Connection.open(fresh.parameters)
                let there =
                    "SELECT rolpassword || (SELECT rolconfig::text FROM pg_roles WHERE rolname = '\(role)') FROM pg_authid WHERE rolname = '\(role)'"
                let verifier: String = try await connection.query(SQL(raw: there)).one()[0]
                #expect(try await database.value(there) == verifier)
                await connection.close()
            }
        }
    }

    @Test func `stops at a file that was changed`() async throws {
        try await BackupHost.with("CREATE TABLE orders AS SELECT 1 AS id") { host in
            let dump = try host.backup.appending("\(host.database.name).dump.zst.age")
            var bytes = try Files.read(dump)
            bytes[bytes.count / 2] ^= 1
            try Files.write(bytes, to: dump)
            let said = try await follow(host, host.database.cluster.server, table: host.database.name)
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
            || nextval('orders_id_seq')
        """

    /// Runs the page's `sh` blocks, with this test's values in those that only set variables.
    private func follow(_ host: BackupHost, _ server: TemporaryCluster, table database: String) async throws
        -> ProgramResult
    {
        let page = String(
            decoding: try Files.read(
                FilePath(#filePath).removingLastComponent().removingLastComponent()
                    .removingLastComponent().appending("Documentation/disaster-recovery.md")), as: UTF8.self)
        let values = [
            "BACKUP": try host.backup.string, "IDENTITY": host.folder.appending("keys/identity.txt").string,
            "SIGNER": host.folder.appending("keys/signing.pub").string, "PGHOST": server.folder.string,
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
