/// Collects the header of an age file from pieces of any size.
struct AgeHeaderReader {
    private var parser = AgeHeaderParser()
    private var line: [UInt8] = []

    /// Takes bytes from `start` on; the header and where the rest begins, once its last line was given.
    mutating func take(
        _ bytes: Span<UInt8>, from start: Int = 0
    ) throws(CryptographyError) -> (header: AgeHeader, end: Int)? {
        for index in start..<bytes.count {
            guard bytes[index] == UInt8(ascii: "\n") else {
                guard line.count < AgeHeaderParser.byteCountLimit else {
                    throw AgeHeaderParser.malformed("is too long")
                }
                line.append(bytes[index])
                try parser.checkStart(line)
                continue
            }
            if let header = try parser.take(line) { return (header, index + 1) }
            line.removeAll(keepingCapacity: true)
        }
        return nil
    }
}
