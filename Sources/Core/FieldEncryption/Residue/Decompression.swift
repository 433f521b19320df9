/// What PostgreSQL compresses values with, undone: for bytes of which nobody has promised that they are any.
enum Decompression {
    /// The two upper bits of `va_tcinfo` (src/include/varatt.h).
    enum Method: UInt32 {
        case pglz = 0
        case lz4 = 1
    }

    /// Undoes what the method did, to at most `size` bytes.
    ///
    /// - Returns: what came out, and whether input and output ended together; nil for bytes that are no compressed value.
    static func decompress(
        _ input: Span<UInt8>, _ range: Range<Int>, _ method: Method, size: Int
    ) -> (bytes: [UInt8], isWhole: Bool)? {
        var output: [UInt8] = []
        output.reserveCapacity(size)
        let isWhole =
            switch method {
            case .pglz: pglz(input, range, size, &output)
            case .lz4: lz4(input, range, size, &output)
            }
        return isWhole.map { (output, $0) }
    }

    /// src/common/pg_lzcompress.c: a byte whose bits say, for eight items, whether a byte follows or a place and a length.
    private static func pglz(
        _ input: Span<UInt8>, _ range: Range<Int>, _ size: Int, _ output: inout [UInt8]
    ) -> Bool? {
        var position = range.lowerBound
        while position < range.upperBound, output.count < size {
            var control = input[position]
            position += 1
            for _ in 0..<8 where position < range.upperBound && output.count < size {
                if control & 1 == 0 {
                    output.append(input[position])
                    position += 1
                } else {
                    guard position + 1 < range.upperBound else { return false }
                    var length = Int(input[position] & 0x0F) + 3
                    let distance = Int(input[position] & 0xF0) << 4 | Int(input[position + 1])
                    position += 2
                    if length == 18 {
                        guard position < range.upperBound else { return false }
                        length += Int(input[position])
                        position += 1
                    }
                    guard copy(min(length, size - output.count), from: distance, &output) else { return nil }
                }
                control >>= 1
            }
        }
        return position == range.upperBound && output.count == size
    }

    /// The block format of LZ4 (lz4_Block_format.md): bytes as they are, then a place and a length, again and again.
    private static func lz4(
        _ input: Span<UInt8>, _ range: Range<Int>, _ size: Int, _ output: inout [UInt8]
    ) -> Bool? {
        var position = range.lowerBound
        func length(_ nibble: UInt8) -> Int? {
            guard nibble == 15 else { return Int(nibble) }
            var length = 15
            while position < range.upperBound {
                let more = input[position]
                position += 1
                length += Int(more)
                if more < 255 { return length }
            }
            return nil
        }
        while position < range.upperBound {
            let token = input[position]
            position += 1
            guard let literals = length(token >> 4) else { return false }
            for _ in 0..<min(literals, range.upperBound - position, size - output.count) {
                output.append(input[position])
                position += 1
            }
            if position == range.upperBound || output.count == size { break }
            guard position + 1 < range.upperBound else { return false }
            let distance = Int(input[position]) | Int(input[position + 1]) << 8
            position += 2
            guard let match = length(token & 15) else { return false }
            guard copy(min(match + 4, size - output.count), from: distance, &output) else { return nil }
        }
        return position == range.upperBound && output.count == size
    }

    /// Byte by byte, since what is copied may begin in itself.
    private static func copy(_ count: Int, from distance: Int, _ output: inout [UInt8]) -> Bool {
        guard distance > 0, distance <= output.count else { return false }
        for _ in 0..<count { output.append(output[output.count - distance]) }
        return true
    }
}
