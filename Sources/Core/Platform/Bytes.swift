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

    /// Whether all bytes are 0, found as fast as memory can be read.
    package var isZero: Bool {
        guard count > 0 else { return true }
        // Alike byte by byte with itself one further, and the first is 0.
        return self[0] == 0
            && withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return true }
                return memcmp(base, base + 1, bytes.count - 1) == 0
            }
    }

    /// Whether these bytes stand at this place; eight are compared at a time, and it is compiled into its callers.
    @inlinable @inline(__always) package func holds(_ other: Span<UInt8>, at place: Int) -> Bool {
        precondition(place >= 0)
        let length = other.count
        guard place <= count, length <= count &- place else { return false }
        let (mine, others) = (self.bytes, other.bytes)
        var position = 0
        while position &+ 8 <= length {
            let left = mine.unsafeLoadUnaligned(fromUncheckedByteOffset: place &+ position, as: UInt64.self)
            guard left == others.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self) else {
                return false
            }
            position &+= 8
        }
        while position < length {
            guard self[place &+ position] == other[position] else { return false }
            position &+= 1
        }
        return true
    }

    /// The eight bytes at a place as one number, the first of them its highest.
    @inlinable @inline(__always) package func word(at place: Int) -> UInt64 {
        precondition(place >= 0 && place <= count &- 8)
        return self.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self).bigEndian
    }

    /// The first place at or after `start` of a byte that a text in JSON treats in some way: a quote, a backslash, a
    /// control character, or one beyond ASCII; the end when there is none.
    ///
    /// Looks at eight bytes at a time, and is compiled into its callers, since most texts are short.
    @inlinable @inline(__always) package func endOfPlainText(from start: Int) -> Int {
        precondition(start >= 0 && start <= count)
        let (ones, highs): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        let bytes = self.bytes
        var position = start
        while position &+ 8 <= count {
            let word = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self).littleEndian
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let control = word &- (ones &* 0x20)
            // The high bit of each byte that is one of them; bits above the lowest that is set may be wrong.
            let found =
                ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash | control & ~word | word) & highs
            if found != 0 { return position &+ found.trailingZeroBitCount / 8 }
            position &+= 8
        }
        while position < count {
            let byte = self[position]
            if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return position }
            position &+= 1
        }
        return position
    }
}

extension String {
    /// The text of these bytes; what is no UTF-8 becomes U+FFFD.
    package init(repairing bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}

extension [UInt8] {
    /// Appends the bytes of a span, as fast as memory can be copied.
    package mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append(contentsOf: $0) }
    }
}
