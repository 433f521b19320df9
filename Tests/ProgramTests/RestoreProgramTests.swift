import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbbackup restore`: plans, parts of a database, other owners, several databases.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(5))) struct `A restore` {
    private let people =
        "CREATE TABLE people AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 1000) AS n"

    @Test func `is planned in full before anything is done`() async throws {
        let database = try Database.current
        let role = "planned_\(database.name)"
        try await BackupHost.with(
            """
            CREATE ROLE \(role); CREATE TABLE t (id bigserial PRIMARY KEY); ALTER TABLE t OWNER TO \(role);
            INSERT INTO t SELECT generate_series(1, 20); CREATE INDEX ON t ((id + 1));
            CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t;
            ALTER DATABASE "\(database.name)" SET work_mem = '9MB'
            """
        ) { host in
            try await database.run("DROP MATERIALIZED VIEW m; DROP TABLE t; DROP ROLE \(role)")
            let name = "new_\(database.name)"
            let plan = try await host.dbbackup("restore", "latest", "--plan", "--globals", "--target-dbname", name)
            #expect(plan.status == 0, "\(plan.stderr)")
            let bin = try #require(host.environment["DBSEC_POSTGRES"] ?? nil)
            for part in [
                "backup      main/", "signed by ", "size        ", "server      PostgreSQL ",
                "pg_restore  \(bin)/pg_restore ",
                "make the roles \"\(role)\" with their attributes, passwords and memberships",
                "make a database under a temporary name: UTF8, C.UTF-8, owner \"postgres\", 1 of its settings",
                "load 1 table with 20 rows from \"\(database.name)\", rows by 1 session, then 3 indexes, constraints",
                "dump it again and compare the digest of every table with the backup's index",
                "rename it to \"\(name)\"",
                "not covered: 1 materialized view of \(database.name)",
                "warning: a restore runs code that owners of tables in the backup wrote, with the rights of \"postgres\"",
            ] { #expect(plan.stdout.contains(part), "\(part)\n\(plan.stdout)") }
            #expect(try await host.databases(like: "%_\(database.name)").isEmpty)
            #expect(try await database.value("SELECT count(*) FROM pg_roles WHERE rolname = '\(role)'") == "0")
            let json = try jsonObject(
                try await host.dbbackup("restore", "latest", "--plan", "--json", "--globals", "--target-dbname", name)
                    .stdout)
            #expect((json["rolesToMake"] as? [String])?.contains(role) == true)
            #expect((json["databases"] as? [[String: Any]])?.first?["way"] as? String == "new")
        }
    }

    /// Where no identity is, nothing can have been decrypted: the refusal is about the signature.
    @Test(arguments: ["missing", "unpinned", "changed"])
    func `of a manifest that nobody vouches for is refused undecrypted`(
        how: String
    ) async throws {
        try await BackupHost.with(people) { host in
            try Files.remove(host.folder.appending("keys/identity.txt"))
            let manifest = try host.backup.appending("manifest.json")
            switch how {
            case "missing":
                try Files.write(Array("untrusted comment: none\n".utf8), to: FilePath("\(manifest).minisig"))
            case "unpinned": try Files.removeTree(host.folder.appending("keys/trusted"))
            default: try Files.write(Array(Files.read(manifest).reversed()), to: manifest)
            }
            for further in [["--plan"], []] {
                let refused = try await host.run(
                    "dbbackup", ["restore", "latest", "--target-dbname", "never"] + further)
                #expect(refused.status == 65, "\(refused.stderr)")
            }
        }
    }

    @Test func `of some tables brings what they need and what belongs to them`() async throws {
        let database = try Database.current
        let role = "seller_\(database.name)"
        try await BackupHost.with(
            """
            CREATE ROLE \(role); CREATE SCHEMA sales; CREATE TYPE sales.state AS ENUM ('new', 'paid');
            CREATE FUNCTION sales.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers VALUES (1, 'ann');
            CREATE TABLE sales.orders (id bigserial PRIMARY KEY, customer int REFERENCES customers, state sales.state);
            CREATE TABLE sales.items (id int PRIMARY KEY, "order" bigint REFERENCES sales.orders, what text);
            CREATE TABLE sales."orders.old" (id int);
            INSERT INTO sales.orders (customer, state) SELECT 1, 'paid' FROM generate_series(1, 7);
            INSERT INTO sales.items SELECT n, n, 'x' FROM generate_series(1, 5) AS n;
            CREATE INDEX by_state ON sales.orders (state); CREATE STATISTICS sales.st ON id, state FROM sales.orders;
            CREATE TRIGGER stamp BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.stamp();
            ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON sales.orders TO \(role) USING (id > 2);
            GRANT SELECT ON sales.orders TO \(role); COMMENT ON TABLE sales.orders IS 'kept';
            CREATE TABLE parts (n int) PARTITION BY LIST (n); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
            CREATE INDEX ON parts (n); INSERT INTO parts VALUES (1);
            """
        ) { host in
            let name = "part_\(database.name)"
            let restored = try await host.dbbackup(
                "restore", "latest", "--table", "sales.orders", "--table", "sales.items", "--table", "public.parts",
                "--target-dbname", name, "--json")
            #expect(restored.status == 0, "\(restored.stderr)")
            let copy = host.other(name)
            let tables = """
                SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
                WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text IN ('public', 'sales')
                """
            #expect(try await copy.value(tables) == "items orders parts parts_1")
            #expect(try await copy.value("SELECT count(*) || ' ' || max(id) FROM sales.orders") == "7 7")
            #expect(try await copy.value("SELECT nextval('sales.orders_id_seq')") == "8")
            #expect(try await copy.value("SELECT count(*) FROM parts_1") == "1")
            let belongings = """
                SELECT (SELECT count(*) FROM pg_index WHERE indrelid = 'sales.orders'::regclass) || ' '
                    || (SELECT count(*) FROM pg_trigger WHERE tgname = 'stamp') || ' '
                    || (SELECT count(*) FROM pg_policy) || ' ' || (SELECT count(*) FROM pg_statistic_ext) || ' '
                    || (SELECT relrowsecurity FROM pg_class WHERE oid = 'sales.orders'::regclass) || ' '
                    || obj_description('sales.orders'::regclass) || ' ' || has_table_privilege('\(role)', 'sales.orders', 'SELECT')
                    || ' ' || (SELECT string_agg(conname, ' ' ORDER BY 1) FROM pg_constraint WHERE contype = 'f')
                    || ' ' || (SELECT count(*) FROM pg_inherits)
                """
            // The reference to a table that is not there is left out, and that is said.
            #expect(try await copy.value(belongings) == "2 1 1 1 true kept true items_order_fkey 2")
            let plan = try await host.dbbackup(
                "restore", "latest", "--table", "sales.orders", "--target-dbname", "x", "--plan")
            #expect(plan.stdout.contains("not restored: fk constraint sales.orders orders_customer_fkey, which needs "))
            let report = try jsonObject(restored.stdout)
            #expect((report["databases"] as? [[String: Any]])?.first?["rows"] as? Int == 13)
            #expect((report["databases"] as? [[String: Any]])?.first?["verdict"] as? String == "equal")
            let wrong = try await host.dbbackup("restore", "latest", "--table", "sales.order", "--target-dbname", "x")
            #expect(wrong.status == 66)
            #expect(wrong.stderr.contains("did you mean sales.orders?"))
        }
    }

    @Test func `of a table that was dropped puts it back beside the others, or changes nothing`() async throws {
        try await BackupHost.with(
            """
            CREATE SCHEMA sales; CREATE TYPE sales.state AS ENUM ('new', 'paid');
            CREATE FUNCTION sales.stamp(n int, s sales.state) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
            CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (1);
            CREATE TABLE sales."Orders" (
                id bigserial PRIMARY KEY, customer int REFERENCES customers, state sales.state CHECK (sales.stamp(1, state)));
            INSERT INTO sales."Orders" (customer, state) SELECT 1, 'paid' FROM generate_series(1, 7);
            CREATE INDEX by_state ON sales."Orders" (state); COMMENT ON SCHEMA sales IS 'of the backup';
            """
        ) { host in
            let database = try Database.current
            let restore = ["restore", "latest", "--table", "sales.Orders", "--json"]
            let there = try await host.run("dbbackup", restore)
            #expect(there.status == 73)
            #expect(there.stderr.contains("has sales.Orders (table) already"), "\(there.stderr)")
            try await database.run(
                """
                DROP TABLE sales."Orders"; COMMENT ON SCHEMA sales IS 'of today'; INSERT INTO customers VALUES (2);
                CREATE TABLE sales.other (n int); CREATE INDEX by_state ON sales.other (n)
                """)
            let half = try await host.run("dbbackup", restore)
            #expect(half.status == 73)
            #expect(half.stderr.contains("has sales.by_state (index) already"), "\(half.stderr)")
            #expect(try await database.value("SELECT to_regclass('sales.\"Orders\"') IS NULL") == "t")
            try await database.run("DROP INDEX sales.by_state")
            let plan = try await host.run("dbbackup", ["restore", "latest", "--table", "sales.Orders", "--plan"])
            #expect(plan.stdout.contains("using what is there: schema sales"), "\(plan.stdout)")
            #expect(plan.stdout.contains("function sales.stamp(integer, sales.state)"), "\(plan.stdout)")
            let restored = try await host.run("dbbackup", restore)
            #expect(restored.status == 0, "\(restored.stderr)")
            let report = try jsonObject(restored.stdout)
            #expect((report["databases"] as? [[String: Any]])?.first?["verdict"] as? String == "equal")
            #expect(try await database.value("SELECT count(*) || ' ' || max(id) FROM sales.\"Orders\"") == "7 7")
            #expect(try await database.value("SELECT nextval('sales.\"Orders_id_seq\"')") == "8")
            #expect(
                try await database.value("SELECT obj_description('sales'::regnamespace) || count(*) FROM customers")
                    == "of today2")
        }
    }

    @Test func `of a schema leaves the others`() async throws {
        try await BackupHost.with(
            """
            CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t AS SELECT 1 AS x; CREATE TABLE b.t AS SELECT 2 AS x;
            CREATE VIEW a.v AS SELECT x FROM a.t; CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT 5';
            CREATE SEQUENCE a.s START 7; SELECT nextval('a.s'); SELECT lo_from_bytea(77, 'x')
            """
        ) { host in
            let name = "schema_\(host.database.name)"
            let restored = try await host.dbbackup("restore", "latest", "--schema", "a", "--target-dbname", name)
            #expect(restored.status == 0, "\(restored.stderr)")
            let copy = host.other(name)
            #expect(try await copy.value("SELECT x + a.f() + nextval('a.s') FROM a.v") == "14")
            #expect(try await copy.value("SELECT to_regclass('b.t')") == nil)
            #expect(try await copy.value("SELECT count(*) FROM pg_largeobject_metadata") == "0")
        }
    }

    @Test func `gives to another role what was of one`() async throws {
        let database = try Database.current
        let (old, new, reader) = ("Old \(database.name)", "New \(database.name)", "to_\(database.name)")
        try await BackupHost.with(
            """
            CREATE ROLE "\(old)"; CREATE ROLE "\(new)"; CREATE ROLE \(reader);
            ALTER DATABASE "\(database.name)" OWNER TO "\(old)"; GRANT CREATE ON DATABASE "\(database.name)" TO \(reader);
            ALTER ROLE "\(old)" IN DATABASE "\(database.name)" SET work_mem = '7MB';
            CREATE TABLE "\(old)" (id int, "to" text); ALTER TABLE "\(old)" OWNER TO "\(old)";
            GRANT SELECT ("to") ON "\(old)" TO \(reader), "\(old)";
            ALTER TABLE "\(old)" ENABLE ROW LEVEL SECURITY;
            CREATE POLICY p ON "\(old)" FOR SELECT TO \(reader), "\(old)" USING ("to" <> 'TO "\(old)"');
            ALTER DEFAULT PRIVILEGES FOR ROLE "\(old)" IN SCHEMA public GRANT SELECT ON TABLES TO \(reader);
            SET SESSION AUTHORIZATION "\(old)"; GRANT UPDATE ON "\(old)" TO \(reader) WITH GRANT OPTION;
            RESET SESSION AUTHORIZATION
            """
        ) { host in
            try await database.run(
                """
                REASSIGN OWNED BY "\(old)" TO postgres; DROP OWNED BY "\(old)"; DROP ROLE "\(old)"
                """)
            let name = "mapped_\(database.name)"
            let refused = try await host.dbbackup("restore", "latest", "--target-dbname", name)
            #expect(refused.status == 66)
            let restored = try await host.dbbackup(
                "restore", "latest", "--target-dbname", name, "--role-map", "\(old)=\(new)", "--role-map",
                "\(reader)=postgres")
            #expect(restored.status == 0, "\(restored.stderr)")
            #expect(restored.stderr.contains("function bodies"))
            let copy = host.other(name)
            let facts = """
                SELECT (SELECT datdba::regrole || ' ' || coalesce(datacl::text, '') FROM pg_database WHERE datname = current_database())
                    || (SELECT string_agg(setrole::regrole::text, '') FROM pg_db_role_setting
                        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
                    || (SELECT relowner::regrole || relacl::text FROM pg_class WHERE oid = '"\(old)"'::regclass)
                    || (SELECT string_agg(r::regrole::text, '') FROM pg_policy, unnest(polroles) AS r)
                    || (SELECT defaclrole::regrole || defaclacl::text FROM pg_default_acl)
                    || (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy)
                """
            let found = try #require(try await copy.value(facts))
            #expect(!found.replacingOccurrences(of: "'TO \"\(old)\"'", with: "").contains(old), "\(found)")
            #expect(!found.contains(reader), "\(found)")
            #expect(found.contains("'TO \"\(old)\"'"), "an expression is text that people wrote: \(found)")
            let unknown = try await host.dbbackup(
                "restore", "latest", "--target-dbname", "x", "--role-map", "nobody=postgres")
            #expect(unknown.status == 66)
            // And without owners and grants none of the roles is needed.
            let bare = "bare_\(database.name)"
            let plain = try await host.dbbackup(
                "restore", "latest", "--target-dbname", bare, "--no-owner", "--no-privileges", "--role-map",
                "\(old)=postgres", "--table", "public.\(old)")
            #expect(plain.status == 0, "\(plain.stderr)")
            let owner =
                "SELECT relowner::regrole || coalesce(relacl::text, '') FROM pg_class WHERE oid = '\"\(old)\"'::regclass"
            #expect(try await host.other(bare).value(owner) == "postgres")
        }
    }

    @Test func `of every database goes into another cluster`() async throws {
        let database = try Database.current
        let second = try await database.cluster.makeDatabase()
        let role = "two_\(database.name)"
        try await second.run(
            "CREATE ROLE \(role) PASSWORD 'x'; CREATE TABLE b AS SELECT 2 AS x; ALTER TABLE b OWNER TO \(role)")
        // The one that every cluster has comes too; an empty one is filled.
        let maintenance = Database(cluster: database.cluster, name: "postgres")
        try await maintenance.run("COMMENT ON DATABASE postgres IS 'restored'")
        try await BackupHost.with("CREATE TABLE a AS SELECT 1 AS x", databases: [second, maintenance]) { host in
            var options = TemporaryCluster.Options()
            options.account = try Cluster.account()
            try await TemporaryCluster.run(try await Cluster.installation(), options) { other in
                let server = ["-h", other.folder.string, "-d", "postgres"]
                let several = try await host.run("dbbackup", ["restore", "latest"] + server)
                #expect(several.status == 64)
                let restored = try await host.run("dbbackup", ["restore", "latest", "--all", "--globals"] + server)
                #expect(restored.status == 0, "\(restored.stderr)")
                let remark = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'postgres'"
                for (name, query, answer) in [
                    (database.name, "SELECT x::text FROM a", "1"), (second.name, "SELECT x::text FROM b", "2"),
                    ("postgres", remark, "restored"),
                ] {
                    let connection = try await Connection.open(other.parameters.with(database: name))
                    try await connection.execute("SET search_path = public")
                    #expect(try await connection.query(SQL(raw: query)).one()[0] == answer)
                    await connection.close()
                }
            }
        }
    }

    @Test func `needs no superuser where owners and grants are left out`() async throws {
        let database = try Database.current
        let role = "managed_\(database.name)"
        try await BackupHost.with(
            "CREATE ROLE \(role) LOGIN CREATEDB; CREATE TABLE t AS SELECT 1 AS x; GRANT SELECT ON t TO PUBLIC; CREATE SEQUENCE s"
        ) { host in
            let name = "mine_\(database.name)"
            let refused = try await host.dbbackup("restore", "latest", "--target-dbname", name, "-U", role)
            #expect(refused.status == 77, "\(refused.stderr)")
            #expect(try await host.databases(like: name).isEmpty)
            let restored = try await host.dbbackup(
                "restore", "latest", "--target-dbname", name, "-U", role, "--no-owner", "--no-privileges")
            #expect(restored.status == 0, "\(restored.stderr)")
            #expect(restored.stdout.contains(", equal"))
            let again = try await host.dbbackup(
                "restore", "latest", "--target-dbname", name, "--replace", name, "-U", role, "--no-owner",
                "--no-privileges")
            #expect(again.status == 0, "\(again.stderr)")
        }
    }

    @Test func `that does not give the recorded rows names the table and answers 1`() async throws {
        try await BackupHost.with(
            """
            CREATE TABLE loot (what text);
            CREATE FUNCTION harmless(int) RETURNS boolean LANGUAGE plpgsql AS $f$
            BEGIN
                IF current_setting('application_name') = 'dbbackup' THEN INSERT INTO public.loot VALUES ('x'); END IF;
                RETURN true;
            END $f$;
            CREATE TABLE bait (i int CHECK (harmless(i))); INSERT INTO bait VALUES (1);
            """
        ) { host in
            let name = "different_\(host.database.name)"
            let restored = try await host.dbbackup("restore", "latest", "--target-dbname", name)
            #expect(restored.status == 1, "\(restored.stdout)\(restored.stderr)")
            #expect(restored.stdout.contains("  table public.loot: 1 rows instead of 0"))
            let quick = try await host.dbbackup("restore", "latest", "--target-dbname", "\(name)_2", "--no-compare")
            #expect(quick.status == 0)
            #expect(quick.stdout.contains("not compared"))
            let replaced = try await host.dbbackup("restore", "latest", "--replace", host.database.name)
            #expect(replaced.status == 1, "\(replaced.stderr)")
            #expect(replaced.stdout.contains("was not replaced"))
            #expect(try await host.database.value("SELECT count(*) FROM loot") == "0")
            #expect(try await host.databases(like: "\(host.database.name)%before%").isEmpty)
            #expect(try await host.databases(like: "dbsec_restore_%").isEmpty)
        }
    }
}
