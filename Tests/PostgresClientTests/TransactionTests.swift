import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster(["deadlock_timeout": "20ms"]), .database, .timeLimit(.minutes(2)))
struct `A transaction` {
    @Test func `keeps what it did when it returns and undoes it when it throws`() async throws {
        let connection = try await table()
        try await connection.transaction { try await connection.execute("UPDATE public.t SET v = 10 WHERE id = 1") }
        await #expect(throws: Oops.self) {
            try await connection.transaction {
                try await connection.execute("UPDATE public.t SET v = 20 WHERE id = 1")
                throw Oops()
            }
        }
        #expect(try await value(1) == 10)
    }

    @Test func `runs again after a serialization failure`() async throws {
        let (connection, other) = (try await table(), try await Database.current.connect())
        var attempts = 0
        try await connection.transaction(TransactionOptions(isolation: .repeatableRead)) {
            attempts += 1
            try await connection.query("SELECT v FROM public.t").first.map { _ in }
            if attempts == 1 { try await other.execute("UPDATE public.t SET v = v + 1 WHERE id = 1") }
            try await connection.execute("UPDATE public.t SET v = v + 100 WHERE id = 1")
        }
        #expect(attempts == 2)
        #expect(try await value(1) == 101)
    }

    @Test func `gives up after its retries, with status 75`() async throws {
        let (connection, other) = (try await table(), try await Database.current.connect())
        var attempts = 0
        let error = await #expect(throws: PostgresError.self) {
            try await connection.transaction(TransactionOptions(isolation: .repeatableRead, retries: 2)) {
                attempts += 1
                _ = try await connection.query("SELECT v FROM public.t")
                try await other.execute("UPDATE public.t SET v = v + 1 WHERE id = 1")
                try await connection.execute("UPDATE public.t SET v = v + 100 WHERE id = 1")
            }
        }
        #expect(attempts == 3)
        #expect(error?.status == .temporary)
    }

    @Test func `runs again after a deadlock`() async throws {
        let first = try await table()
        let second = try await Database.current.connect()
        let meeting = Meeting()
        async let one = move(first, from: 1, to: 2, meeting)
        async let two = move(second, from: 2, to: 1, meeting)
        let attempts = try await one + two
        #expect(attempts == 3)
        #expect(try await value(1) == 2)
        #expect(try await value(2) == 2)
    }

    @Test func `a failure that the body swallowed does not look like a commit`() async throws {
        let connection = try await table()
        await #expect(throws: PlainFailure.self) {
            try await connection.transaction {
                try await connection.execute("UPDATE public.t SET v = 5")
                _ = try? await connection.query("SELECT 1/0")
            }
        }
        #expect(try await value(1) == 0)
    }

    @Test func `a COMMIT inside is noticed`() async throws {
        let connection = try await table()
        await #expect(throws: PlainFailure.self) {
            try await connection.transaction { try await connection.execute("COMMIT") }
        }
    }

    @Test func `is rolled back when its task is cancelled, and leaves no lock`() async throws {
        let connection = try await table()
        let task = Task {
            try await connection.transaction {
                try await connection.execute("UPDATE public.t SET v = 99")
                try await connection.execute("SELECT pg_sleep(600)")
            }
        }
        let watcher = try await Database.current.connect()
        try await until {
            try await watcher.query(
                "SELECT FROM pg_stat_activity WHERE pid = \(connection.processID) AND wait_event = 'PgSleep'"
            ).count == 1
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await watcher.execute("SET lock_timeout = 100")
        #expect(try await watcher.execute("UPDATE public.t SET v = v") == 2)
        #expect(try await value(1) == 0)
    }

    @Test func `waits for a lock only so long, with status 75`() async throws {
        let (connection, holder) = (try await table(), try await Database.current.connect())
        try await holder.transaction {
            try await holder.execute("LOCK TABLE public.t")
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction(TransactionOptions(lockTimeout: .milliseconds(20))) {
                    try await connection.execute("UPDATE public.t SET v = 1")
                }
            }
            #expect(error?.code == "55P03")
            #expect(error?.status == .temporary)
        }
        let after: String = try await connection.query("SHOW lock_timeout").one()[0]
        #expect(after == "0")
    }

    @Test func `that only reads cannot write`() async throws {
        let connection = try await table()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.transaction(.reading) { try await connection.execute("UPDATE public.t SET v = 1") }
        }
        #expect(error?.code == "25006")
    }

    @Test func `a savepoint undoes only its own part`() async throws {
        let connection = try await table()
        try await connection.transaction {
            try await connection.execute("UPDATE public.t SET v = 1 WHERE id = 1")
            await #expect(throws: PostgresError.self) {
                try await connection.savepoint {
                    try await connection.execute("UPDATE public.t SET v = 2 WHERE id = 2")
                    try await connection.execute("SELECT 1/0")
                }
            }
            let seen: Int = try await connection.undoing {
                try await connection.execute("UPDATE public.t SET v = 3 WHERE id = 2")
                return try await connection.query("SELECT v FROM public.t WHERE id = 2").one()[0]
            }
            #expect(seen == 3)
        }
        #expect(try await value(1) == 1)
        #expect(try await value(2) == 0)
    }

    private struct Oops: Error {}

    private func table() async throws -> Connection {
        let connection = try await Database.current.connect()
        try await connection.script(
            "CREATE TABLE public.t (id int PRIMARY KEY, v int); INSERT INTO public.t VALUES (1, 0), (2, 0)")
        return connection
    }

    private func value(_ id: Int) async throws -> Int {
        let connection = try await Database.current.connect()
        return try await connection.query("SELECT v FROM public.t WHERE id = \(id)").one()[0]
    }

    /// Locks one row, waits until the other task has locked its own, and goes for that one.
    private func move(_ connection: Connection, from: Int, to: Int, _ meeting: Meeting) async throws -> Int {
        var attempts = 0
        try await connection.transaction {
            attempts += 1
            try await connection.execute("UPDATE public.t SET v = v + 1 WHERE id = \(from)")
            if attempts == 1 { await meeting.meet() }
            try await connection.execute("UPDATE public.t SET v = v + 1 WHERE id = \(to)")
        }
        return attempts
    }
}

/// Where two tasks wait for each other, once.
private actor Meeting {
    private var waiting: CheckedContinuation<Void, Never>?

    func meet() async {
        if let waiting {
            waiting.resume()
        } else {
            await withCheckedContinuation { waiting = $0 }
        }
    }
}
