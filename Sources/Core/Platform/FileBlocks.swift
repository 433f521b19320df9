package import SystemPackage

/// Hands over a file in blocks of exactly `size` bytes, the last one shorter, through one reused buffer.
///
/// Where blocks begin does not depend on how much the kernel gives at a time, so that each can have a digest of its own.
package func forEachBlock(
    of path: FilePath, size: Int = 1 << 20, _ body: (Span<UInt8>) throws -> Void
) throws {
    let descriptor = try Files.open(path, .readOnly)
    defer { try? descriptor.close() }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        var filled = 0
        while filled < size {
            do {
                let count = try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                if count == 0 { break }
                filled += count
            } catch let code as Errno {
                throw FileFailure("read", path, code)
            }
        }
        if filled > 0 {
            try body(UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<filled]).span)
        }
        if filled < size { return }
    }
}
