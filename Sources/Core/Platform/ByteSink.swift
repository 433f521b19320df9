/// A step of a stream of bytes: takes some, does its part, and pushes what comes of it to the next step.
///
/// Dump, index, zstd, age, digest and file are such steps, so that a backup reads as one straight line. A step keeps no
/// more than one chunk; what it learned (a size, a checksum) stands in its properties after `finish()`.
package protocol ByteSink: AnyObject {
    /// Takes the next bytes; the span is only valid during the call.
    func write(_ bytes: Span<UInt8>) throws

    /// Ends the stream: flushes this step and finishes the next. Without it the stream counts as cut off.
    func finish() throws
}

/// Keeps every byte, for small documents and tests; refuses to grow past `limit`.
package final class CollectingSink: ByteSink {
    package private(set) var bytes: [UInt8] = []
    package private(set) var isFinished = false
    private let limit: Int

    package init(limit: Int = 64 << 20) {
        self.limit = limit
    }

    package func write(_ bytes: Span<UInt8>) throws {
        guard self.bytes.count + bytes.count <= limit else {
            throw PlainFailure(.malformed, "the document is larger than \(limit) bytes")
        }
        // Reserving room for every write would copy all that came before it each time.
        bytes.withUnsafeBufferPointer { self.bytes.append(contentsOf: $0) }
    }

    package func finish() {
        isFinished = true
    }
}

/// Takes everything and keeps nothing: where only a step's own result is wanted.
package final class DiscardingSink: ByteSink {
    package private(set) var count = 0

    package init() {}

    package func write(_ bytes: Span<UInt8>) {
        count += bytes.count
    }

    package func finish() {}
}
