import Platform
import PostgresClient

/// What a job does to a row: which rows it is for, what it reads of them, what it writes.
protocol RowChange: Sendable {
    /// The job's name in the catalogue.
    var name: String { get }
    /// Which rows of the alias `t` still need it.
    var filter: SQL { get }
    /// What is read; the first is the value, whose length decides whether it is fetched by itself.
    var inputs: [SQL] { get }
    /// The columns that are written, and how the element of each array becomes its value.
    var outputs: [Output] { get }

    /// What is written for what was read; nil leaves the row as it is.
    func change(_ row: RowInputs) throws -> [[UInt8]?]?
}

struct Output: Sendable {
    let column: String
    let element: BinaryArray.Element
    /// Applied to the array's element.
    var cast: SQL = ""
}

/// The values of one row as the server sent them.
struct RowInputs {
    let row: Row

    /// The bytes of an input, nil for NULL; the first two columns are the row's address and version.
    func bytes(_ index: Int) throws -> [UInt8]? {
        try row.withBytes(of: index + BatchJob.leading) { span in
            guard let span else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(span.count)
            bytes.append(span)
            return bytes
        }
    }

    func text(_ index: Int) throws -> String? {
        try bytes(index).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Lends the bytes of the value, which is not NULL.
    func withValue<Result>(_ body: (Span<UInt8>) throws -> Result) throws -> Result {
        try row.withBytes(of: BatchJob.leading) { span in
            guard let span else { throw PlainFailure(.internalError, "a row without a value was read") }
            return try body(span)
        }
    }
}

/// How a job behaves among others.
package struct JobOptions: Sendable {
    /// A batch is made smaller when it took longer, and larger when it took less.
    package var batchTime: Duration = .milliseconds(300)
    /// How far a standby may be behind, in bytes, before the job waits for it.
    package var maxLag = 64 << 20
    /// Stops after so many rows; for tests and for the careful.
    package var limit: Int?
    package var lockTimeout: Duration = .seconds(2)
    /// Is told what a user should know while the job runs, as that it waits.
    package var notice: (@Sendable (String) -> Void)?

    package init() {}
}

/// What a job has done.
package struct JobResult: Sendable, Equatable, Encodable {
    /// Rows that this run has written.
    package var rows = 0
    /// Rows that still need it.
    package var left = 0
    /// Rows that somebody else changed in between, and which were taken again.
    package var retried = 0
    /// Batches that had to wait for a lock and were taken again.
    package var waits = 0
    /// For how long it stood still because a standby was too far behind.
    package var standbySeconds = 0.0
    package var seconds = 0.0

    package init(left: Int = 0) {
        self.left = left
    }
}

/// Works through a table block by block, each batch and its checkpoint in one statement.
///
/// A row is named by its address and version (ctid and xmin), so that every kind of primary key will do, or none: if either
/// has changed since it was read, the row is left alone and taken in the next pass. Nothing is ever written over a newer
/// value.
struct BatchJob: Sendable {
    static let leading = 2
    /// Longer values are stored out of line; they are fetched in groups by themselves, so that memory stays flat.
    private static let longValue = 2000
    private static let groupBytes = 4 << 20
    private static let mostBlocks = 128

    let connection: Connection
    let column: ColumnDeclaration
    let change: any RowChange
    let options: JobOptions
    let progress: ProgressHandler?
    let activity: String

    func run() async throws -> JobResult {
        let clock = ContinuousClock()
        let begin = clock.now
        let state = JobState()
        let leaves = try await column.leaves(on: connection)
        try await prepare()
        let standbys = StandbyLag(connection, limit: options.maxLag, notice: options.notice)
        state.result.left = try await left(leaves)
        try await enter(state, leaves)
        var pass = 0
        while state.result.left > 0, pass < 8 {
            let before = state.result.rows
            try await passOver(leaves, state, standbys)
            if let limit = options.limit, state.result.rows >= limit { break }
            state.result.left = try await left(leaves)
            pass += 1
            // Whoever writes faster than this reads is waited for by the gate, not here.
            if state.result.rows == before { break }
        }
        state.result.left = try await left(leaves)
        try await connection.execute(
            """
            UPDATE dbpii.jobs SET relation = NULL, block = 0, updated = now(),
                finished = CASE WHEN \(state.result.left) = 0 THEN now() END
            WHERE column_id = \(column.id) AND job = \(change.name)
            """)
        try await connection.script(
            "RESET lock_timeout; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_seqscan")
        let (seconds, attoseconds) = (clock.now - begin).components
        state.result.seconds = Double(seconds) + Double(attoseconds) / 1e18
        return state.result
    }

