import Platform
import PostgresClient
import Synchronization
import SystemPackage

/// Carries rows from one connection to another, or into a file, through memory alone.
struct RowBridge {
    private final class End: Sendable {
        private let state = Mutex((isWhole: false, isOpen: true))
        private let descriptor: FileDescriptor

        init(_ descriptor: FileDescriptor) {
            self.descriptor = descriptor
        }

        var isWhole: Bool { state.withLock(\.isWhole) }

        func finish() { state.withLock { $0.isWhole = true } }

        func close() {
            let isOpen = state.withLock { state in
                defer { state.isOpen = false }
                return state.isOpen
            }
            if isOpen { try? descriptor.close() }
        }

        /// Whoever takes it closes it.
        func take() -> FileDescriptor {
            state.withLock { $0.isOpen = false }
            return descriptor
        }
    }

    /// Copies the rows of `reading` through `masker` into `writing`, and tells how many there were.
    static func carry(
        _ source: Connection, _ reading: SQL, through masker: RowMasker, to target: Connection, _ writing: SQL,
        rows progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Int {
        let (read, write) = try Pipe.make()
        let (readEnd, writeEnd) = (End(read), End(write))
        async let written: Result<Int, any Error> = load(target, writing, readEnd, writeEnd)
        let produced: Result<Int, any Error>
        do {
            let count = try await source.copyOut(reading) { reader in
                try pump(reader, through: masker, into: DescriptorSink(write, name: "a pipe"), rows: progress)
            }
            writeEnd.finish()
            produced = .success(count)
        } catch {
            produced = .failure(error)
        }
        writeEnd.close()
        let taken = await written
        // A target that refuses breaks the pipe: its word is the cause.
        if case .failure(let cause) = taken, !(cause is Interrupted) { throw cause }
        let count = try produced.get()
        let arrived = try taken.get()
        guard arrived == count else {
            throw PlainFailure(.internalError, "\(count) rows were sent and \(arrived) arrived")
        }
        return count
    }

    private struct Interrupted: Error {}

    private static func load(
        _ target: Connection, _ writing: SQL, _ readEnd: End, _ writeEnd: End
    ) async -> Result<Int, any Error> {
        defer { readEnd.close() }
        do {
            return .success(
                try await target.copyIn(writing) { sink in
                    let reader = PipeReader(readEnd.take())
                    try reader.forEachChunk { try sink.write($0) }
                    // The end of a pipe alone is no success.
                    guard writeEnd.isWhole else { throw Interrupted() }
                })
        } catch {
            return .failure(error)
        }
    }

    /// Writes the rows into a file, which is complete when this returns.
    static func carry(
        _ source: Connection, _ reading: SQL, through masker: RowMasker, to file: FilePath,
        rows progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Int {
        try await source.copyOut(reading) { reader in
            let sink = try FileSink(creating: file)
            let count = try pump(reader, through: masker, into: sink, rows: progress)
            try sink.finish()
            return count
        }
    }

    private static func pump(
        _ reader: borrowing CopyReader, through masker: RowMasker, into sink: any ByteSink,
        rows progress: (Int) -> Void
    ) throws -> Int {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(1 << 17)
        var count = 0
        try reader.forEachRow { row in
            masker.mask(row, into: &buffer)
            count += 1
            guard buffer.count >= 1 << 16 else { return }
            try sink.write(buffer.span)
            buffer.removeAll(keepingCapacity: true)
            progress(count)
        }
        try sink.write(buffer.span)
        return count
    }
}
