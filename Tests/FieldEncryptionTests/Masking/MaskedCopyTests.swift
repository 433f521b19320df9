import AuditLog
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import FieldEncryption

@Suite(.cluster, .database, .timeLimit(.minutes(10)))
struct `A masked copy` {
    private static let shop = """
        CREATE TYPE mood AS ENUM ('good', 'bad');
        CREATE TABLE people (
          email varchar(60) PRIMARY KEY CHECK (email LIKE '%@%'), name text NOT NULL, phone text, born date, feeling mood,
          data jsonb, other text[], card text CHECK (length(card) = 16), big bigint GENERATED ALWAYS AS (length(email)) STORED);
        CREATE TABLE orders (id serial PRIMARY KEY, who varchar(60) NOT NULL REFERENCES people, note text, at date);
        CREATE TABLE logins (at date, address inet) PARTITION BY RANGE (at);
        CREATE TABLE logins_1 PARTITION OF logins FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
        CREATE TABLE logins_2 PARTITION OF logins FOR VALUES FROM ('2026-07-01') TO ('2027-01-01');
        INSERT INTO people
        SELECT 'plain' || i || '@example.com', 'Anna Plaintext' || chr(97 + i % 26) || chr(97 + i / 26), '+49 170 ' || 1000000 + i, '1950-01-01'::date + i * 40, 'good',
               jsonb_build_object('contact', 'plain' || i || '@example.org', 'n', i), ARRAY['plain' || i || '@example.net'],
               '4111111111111111'
        FROM generate_series(1, 300) i;
        INSERT INTO orders (who, note, at)
        SELECT 'plain' || 1 + i % 300 || '@example.com', E'note\\twith \\\\ tab ' || i, '2026-02-03' FROM generate_series(1, 900) i;
        INSERT INTO logins SELECT '2026-01-01'::date + i, '192.168.0.1'::inet + i FROM generate_series(1, 300) i;
        CREATE VIEW everybody AS SELECT * FROM people;
        CREATE MATERIALIZED VIEW counts AS SELECT who, count(*) FROM orders GROUP BY who
        """

    private func environment(_ folder: FilePath) throws -> [String: String?] {
        try Database.current.environment.merging(["DBSEC_STATE": folder.appending("state").string]) { $1 }
    }

    private func copy() throws -> Database {
        Database(cluster: try Cluster.current, name: "\(try Database.current.name)_copy")
    }

