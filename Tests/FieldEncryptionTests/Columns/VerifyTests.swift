import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct VerifyTests {
    private static let setup = """
        CREATE TABLE users (id integer PRIMARY KEY, row_id uuid NOT NULL UNIQUE, phone text, city text);
        INSERT INTO users SELECT n, gen_random_uuid(), 'phone ' || n, 'City ' || n % 7 FROM generate_series(1, 60) n;
        """

    @Test func `each kind of damage is found, with its place`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start(indexes: ["exact:lowercase:16", "both:lowercase:full:city"])
        try await scene.backfill()
        #expect(try await scene.verify().isGood)
        try await scene.database.run(
            """
            UPDATE users SET phone_enc = set_byte(phone_enc, 40, get_byte(phone_enc, 40) # 1) WHERE id = 1;
            UPDATE users SET phone_enc = 'plain', phone = NULL WHERE id = 2;
            UPDATE users SET phone_enc = set_byte(phone_enc, 3, get_byte(phone_enc, 3) # 1) WHERE id = 3;
            UPDATE users SET phone_exact = '\\x0000' WHERE id = 4;
            UPDATE users a SET phone_enc = b.phone_enc, phone_exact = b.phone_exact, phone_both = NULL
                FROM users b WHERE a.id = 5 AND b.id = 6;
            """)
        let verdict = try await scene.verify()
        #expect(
            verdict.counts == [
                .doesNotDecrypt: 1, .notEncrypted: 1, .unknownKey: 1, .wrongIndex: 2, .differs: 1,
            ])
        for example in verdict.examples {
            let place = try #require(example.place.split(separator: " ").last)
            let found = try await scene.database.value("SELECT id FROM users WHERE ctid = '\(place)'")
            #expect(found.flatMap { Int($0) }.map { (1...5).contains($0) } == true)
        }
    }

    @Test func `a value that moves between bound rows does not decrypt, and the uuid cannot change`() async throws {
        let scene = try await ColumnScene(Self.setup)
        await #expect(throws: PlainFailure.self) { try await scene.start(rowColumn: "id") }
        try await scene.start(indexes: ["exact:lowercase:16"], rowColumn: "row_id")
        try await scene.backfill()
        #expect(try await scene.verify().isGood)
        await #expect(throws: PostgresError.self) {
            try await scene.database.run("UPDATE users SET row_id = gen_random_uuid() WHERE id = 1")
        }
        try await scene.database.run(
            "UPDATE users a SET phone = b.phone, phone_enc = b.phone_enc, phone_exact = b.phone_exact FROM users b WHERE a.id = 5 AND b.id = 6"
        )
        #expect(try await scene.verify().counts == [.doesNotDecrypt: 1])
        try await scene.database.run("UPDATE users SET phone_enc = NULL, phone_exact = NULL WHERE id = 5")
        #expect(try await scene.backfill().rows == 1)
        #expect(try await scene.verify().isGood)
    }

    @Test func `values under an old key are told until they are rotated`() async throws {
        var scene = try await ColumnScene(Self.setup)
        try await scene.start(indexes: ["exact:lowercase:16"], unique: ["whole:lowercase"])
        try await scene.backfill()
        let old = try #require(scene.keyring.active?.id)
        scene.keyring = try scene.keyring.rotated()
        #expect(try await scene.verify().counts == [.oldKey: 60])
        #expect(try await scene.verify(allowsOldKeys: true).isGood)
        let column = try await scene.declaration()
        #expect(column.keys == [old.description])
        #expect(try await ColumnCatalog(scene.connection).columns(under: old).count == 1)
        var half = scene.options
        half.limit = 10
        _ = try await ColumnJobs(scene.connection, scene.keyring, options: half).rotate(column)
        // Searches find every row while the rotation is half done.
        let cipher = try column.cipher(scene.keyring)
        for id in [1, 30, 60] {
            let wanted = try cipher.searchValues("exact", of: "PHONE \(id)")
            #expect(wanted.count == 2)
            let count: Int = try await scene.connection.query(
                "SELECT count(*) FROM public.users WHERE id = \(id) AND (phone_exact = \(wanted[0]) OR phone_exact = \(wanted[1]))"
            ).one()[0]
            #expect(count == 1)
        }
        #expect(try await scene.jobs.rotate(column).left == 0)
        #expect(try await scene.verify().isGood)
        #expect(try await ColumnCatalog(scene.connection).columns(under: old) == [])
        scene.keyring = try scene.keyring.destroying(old, at: Timestamp(seconds: 1_800_000_300))
        #expect(try await scene.verify().isGood)
    }

    @Test func `an old copy of the keyring, and another ring, are refused`() async throws {
        var scene = try await ColumnScene(Self.setup)
        try await scene.start()
        let catalog = ColumnCatalog(scene.connection)
        let first = scene.keyring
        scene.keyring = try first.rotated()
        try await catalog.check(scene.keyring, for: scene.declaration())
        await #expect(throws: FieldError.self) { try await catalog.check(first, for: scene.declaration()) }
        await #expect(throws: FieldError.self) { try await catalog.check(.test(), for: scene.declaration()) }
    }

    @Test func `a unique index keeps duplicates out, and truncated ones cannot be unique`() async throws {
        let scene = try await ColumnScene(Self.setup)
        #expect(throws: PlainFailure.self) { try IndexDeclaration("a:lowercase:20", of: "phone", isUnique: true) }
        try await scene.start(unique: ["whole:lowercase"])
        try await scene.backfill()
        let cipher = try await scene.cipher()
        let (field, index) = (try cipher.encrypt("Phone 7"), try cipher.index("whole", of: "Phone 7"))
        let error = await #expect(throws: PostgresError.self) {
            try await scene.connection.execute(
                "INSERT INTO public.users (id, row_id, phone_enc, phone_whole) VALUES (99, gen_random_uuid(), \(field), \(index))"
            )
        }
        #expect(error?.code == "23505")
    }

    @Test func `a dropped index is gone, and an added one is filled`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start(indexes: ["exact:lowercase:16"])
        try await scene.backfill()
        let added = try await scene.jobs.add(IndexDeclaration("last:last4:8", of: "phone"), to: scene.declaration())
        #expect(try await scene.jobs.reindex(added).rows == 60)
        #expect(try await scene.verify().isGood)
        let dropped = try await scene.jobs.drop(index: "exact", of: added)
        #expect(dropped.indexes.map(\.name) == ["last"])
        #expect(try await scene.verify().isGood)
        try await scene.database.run("UPDATE users SET phone = 'without' WHERE id = 3")
        #expect(try await scene.database.value("SELECT phone_last IS NULL FROM users WHERE id = 3") == "t")
    }
}
