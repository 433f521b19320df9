import CLinux
import Glibc
package import SystemPackage

/// A pipe closed on exec; `capacity` bytes of buffer are asked for, so that the two sides run at their own pace.
package enum Pipe {
    package static func make(capacity: Int32 = 1 << 20) throws -> (reading: FileDescriptor, writing: FileDescriptor) {
        // A reader that is gone is an error to report, not a signal to die of.
        signal(SIGPIPE, SIG_IGN)
        var ends: [CInt] = [-1, -1]
        _ = try system("create", "a pipe") { clinux_pipe(&ends, capacity) }
        return (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
    }
}

/// The reading end of a pipe, through one reused buffer; closed when it goes away, which ends a child that still writes.
package struct PipeReader: ~Copyable {
    private let descriptor: FileDescriptor
    private let buffer: UnsafeMutableRawBufferPointer
    private let end = EndMark()

    package init(_ descriptor: FileDescriptor, chunk: Int = 1 << 18) {
        self.descriptor = descriptor
        buffer = .allocate(byteCount: chunk, alignment: 16)
    }

    deinit {
        buffer.deallocate()
        try? descriptor.close()
    }

    /// True once the writer has closed its end.
    ///
    /// That alone is no success: a writer that was killed closes it too.
    package var sawEnd: Bool { end.reached }

    /// Hands over every chunk up to the end of the pipe.
    package func forEachChunk(_ body: (Span<UInt8>) throws -> Void) throws {
        while true {
            let count: Int
            do {
                count = try descriptor.read(into: buffer)
            } catch let code as Errno {
                throw FileFailure("read", "a pipe", code)
            }
            if count == 0 {
                end.reached = true
                return
            }
            try body(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count]).span)
        }
    }

    /// Everything up to the end, which must fit in `limit` bytes.
    package func collect(limit: Int) throws -> [UInt8] {
        let sink = CollectingSink(limit: limit)
        try drain(into: sink)
        return sink.bytes
    }

    /// Pushes every chunk into the sink and finishes it.
    package func drain(into sink: any ByteSink) throws {
        try forEachChunk { try sink.write($0) }
        try sink.finish()
    }
}

/// A mark that a borrowed reader can still set.
private final class EndMark {
    var reached = false
}
