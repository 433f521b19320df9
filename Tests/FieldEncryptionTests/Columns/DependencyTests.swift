import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct DependencyTests {
    private func plan(_ scene: ColumnScene, rowColumn: String? = nil) async throws -> ColumnStart.Plan {
        try await ColumnStart(scene.connection, scene.keyring).plan(
            ColumnStart.Request(
                path: scene.path, column: scene.column, twin: nil, context: nil, rowColumn: rowColumn, padding: 16,
                indexes: [], adopts: false))
    }

    @Test func `everything that depends on a column is found before anything is done`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text UNIQUE DEFAULT 'none' CHECK (phone <> 'x'),
                digits text GENERATED ALWAYS AS (upper(phone)) STORED);
            CREATE INDEX users_lower ON users (lower(phone));
            CREATE TABLE calls (phone text REFERENCES users (phone));
            CREATE VIEW phones AS SELECT phone FROM users;
            CREATE MATERIALIZED VIEW phone_copies AS SELECT phone FROM users;
            CREATE POLICY own ON users USING (phone = current_user);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER history AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note();
            CREATE FUNCTION find_phone(p text) RETURNS SETOF integer LANGUAGE sql AS 'SELECT id FROM public.users WHERE phone = p';
            CREATE STATISTICS users_stat ON id, phone FROM users;
            CREATE PUBLICATION all_users FOR TABLE users;
            GRANT SELECT (phone) ON users TO PUBLIC;
            """)
        let found = try await plan(scene).dependencies
        let kinds = Set(found.map(\.kind))
        #expect(
            kinds == [
                "unique", "index", "default", "check", "generated", "foreign key", "view", "materialized view",
                "policy",
                "trigger", "function", "statistics", "publication", "column privilege",
            ])
        #expect(
            Set(found.filter(\.blocksDrop).map(\.kind)) == [
                "generated", "foreign key", "view", "materialized view", "policy",
            ])
        #expect(try await scene.database.value("SELECT to_regnamespace('dbpii') IS NULL") == "t")
    }

    @Test func `rights on the column are given on its twin and its index columns, and back`() async throws {
        let role = "reader \(UInt32.random(in: 1...9_999_999))"
        let scene = try await ColumnScene(
            """
            CREATE ROLE "\(role)";
            CREATE TABLE users (id integer PRIMARY KEY, phone text NOT NULL);
            INSERT INTO users VALUES (1, 'one');
            GRANT SELECT (id, phone), UPDATE (phone) ON users TO "\(role)" WITH GRANT OPTION; GRANT INSERT (phone) ON users TO PUBLIC
            """)
        let statements = try await plan(scene).statements()
        #expect(statements.contains("GRANT INSERT (\"phone_enc\") ON \"public\".\"users\" TO PUBLIC"))
        #expect(
            statements.contains(
                "GRANT UPDATE (\"phone_enc\") ON \"public\".\"users\" TO \"\(role)\" WITH GRANT OPTION"))
        try await scene.start(indexes: ["exact::16"])
        func rights(_ column: String) async throws -> String? {
            try await scene.database.value(
                """
                SELECT string_agg(entry::text, ' ' ORDER BY entry::text) FROM pg_attribute, unnest(attacl) entry
                WHERE attrelid = 'users'::regclass AND attname = '\(column)'
                """)
        }
        let all = try await rights("phone")
        #expect(all?.contains("r*w*") == true)
        for column in ["phone_enc", "phone_exact"] { #expect(try await rights(column) == all) }
        try await scene.backfill()
        let added = try await scene.jobs.add(IndexDeclaration("last4:last4:12", of: "phone"), to: scene.declaration())
        #expect(added.indexes.count == 2)
        #expect(try await rights("phone_last4") == all)
        try await scene.backfill()
        _ = try await scene.jobs.reindex(scene.declaration())
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        let finish = ColumnFinish(scene.connection)
        try await finish.check(scene.declaration())
        try await finish.drop(scene.declaration())
        _ = try await ColumnRevert(scene.connection).begin(scene.declaration())
        #expect(try await rights("phone") == all)
        try await scene.database.run("DROP OWNED BY \"\(role)\"; DROP ROLE \"\(role)\"")
    }

    @Test func `the drop is refused while a view shows the column`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text);
            INSERT INTO users VALUES (1, 'one');
            CREATE VIEW phones AS SELECT phone FROM users;
            """)
        try await scene.start()
        try await scene.backfill()
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        let finish = ColumnFinish(scene.connection)
        try await finish.check(scene.declaration())
        let failure = await #expect(throws: PlainFailure.self) { try await finish.drop(scene.declaration()) }
        #expect(failure?.sentence.contains("view public.phones") == true)
        try await scene.database.run("DROP VIEW phones")
        try await finish.drop(scene.declaration())
        #expect(try await scene.declaration().phase == .finished)
    }

    @Test(arguments: [
        ("CREATE TABLE users (phone text PRIMARY KEY)", "primary key"),
        ("CREATE TABLE users (id integer, phone integer GENERATED ALWAYS AS (id + 1) STORED)", "server makes"),
        ("CREATE TABLE users (id integer, phone integer GENERATED ALWAYS AS IDENTITY)", "server makes"),
        ("CREATE TABLE users (id integer, phone text) PARTITION BY LIST (phone)", "partitions by it"),
        ("CREATE TABLE users (id integer, phone text); CREATE TABLE more () INHERITS (users)", "inherits"),
        ("CREATE VIEW users AS SELECT 'x'::text AS phone", "only tables"),
    ])
    func `a column that cannot be encrypted in place is refused with the reason`(
        setup: String, reason: String
    ) async throws {
        let scene = try await ColumnScene(setup)
        let failure = await #expect(throws: PlainFailure.self) { try await plan(scene) }
        #expect(failure?.sentence.contains(reason) == true)
        #expect(failure?.status == .negative)
    }

    @Test func `rows that row security hides are not overlooked`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text);
            ALTER TABLE users ENABLE ROW LEVEL SECURITY;
            CREATE ROLE fields_hidden_reader LOGIN;
            GRANT ALL ON users TO fields_hidden_reader;
            """)
        let reader = try await scene.database.connect(as: "fields_hidden_reader")
        let failure = await #expect(throws: PlainFailure.self) {
            try await ColumnStart(reader, scene.keyring).plan(
                ColumnStart.Request(
                    path: scene.path, column: "phone", twin: nil, context: nil, rowColumn: nil, padding: 16,
                    indexes: [], adopts: false))
        }
        #expect(failure?.sentence.contains("row security") == true)
        await reader.close()
    }
}
