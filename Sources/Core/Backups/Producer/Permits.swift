import Synchronization

/// How many pg_dump may run at the same time: each takes one permit and gives it back when it has ended.
///
/// Who waits is served in turn, programs of a database that is being dumped before databases that are not begun: the sooner one
/// ends, the sooner its locks and its snapshot are let go.
final class Permits: Sendable {
    private struct State {
        var free: Int
        var streams: [CheckedContinuation<Void, Never>] = []
        var databases: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    /// Waits for a permit to begin a database.
    func takeForDatabase() async throws { try await take { $0.databases.append($1) } }

    /// Waits for a permit for one more program of a database that was begun.
    func takeForStream() async throws { try await take { $0.streams.append($1) } }

    func giveBack() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            if !state.streams.isEmpty { return state.streams.removeFirst() }
            if !state.databases.isEmpty { return state.databases.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }

    private func take(_ queue: @Sendable (inout State, CheckedContinuation<Void, Never>) -> Void) async throws {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                queue(&state, continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        // Who is cancelled while waiting is served in turn all the same: those before are cancelled, too, and end soon.
        guard !Task.isCancelled else {
            giveBack()
            throw CancellationError()
        }
    }
}
