import Dispatch
import Glibc
import Synchronization

/// Runs `body` so that SIGINT, SIGTERM and SIGHUP cancel it instead of ending the process.
///
/// Returns the body's result with the signal that came, if one did: the caller decides what an interrupted act means.
package func cancellingOnSignals<Value: Sendable>(
    _ body: @escaping @Sendable () async -> Value
) async -> (value: Value, signal: Int32?) {
    let state = Mutex<(signal: Int32?, task: Task<Value, Never>?)>((nil, nil))
    // Before the body: a signal at its first prompt must not end the process with the terminal as the prompt needs it.
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            state.withLock {
                $0.signal = $0.signal ?? number
                $0.task?.cancel()
            }
        }
        source.resume()
        return source
    }
    let task = Task { await body() }
    state.withLock {
        $0.task = task
        if $0.signal != nil { task.cancel() }
    }
    let value = await task.value
    for source in sources { source.cancel() }
    return (value, state.withLock { $0.signal })
}
