import Glibc
package import SystemPackage

/// Hands over the whole lines of a part of a file, many at a time, through one reused buffer.
///
/// A line belongs to the part in which it starts, so that parts that touch each other have every line once. What follows the
/// last line feed of the file is no line. Each span holds whole lines, their line feeds included, and comes with where it
/// stands in the file; the last argument of `body` ends the reading early.
package func forEachLineBlock(
    of path: FilePath, in part: Range<Int>, size: Int = 1 << 20, longest limit: Int = 64 << 20,
    _ body: (_ lines: Span<UInt8>, _ offset: Int, _ stop: inout Bool) throws -> Void
) throws {
    let descriptor = try Files.open(path, .readOnly)
    defer { try? descriptor.close() }
    var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    // One byte earlier, since only that tells whether a line starts at the part's own beginning.
    var base = max(0, part.lowerBound - 1)
    var mustSkip = part.lowerBound > 0
    var filled = 0
    var stop = false
    while !stop {
        if filled == buffer.count {
            guard filled < limit else {
                throw PlainFailure(.malformed, "\(path) has a line of more than \(limit) bytes")
            }
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(limit, filled * 2), alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(buffer))
            buffer.deallocate()
            buffer = larger
        }
        let count: Int
        do {
            count = try descriptor.read(
                fromAbsoluteOffset: Int64(base + filled),
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        } catch let code as Errno {
            throw FileFailure("read", path, code)
        }
        if count == 0 { return }
        filled += count
        let bytes = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<filled]).span
        guard let lastFeed = bytes.lastIndex(of: lineFeed, before: filled) else { continue }
        var begin = 0
        if mustSkip, let feed = bytes.firstIndex(of: lineFeed) {
            begin = feed + 1
            mustSkip = false
        }
        var end = lastFeed + 1
        var isLast = false
        // The last line that starts in the part ends at the first line feed at or after the part's last byte.
        if base + end >= part.upperBound {
            isLast = true
            let from = max(begin, part.upperBound - 1 - base)
            if base + begin >= part.upperBound {
                end = begin
            } else if from < end, let feed = bytes.firstIndex(of: lineFeed, from: from) {
                end = feed + 1
            }
        }
        if begin < end { try body(bytes.extracting(begin..<end), base + begin, &stop) }
        if isLast { return }
        let rest = filled - (lastFeed + 1)
        UnsafeMutableRawBufferPointer(rebasing: buffer[..<rest]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: buffer[(lastFeed + 1)..<filled]))
        base += lastFeed + 1
        filled = rest
    }
}

/// The byte that ends a line, and nothing else does.
private let lineFeed = UInt8(ascii: "\n")

/// Which file a name leads to now, and how long it is.
package struct FileIdentity: Equatable, Sendable {
    package let device: UInt64
    package let inode: UInt64
    package let size: Int

    package init(of path: FilePath) throws {
        let descriptor = try Files.open(path, .readOnly)
        defer { try? descriptor.close() }
        do {
            let facts = try descriptor.stat()
            device = UInt64(facts.deviceID.rawValue)
            inode = UInt64(facts.inode.rawValue)
            size = Int(facts.size)
        } catch {
            throw FileFailure("inspect", path, error)
        }
    }
}

/// Reads parts of one file, here and there.
package final class PartReader {
    private let path: FilePath
    private let descriptor: FileDescriptor

    package init(_ path: FilePath) throws {
        self.path = path
        descriptor = try Files.open(path, .readOnly)
    }

    deinit {
        try? descriptor.close()
    }

    /// A part of the file; fewer bytes where it ends earlier.
    package func read(_ range: Range<Int>) throws -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
                while count < range.count {
                    let rest = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[count...]))
                    let read = try descriptor.read(fromAbsoluteOffset: Int64(range.lowerBound + count), into: rest)
                    if read == 0 { break }
                    count += read
                }
            }
        } catch let code as Errno {
            throw FileFailure("read", path, code)
        }
    }
}

extension Files {
    /// A part of a file; fewer bytes where the file ends earlier.
    package static func read(_ path: FilePath, _ range: Range<Int>) throws -> [UInt8] {
        try PartReader(path).read(range)
    }

    /// When a file was last written, in nanoseconds since 1970.
    package static func modified(_ path: FilePath) throws -> Int {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        var facts = stat()
        _ = try system("inspect", path) { fstat(descriptor.rawValue, &facts) }
        return facts.st_mtim.tv_sec * 1_000_000_000 + facts.st_mtim.tv_nsec
    }
}
