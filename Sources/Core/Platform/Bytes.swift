import Glibc

extension Span where Element == UInt8 {
    /// The first place of a byte at or after `start`, found as fast as memory can be read.
    package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= count)
        return withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            guard let found = memchr(base + start, CInt(byte), bytes.count - start) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}

extension [UInt8] {
    /// Appends the bytes of a span, as fast as memory can be copied.
    package mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}
