import Platform
import PostgresClient

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
/// value. That is also why two lanes, each a session, may work side by side: one encrypts while the server writes for the other.
struct BatchJob: Sendable {
    static let leading = 2
    /// Longer values are stored out of line; they are fetched in groups by themselves, so that memory stays flat.
    private static let longValue = 2000
    private static let groupBytes = 4 << 20

    let connection: Connection
    let column: ColumnDeclaration
    let change: any RowChange
    let options: JobOptions
    let progress: ProgressHandler?
    let activity: String

    func run() async throws -> JobResult {
        let clock = ContinuousClock()
        let begin = clock.now
        let leaves = try await column.leaves(on: connection)
        // A server that has no connection left leaves the job with one lane.
        let second = try? await Connection.open(connection.parameters)
        let lanes = ([connection] + (second.map { [$0] } ?? [])).enumerated().map { number, session in
            // All wait for the standbys, and one says so.
            let notice = number == 0 ? options.notice : nil
            return Lane(
                number: number, session: session,
                standbys: StandbyLag(session, limit: options.maxLag, notice: notice))
        }
        for lane in lanes { try await prepare(lane.session) }
        let course = JobCourse(JobResult(left: try await left()), options)
        var resume = try await enter(course.result.left, leaves)
        var pass = 0
        while course.result.left > 0, pass < 8 {
            let before = course.result.rows
            try await passOver(leaves, from: resume, course, lanes)
            resume = nil
            course.set(left: try await left())
            pass += 1
            // Whoever writes faster than this reads is waited for by the gate, not here.
            if course.isAtLimit || course.result.rows == before { break }
        }
        try await connection.execute(
            """
            UPDATE dbpii.jobs SET relation = NULL, block = 0, updated = now(),
                finished = CASE WHEN \(course.result.left) = 0 THEN now() END
            WHERE column_id = \(column.id) AND job = \(change.name)
            """)
        try await connection.script(
            """
            RESET synchronous_commit; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_seqscan;
            RESET jit; RESET lock_timeout
            """)
        await second?.close()
        var result = course.result
        result.seconds = (clock.now - begin).asSeconds
        return result
    }

    /// Settings of the sessions, which are the job's own.
    private func prepare(_ connection: Connection) async throws {
        // A lost commit takes the checkpoint with it, and the row's address leads to it faster than any join.
        try await connection.script(
            """
            SET synchronous_commit = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
            SET enable_seqscan = off; SET jit = off; SET timezone = 'UTC'; SET intervalstyle = 'postgres';
            SET extra_float_digits = 1; SET lock_timeout = \(raw: "\(max(1, options.lockTimeout.asMilliseconds))")
            """)
    }

    /// How many rows still need the job.
    func left() async throws -> Int {
        try await connection.query(
            "SELECT count(*) FROM \(identifier: column.path) AS t WHERE \(change.filter)"
        ).one()[0]
    }

    /// Begins the job's row in the catalogue, or finds where an earlier run has stopped.
    private func enter(_ left: Int, _ leaves: [Leaf]) async throws -> (relation: String, block: Int)? {
        let row = try await connection.query(
            """
            INSERT INTO dbpii.jobs AS j (column_id, job, rows_expected) VALUES (\(column.id), \(change.name), \(left))
            ON CONFLICT (column_id, job) DO UPDATE SET
                rows_expected = \(left) + CASE WHEN j.finished IS NULL THEN j.rows_written ELSE 0 END,
                rows_written = CASE WHEN j.finished IS NULL THEN j.rows_written ELSE 0 END,
                started = CASE WHEN j.finished IS NULL THEN j.started ELSE now() END, finished = NULL
            RETURNING relation, block
            """
        ).one()
        guard let relation: String = try row["relation"], leaves.contains(where: { $0.name == relation }) else {
            return nil
        }
        return (relation, try row["block"])
    }

