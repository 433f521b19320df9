import Cryptography
import FieldEncryption
import Glibc
import Platform
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// Writers beside every job; a checker compares all rows afterwards.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct ConcurrencyTests {
    private static let setup = """
        CREATE TABLE users (id integer PRIMARY KEY, phone text, city text DEFAULT '');
        INSERT INTO users SELECT n, 'phone ' || n FROM generate_series(1, 6000) n;
        """

    /// Updates, inserts and deletes without the twin, with it, and of other columns, until told to stop.
    private func write(_ scene: ColumnScene, seed: Int, both: Bool, until isDone: borrowing Atomic<Bool>) async throws
        -> Int
    {
        let connection = try await scene.database.connect()
        let cipher = try await scene.cipher()
        let table: [String] = ["public", "users"]
        var dice = seed &* 2_654_435_761 &+ 12345
        func roll(_ sides: Int) -> Int {
            dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(UInt(bitPattern: dice) >> 33) % sides
        }
        var writes = 0
        while !isDone.load(ordering: .relaxed) || writes < 50 {
            let id = roll(6000) + 1
            let value = "written \(seed) \(writes)"
            let field: [UInt8]? = both ? try cipher.encrypt(value) : nil
            switch roll(6) {
            case 0:
                try await connection.execute("UPDATE \(identifier: table) SET city = \(value) WHERE id = \(id)")
            case 1:
                try await connection.execute("DELETE FROM \(identifier: table) WHERE id = \(id)")
            case 2:
                let id = 10_000 + seed * 100_000 + writes
                try await connection.execute(
                    "INSERT INTO \(identifier: table) (id, phone, phone_enc) VALUES (\(id), \(value), \(field)) ON CONFLICT DO NOTHING"
                )
            case 3:
                try await connection.execute(
                    "UPDATE \(identifier: table) SET phone = NULL, phone_enc = NULL WHERE id = \(id)")
            default:
                if both {
                    try await connection.execute(
                        "UPDATE \(identifier: table) SET phone = \(value), phone_enc = \(field) WHERE id = \(id)")
                } else {
                    try await connection.execute("UPDATE \(identifier: table) SET phone = \(value) WHERE id = \(id)")
                }
            }
            writes += 1
        }
        await connection.close()
        return writes
    }

    private func beside(
        _ scene: ColumnScene, both: [Bool], _ job: () async throws -> Void
    ) async throws {
        let isDone = Done()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (seed, both) in both.enumerated() {
                group.addTask { try await write(scene, seed: seed + 1, both: both, until: isDone.flag) }
            }
            let result: Result<Void, any Error>
            do { result = .success(try await job()) } catch { result = .failure(error) }
            isDone.flag.store(true, ordering: .relaxed)
            for try await writes in group { #expect(writes >= 50) }
            try result.get()
        }
    }

    @Test func `a table that is renamed meanwhile stops the job with its new name, under which it goes on`()
        async throws
    {
        let scene = try await ColumnScene(
            """
            CREATE TABLE users (id integer PRIMARY KEY, phone text, filler text);
            INSERT INTO users SELECT n, 'phone ' || n, repeat('x', 400) FROM generate_series(1, 20000) n
            """)
        try await scene.start()
        let declaration = try await scene.declaration()
        var options = scene.options
        options.batchTime = .milliseconds(1)
        let connection = try await scene.database.connect()
        let jobs = ColumnJobs(connection, scene.keyring, options: options)
        let job = Task { try await jobs.backfill(declaration) }
        while try await scene.database.value("SELECT count(phone_enc) > 0 FROM users") != "t" {}
        try await scene.database.run("ALTER TABLE users RENAME TO \"The People\"")
        let failure = await #expect(throws: PlainFailure.self) { try await job.value }
        #expect(failure?.status == .temporary)
        #expect(failure?.sentence.contains("public.users was renamed to public.The People") == true)

        let catalog = ColumnCatalog(scene.connection)
        let moved = try await catalog.column(["public", "The People"], "phone")
        #expect(moved.path == ["public", "The People"] && moved.id == declaration.id)
        let result = try await scene.jobs.backfill(moved)
        #expect(result.left == 0 && result.rows > 0 && result.rows < 20000)
        #expect(try await ColumnVerify(scene.connection, scene.keyring).run(moved).isGood)
        // Another table of the old name is another table.
        try await scene.database.run("CREATE TABLE users (id integer, phone text)")
        await #expect(throws: PlainFailure.self) { _ = try await catalog.column(["public", "users"], "phone") }
    }

    @Test func `a backfill beside writers that forget the twin, and writers that do not`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start()
        try await beside(scene, both: [false, true, false]) { _ = try await scene.backfill() }
        // Who forgets the twin leaves rows behind, and never a wrong one.
        let pairs = try await scene.pairs()
        #expect(pairs.allSatisfy { $0.value.decrypted == nil || $0.value.decrypted == $0.value.plain })
        let left = try await ColumnGate.left(scene.declaration(), on: scene.connection)
        #expect(pairs.count { $0.value.plain != nil && $0.value.decrypted == nil } == left)
        #expect(try await scene.backfill().left == 0)
        #expect(try await scene.mismatches() == [])
        #expect(try await scene.verify().isGood)
    }

    @Test func `a rotation and a reindex beside writers lose nothing`() async throws {
        var scene = try await ColumnScene(Self.setup)
        try await scene.start()
        try await scene.backfill()
        let old = try #require(scene.keyring.active?.id)
        scene.keyring = try scene.keyring.rotated()
        let rotating = scene
        try await beside(scene, both: [true, true]) {
            let result = try await rotating.jobs.rotate(rotating.declaration())
            #expect(result.left == 0)
        }
        #expect(try await scene.mismatches() == [])
        let verdict = try await scene.verify()
        #expect(verdict.isGood && verdict.keys[old] == nil)

        let index = try IndexDeclaration("exact:lowercase:12", of: "phone")
        try await beside(scene, both: [true, true]) {
            let declaration = try await rotating.jobs.add(index, to: rotating.declaration())
            _ = try await rotating.jobs.reindex(declaration)
        }
        _ = try await scene.jobs.reindex(scene.declaration())
        // Writers that know no index changed values under one: the trigger saw the twin, and left the index as it was.
        #expect(try await scene.mismatches() == [])
    }

    @Test func `a revert beside writers brings every value back`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start()
        try await scene.backfill()
        _ = try await ColumnGate(scene.connection).look(scene.declaration(), quietFor: 0)
        try await ColumnFinish(scene.connection).check(scene.declaration())
        let revert = ColumnRevert(scene.connection)
        let reverting = try #require(try await revert.begin(scene.declaration()))
        try await beside(scene, both: [true, true]) {
            _ = try await scene.jobs.restorePlaintext(reverting, comparingAll: true)
        }
        #expect(try await scene.jobs.restorePlaintext(reverting, comparingAll: true).left == 0)
        #expect(try await scene.mismatches() == [])
    }

    @Test func `a job waits for a lock, and takes the newer value`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start()
        let writer = try await scene.database.connect()
        try await writer.script("BEGIN; UPDATE public.users SET phone = 'locked' WHERE id = 17")
        var options = scene.options
        options.lockTimeout = .milliseconds(50)
        let jobs = ColumnJobs(scene.connection, scene.keyring, options: options)
        let column = try await scene.declaration()
        async let result = jobs.backfill(column)
        let watcher = try await scene.database.connect()
        // The writer commits once the job was seen to wait for it.
        for _ in 0..<36_000 {
            let waiting: Int = try await watcher.query(
                """
                SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE NOT granted AND locktype IN ('transactionid', 'tuple') AND datname = current_database()
                """
            ).one()[0]
            if waiting > 0 { break }
            try await Task.sleep(for: .milliseconds(5))
        }
        try await Task.sleep(for: .milliseconds(100))
        try await writer.script("COMMIT")
        let done = try await result
        #expect(done.left == 0)
        #expect(done.waits > 0)
        #expect(try await scene.mismatches() == [])
        #expect(try await scene.pairs()["17"]?.decrypted == "locked")
    }

    @Test func `two jobs on one column are refused`() async throws {
        let scene = try await ColumnScene(Self.setup)
        let column = try await scene.start()
        let other = try await scene.database.connect()
        _ = try await other.query("SELECT pg_advisory_lock(1684172905, \(Int32(column.id)))")
        let failure = await #expect(throws: PlainFailure.self) { try await scene.backfill() }
        #expect(failure?.status == .temporary)
        await other.close()
        for _ in 0..<6000 {
            do {
                #expect(try await scene.backfill().left == 0)
                break
            } catch let failure as PlainFailure where failure.status == .temporary {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func `a job stops at its limit and goes on where it was`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start()
        var options = scene.options
        options.limit = 500
        var total = 0
        for round in 0..<100 {
            let jobs = ColumnJobs(scene.connection, scene.keyring, options: options)
            let result = try await jobs.backfill(scene.declaration())
            total += result.rows
            if result.left == 0 { break }
            #expect(round < 99)
        }
        #expect(total == 6000)
        #expect(try await scene.mismatches() == [])
    }
}

private final class Done: Sendable {
    let flag = Atomic<Bool>(false)
}
