import Platform

/// How a transaction runs.
package struct TransactionOptions: Sendable {
    package enum Isolation: String, Sendable {
        case readCommitted = "READ COMMITTED"
        case repeatableRead = "REPEATABLE READ"
        case serializable = "SERIALIZABLE"
    }

    package var isolation: Isolation
    package var isReadOnly: Bool
    /// How often the body may run again after a serialization failure or a deadlock.
    package var retries: Int
    /// How long one statement may wait for a lock; nil leaves it to the server's setting.
    package var lockTimeout: Duration?
    package var statementTimeout: Duration?

    package init(
        isolation: Isolation = .readCommitted, isReadOnly: Bool = false, retries: Int = 3,
        lockTimeout: Duration? = nil, statementTimeout: Duration? = nil
    ) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.retries = retries
        self.lockTimeout = lockTimeout
        self.statementTimeout = statementTimeout
    }

    /// For a transaction that changes things: waits 10 s for a lock and 5 min for a statement, then gives up.
    package static let changing = TransactionOptions(lockTimeout: .seconds(10), statementTimeout: .seconds(300))

    /// For reading a catalog or a whole database as of one moment.
    package static let reading = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)

    fileprivate var begin: SQL {
        var sql: SQL =
            "BEGIN ISOLATION LEVEL \(raw: isolation.rawValue) \(raw: isReadOnly ? "READ ONLY" : "READ WRITE")"
        if let lockTimeout { sql += "; SET LOCAL lock_timeout = \(raw: Self.milliseconds(lockTimeout))" }
        if let statementTimeout { sql += "; SET LOCAL statement_timeout = \(raw: Self.milliseconds(statementTimeout))" }
        return sql
    }

    private static func milliseconds(_ duration: Duration) -> String {
        // 0 would mean "for ever".
        String(max(1, duration.asMilliseconds))
    }
}

extension Connection {
    /// Runs `body` in one transaction: committed when it returns, rolled back when it throws or the task is cancelled.
    ///
    /// After a serialization failure or a deadlock `body` runs again, so that it must not change anything but the
    /// database. Statements of other tasks must keep away from this connection meanwhile.
    @discardableResult
    package nonisolated(nonsending) func transaction<Value>(
        _ options: TransactionOptions = TransactionOptions(),
        _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        var attempt = 0
        while true {
            do {
                return try await once(options, body)
            } catch let error as PostgresError where error.isRetryable && attempt < options.retries {
                attempt += 1
                // Twice as long each time, and never the same for two that met.
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...20) << min(attempt, 6)))
            }
        }
    }

    /// Runs `body` in a savepoint: what it did stays when it returns, and is undone when it throws.
    @discardableResult
    package nonisolated(nonsending) func savepoint<Value>(
        _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await execute("SAVEPOINT dbsec")
        do {
            let value = try await body()
            try await execute("RELEASE SAVEPOINT dbsec")
            return value
        } catch {
            try await undoToSavepoint()
            throw error
        }
    }

    /// Runs `body` in a savepoint and undoes what it did, in any case.
    package nonisolated(nonsending) func undoing<Value>(
        _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        try await execute("SAVEPOINT dbsec")
        do {
            let value = try await body()
            try await undoToSavepoint()
            return value
        } catch {
            try await undoToSavepoint()
            throw error
        }
    }

    private nonisolated(nonsending) func undoToSavepoint() async throws {
        _ = try await uncancellableScript("ROLLBACK TO SAVEPOINT dbsec; RELEASE SAVEPOINT dbsec")
    }

    private nonisolated(nonsending) func once<Value>(
        _ options: TransactionOptions, _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        guard await transactionState == .none else {
            throw PlainFailure(.internalError, "a transaction is already open on this connection")
        }
        do {
            try await script(options.begin)
            let value = try await body()
            guard await transactionState != .none else {
                throw PlainFailure(.internalError, "the transaction was ended by a statement inside it")
            }
            try Task.checkCancellation()
            try await commit()
            return value
        } catch {
            // What went wrong first is told; a lost connection rolls back by itself.
            if await transactionState != .none { _ = try? await uncancellableScript("ROLLBACK") }
            throw error
        }
    }

    /// Commits without a cancel in the middle, after which nobody could say what happened.
    private nonisolated(nonsending) func commit() async throws {
        do {
            // COMMIT of a failed transaction is no error for the server: it rolls back and says so in its tag.
            guard try await uncancellableScript("COMMIT") == "COMMIT" else {
                throw PlainFailure(.internalError, "the transaction was rolled back: a statement in it had failed")
            }
        } catch var error as PostgresError where error.code == nil {
            error.outcomeUnknown = true
            throw error
        }
    }
}
