import Cryptography
import Platform
import SystemPackage

extension LogSegment {
    /// The number of its first record; nil when there is none, or only hashes are left.
    func firstRecord() throws -> Int? {
        guard Files.exists(body) else { return nil }
        struct Enough: Error {}
        var first: Int?
        let splitter = LineSplitter { line in
            first = try RecordOutline(parsing: line).seq
            throw Enough()
        }
        do { try copy(from: body, into: splitter) } catch is Enough {}
        return first
    }
}

/// Where a record begins: in which part of the log, at which byte.
struct LogPlace: Equatable {
    var segment: Int
    var offset: Int
}

/// Reads a log from some place to its end: records where they are, their hashes where only those are left.
struct LogWalk {
    /// Bytes after the last line feed of the last part: not a record.
    var tail = 0

    /// - Parameters:
    ///   - enter: called before each part with its number.
    ///   - pruned: called with the leaf hash of each record that was given up.
    ///   - take: called with each line, without its line feed.
    mutating func run(
        _ folder: LogFolder, from start: LogPlace = LogPlace(segment: 0, offset: 0),
        enter: (LogSegment) throws -> Void = { _ in }, pruned: @escaping (Digest) throws -> Void,
        take: @escaping (Span<UInt8>) throws -> Void
    ) throws {
        let segments = try folder.segments()
        for segment in segments.dropFirst(start.segment) {
            try enter(segment)
            let skipped = segment.number == start.segment ? start.offset : 0
            if segment.isPruned {
                let splitter = FixedSplitter(width: Digest.byteCount) { bytes in
                    if let digest = Digest(bytes) { try pruned(digest) }
                }
                try Platform.copy(from: segment.leaves, into: splitter)
                guard splitter.tail == 0 else {
                    throw AuditFailure(.inconsistent, "\(segment.leaves) does not hold whole hashes")
                }
                continue
            }
            let splitter = LineSplitter(take)
            defer { tail = splitter.tail }
            try Self.copy(from: segment.body, skipping: skipped, into: splitter)
            if splitter.tail > 0, segment.number < segments.count - 1 {
                throw AuditFailure(.inconsistent, "\(segment.body) does not end in a whole record")
            }
        }
    }

    private static func copy(from path: FilePath, skipping count: Int, into sink: any ByteSink) throws {
        guard count > 0 else { return try Platform.copy(from: path, into: sink) }
        try Platform.copy(from: path, offset: count, into: sink)
    }
}

/// Cuts a stream into pieces of one width.
final class FixedSplitter: ByteSink {
    private let width: Int
    private let take: (Span<UInt8>) throws -> Void
    private var partial: [UInt8] = []
    var tail: Int { partial.count }

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
