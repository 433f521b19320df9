import CLibPQ
import Glibc
import Platform
import Synchronization

/// One libpq connection and the waiting on its socket.
///
/// Used by one thread at a time: first the one that connects, then the connection's own. Only `isCancelled` is
/// touched by others.
final class Wire: @unchecked Sendable {
    let handle: OpaquePointer
    let notices: NoticeReceiver
    private let isCancelled: CancelFlag
    /// Set when the server did not answer a cancel: the protocol's state is then unknown.
    private var isAbandoned = false
    private var firstCancel: ContinuousClock.Instant?
    private var lastCancel: ContinuousClock.Instant?
    /// Bytes of a COPY that libpq holds.
    private var unflushed = 0

    init(owning handle: OpaquePointer, isCancelled: CancelFlag, notices: NoticeReceiver) {
        self.handle = handle
        self.notices = notices
        self.isCancelled = isCancelled
    }

    deinit {
        PQfinish(handle)
    }

    /// Runs one statement with bound values by the extended protocol.
    func run(_ sql: SQL, isBinary: Bool = false) throws -> Rows {
        let (text, values) = try sql.rendered()
        try send {
            Self.withArrays(values) { types, bytes, lengths, formats in
                PQsendQueryParams(handle, text, CInt(values.count), types, bytes, lengths, formats, isBinary ? 1 : 0)
            }
        }
        return try answer()
    }

    /// Runs statements separated by semicolons by the simple protocol; gives the last one's result.
    func runScript(_ sql: SQL) throws -> Rows {
        let (text, values) = try sql.rendered()
        guard values.isEmpty else {
            throw PlainFailure(.internalError, "a script of several statements cannot bind values")
        }
        try send { PQsendQuery(handle, text) }
        return try answer()
    }

    /// Starts a statement that moves rows by COPY in this direction.
    func beginCopy(_ sql: SQL, expecting direction: ExecStatusType) throws {
        let (text, values) = try sql.rendered()
        guard values.isEmpty else { throw PlainFailure(.internalError, "COPY cannot bind values") }
        try send { PQsendQuery(handle, text) }
        guard let result = try nextResult() else { throw PostgresError(connection: handle) }
        let status = PQresultStatus(result)
        if status == direction {
            PQclear(result)
            return
        }
        defer { PQclear(result) }
        let failure: any Error =
            status == PGRES_FATAL_ERROR
            ? PostgresError(result: result, connection: handle)
            : PlainFailure(.internalError, "this statement does not copy rows in this direction")
        try? finishQuietly()
        throw failure
    }

    /// Brings the connection back to where a statement can be sent, whatever is under way.
    func finishQuietly() throws {
        while let result = try nextResult() {
            switch PQresultStatus(result) {
            case PGRES_COPY_IN, PGRES_COPY_BOTH: _ = PQputCopyEnd(handle, "not wanted here")
            case PGRES_COPY_OUT: while try nextCopyRow({ _ in }) {}
            default: break
            }
            PQclear(result)
        }
    }

    private func send(_ body: () -> CInt) throws {
        guard !isAbandoned, PQstatus(handle) == CONNECTION_OK else {
            throw PostgresError(code: nil, message: "the connection to the server was lost")
        }
        (firstCancel, lastCancel, unflushed) = (nil, nil, 0)
        guard body() == 1 else { throw PostgresError(connection: handle) }
    }