    /// Settings of the session, which is the job's own.
    private func prepare() async throws {
        // A lost commit takes the checkpoint with it, and the row's address leads to it faster than any join.
        try await connection.script(
            """
            SET synchronous_commit = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
            SET enable_seqscan = off; SET jit = off; SET timezone = 'UTC'; SET intervalstyle = 'postgres';
            SET extra_float_digits = 1; SET lock_timeout = \(raw: "\(Self.milliseconds(options.lockTimeout))")
            """)
    }

    /// How many rows still need the job.
    func left(_ leaves: [Leaf]? = nil) async throws -> Int {
        try await connection.query(
            "SELECT count(*) FROM \(identifier: column.path) AS t WHERE \(change.filter)"
        ).one()[0]
    }

    private final class JobState {
        var result = JobResult()
        var blocks = 8
        var resume: (relation: String, block: Int)?
        var expected = 0
        var failures = 0
    }

    /// Begins the job's row in the catalogue, or finds where an earlier run has stopped.
    private func enter(_ state: JobState, _ leaves: [Leaf]) async throws {
        let rows = try await connection.query(
            """
            INSERT INTO dbpii.jobs AS j (column_id, job, rows_expected) VALUES (\(column.id), \(change.name), \(state.result.left))
            ON CONFLICT (column_id, job) DO UPDATE SET
                rows_expected = \(state.result.left) + CASE WHEN j.finished IS NULL THEN j.rows_written ELSE 0 END,
                rows_written = CASE WHEN j.finished IS NULL THEN j.rows_written ELSE 0 END,
                started = CASE WHEN j.finished IS NULL THEN j.started ELSE now() END, finished = NULL
            RETURNING relation, block
            """)
        let row = try rows.one()
        state.expected = state.result.left
        if let relation: String = try row["relation"], leaves.contains(where: { $0.name == relation }) {
            state.resume = (relation, try row["block"])
        }
    }

    private func passOver(_ leaves: [Leaf], _ state: JobState, _ standbys: StandbyLag) async throws {
        let resume = state.resume
        state.resume = nil
        var leaves = leaves[...]
        if let resume { leaves = leaves.drop { $0.name != resume.relation } }
        for leaf in leaves {
            let count: Int = try await connection.query(
                """
                SELECT pg_catalog.pg_relation_size(\(leaf.oid)::pg_catalog.oid) / pg_catalog.current_setting('block_size')::pg_catalog.int8
                """
            ).one()[0]
            var block = leaf.name == resume?.relation ? resume?.block ?? 0 : 0
            while block < count {
                try Task.checkCancellation()
                state.result.standbySeconds += try await standbys.waitUntilNear {
                    progress?(Progress("\(activity): \($0)", rows: state.result.rows, totalRows: state.expected))
                }
                let end = min(block + state.blocks, count)
                if try await attempt(leaf, block..<end, state) { block = end }
                if let limit = options.limit, state.result.rows >= limit { return }
            }
        }
    }

    /// One batch; false when it has to be taken again, smaller.
    private func attempt(_ leaf: Leaf, _ blocks: Range<Int>, _ state: JobState) async throws -> Bool {
        let clock = ContinuousClock()
        let begin = clock.now
        do {
            let (written, read) = try await batch(leaf, blocks)
            state.result.rows += written
            state.result.retried += read - written
            state.failures = 0
            progress?(
                Progress(activity, rows: state.result.rows, totalRows: state.expected))
        } catch let error as PostgresError where ["55P03", "57014", "40P01", "40001"].contains(error.code) {
            // Somebody holds a lock, or the server is slow: shorter, and after a while.
            state.failures += 1
            state.result.waits += 1
            guard state.failures < 60 else { throw error }
            state.blocks = max(1, state.blocks / 2)
            try await Task.sleep(for: .milliseconds(min(2000, 50 << min(state.failures, 6))))
            return false
        }
        let took = clock.now - begin
        if took < options.batchTime / 2 {
            state.blocks = min(Self.mostBlocks, state.blocks * 2)
        } else if took > options.batchTime {
            state.blocks = max(1, state.blocks / 2)
        }
        return true
    }

