import Cryptography
import Platform
import SystemPackage

extension LogSegment {
    /// Its first record; nil when there is none, or the records were given up.
    func firstRecord() throws -> AuditRecord? {
        guard Files.exists(body) else { return nil }
        struct Enough: Error {}
        var first: AuditRecord?
        let splitter = LineSplitter { line in
            first = try AuditRecord(parsing: line)
            throw Enough()
        }
        do { try copy(from: body, into: splitter) } catch is Enough {}
        return first
    }
}

extension LogFolder {
    /// How many records at the beginning of the log were given up; their leaf hashes are kept.
    package func prunedCount(_ segments: [LogSegment]) throws -> Int {
        guard let first = segments.first, first.number > 0 else { return 0 }
        guard let size = try first.firstRecord()?.seq else {
            throw AuditFailure(.inconsistent, "\(first.body) does not begin with a record", hint: keepEverything)
        }
        return size
    }
}

/// Reads a log from some place to its end: records where they are, their hashes where only those are left.
struct LogWalk {
    /// Bytes after the last line feed of the last part: not a record.
    var tail = 0

    /// - Parameters:
    ///   - resuming: whether the place is where to begin even where it is the very first: nothing is said of what was given up.
    ///   - enter: called before each part.
    ///   - pruned: called with the leaf hash of each record that was given up.
    ///   - take: called with each line, without its line feed.
    mutating func run(
        _ folder: LogFolder, from start: LogPlace = LogPlace(segment: 0, offset: 0), resuming: Bool = false,
        enter: (LogSegment) throws -> Void = { _ in }, pruned: @escaping (Digest) throws -> Void,
        take: @escaping (Span<UInt8>) throws -> Void
    ) throws {
        let segments = try folder.segments()
        if !resuming, start == LogPlace(segment: 0, offset: 0) {
            try hashes(folder, count: folder.prunedCount(segments), pruned)
        } else if let first = segments.first, first.number > start.segment {
            throw AuditFailure(.inconsistent, "the records before \(first.body) are gone")
        }
        for segment in segments where segment.number >= start.segment {
            try enter(segment)
            let skipped = segment.number == start.segment ? start.offset : 0
            let splitter = LineSplitter(take)
            defer { tail = splitter.tail }
            try copy(from: segment.body, offset: skipped, into: splitter)
            if splitter.tail > 0, segment != segments.last {
                throw AuditFailure(.inconsistent, "\(segment.body) does not end in a whole record")
            }
        }
    }

    private func hashes(_ folder: LogFolder, count: Int, _ take: @escaping (Digest) throws -> Void) throws {
        guard count > 0 else { return }
        struct Enough: Error {}
        var left = count
        let splitter = FixedSplitter(width: Digest.byteCount) { bytes in
            guard left > 0, let digest = Digest(bytes) else { throw Enough() }
            left -= 1
            try take(digest)
        }
        do { try copy(from: folder.leaves, into: splitter) } catch is Enough {}
        guard left == 0 else {
            throw AuditFailure(
                .inconsistent, "\(folder.leaves) lacks hashes of the first \(count) records, which were given up")
        }
    }
}

/// Cuts a stream into pieces of one width.
final class FixedSplitter: ByteSink {
    private let width: Int
    private let take: (Span<UInt8>) throws -> Void
    private var partial: [UInt8] = []

    init(width: Int, _ take: @escaping (Span<UInt8>) throws -> Void) {
        self.width = width
        self.take = take
    }

    func write(_ bytes: Span<UInt8>) throws {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + width - partial.count)
            if partial.isEmpty, end - start == width {
                try take(bytes.extracting(start..<end))
            } else {
                partial.append(bytes.extracting(start..<end))
                if partial.count == width {
                    let piece = partial
                    partial = []
                    try take(piece.span)
                }
            }
            start = end
        }
    }

    func finish() {}
}