    /// All results of what was sent, to the end; throws the first error among them.
    func answer() throws -> Rows {
        var last: Rows?
        var failure: PostgresError?
        var copiedOut = false
        while let result = try nextResult() {
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                last = Rows(owning: result)
            case PGRES_COPY_IN, PGRES_COPY_BOTH:
                PQclear(result)
                _ = PQputCopyEnd(handle, "this statement takes no rows here")
            case PGRES_COPY_OUT:
                copiedOut = true
                PQclear(result)
                while try nextCopyRow({ _ in }) {}
            default:
                failure = failure ?? PostgresError(result: result, connection: handle)
                PQclear(result)
            }
        }
        if let failure {
            // A cancel that we sent is no error of the statement.
            if failure.code == "57014" && isCancelled.isSet { throw CancellationError() }
            throw failure
        }
        if copiedOut { throw PlainFailure(.internalError, "this statement copies rows out, where none are read") }
        guard let last else { throw PostgresError(connection: handle) }
        return last
    }

    /// The next result, or nil at the end of the statement.
    func nextResult() throws -> OpaquePointer? {
        while true {
            if PQflush(handle) == 1 {
                try wait(toWrite: true)
            } else if PQisBusy(handle) == 1 {
                try wait(toWrite: false)
            } else {
                return PQgetResult(handle)
            }
            // 0 means that the connection broke: PQgetResult then tells it as a result.
            if PQconsumeInput(handle) == 0 { return PQgetResult(handle) }
        }
    }

    /// Lends the next row of a COPY to `body`; false at the end, after which `answer()` tells whether all went well.
    func nextCopyRow(_ body: (Span<UInt8>) throws -> Void) throws -> Bool {
        while true {
            var row: UnsafeMutablePointer<CChar>?
            let count = PQgetCopyData(handle, &row, 1)
            if count == 0 {
                try wait(toWrite: false)
                if PQconsumeInput(handle) == 0 { return false }
            } else if count > 0, let row {
                defer { PQfreemem(row) }
                let bytes = UnsafeRawBufferPointer(start: row, count: Int(count))
                try body(bytes.bindMemory(to: UInt8.self).span)
                return true
            } else {
                return false
            }
        }
    }

    /// Sends bytes of a COPY; a cancel is seen also while the server makes us wait.
    func putCopyData(_ bytes: Span<UInt8>) throws {
        if isCancelled.isSet { throw CancellationError() }
        let sent = bytes.withUnsafeBytes {
            PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), CInt($0.count))
        }
        guard sent == 1 else { throw PostgresError(connection: handle) }
        unflushed += bytes.count
        // libpq would keep it all in memory: it never waits by itself on this connection.
        if unflushed >= 1 << 16 { try flush() }
    }

    /// Ends a COPY: well, or with the reason why the server must forget it.
    func endCopy(failingWith reason: String?) throws {
        guard PQputCopyEnd(handle, reason) == 1 else { throw PostgresError(connection: handle) }
    }

    private func flush() throws {
        unflushed = 0
        while PQflush(handle) == 1 {
            try wait(toWrite: true)
            if isCancelled.isSet { throw CancellationError() }
            guard PQconsumeInput(handle) == 1 else { return }
        }
    }

    /// Waits until the socket is ready; asks the server to stop as soon as the task is cancelled.
    private func wait(toWrite: Bool) throws {
        let events = Int16(toWrite ? POLLIN | POLLOUT : POLLIN)
        while true {
            if isCancelled.isSet { try askToStop() }
            var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
            let ready = poll(&descriptor, 1, CancelFlag.interval)
            if ready > 0 || (ready == -1 && errno != EINTR) { return }
        }
    }

    /// Cancels the running statement, again every tenth of a second, since a cancel that arrives before the server has
    /// begun the statement is lost.
    private func askToStop() throws {
        let now = ContinuousClock.now
        let first = firstCancel ?? now
        firstCancel = first
        guard now - first < CancelFlag.patience else {
            isAbandoned = true
            throw CancellationError()
        }
        guard lastCancel.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
        lastCancel = now
        cancel()
    }

    func cancel() {
        var complaint = [CChar](repeating: 0, count: 256)
        // A failure shows as no answer, and the question is put again.
        let canceller = PQgetCancel(handle)
        defer { PQfreeCancel(canceller) }
        _ = PQcancel(canceller, &complaint, CInt(complaint.count))
    }

    /// The values as the parallel arrays that libpq takes, NUL after each text.
    private static func withArrays<Result>(
        _ values: [BoundValue],
        _ body: ([UInt32], UnsafePointer<UnsafePointer<CChar>?>?, [CInt], [CInt]) -> Result
    ) -> Result {
        var storage: [UInt8] = []
        storage.reserveCapacity(values.reduce(0) { $0 + ($1.bytes?.count ?? 0) + 1 })
        var offsets: [Int?] = []
        for value in values {
            offsets.append(value.bytes == nil ? nil : storage.count)
            if let bytes = value.bytes { storage += bytes }
            storage.append(0)
        }
        return storage.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers = offsets.map { offset in offset.flatMap { offset in start.map { $0 + offset } } }
            return pointers.withUnsafeBufferPointer { pointers in
                body(
                    values.map(\.type), pointers.baseAddress,
                    values.map { CInt($0.bytes?.count ?? 0) }, values.map { $0.isBinary ? 1 : 0 })
            }
        }
    }
}

/// Set by whoever cancels the task, read by the thread that waits for the server.
final class CancelFlag: Sendable {
    /// How long one look at the flag may be away, in milliseconds.
    static let interval: CInt = 25
    /// After so long without an answer to the cancel the connection is given up.
    static let patience = Duration.seconds(10)

    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
    func clear() { flag.store(false, ordering: .relaxed) }
}
