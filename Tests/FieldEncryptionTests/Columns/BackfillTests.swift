import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct BackfillTests {
    @Test(arguments: [
        ("integer", "id integer PRIMARY KEY", "n", "id::text"),
        ("uuid", "id uuid PRIMARY KEY", "gen_random_uuid()", "id::text"),
        ("text", "id text PRIMARY KEY", "'row ' || n || ' \"quoted\"'", "id"),
        ("none", "id integer", "n", "id::text"),
    ])
    func `values are encrypted, whatever the primary key is`(
        kind: String, definition: String, value: String, key: String
    ) async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (\(definition), phone text, filler text DEFAULT repeat('x', 50));
            INSERT INTO users (id, phone) SELECT \(value), CASE WHEN n % 10 = 0 THEN NULL WHEN n % 7 = 0 THEN '' ELSE 'phone ' || n END
            FROM generate_series(1, 3000) n;
            """)
        try await scene.start()
        let result = try await scene.backfill()
        #expect(result.rows == 2700 && result.left == 0)
        let pairs = try await scene.pairs(key: key)
        #expect(pairs.count == 3000)
        #expect(pairs.allSatisfy { $0.value.plain == $0.value.decrypted })
        #expect(pairs.count { $0.value.plain == nil } == 300)
        #expect(try await scene.verify().isGood)
        #expect(try await scene.declaration().phase == .backfilled)
        #expect(try await scene.backfill().rows == 0)
    }

    @Test func `a composite key and partitions are no obstacle`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (tenant integer, id bigint, phone text, PRIMARY KEY (tenant, id)) PARTITION BY LIST (tenant);
            CREATE TABLE users_1 PARTITION OF users FOR VALUES IN (1);
            CREATE TABLE users_rest PARTITION OF users DEFAULT PARTITION BY HASH (id);
            CREATE TABLE users_rest_0 PARTITION OF users_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE users_rest_1 PARTITION OF users_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO users SELECT n % 5, n, 'phone ' || n FROM generate_series(1, 2000) n;
            """)
        try await scene.start(indexes: ["exact::16"])
        #expect(try await scene.backfill().left == 0)
        #expect(try await scene.mismatches(key: "tenant || '/' || id") == [])
        #expect(try await scene.verify().values == 2000)
        let enabled = try await scene.database.value(
            "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zzz_dbpii%' AND tgenabled <> 'A'")
        #expect(enabled == "0")
        try await scene.database.run("INSERT INTO users VALUES (1, 9999, 'late')")
        #expect(try await scene.verify().counts == [.plaintext: 1])
    }

    @Test(arguments: [
        "bytea", "integer", "numeric(10,2)", "date", "timestamptz", "json", "varchar(40)", "char(12)", "interval",
    ])
    func `columns of other types are encrypted as PostgreSQL writes them, and come back`(type: String) async throws {
        let value =
            switch type {
            case "bytea": "decode(lpad(to_hex(n), 8, '0'), 'hex')"
            case "date": "date '2000-01-01' + n"
            case "timestamptz": "timestamptz '2000-01-01 10:00+02' + n * interval '1 hour'"
            case "json": "json_build_object('n', n)"
            case "interval": "n * interval '1 day 2 hours'"
            default: "n::\(type)"
            }
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone \(type) NOT NULL);
            INSERT INTO users SELECT n, \(value) FROM generate_series(1, 200) n;
            CREATE TABLE before AS SELECT id, phone::text FROM users;
            """)
        try await scene.start()
        #expect(try await scene.backfill().left == 0)
        #expect(try await scene.verify().isGood)
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        #expect(try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0).isOpen)
        try await ColumnFinish(scene.connection).check(scene.declaration())
        try await ColumnFinish(scene.connection).drop(scene.declaration())
        let revert = ColumnRevert(scene.connection)
        let reverting = try #require(try await revert.begin(scene.declaration()))
        let result = try await scene.jobs.restorePlaintext(reverting, comparingAll: true)
        #expect(result.left == 0 && result.rows == 200)
        try await revert.end(reverting)
        let different = try await scene.database.value(
            "SELECT count(*) FROM users u JOIN before b USING (id) WHERE u.phone::text IS DISTINCT FROM b.phone")
        #expect(different == "0")
        let columns = try await scene.database.value(
            """
            SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull, ', ' ORDER BY attname)
            FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped
            """)
        let spelled = try await scene.database.value("SELECT format_type('\(type)'::regtype, NULL)")
        #expect(
            columns?.contains("phone \(type == "char(12)" ? "character(12)" : spelled ?? "")") == true
                || type.hasPrefix("varchar") || type.hasPrefix("numeric"), "\(columns ?? "")")
        #expect(columns?.hasSuffix("true") == true)
    }

    @Test func `large values are encrypted one by one, in flat memory`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text);
            ALTER TABLE users ALTER phone SET STORAGE external;
            INSERT INTO users SELECT n, repeat(n::text, 300000) FROM generate_series(1, 20) n;
            INSERT INTO users SELECT n, repeat('y', n % 4000) FROM generate_series(21, 2000) n;
            """)
        try await scene.start()
        #expect(try await scene.backfill().left == 0)
        #expect(try await scene.mismatches() == [])
        #expect(try await scene.verify().isGood)
    }

    @Test func `an empty table and a column of NULLs are done at once`() async throws {
        let scene = try await ColumnScene("CREATE TABLE users (id integer PRIMARY KEY, phone text)")
        try await scene.start(indexes: ["exact"])
        #expect(try await scene.backfill().left == 0)
        #expect(try await scene.verify().isGood)
        #expect(try await scene.declaration().phase == .backfilled)
    }

    @Test func `a column that is half encrypted already is taken over`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text, phone_enc bytea);
            INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 100) n;
            """)
        let cipher = try FieldCipher(scene.keyring).column("users.phone")
        for id in 1...40 {
            let field = try cipher.encrypt("phone \(id)")
            try await scene.connection.execute("UPDATE public.users SET phone_enc = \(field) WHERE id = \(id)")
        }
        await #expect(throws: PlainFailure.self) { try await scene.start() }
        try await scene.start(adopts: true)
        #expect(try await scene.backfill().rows == 60)
        #expect(try await scene.mismatches() == [])
    }

    @Test func `a write that forgets the twin clears it, and is counted`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text, city text);
            INSERT INTO users SELECT n, 'phone ' || n, 'city' FROM generate_series(1, 10) n;
            """)
        try await scene.start(indexes: ["exact"])
        try await scene.backfill()
        let gate = ColumnGate(scene.connection)
        #expect(try await gate.look(scene.declaration(), quietFor: 3600).unpaired == 0)
        try await scene.database.run(
            """
            UPDATE users SET city = 'other';
            UPDATE users SET phone = '222' WHERE id = 1;
            UPDATE users SET phone = NULL WHERE id = 2;
            INSERT INTO users VALUES (11, '333', '');
            """)
        let cleared = try await scene.database.value(
            "SELECT string_agg(id::text, ',' ORDER BY id) FROM users WHERE phone_enc IS NULL AND phone_exact IS NULL")
        #expect(cleared == "1,2,11")
        var verdict = try await gate.look(scene.declaration(), quietFor: 0)
        #expect(verdict.unpaired == 3 && verdict.left == 2 && !verdict.isOpen)
        try await scene.backfill()
        verdict = try await gate.look(scene.declaration(), quietFor: 0)
        #expect(verdict.left == 0 && verdict.isOpen)
        // A write of both is no offence.
        let field = try await scene.cipher().encrypt("444")
        try await scene.connection.execute(
            "UPDATE public.users SET phone = '444', phone_enc = \(field), phone_exact = phone_exact WHERE id = 3")
        #expect(try await gate.look(scene.declaration(), quietFor: 0).unpaired == 0)
        #expect(try await gate.look(scene.declaration(), quietFor: 3600).isOpen == false)
    }

    @Test func `after the check a write without the twin is refused`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text NOT NULL);
            INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 10) n;
            """)
        try await scene.start()
        let finish = ColumnFinish(scene.connection)
        await #expect(throws: PlainFailure.self) { try await finish.check(scene.declaration()) }
        try await scene.backfill()
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        await #expect(throws: PlainFailure.self) { try await finish.drop(scene.declaration()) }
        try await finish.check(scene.declaration())
        await #expect(throws: PostgresError.self) {
            try await scene.database.run("UPDATE users SET phone = '2' WHERE id = 1")
        }
        await #expect(throws: PostgresError.self) { try await scene.database.run("INSERT INTO users VALUES (12, '2')") }
        let field = try await scene.cipher().encrypt("444")
        try await scene.connection.execute("INSERT INTO public.users (id, phone_enc) VALUES (13, \(field))")
        try await finish.drop(scene.declaration())
        await #expect(throws: PostgresError.self) {
            try await scene.database.run("INSERT INTO users VALUES (14, NULL)")
        }
        #expect(try await scene.verify().values == 11)
        let left = try await scene.database.value(
            "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'zzz_dbpii%'")
        #expect(left == "0")
    }

    @Test func `what the application wrote last is what comes back`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text);
            INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 10) n;
            """)
        try await scene.start()
        try await scene.backfill()
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        try await ColumnFinish(scene.connection).check(scene.declaration())
        // The twin counts now: the plaintext beside it is stale.
        let field = try await scene.cipher().encrypt("newer")
        try await scene.connection.execute("UPDATE public.users SET phone_enc = \(field) WHERE id = 3")
        let revert = ColumnRevert(scene.connection)
        let reverting = try #require(try await revert.begin(scene.declaration()))
        // On the way back, too.
        let second = try await scene.cipher().encrypt("newest")
        try await scene.connection.execute("UPDATE public.users SET phone_enc = \(second) WHERE id = 4")
        let result = try await scene.jobs.restorePlaintext(reverting, comparingAll: true)
        #expect(result.rows == 2 && result.left == 0)
        try await revert.end(reverting)
        #expect(try await scene.database.value("SELECT phone FROM users WHERE id = 3") == "newer")
        #expect(try await scene.database.value("SELECT phone FROM users WHERE id = 4") == "newest")
    }
}

/// A table whose own triggers change the column.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct OtherTriggerTests {
    @Test func `a change that another trigger makes clears the twin too`() async throws {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text, city text);
            INSERT INTO users SELECT n, 'phone ' || n, 'city' FROM generate_series(1, 10) n;
            CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN IF NEW.city = 'moved' THEN NEW.phone := 'none'; END IF; RETURN NEW; END $$;
            CREATE TRIGGER moves BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION other();
            """)
        try await scene.start()
        try await scene.backfill()
        try await scene.database.run("UPDATE users SET city = 'moved' WHERE id = 3")
        #expect(try await scene.database.value("SELECT phone_enc IS NULL FROM users WHERE id = 3") == "t")
        #expect(try await scene.backfill().rows == 1)
        #expect(try await scene.mismatches() == [])
    }
}
