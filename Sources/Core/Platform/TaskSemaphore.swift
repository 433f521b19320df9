import Synchronization

/// Lets a number of tasks through at a time; the others wait, and are let through in turn.
///
///     await semaphore.wait()
///     defer { semaphore.signal() }
package final class TaskSemaphore: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    /// - Parameter width: how many at a time, at least one.
    package init(width: Int) {
        state = Mutex(State(free: max(1, width)))
    }

    /// Waits for a place; a cancelled task waits like others, since those before it end.
    package func wait() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    /// Gives a place back, to whoever waits longest.
    package func signal() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
