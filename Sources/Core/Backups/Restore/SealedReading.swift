import Cryptography
import Platform
import Synchronization

/// What a dump holds: its table of contents, and the content index taken while it streamed by.
struct ArchiveContent: Sendable {
    let toc: ArchiveTOC
    var index: ContentIndex
}

/// Opens the files of a backup; the line of a run, read backwards: file -> age -> zstd -> archive.
struct SealedReading: Sendable {
    let identities: [AgeIdentity]
    let progress: ProgressHandler?

    /// Authenticates every chunk to the final one, and keeps nothing.
    func authenticate(_ file: VerifiedFile) throws {
        try decrypt(file, into: DiscardingSink())
    }

    /// Pushes the content into the sink and finishes it.
    ///
    /// - Throws: status 65 when it does not decrypt or decompress to its end, or has another length than was signed.
    func open(_ file: VerifiedFile, into sink: any ByteSink) throws {
        let counted = CountingSink(into: sink)
        try decrypt(file, into: ZstdDecompressor(into: counted))
        guard counted.count == file.file.contentSize else {
            throw PlainFailure(
                .malformed, "\(file.file.name) holds \(counted.count) bytes instead of \(file.file.contentSize)")
        }
    }

    /// The content index of a backup.
    ///
    /// - Throws: status 65 when it is missing, is not what was signed, or is another run's.
    func index(of backup: AuthenticBackup) async throws -> IndexDocument {
        guard let file = backup.manifest.file(.index) else {
            throw PlainFailure(.malformed, "the manifest of \(backup.stored.name) names no index")
        }
        let index = try await onOwnThread { try document(VerifiedFile(file, in: backup.stored)) }
        try index.check(belongsTo: backup.manifest)
        return index
    }

    func document(_ file: VerifiedFile) throws -> IndexDocument {
        let sink = CollectingSink(limit: 1 << 30)
        try open(file, into: sink)
        return try IndexDocument(reading: sink.bytes, named: file.file.name)
    }

    /// Reads a dump to its end and tells what it holds.
    func content(of dump: Dump, as recorded: DatabaseIndex) throws -> ContentIndex {
        var whole: ContentIndex?
        for stream in dump.streams {
            let reader = ArchiveReader(
                ContentIndexer(orders: recorded.content.columnOrders, roots: dump.partitionRoots))
            try open(stream.file, into: reader)
            let part = reader.consumer.index
            if whole == nil { whole = part } else { whole?.add(rowsOf: part) }
        }
        return whole ?? ContentIndex(tables: [], largeObjects: .init())
    }

    func decrypt(_ file: VerifiedFile, into sink: any ByteSink) throws {
        let decryptor = AgeDecryptor(with: identities, into: sink)
        try file.copy(into: decryptor, progress: progress)
        try decryptor.finish()
    }
}

extension IndexDocument {
    /// The index is of this very run: one exchanged for another backup's would decrypt as well.
    func check(belongsTo manifest: Manifest) throws {
        guard label == manifest.label, run == manifest.run, cluster.systemIdentifier == manifest.systemIdentifier,
            databases.map(\.facts.name).sorted() == manifest.databases.map(\.name).sorted()
        else { throw PlainFailure(.malformed, "the index is of another backup than the manifest") }
    }
}

/// Keeps the last byte back until it is told that all of it was right: without it pg_restore fails, and commits nothing.
final class WithholdingSink: ByteSink {
    private let next: any ByteSink
    private var last: [UInt8] = []

    init(into next: any ByteSink) {
        self.next = next
    }

    func write(_ bytes: Span<UInt8>) throws {
        guard bytes.count > 0 else { return }
        let held = last
        if !held.isEmpty { try next.write(held.span) }
        try next.write(bytes.extracting(0..<bytes.count - 1))
        last = [bytes[bytes.count - 1]]
    }

    func finish() {}

    func release() throws {
        let held = last
        try next.write(held.span)
        try next.finish()
    }
}

private final class CountingSink: ByteSink {
    private(set) var count = 0
    private let next: any ByteSink

    init(into next: any ByteSink) {
        self.next = next
    }

    func write(_ bytes: Span<UInt8>) throws {
        count += bytes.count
        try next.write(bytes)
    }

    func finish() throws {
        try next.finish()
    }
}

extension Child {
    /// Feeds the program from `produce` and gives what that returned, once the program has exited with 0.
    func feeding<Value: Sendable>(_ produce: @escaping @Sendable (any ByteSink) throws -> Value) async throws -> Value {
        let made = Made<Value>()
        try await feed { sink in
            let value = try produce(sink)
            made.value.withLock { $0 = value }
        }
        guard let value = made.value.withLock({ $0 }) else {
            throw PlainFailure(.internalError, "\(name) ended before it was fed")
        }
        return value
    }
}

private final class Made<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}
