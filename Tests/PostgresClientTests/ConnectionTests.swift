import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(2)))
struct `A connection` {
    @Test func `has a safe search path and the name of the application`() async throws {
        let parameters = try Database.current.parameters.with(applicationName: "dbsec tests")
        let connection = try await Connection.open(parameters)
        let row = try await connection.query(
            "SELECT current_setting('search_path') AS path, current_setting('application_name') AS name"
        ).one()
        let (path, name): (String, String) = (try row["path"], try row["name"])
        #expect(path == "pg_catalog")
        #expect(name == "dbsec tests")
    }

    @Test func `reads and quotes in its own forms, whatever the database prescribes`() async throws {
        let database = try Database.current
        try await database.run(
            """
            ALTER DATABASE \(database.name) SET bytea_output = escape;
            ALTER DATABASE \(database.name) SET standard_conforming_strings = off;
            ALTER DATABASE \(database.name) SET search_path = public;
            """)
        let connection = try await database.connect()
        let row = try await connection.query(#"SELECT \#([UInt8]([0, 92, 255])), \#(literal: #"a\b'"#)"#).one()
        let (bytes, text): ([UInt8], String) = (try row[0], try row[1])
        #expect(bytes == [0, 92, 255])
        #expect(text == #"a\b'"#)
    }

    @Test(arguments: [#"a"; DROP TABLE x; --"#, "Ünïcode 名", " two  words ", "SELECT", #"back\slash"#, "'"])
    func `finds a table by a hostile name`(name: String) async throws {
        let connection = try await Database.current.connect()
        try await connection.execute("CREATE TABLE \(identifier: ["public", name]) (\(identifier: name) int)")
        let found: Int = try await connection.query(
            "SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relname = \(name) AND attname = \(name)"
        ).one()[0]
        #expect(found == 1)
    }

    @Test func `says why a statement failed, with SQLSTATE, DETAIL and HINT`() async throws {
        let connection = try await Database.current.connect()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.script(
                """
                DO $$ BEGIN RAISE EXCEPTION 'no such luck' USING DETAIL = 'the detail', HINT = 'the hint', ERRCODE = 'XY123';
                END $$
                """)
        }
        #expect(error?.code == "XY123")
        #expect(error?.detail == "the detail")
        #expect(error?.hint == "the hint")
        #expect(error?.sentence.hasPrefix("no such luck: the detail") == true)
    }

    @Test func `goes on after a failed statement`() async throws {
        let connection = try await Database.current.connect()
        await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1/0") }
        let one: Int = try await connection.query("SELECT 1").one()[0]
        #expect(one == 1)
    }

    @Test func `stops its statement when the task is cancelled, and can be used again`() async throws {
        let connection = try await Database.current.connect()
        let watcher = try await Database.current.connect()
        let task = Task { try await connection.execute("SELECT pg_sleep(600)") }
        try await until {
            try await watcher.query(
                "SELECT FROM pg_stat_activity WHERE pid = \(connection.processID) AND wait_event = 'PgSleep'"
            ).count == 1
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let state: Int = try await connection.query("SELECT 1").one()[0]
        #expect(state == 1)
    }

    @Test func `cancels a statement however early the cancel comes`() async throws {
        let connection = try await Database.current.connect()
        for _ in 0..<50 {
            let task = Task { try await connection.execute("SELECT pg_sleep(600)") }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...500)))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `does not hold up other tasks while the server works`() async throws {
        let database = try Database.current
        let holder = try await database.connect()
        try await holder.execute("SELECT pg_advisory_lock(1)")
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                let waiting = try await database.connect()
                group.addTask { try await waiting.execute("SELECT pg_advisory_lock_shared(1)") }
            }
            try await until {
                try await holder.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").count == 8
            }
            try await holder.execute("SELECT pg_advisory_unlock(1)")
            try await group.waitForAll()
        }
    }

    @Test func `keeps notices, or hands them on`() async throws {
        let connection = try await Database.current.connect()
        try await connection.script("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'slow down'; END $$")
        let notices = try await connection.takeNotices()
        #expect(
            notices == [
                PostgresNotice(severity: "WARNING", code: "01000", message: "careful", detail: nil, advice: "slow down")
            ])
        #expect(try await connection.takeNotices().isEmpty)
    }

    @Test func `cannot be used once it is closed`() async throws {
        let connection = try await Database.current.connect()
        await connection.close()
        await #expect(throws: PlainFailure.self) { try await connection.query("SELECT 1") }
    }

    @Test func `tells a lost server by status 69`() async throws {
        let connection = try await Database.current.connect()
        let killer = try await Database.current.connect()
        try await killer.execute("SELECT pg_terminate_backend(\(Int32(connection.processID)), 5000)")
        let error = await #expect(throws: PostgresError.self) { try await connection.query("SELECT 1") }
        #expect(error?.status == .unavailable)
    }

    @Test func `knows the server's version and system identifier`() async throws {
        let connection = try await Database.current.connect()
        #expect(connection.majorVersion == (try Cluster.current.installation.majorVersion))
        #expect(try await connection.systemIdentifier().count > 15)
    }

    @Test func `ends its session and its thread when nobody holds it`() async throws {
        let watcher = try await Database.current.connect()
        let identifier: Int
        do {
            let connection = try await Database.current.connect()
            identifier = connection.processID
            try await connection.execute("SELECT 1")
        }
        try await until {
            try await watcher.query("SELECT FROM pg_stat_activity WHERE pid = \(identifier)").isEmpty
        }
    }
}

/// Waits for something that must become true; the suite's time limit is the only end.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
}
