import CLibPQ
import Platform

/// One session with a server.
///
/// Its statements run in order on a thread of its own. When the task that waits for one is cancelled, the server is told
/// to stop it. A connection belongs to one task at a time: a transaction does not keep other tasks' statements out.
package actor Connection {
    /// As libpq counts: 150018 is 15.18.
    package nonisolated let serverVersion: Int
    /// The server process behind this session, as `pg_stat_activity` names it.
    package nonisolated let processID: Int
    /// The parameters it was opened with, for further connections and for programs.
    package nonisolated let parameters: ConnectionParameters

    private let thread = ConnectionThread()
    private let isCancelled: CancelFlag
    private var wire: Wire?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// The server's major version, as in 15.
    package nonisolated var majorVersion: Int { serverVersion / 10_000 }

    /// Connects by libpq's own rules and makes `search_path` safe.
    ///
    /// - Parameter onNotice: Called on the connection's thread for every notice, as soon as it comes.
    package static func open(
        _ parameters: ConnectionParameters, onNotice: (@Sendable (PostgresNotice) -> Void)? = nil
    ) async throws -> Connection {
        try Task.checkCancellation()
        let isCancelled = CancelFlag()
        let connecting = Connecting(isCancelled: isCancelled, notices: NoticeReceiver(handler: onNotice))
        let wire = try await withTaskCancellationHandler {
            try await onOwnThread { try connecting.connect(parameters) }
        } onCancel: {
            isCancelled.set()
        }
        return Connection(wire: wire, isCancelled: isCancelled, parameters: parameters)
    }

    private init(wire: Wire, isCancelled: CancelFlag, parameters: ConnectionParameters) {
        self.wire = wire
        self.isCancelled = isCancelled
        self.parameters = parameters
        serverVersion = Int(PQserverVersion(wire.handle))
        processID = Int(PQbackendPID(wire.handle))
    }

    isolated deinit {
        wire = nil
        thread.stop()
    }

    /// Ends the session now; the connection cannot be used afterwards.
    package func close() {
        wire = nil
    }

    /// How values of a result travel: text reads everything, binary spares the hex form of large `bytea`.
    package enum Format: Sendable {
        case text
        case binary
    }

    /// Runs one statement and gives its rows.
    package func query(_ sql: SQL, format: Format = .text) async throws -> Rows {
        try await cancellable { wire in try wire.run(sql, isBinary: format == .binary) }
    }

    /// Runs one statement and tells how many rows it touched.
    @discardableResult
    package func execute(_ sql: SQL) async throws -> Int {
        try await cancellable { wire in try wire.run(sql).touched }
    }

    /// Runs statements separated by semicolons, which nothing can be bound in; outside a transaction they are one.
    package func script(_ sql: SQL) async throws {
        try await cancellable { wire in _ = try wire.runScript(sql) }
    }

    /// The notices since the last call, the newest thousand of them.
    package func takeNotices() throws -> [PostgresNotice] {
        try live().notices.take()
    }

    /// The number that tells this cluster from every other, also after a copy of its data was promoted elsewhere.
    package func systemIdentifier() async throws -> String {
        try await query("SELECT system_identifier FROM pg_catalog.pg_control_system()").one()[0]
    }

    // MARK: For transactions and COPY

    /// Runs a short script whose cancellation would leave things open, as ROLLBACK.
    func uncancellableScript(_ sql: SQL) throws -> String {
        isCancelled.clear()
        return try live().runScript(sql).tag
    }

    var transactionState: TransactionState {
        guard let wire else { return .broken }
        return switch PQtransactionStatus(wire.handle) {
        case PQTRANS_IDLE: .none
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .broken
        }
    }

    /// Runs `body` with the wire, never interleaved with another statement, since it does not suspend.
    func cancellable<Value: Sendable>(_ body: (Wire) throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        let wire = try live()
        isCancelled.clear()
        return try await withTaskCancellationHandler {
            // Through a method: a closure that does not use `self` would run on the shared pool and block it.
            try perform(body, wire)
        } onCancel: {
            isCancelled.set()
        }
    }

    private func perform<Value>(_ body: (Wire) throws -> Value, _ wire: Wire) throws -> Value {
        try body(wire)
    }

    private func live() throws -> Wire {
        guard let wire else { throw PlainFailure(.internalError, "the connection is closed") }
        return wire
    }
}

/// What the server thinks of the session's transaction.
package enum TransactionState: Sendable {
    case none
    case open
    /// A statement failed: only a rollback is possible.
    case failed
    /// The connection is lost or closed, or a statement is under way.
    case broken
}
