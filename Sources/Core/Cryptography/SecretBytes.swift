import CSodium

/// Bytes that must not be seen: in guarded, locked memory, read-only once filled, wiped when released, printed as `<secret>`.
///
/// One costs two page protections and about 16 microseconds: made for keys and passphrases, not for rows.
package final class SecretBytes: @unchecked Sendable {
    // Unchecked: the memory is written only by an initializer, and protected against writing from then on.
    private let memory: UnsafeMutableRawPointer
    package let count: Int

    /// Takes the bytes over: the source is wiped and left empty.
    package convenience init(taking source: inout [UInt8]) {
        self.init(count: source.count) { target in
            for (index, byte) in source.enumerated() { target[index] = byte }
        }
        wipe(&source)
    }

    /// Fresh bytes from the system's random generator.
    package convenience init(random count: Int) {
        self.init(count: count) { target in
            randombytes_buf(target, count)
        }
    }

    /// A secret that `fill` computes straight into the guarded memory.
    init<E: Error>(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) throws(E) -> Void) throws(E) {
        Sodium.start()
        // As with any Swift object, no memory means no process.
        guard let memory = sodium_malloc(count) else { fatalError("no memory for a secret of \(count) bytes") }
        do {
            try fill(memory.assumingMemoryBound(to: UInt8.self))
        } catch {
            sodium_free(memory)
            throw error
        }
        guard sodium_mprotect_readonly(memory) == 0 else { fatalError("a secret could not be protected") }
        self.memory = memory
        self.count = count
    }

    deinit {
        sodium_free(memory)
    }

    /// Lends the bytes for the length of the call.
    package func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        let bytes = UnsafeBufferPointer(start: pointer, count: count)
        return try body(bytes.span)
    }

    /// The address for a C call; valid while the secret is alive.
    func withPointer<R, E: Error>(_ body: (UnsafePointer<UInt8>) throws(E) -> R) throws(E) -> R {
        try withExtendedLifetime(self) { () throws(E) -> R in try body(pointer) }
    }

    private var pointer: UnsafePointer<UInt8> {
        UnsafePointer(memory.assumingMemoryBound(to: UInt8.self))
    }
}

extension SecretBytes: Equatable {
    /// Takes the same time wherever the first difference is; only a difference in length is told early.
    package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        left.withBytes { left in right.withBytes { right in constantTimeEqual(left, right) } }
    }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Compares in a time that does not depend on where the bytes differ.
package func constantTimeEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return left.withPointer { left, count in right.withPointer { right, _ in sodium_memcmp(left, right, count) == 0 } }
}

/// Overwrites bytes that held a secret and empties the array; the compiler cannot leave it out.
package func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { bytes in
        if let start = bytes.baseAddress { sodium_memzero(start, bytes.count) }
    }
    bytes.removeAll()
}
