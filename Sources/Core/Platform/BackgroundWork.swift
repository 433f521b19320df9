import Dispatch
import Synchronization

/// Does pieces of work one after another on a thread of its own, while its owner prepares the next one.
package final class BackgroundWork: Sendable {
    private let queue: DispatchQueue
    private let failure = Mutex<(any Error)?>(nil)

    package init(_ name: String) {
        queue = DispatchQueue(label: name)
    }

    /// Begins a piece once the one before has ended; only one is ever waiting, so that memory stays bounded.
    ///
    /// - Throws: the error of a piece before it; then this one is not done.
    package func begin(_ body: @escaping @Sendable () throws -> Void) throws {
        try finish()
        queue.async { [self] in
            do { try body() } catch { failure.withLock { $0 = error } }
        }
    }

    /// Waits for what was begun.
    ///
    /// - Throws: its error, each time.
    package func finish() throws {
        queue.sync {}
        if let error = failure.withLock({ $0 }) { throw error }
    }
}

/// Prepares a value on a thread of its own, while the one before is in use.
package final class WorkAhead<Value: Sendable>: Sendable {
    private let work: BackgroundWork
    private let value = Mutex<Value?>(nil)

    package init(_ name: String) {
        work = BackgroundWork(name)
    }

    package func begin(_ make: @escaping @Sendable () throws -> Value) throws {
        try work.begin { [self] in
            let made = try make()
            value.withLock { $0 = made }
        }
    }

    /// Waits for the value that was begun; nil when none was.
    package func take() throws -> Value? {
        try work.finish()
        return value.withLock { $0.take() }
    }
}
