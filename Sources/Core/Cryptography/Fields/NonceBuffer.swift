import CSodium
import Synchronization

/// Random nonces, fetched many at a time: one at a time they cost more than the encryption.
final class NonceBuffer: Sendable {
    static let byteCount = 24
    private static let capacity = byteCount * 128

    private struct State: ~Copyable {
        var bytes = [UInt8](repeating: 0, count: NonceBuffer.capacity)
        var next = NonceBuffer.capacity
    }

    private let state = Mutex(State())

    init() {
        Sodium.start()
    }

    /// Writes one that nobody else gets.
    func take(into target: UnsafeMutablePointer<UInt8>) {
        state.withLock { state in
            if state.next == Self.capacity {
                state.bytes.withUnsafeMutableBytes { bytes in
                    if let start = bytes.baseAddress { randombytes_buf(start, bytes.count) }
                }
                state.next = 0
            }
            state.bytes.withUnsafeBufferPointer { bytes in
                if let start = bytes.baseAddress { target.update(from: start + state.next, count: Self.byteCount) }
            }
            state.next += Self.byteCount
        }
    }
}
