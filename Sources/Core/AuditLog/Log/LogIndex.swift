import Cryptography
import Glibc
import Platform
import SystemPackage

/// Where a record begins: in which part of the log, at which byte.
struct LogPlace: Equatable {
    var segment: Int
    var offset: Int
}

/// For every block of 256 records its hash, its end, and in a file beside it the 256 leaf hashes.
///
/// It lets readers begin in the middle of a long log, make proofs without reading it, and name a record that was changed.
/// Nobody has to believe it: what is built on it is compared with a signed root, and it can be made again.
struct LogIndex {
    static let blockLevel = 8
    static let blockSize = 1 << blockLevel
    static let entryBytes = 48
    static let leafBytes = blockSize * Digest.byteCount

    struct Entry: Equatable {
        let hash: Digest
        let end: LogPlace
    }

    private(set) var entries: [Entry] = []

    /// The bytes of the index of a log with so many records.
    static func byteCount(for size: Int) -> Int { size / blockSize * entryBytes }

    /// What there is of it, and nothing when it makes no sense.
    static func read(_ folder: LogFolder) -> LogIndex {
        var index = LogIndex()
        let splitter = FixedSplitter(width: entryBytes) { bytes in
            guard let hash = Digest(bytes.extracting(0..<32)) else { return }
            func number(_ start: Int) -> Int {
                var value: UInt64 = 0
                for position in start..<start + 8 { value = value << 8 | UInt64(bytes[position]) }
                return Int(truncatingIfNeeded: value & UInt64(Int.max))
            }
            index.entries.append(Entry(hash: hash, end: LogPlace(segment: number(32), offset: number(40))))
        }
        try? copy(from: folder.index, into: splitter)
        return index
    }

    /// Writes the leaves of records from `start` on, and the entries of the blocks that they completed.
    ///
    /// Not durable, since the log itself knows.
    static func write(_ leaves: [Digest], from start: Int, completing blocks: [LogCursor.Block], to folder: LogFolder)
        throws
    {
        if !leaves.isEmpty {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(leaves.count * Digest.byteCount)
            for leaf in leaves { bytes.append(digest: leaf) }
            try write(bytes, at: start * Digest.byteCount, to: folder.leaves)
        }
        guard let first = blocks.first else { return }
        var bytes: [UInt8] = []
        for block in blocks {
            bytes += block.entry.hash.bytes
            for number in [block.entry.end.segment, block.entry.end.offset] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: number >> shift))
                }
            }
        }
        try write(bytes, at: first.number * entryBytes, to: folder.index)
    }

    /// Cuts off what goes beyond a log of so many records.
    static func cut(_ folder: LogFolder, to size: Int) throws {
        for (path, count) in [(folder.index, byteCount(for: size)), (folder.leaves, size * Digest.byteCount)]
        where Files.exists(path) {
            let file = try Files.open(path, .writeOnly)
            defer { try? file.close() }
            _ = try system("cut", path) { ftruncate(file.rawValue, count) }
        }
    }

    private static func write(_ bytes: [UInt8], at offset: Int, to path: FilePath) throws {
        let file = try Files.open(path, .writeOnly, options: [.create], permissions: [.ownerReadWrite])
        defer { try? file.close() }
        do {
            try file.writeAll(toAbsoluteOffset: Int64(offset), bytes)
        } catch let code as Errno {
            throw FileFailure("write", path, code)
        }
    }

    /// The leaf hashes of one block, as they stand in their file; fewer when it is too short.
    static func leaves(ofBlock number: Int, in folder: LogFolder) -> [Digest] {
        guard let bytes = try? Files.read(folder.leaves, offset: number * leafBytes, count: leafBytes) else {
            return []
        }
        return stride(from: 0, to: bytes.count - 31, by: Digest.byteCount).compactMap {
            Digest(bytes.span.extracting($0..<$0 + Digest.byteCount))
        }
    }

    /// The tree over the first blocks, and where the next record begins.
    func state(blocks: Int) -> (tree: CompactTree, place: LogPlace)? {
        guard blocks <= entries.count else { return nil }
        var tree = CompactTree()
        for entry in entries.prefix(blocks) { tree.append(subtree: entry.hash, level: Self.blockLevel) }
        return (tree, start(ofBlock: blocks))
    }

    func start(ofBlock number: Int) -> LogPlace {
        number == 0 ? LogPlace(segment: 0, offset: 0) : entries[number - 1].end
    }
}

/// Follows a log record by record and knows tree, place and the blocks that were completed.
struct LogCursor {
    struct Block {
        let number: Int
        let entry: LogIndex.Entry
    }

    private(set) var place: LogPlace
    private(set) var completed: [Block] = []
    /// The tree over the whole blocks, and the one over the leaves since then.
    private var blocks: CompactTree
    private var block: CompactTree

    init(tree: CompactTree = CompactTree(), place: LogPlace = LogPlace(segment: 0, offset: 0)) {
        self.place = place
        (blocks, block) = tree.split(atMultipleOf: LogIndex.blockSize)
    }

    var size: Int { blocks.size + block.size }
    var tree: CompactTree { blocks.joined(block) }

    mutating func enter(_ segment: Int) {
        if segment != place.segment { place = LogPlace(segment: segment, offset: 0) }
    }

    /// - Parameter bytes: the bytes of the record, its line feed included; 0 when only its hash is left.
    mutating func append(_ leaf: Digest, bytes: Int) {
        place.offset += bytes
        block.append(leaf)
        guard block.size == LogIndex.blockSize else { return }
        let hash = block.root
        completed.append(
            Block(number: size / LogIndex.blockSize - 1, entry: LogIndex.Entry(hash: hash, end: place)))
        blocks.append(subtree: hash, level: LogIndex.blockLevel)
        block = CompactTree()
    }

    mutating func takeCompleted() -> [Block] {
        defer { completed = [] }
        return completed
    }
}

extension [UInt8] {
    fileprivate mutating func append(digest: Digest) {
        for word in [digest.words.0, digest.words.1, digest.words.2, digest.words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
    }
}
