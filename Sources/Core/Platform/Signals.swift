import Dispatch
import Glibc
import Synchronization

/// Runs `body` so that SIGINT, SIGTERM and SIGHUP cancel it instead of ending the process.
///
/// Returns the body's result with the signal that came, if one did: the caller decides what an interrupted act means.
package func cancellingOnSignals<Value: Sendable>(
    _ body: @escaping @Sendable () async -> Value
) async -> (value: Value, signal: Int32?) {
    let caught = Mutex<Int32?>(nil)
    let task = Task { await body() }
    let sources = [SIGINT, SIGTERM, SIGHUP].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            caught.withLock { $0 = $0 ?? number }
            task.cancel()
        }
        source.resume()
        return source
    }
    let value = await task.value
    for source in sources { source.cancel() }
    return (value, caught.withLock { $0 })
}