    private func passOver(
        _ leaves: [Leaf], from resume: (relation: String, block: Int)?, _ course: JobCourse, _ lanes: [Lane]
    ) async throws {
        var leaves = leaves[...]
        if let resume { leaves = leaves.drop { $0.name != resume.relation } }
        for leaf in leaves {
            let count = try await leaf.blocks(on: connection)
            let first = leaf.name == resume?.relation ? resume?.block ?? 0 : 0
            course.begin(min(first, count)..<count)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in lanes { group.addTask { try await work(on: lane, leaf, course) } }
                try await group.waitForAll()
            }
            if course.isAtLimit { return }
        }
    }

    /// One of those who work side by side.
    private struct Lane {
        let number: Int
        let session: Connection
        let standbys: StandbyLag
    }

    private func work(on lane: Lane, _ leaf: Leaf, _ course: JobCourse) async throws {
        var failures = 0
        while var blocks = course.take(lane.number) {
            while !blocks.isEmpty {
                try Task.checkCancellation()
                let waited = try await lane.standbys.waitUntilNear {
                    progress?(course.add(written: 0, of: 0, "\(activity): \($0)"))
                }
                if lane.number == 0 { course.add(waited: waited) }
                do {
                    let end = min(blocks.lowerBound + course.size, blocks.upperBound)
                    try await batch(leaf, blocks.lowerBound..<end, lane, course)
                    blocks = end..<blocks.upperBound
                    failures = 0
                } catch let error as PostgresError {
                    // Somebody holds a lock, or the server is slow: shorter, and after a while.
                    guard ["55P03", "57014", "40P01", "40001"].contains(error.code), failures < 60 else { throw error }
                    failures += 1
                    course.yield()
                    try await Task.sleep(for: .milliseconds(min(2000, 50 << min(failures, 6))))
                }
            }
        }
    }

    /// Reads the rows of some blocks that need the job, and writes them.
    private func batch(_ leaf: Leaf, _ blocks: Range<Int>, _ lane: Lane, _ course: JobCourse) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let end = blocks.upperBound
        let inputs = change.inputs
        let length: SQL = "pg_catalog.octet_length(\(inputs[0]))"
        let value: SQL = "CASE WHEN \(length) <= \(raw: "\(Self.longValue)") THEN \(inputs[0]) END"
        let list = ([value] + inputs.dropFirst() + [length]).joined()
        let lengthColumn = Self.leading + inputs.count
        let rows = try await lane.session.query(
            """
            SELECT t.ctid, t.xmin, \(list) FROM ONLY \(identifier: leaf.path) AS t
            WHERE t.ctid >= \("(\(blocks.lowerBound),0)")::pg_catalog.tid
                AND t.ctid < \("(\(end),0)")::pg_catalog.tid AND (\(change.filter))
            """, format: .binary)
        var changed = RowArrays(change.outputs)
        var long: [(address: [UInt8], length: Int)] = []
        for row in rows {
            let length: Int = try row[lengthColumn]
            if length > Self.longValue {
                long.append((try row.bytes(of: 0) ?? [], length))
            } else {
                try changed.add(row, change)
            }
        }
        try await write(changed, leaf, reaching: long.isEmpty ? end : nil, lane, course)
        while !long.isEmpty {
            var group = BinaryArray(of: .tid)
            var bytes = 0
            while let next = long.first, group.count == 0 || bytes + next.length <= Self.groupBytes {
                group.append(next.address.span)
                bytes += next.length
                long.removeFirst()
            }
            let rows = try await lane.session.query(
                """
                SELECT t.ctid, t.xmin, \(inputs.joined()) FROM ONLY \(identifier: leaf.path) AS t
                WHERE t.ctid = ANY (\(group)) AND (\(change.filter))
                """, format: .binary)
            var changed = RowArrays(change.outputs)
            for row in rows { try changed.add(row, change) }
            try await write(changed, leaf, reaching: long.isEmpty ? end : nil, lane, course)
        }
        course.note(lane.number, reaching: end, after: clock.now - begin)
    }

    /// Writes rows and the checkpoint in one statement, which is a transaction of its own: either both or none.
    ///
    /// A row of the same version has the same value, so that the filter needs no second look.
    ///
    /// - Parameter block: before which all is done then; nil while more of this one is to come.
    private func write(
        _ rows: RowArrays, _ leaf: Leaf, reaching block: Int?, _ lane: Lane, _ course: JobCourse
    ) async throws {
        let checkpoint = block.map { course.checkpoint(lane.number, at: $0) }
        let place: SQL = checkpoint.map { "relation = \(leaf.name), block = \($0), " as SQL } ?? ""
        guard rows.count > 0 else {
            try await lane.session.execute(
                "UPDATE dbpii.jobs SET \(place)updated = now() WHERE column_id = \(column.id) AND job = \(change.name)")
            return
        }
        let names = change.outputs.indices.map { "v\($0)" }
        let sets = zip(change.outputs, names).map { output, name in
            "\(identifier: output.column) = b.\(identifier: name)\(output.cast)" as SQL
        }.joined()
        let columns = names.map { "\(identifier: $0)" as SQL }.joined()
        let touched: Int = try await lane.session.query(
            """
            WITH written AS (
                UPDATE ONLY \(identifier: leaf.path) AS t SET \(sets)
                FROM unnest(\(rows.arrays)) AS b (address, version, \(columns))
                WHERE t.ctid = b.address AND t.xmin = b.version
                RETURNING 1),
            total AS (SELECT count(*) AS rows FROM written)
            UPDATE dbpii.jobs SET \(place)rows_written = rows_written + total.rows, updated = now()
            FROM total WHERE column_id = \(column.id) AND job = \(change.name)
            RETURNING total.rows
            """
        ).one()[0]
        let done = course.add(written: touched, of: rows.count, activity)
        progress?(done)
    }

}

/// Rows on their way to the server, an array for each column.
private struct RowArrays: Sendable {
    private var addresses = BinaryArray(of: .tid)
    private var versions = BinaryArray(of: .xid)
    private var values: [BinaryArray]

    init(_ outputs: [Output]) {
        values = outputs.map { BinaryArray(of: $0.element) }
    }

    var count: Int { addresses.count }
    var arrays: SQL { ([addresses, versions] + values).map { "\($0)" as SQL }.joined() }

    /// Adds what the change makes of a row, if anything.
    mutating func add(_ row: Row, _ change: any RowChange) throws {
        guard let results = try change.change(RowInputs(row: row)) else { return }
        try row.withBytes(of: 0) { if let span = $0 { addresses.append(span) } }
        try row.withBytes(of: 1) { if let span = $0 { versions.append(span) } }
        for (index, value) in results.enumerated() { values[index].append(value) }
    }
}
