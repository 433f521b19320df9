import Platform
import Synchronization

/// Fills an empty database from a dump with pg_restore.
///
/// In stages, as PostgreSQL's own parallel restore: definitions, then rows with one pipe for each archive of the dump, then
/// indexes, constraints and privileges by several sessions at once. The last stage needs a file to read from, and has only a table of
/// contents in memory; the rows go by and are kept nowhere.
struct DumpLoading: Sendable {
    let dump: Dump
    let recorded: DatabaseIndex
    let reading: SealedReading
    /// How many sessions may work at the same time.
    let jobs: Int
    /// Gives pg_restore, connected to the database, with further arguments.
    let program: @Sendable (_ arguments: [String]) throws -> Child
    /// Judges what went by before the database counts as loaded.
    var check: @Sendable (ContentIndex) throws -> Void = { _ in }

    /// Loads everything; when it throws, the database is half full.
    ///
    /// - Returns: what went by.
    func load() async throws -> ContentIndex {
        let definitions = dump.front([.preData])
        try await program(Self.always).feed { try $0.write(definitions.span) }
        let content = try await rows()
        try check(content)
        reading.progress?(Progress("making indexes and constraints of \(recorded.facts.name)"))
        let rest = try MemoryFile(named: "toc", holding: dump.front([.postData]))
        try await program(Self.always + ["--jobs=\(jobs)", MemoryFile.inputPath]).run(reading: rest)
        return content
    }

    /// Loads everything in one transaction through one pipe: all of it is there afterwards, or nothing.
    func loadAtOnce() async throws -> ContentIndex {
        try await program(Self.always + ["--single-transaction"]).feeding { sink in
            let withheld = WithholdingSink(into: sink)
            let front = dump.front([.preData, .data, .postData])
            try withheld.write(front.span)
            var content: ContentIndex?
            for number in dump.streams.indices {
                let part = try copy(number, by: reading, into: withheld)
                if content == nil { content = part } else { content?.add(rowsOf: part) }
            }
            let whole = content ?? ContentIndex(tables: [], largeObjects: .init())
            try check(whole)
            try withheld.release()
            return whole
        }
    }

    private static let always = ["--exit-on-error"]

    /// The rows of every archive, each through a pipe of its own, as many at a time as there are jobs.
    private func rows() async throws -> ContentIndex {
        let meter = StreamMeter(
            "restoring \(recorded.facts.name)", bytes: dump.streams.reduce(0) { $0 + $1.file.file.size },
            reading.progress)
        let parts = try await withThrowingTaskGroup(of: (Int, ContentIndex).self) { group in
            var parts: [Int: ContentIndex] = [:]
            // The largest first, since the slowest decides.
            let order = dump.streams.indices.sorted {
                dump.streams[$0].file.file.contentSize > dump.streams[$1].file.file.contentSize
            }
            for (started, number) in order.enumerated() {
                if started >= jobs, let (done, part) = try await group.next() { parts[done] = part }
                group.addTask { (number, try await rows(of: number, meter)) }
            }
            for try await (done, part) in group { parts[done] = part }
            return parts
        }
        let sorted = parts.sorted { $0.key < $1.key }.map(\.value)
        var whole = sorted.first ?? ContentIndex(tables: [], largeObjects: .init())
        for part in sorted.dropFirst() { whole.add(rowsOf: part) }
        return whole
    }

    private func rows(of stream: Int, _ meter: StreamMeter) async throws -> ContentIndex {
        let front = dump.front([.data], of: stream)
        return try await program(Self.always).feeding { sink in
            let withheld = WithholdingSink(into: sink)
            try withheld.write(front.span)
            let content = try copy(
                stream, by: SealedReading(identities: reading.identities) { meter.report($0, of: stream) },
                into: withheld)
            try withheld.release()
            return content
        }
    }

    private func copy(
        _ stream: Int, by reading: SealedReading, into sink: any ByteSink
    ) throws -> ContentIndex {
        let source = dump.streams[stream]
        let reader = ArchiveReader(
            BothConsumers(
                ContentIndexer(orders: recorded.content.columnOrders, roots: dump.partitionRoots),
                ArchiveCopier(dump.numbers(of: stream), integerSize: source.front.integerSize, into: sink)))
        try reading.open(source.file, into: reader)
        return reader.consumer.first.index
    }
}

/// Adds up how far several archives have come that are read at the same time.
private final class StreamMeter: Sendable {
    private let activity: String
    private let total: Int
    private let progress: ProgressHandler?
    private let done = Mutex<[Int: Int]>([:])

    init(_ activity: String, bytes total: Int, _ progress: ProgressHandler?) {
        self.activity = activity
        self.total = total
        self.progress = progress
    }

    func report(_ part: Progress, of stream: Int) {
        guard let progress else { return }
        let sum = done.withLock { done in
            done[stream] = part.bytes
            return done.values.reduce(0, +)
        }
        progress(Progress(activity, bytes: sum, totalBytes: total))
    }
}

extension DatabaseIndex {
    /// - Throws: status 65 when a dump held something else than the index recorded.
    func check(_ content: ContentIndex) throws {
        guard content == self.content else {
            throw PlainFailure(
                .malformed, "the dump of \"\(facts.name)\" does not hold what was recorded of it",
                hint: "restore another backup; dbbackup verify tells what differs")
        }
    }
}
