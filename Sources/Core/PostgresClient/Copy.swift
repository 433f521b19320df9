import CLibPQ
package import Platform

extension Connection {
    /// Hands the rows of a `COPY ... TO STDOUT` to `consume` as they arrive, on the connection's thread.
    ///
    /// Returns only after the server has said that all rows were sent. When `consume` ends before the rows do, the
    /// statement is cancelled.
    package func copyOut<Value: Sendable>(
        _ sql: SQL, _ consume: @Sendable (borrowing CopyReader) throws -> Value
    ) async throws -> Value {
        try await cancellable { wire in
            try wire.beginCopy(sql, expecting: PGRES_COPY_OUT)
            let reader = CopyReader(wire)
            let value = Result { try consume(reader) }
            guard case .success(let value) = value, reader.sawEnd else {
                if !reader.sawEnd { wire.cancel() }
                while try wire.nextCopyRow({ _ in }) {}
                try? wire.finishQuietly()
                return try value.get()
            }
            _ = try wire.answer()
            return value
        }
    }

    /// Feeds a `COPY ... FROM STDIN` with what `produce` writes, and tells how many rows the server took.
    ///
    /// When `produce` throws, the server forgets all of it.
    @discardableResult
    package func copyIn(
        _ sql: SQL, _ produce: @Sendable (any ByteSink) throws -> Void
    ) async throws -> Int {
        try await cancellable { wire in
            try wire.beginCopy(sql, expecting: PGRES_COPY_IN)
            do {
                try produce(CopyWriter(wire))
            } catch {
                try wire.endCopy(failingWith: "the rows ended with an error")
                try? wire.finishQuietly()
                throw error
            }
            try wire.endCopy(failingWith: nil)
            return try wire.answer().touched
        }
    }
}

/// The rows of a COPY as they arrive.
package struct CopyReader: ~Copyable {
    private let wire: Wire
    private let end = End()

    private final class End {
        var isSeen = false
    }

    init(_ wire: Wire) {
        self.wire = wire
    }

    var sawEnd: Bool { end.isSeen }

    /// Lends each row, in text form with its line feed, to `body`.
    package func forEachRow(_ body: (Span<UInt8>) throws -> Void) throws {
        while try wire.nextCopyRow(body) {}
        end.isSeen = true
    }

    /// Pushes all rows into `sink`, without finishing it.
    package func copy(into sink: any ByteSink) throws {
        try forEachRow { try sink.write($0) }
    }
}

/// Writes into a COPY; whether rows are whole is the writer's affair, the chunks are not.
private final class CopyWriter: ByteSink {
    private let wire: Wire

    init(_ wire: Wire) {
        self.wire = wire
    }

    func write(_ bytes: Span<UInt8>) throws {
        guard !bytes.isEmpty else { return }
        try wire.putCopyData(bytes)
    }

    func finish() {}
}
