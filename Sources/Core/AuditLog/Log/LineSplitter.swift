import Platform

/// Cuts a stream of bytes at line feeds and nowhere else: recovery, verification and search all read a log through it.
///
/// `finish()` leaves what follows the last line feed in `tail`: it is not a line.
final class LineSplitter: ByteSink {
    /// Bytes of whole lines, their line feeds included.
    private(set) var lineBytes = 0
    /// Bytes after the last line feed.
    private(set) var tail = 0
    private(set) var lines = 0
    private var partial: [UInt8] = []
    private let limit: Int
    private let take: (Span<UInt8>) throws -> Void

    /// - Parameter limit: the longest line; a longer one is an error once it ends.
    init(limit: Int = 1 << 20, _ take: @escaping (Span<UInt8>) throws -> Void) {
        self.limit = limit
        self.take = take
    }

    func write(_ bytes: Span<UInt8>) throws {
        var start = 0
        while let index = bytes.firstIndex(of: lineFeed, from: start) {
            try end(bytes.extracting(start..<index))
            start = index + 1
        }
        keep(bytes.extracting(start..<bytes.count))
    }

    func finish() {}

    private func end(_ last: Span<UInt8>) throws {
        let length = tail + last.count
        guard length <= limit else {
            throw AuditFailure(.inconsistent, "line \(lines + 1) has \(length) bytes: no record is that long")
        }
        if partial.isEmpty {
            try take(last)
        } else {
            keep(last)
            let line = partial
            partial = []
            try take(line.span)
        }
        tail = 0
        lines += 1
        lineBytes += length + 1
    }

    private func keep(_ piece: Span<UInt8>) {
        tail += piece.count
        guard tail <= limit else { return }
        partial.append(piece)
    }
}
