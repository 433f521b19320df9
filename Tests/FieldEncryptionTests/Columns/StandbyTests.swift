import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// What a job has said, in order.
private final class Said: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}

@Suite(.cluster(["wal_level": "replica", "max_wal_senders": "4"]), .serialized, .timeLimit(.minutes(10)))
struct `A standby that is behind` {
    private static let setup = """
        CREATE TABLE users (id integer PRIMARY KEY, phone text, filler text);
        INSERT INTO users SELECT n, 'phone ' || n, repeat('x', 200) FROM generate_series(1, 6000) n;
        """

    /// Waits for what another process brings about.
    private func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(20)) }
    }

    @Test(.database) func `is waited for, which is said, and the job goes on once it has caught up`() async throws {
        let scene = try await ColumnScene(Self.setup)
        try await scene.start()
        let said = Said()
        var options = scene.options
        options.maxLag = 256 << 10
        options.notice = said.add
        let connection = try await scene.database.connect()
        let jobs = ColumnJobs(connection, scene.keyring, options: options)
        let declaration = try await scene.declaration()
        try await withStandby { standby in
            let control = try await Connection.open(standby)
            try await control.execute("SELECT pg_wal_replay_pause()")
            try await until { try await control.query("SELECT pg_get_wal_replay_pause_state()").one()[0] == "paused" }
            // More than the limit, so that the job waits before its first batch.
            try await scene.database.run(
                "CREATE TABLE other AS SELECT n, repeat(md5(n::text), 10) FROM generate_series(1, 3000) n")
            async let backfill = jobs.backfill(declaration)
            try await until { !said.all.isEmpty }
            #expect(try #require(said.all.first).hasPrefix("waiting for the standby walreceiver, which is "))
            // As long as many batches take, nothing is written.
            try await Task.sleep(for: .seconds(1))
            #expect(try await scene.database.value("SELECT count(phone_enc) FROM users") == "0")
            #expect(said.all.count == 1)
            try await control.execute("SELECT pg_wal_replay_resume()")
            let result = try await backfill
            #expect(result.rows == 6000 && result.left == 0)
            #expect(result.standbySeconds >= 1)
            #expect(said.all.contains("no standby is too far behind any more: going on"))
            await control.close()
        }
        #expect(try await scene.mismatches() == [])
    }

    @Test(.database) func `is not seen by a role without the right, which is said`() async throws {
        let scene = try await ColumnScene(Self.setup)
        let role = "lagging_\(UInt32.random(in: 1...9_999_999))"
        try await scene.database.run("CREATE ROLE \(role) LOGIN; ALTER TABLE users OWNER TO \(role)")
        try await scene.database.run("GRANT CREATE ON DATABASE \(scene.database.name) TO \(role)")
        let connection = try await scene.database.connect(as: role)
        let start = ColumnStart(connection, scene.keyring)
        let column = try await start.run(
            start.plan(
                ColumnStart.Request(
                    path: scene.path, column: scene.column, twin: nil, context: nil, rowColumn: nil, padding: 16,
                    indexes: [], adopts: false)))
        let said = Said()
        var options = scene.options
        options.notice = said.add
        try await withStandby { _ in
            let result = try await ColumnJobs(connection, scene.keyring, options: options).backfill(column)
            #expect(result.left == 0)
        }
        #expect(said.all.count == 1)
        #expect(said.all.first?.hasSuffix("GRANT pg_monitor to this role") == true)
    }
}
