import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(2)))
struct `COPY` {
    private static let rows = 100_000

    @Test func `takes and gives a hundred thousand rows as they were`() async throws {
        let connection = try await table()
        let taken = try await fill(connection)
        let given = try await connection.copyOut("COPY public.t TO STDOUT") { reader in
            let sink = CollectingSink()
            try reader.copy(into: sink)
            return sink.bytes
        }
        #expect(taken == Self.rows)
        #expect(given == Self.lines)
    }

    @Test func `a reader that fails stops the statement and keeps the connection`() async throws {
        let connection = try await table()
        try await fill(connection)
        await #expect(throws: Oops.self) {
            try await connection.copyOut("COPY public.t TO STDOUT") { reader in
                try reader.forEachRow { _ in throw Oops() }
            }
        }
        #expect(try await count(connection) == Self.rows)
    }

    @Test func `a writer that fails leaves no row`() async throws {
        let connection = try await table()
        await #expect(throws: Oops.self) {
            try await connection.copyIn("COPY public.t FROM STDIN") { sink in
                try sink.write(Array("1\tone\n".utf8).span)
                throw Oops()
            }
        }
        #expect(try await count(connection) == 0)
    }

    @Test func `a row that the server refuses is an error, and no row stays`() async throws {
        let connection = try await table()
        let error = await #expect(throws: PostgresError.self) {
            try await connection.copyIn("COPY public.t FROM STDIN") { sink in
                for _ in 0..<50_000 { try sink.write(Array("1\tone\nx\ttwo\n".utf8).span) }
            }
        }
        #expect(error?.code == "22P02")
        #expect(error?.context?.contains("line 2") == true)
        #expect(try await count(connection) == 0)
    }

    @Test func `a cancelled task stops rows in the middle`() async throws {
        let connection = try await table()
        let task = Task {
            try await connection.copyOut(
                "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000000)) TO STDOUT"
            ) { reader in try reader.copy(into: DiscardingSink()) }
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await count(connection) == 0)
    }

    @Test func `a cancelled task stops feeding rows, also while the server makes it wait`() async throws {
        let connection = try await table()
        let holder = try await Database.current.connect()
        try await holder.script(
            """
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';
            CREATE TRIGGER wait BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.wait()
            """)
        let task = Task {
            try await connection.copyIn("COPY public.t FROM STDIN") { sink in
                while true { try sink.write(Array("1\tone\n".utf8).span) }
            }
        }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try await count(connection) == 0)
    }

    @Test func `a statement that copies nothing is refused, and so is COPY where a query is meant`() async throws {
        let connection = try await table()
        await #expect(throws: PlainFailure.self) {
            try await connection.copyOut("SELECT 1") { try $0.copy(into: DiscardingSink()) }
        }
        await #expect(throws: (any Error).self) { try await connection.execute("COPY public.t FROM STDIN") }
        await #expect(throws: PlainFailure.self) { try await connection.query("COPY public.t TO STDOUT") }
        #expect(try await count(connection) == 0)
    }

    private struct Oops: Error {}

    private func table() async throws -> Connection {
        let connection = try await Database.current.connect()
        try await connection.execute("CREATE TABLE public.t (id int, name text)")
        return connection
    }

    private func count(_ connection: Connection) async throws -> Int {
        try await connection.query("SELECT count(*) FROM public.t").one()[0]
    }

    @discardableResult
    private func fill(_ connection: Connection) async throws -> Int {
        try await connection.copyIn("COPY public.t FROM STDIN") { try $0.write(Self.lines.span) }
    }

    private static let lines: [UInt8] = {
        Array((0..<rows).map { "\($0)\trow \($0)\n" }.joined().utf8)
    }()
}
