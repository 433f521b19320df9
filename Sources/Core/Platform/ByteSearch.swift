import CLinux

extension Span where Element == UInt8 {
    /// The first place of these bytes at or after `start`, found as fast as the C library can.
    ///
    /// - Parameter ignoringCase: whether the needle's small letters, all of ASCII, stand for capital ones too.
    package func firstIndex(of needle: Span<UInt8>, from start: Int = 0, ignoringCase: Bool = false) -> Int? {
        precondition(start >= 0 && start <= count)
        return withUnsafeBytes { bytes in
            needle.withUnsafeBytes { needle -> Int? in
                guard let base = bytes.baseAddress, let wanted = needle.baseAddress else { return nil }
                let find = ignoringCase ? clinux_find_caseless : clinux_find
                let found = find(base + start, bytes.count - start, wanted, needle.count)
                return found.map { UnsafeRawPointer($0) - base }
            }
        }
    }

    /// The last place of a byte before `end`.
    package func lastIndex(of byte: UInt8, before end: Int) -> Int? {
        precondition(end >= 0 && end <= count)
        return withUnsafeBytes { bytes -> Int? in
            guard let base = bytes.baseAddress else { return nil }
            return clinux_find_last(base, end, CInt(byte)).map { UnsafeRawPointer($0) - base }
        }
    }
}
