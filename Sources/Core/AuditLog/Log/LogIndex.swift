import Cryptography
import Platform
import SystemPackage

/// The hash of every block of 256 records and where the block ends: lets readers begin in the middle of a long log.
///
/// Nobody has to believe it: what is built on it is compared with a signed root, and it can be made again at any time.
struct LogIndex {
    static let blockLevel = 8
    static let blockSize = 1 << blockLevel
    private static let entryBytes = 48

    struct Entry: Equatable {
        let hash: Digest
        let end: LogPlace
    }

    private(set) var entries: [Entry] = []

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

    static func encode(_ entries: [Entry]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(entries.count * entryBytes)
        for entry in entries {
            bytes += entry.hash.bytes
            for number in [entry.end.segment, entry.end.offset] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: number >> shift))
                }
            }
        }
        return bytes
    }

    /// The tree over the first blocks, and where the next record begins.
    func state(blocks: Int) -> (tree: CompactTree, place: LogPlace)? {
        guard blocks <= entries.count else { return nil }
        var tree = CompactTree()
        for entry in entries.prefix(blocks) { tree.append(subtree: entry.hash, level: Self.blockLevel) }
        return (tree, blocks == 0 ? LogPlace(segment: 0, offset: 0) : entries[blocks - 1].end)
    }
}

/// Follows a log record by record and knows tree, place and the entries of the index.
struct LogCursor {
    private(set) var place: LogPlace
    /// The entries of the blocks that were completed on the way.
    private(set) var completed: [LogIndex.Entry] = []
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
        completed.append(LogIndex.Entry(hash: hash, end: place))
        blocks.append(subtree: hash, level: LogIndex.blockLevel)
        block = CompactTree()
    }

    mutating func takeCompleted() -> [LogIndex.Entry] {
        defer { completed = [] }
        return completed
    }
}
