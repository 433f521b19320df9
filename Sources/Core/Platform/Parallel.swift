import Dispatch
import Synchronization

/// Applies `transform` to every element, on all processors, and keeps their order.
///
/// - Parameter atOnce: how many elements a processor takes at a time; few and long ones are best taken one by one.
/// - Throws: the error of the first element that has one.
package func mapInParallel<Element: Sendable, Value: Sendable>(
    _ elements: [Element], atOnce: Int? = nil, _ transform: @Sendable (Element) throws -> Value
) throws -> [Value] {
    // Pieces long enough that handing them out costs nothing, and short enough that all processors end together.
    let size = atOnce ?? max(1, min(64, elements.count / Processors.count))
    let pieces = stride(from: 0, to: elements.count, by: size).map { elements[$0..<min($0 + size, elements.count)] }
    let results = Mutex([Result<[Value], any Error>?](repeating: nil, count: pieces.count))
    DispatchQueue.concurrentPerform(iterations: pieces.count) { number in
        let result = Result { try pieces[number].map(transform) }
        results.withLock { $0[number] = result }
    }
    return try results.withLock { try $0.flatMap { try $0?.get() ?? [] } }
}