    @Test func `holds fakes that join, pass their checks, and are nowhere plaintext`() async throws {
        let (database, copy) = (try Database.current, try copy())
        try await database.run(Self.shop)
        try await withTemporaryFolder { folder in
            let result = try await Program.run(
                "dbpii", ["mask", "--to", copy.name], environment: try environment(folder))
            #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
            #expect(result.stdout.contains("public.orders.who: email"))
            #expect(result.stdout.contains("copied 1,500 rows of 3 tables"))
            let log = try Files.read(folder.appending("state/audit/log-000000.jsonl"))
            #expect(String(decoding: log, as: UTF8.self).contains("field.mask"))
        }
        func value(_ query: String) async throws -> String? { try await copy.value(query) }
        #expect(try await value("SELECT count(*) FROM people") == "300")
        #expect(try await value("SELECT count(DISTINCT email) FROM people WHERE email LIKE '%.example'") == "300")
        #expect(try await value("SELECT count(*) FROM orders JOIN people ON who = email") == "900")
        #expect(
            try await value(
                "SELECT count(*) FROM people WHERE people::text LIKE '%plain%' OR people::text LIKE '%Plaintext%'")
                == "0")
        #expect(try await value("SELECT count(*) FROM people WHERE card = '4111111111111111'") == "0")
        #expect(try await value("SELECT count(*) FROM people WHERE (data->>'n')::int BETWEEN 1 AND 300") == "300")
        #expect(
            try await value(
                "SELECT count(*) FROM people WHERE data->>'contact' LIKE '%@%.example' AND other[1] LIKE '%.example'")
                == "300")
        #expect(try await value("SELECT count(*) FROM orders WHERE note LIKE E'note\\twith \\\\\\\\ tab %'") == "900")
        #expect(try await value("SELECT count(*) FROM logins WHERE address << '192.168.0.0/16'") != "300")
        #expect(try await value("SELECT nextval('orders_id_seq')") == "901")
        #expect(try await value("SELECT count(*) FROM counts") == "300")
        #expect(try await value("SELECT bool_and(big = length(email)) FROM people") == "t")
        // Where years are the same, the days are not.
        let before = try await database.value("SELECT string_agg(born::text, ',' ORDER BY born) FROM people")
        #expect(try await value("SELECT string_agg(born::text, ',' ORDER BY born) FROM people") != before)
    }

    @Test func `goes into a folder that psql loads, with no plaintext in any file`() async throws {
        let (database, copy) = (try Database.current, try copy())
        try await database.run(Self.shop)
        try await withTemporaryFolder { folder in
            let target = folder.appending("copy")
            let result = try await Program.run(
                "dbpii", ["mask", "--to", target.string, "--json"], environment: try environment(folder))
            #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
            for name in try Files.list(target.appending("data")) {
                let text = String(decoding: try Files.read(target.appending("data").appending(name)), as: UTF8.self)
                #expect(!text.contains("plain"))
            }
            let made = try await database.cluster.connect()
            try await made.execute("CREATE DATABASE \(identifier: copy.name) TEMPLATE template0")
            await made.close()
            let psql = database.cluster.installation.program("psql").string
            let loaded = try await Program.run(
                "/bin/sh", ["-c", "cd \(target) && exec \(psql) -X -q -d \(copy.name) -f load.sql"],
                environment: database.environment)
            #expect(loaded.status == 0, "\(loaded.stderr)")
            #expect(try await copy.value("SELECT count(*) FROM orders JOIN people ON who = email") == "900")
            let again = try await Program.run(
                "dbpii", ["mask", "--to", target.string], environment: try environment(folder))
            #expect(again.status == 73)
        }
    }

    @Test func `is refused when a column looks like personal data and nothing is said about it`() async throws {
        try await Database.current.run(Self.shop)
        try await withTemporaryFolder { folder in
            let arguments = ["mask", "--to", folder.appending("copy").string, "--rule", "people.email=email"]
            let refused = try await Program.run("dbpii", arguments, environment: try environment(folder))
            #expect(refused.status == 1)
            #expect(refused.stdout.contains("public.people.phone: phone"))
            #expect(!Files.exists(folder.appending("copy")))
            let said = [
                "people.phone=keep", "people.born=keep", "people.card=payment-card", "people.name=fixed:Somebody",
                "people.data=null",
                "people.other=null", "logins.address=ip-address", "orders.who=email",
            ]
            let result = try await Program.run(
                "dbpii", arguments + said.flatMap { ["--rule", $0] }, environment: try environment(folder))
            #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
        }
    }

    @Test(arguments: [
        (["people.nothing=email"], "in the plan and not in the database"), (["people.name=null"], "it is NOT NULL"),
        (["people.born=email"], "email is for text"), (["people.feeling=shape"], "values of type enum"),
        (["people.data=shape"], "values of type jsonb"), (["people.big=shape"], "it is generated"),
        (["people.email=email", "orders.who=shape"], "joined by a foreign key"),
    ])
    func `is refused when a rule cannot work`(rules: [String], sentence: String) async throws {
        try await Database.current.run(Self.shop)
        let connection = try await Database.current.connect()
        var planning = try await MaskPlanning.read(connection)
        let orders = try rules.map { try #require(MaskOrder($0, schemas: ["public"])) }
        let error = #expect(throws: PlainFailure.self) { try planning.apply(orders) }
        #expect(error?.status == .malformed)
        #expect(error?.sentence.contains(sentence) == true, "\(error?.sentence ?? "")")
    }

    @Test func `takes its rules from a plan, and replaces encrypted fields`() async throws {
        let (database, copy) = (try Database.current, try copy())
        try await database.run(
            """
            CREATE TABLE t (id int, email text, email_enc bytea, email_idx bytea);
            INSERT INTO t SELECT i, 'plain' || i || '@example.com', '\\x01'::bytea || sha256('x' || i::text::bytea) || sha256('y' || i::text::bytea),
                                 substr(sha256(i::text::bytea), 1, 3) FROM generate_series(1, 200) i
            """.replacing("'x' || i::text::bytea", with: "('x' || i)::bytea").replacing(
                "'y' || i::text::bytea", with: "('y' || i)::bytea"))
        try await withTemporaryFolder { folder in
            let plan = folder.appending("plan.json").string
            _ = try await Program.run("dbpii", ["scan", "--plan", plan], environment: try environment(folder))
            let result = try await Program.run(
                "dbpii", ["mask", "--plan", plan, "--to", copy.name], environment: try environment(folder))
            #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
        }
        let all = "SELECT md5(string_agg(COLUMN::text, ',' ORDER BY id)) FROM t"
        for column in ["email", "email_enc", "email_idx"] {
            let query = all.replacing("COLUMN", with: column)
            #expect(try await copy.value(query) != (try await database.value(query)))
        }
        #expect(
            try await copy.value("SELECT count(*) FROM t WHERE length(email_enc) = 65 AND length(email_idx) = 3")
                == "200")
    }

    @Test func `that fails leaves nothing behind, and one that is there stays`() async throws {
        let (database, copy) = (try Database.current, try copy())
        try await database.run(Self.shop)
        // A fake never matches it.
        try await database.run("ALTER TABLE people ADD CHECK (phone ~ '^.49 170 1')")
        try await withTemporaryFolder { folder in
            let failed = try await Program.run(
                "dbpii", ["mask", "--to", copy.name], environment: try environment(folder))
            #expect(failed.status != 0)
            #expect(failed.stderr.contains("people_phone_check"))
            #expect(!failed.stderr.contains("plain1"))
            #expect(try await database.value("SELECT count(*) FROM pg_database WHERE datname = '\(copy.name)'") == "0")
            let itself = try await Program.run(
                "dbpii", ["mask", "--to", database.name], environment: try environment(folder))
            #expect(itself.status == 64)
            let other = try await database.cluster.makeDatabase()
            try await other.run("CREATE TABLE mine (x int)")
            let full = try await Program.run(
                "dbpii", ["mask", "--to", other.name], environment: try environment(folder))
            #expect(full.status == 73)
            #expect(try await other.value("SELECT count(*) FROM mine") == "0")
        }
    }
}