    private func batch(_ leaf: Leaf, _ blocks: Range<Int>) async throws -> (written: Int, read: Int) {
        let first = "(\(blocks.lowerBound),0)"
        let last = "(\(blocks.upperBound),0)"
        let length: SQL = "pg_catalog.octet_length(\(change.inputs[0]))"
        let value: SQL = "CASE WHEN \(length) <= \(raw: "\(Self.longValue)") THEN \(change.inputs[0]) END"
        let list = ([value] + change.inputs.dropFirst() + [length]).joined()
        let rows = try await connection.query(
            """
            SELECT t.ctid, t.xmin, \(list) FROM ONLY \(identifier: leaf.path) AS t
            WHERE t.ctid >= \(first)::pg_catalog.tid AND t.ctid < \(last)::pg_catalog.tid AND (\(change.filter))
            """, format: .binary)
        var written = 0
        var read = 0
        let buffer = BatchBuffer(change.outputs)
        var long: [(address: [UInt8], length: Int)] = []
        for row in rows {
            let length: Int = try row[Self.leading + change.inputs.count]
            if length > Self.longValue {
                long.append((try Self.bytes(row, 0), length))
            } else {
                try add(row, to: buffer)
            }
        }
        read += buffer.count
        written += try await write(buffer, leaf, reaching: long.isEmpty ? blocks.upperBound : nil)
        while !long.isEmpty {
            var group = BinaryArray(of: .tid)
            var bytes = 0
            while let next = long.first, group.count == 0 || bytes + next.length <= Self.groupBytes {
                group.append(next.address.span)
                bytes += next.length
                long.removeFirst()
            }
            let rows = try await connection.query(
                """
                SELECT t.ctid, t.xmin, \(change.inputs.joined()) FROM ONLY \(identifier: leaf.path) AS t
                WHERE t.ctid = ANY (\(group)) AND (\(change.filter))
                """, format: .binary)
            for row in rows { try add(row, to: buffer) }
            read += buffer.count
            written += try await write(buffer, leaf, reaching: long.isEmpty ? blocks.upperBound : nil)
        }
        return (written, read)
    }

    private func add(_ row: Row, to buffer: BatchBuffer) throws {
        guard let values = try change.change(RowInputs(row: row)) else { return }
        try row.withBytes(of: 0) { if let span = $0 { buffer.addresses.append(span) } }
        try row.withBytes(of: 1) { if let span = $0 { buffer.versions.append(span) } }
        for (index, value) in values.enumerated() { buffer.values[index].append(value) }
    }

    /// Writes the rows and the checkpoint in one statement, which is a transaction of its own: either both or none.
    ///
    /// - Parameter block: where the next batch begins; nil while more of this one is to come.
    private func write(_ buffer: BatchBuffer, _ leaf: Leaf, reaching block: Int?) async throws -> Int {
        let place: SQL = block.map { "relation = \(leaf.name), block = \($0), " as SQL } ?? ""
        guard buffer.count > 0 else {
            try await connection.execute(
                "UPDATE dbpii.jobs SET \(place)updated = now() WHERE column_id = \(column.id) AND job = \(change.name)")
            return 0
        }
        let outputs = change.outputs
        let names = outputs.indices.map { "v\($0)" }
        let sets = zip(outputs, names).map { output, name in
            "\(identifier: output.column) = b.\(identifier: name)\(output.cast)" as SQL
        }.joined()
        let arrays = ([buffer.addresses, buffer.versions] + buffer.values).map { "\($0)" as SQL }.joined()
        let columns = names.map { "\(identifier: $0)" as SQL }.joined()
        let touched: Int = try await connection.query(
            """
            WITH written AS (
                UPDATE ONLY \(identifier: leaf.path) AS t SET \(sets)
                FROM unnest(\(arrays)) AS b (address, version, \(columns))
                WHERE t.ctid = b.address AND t.xmin = b.version AND (\(change.filter))
                RETURNING 1),
            total AS (SELECT count(*) AS rows FROM written)
            UPDATE dbpii.jobs SET \(place)rows_written = rows_written + total.rows, updated = now()
            FROM total WHERE column_id = \(column.id) AND job = \(change.name)
            RETURNING total.rows
            """
        ).one()[0]
        buffer.removeAll()
        return touched
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(1, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    private static func bytes(_ row: Row, _ column: Int) throws -> [UInt8] {
        try row.withBytes(of: column) { span in
            var bytes: [UInt8] = []
            if let span { bytes.append(span) }
            return bytes
        }
    }
}

/// The rows of a batch on their way to the server.
private final class BatchBuffer {
    var addresses = BinaryArray(of: .tid)
    var versions = BinaryArray(of: .xid)
    var values: [BinaryArray]

    init(_ outputs: [Output]) {
        values = outputs.map { BinaryArray(of: $0.element) }
    }

    var count: Int { addresses.count }

    func removeAll() {
        addresses.removeAll()
        versions.removeAll()
        for index in values.indices { values[index].removeAll() }
    }
}
