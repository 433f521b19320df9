package import Cryptography
import Platform

/// The hashes of a log as a tree that can be asked: from its index, and from the records since the last whole block.
///
/// What it answers is only worth something once it has led to a root that somebody signed.
package final class LogTree {
    private let folder: LogFolder
    private let index: LogIndex
    /// The leaves after the last block of the index.
    private var tail: [Digest] = []
    private var loaded: (block: Int, leaves: [Digest])?
    package let size: Int
    /// How many records at the beginning were given up, and where the first one is that was not.
    private let pruned: Int
    private let beginning: LogPlace

    /// - Parameter limit: how many records of the log to look at; those that are appended meanwhile are left alone.
    package init(_ folder: LogFolder, limit: Int = .max) throws {
        self.folder = folder
        index = LogIndex.read(folder)
        let segments = try folder.segments()
        pruned = try folder.prunedCount(segments)
        beginning = LogPlace(segment: segments.first?.number ?? 0, offset: 0)
        let indexed = index.entries.count * LogIndex.blockSize
        var tail: [Digest] = []
        var (place, skip) = (index.start(ofBlock: index.entries.count), 0)
        if indexed < pruned {
            // The records since the last whole block were given up in part: their hashes are on file.
            tail = LogIndex.leaves(ofBlock: index.entries.count, in: folder)
            tail.removeLast(max(0, tail.count - (pruned - indexed)))
            place = beginning
        } else if place.segment < beginning.segment {
            (place, skip) = (beginning, indexed - pruned)
        }
        var walk = LogWalk()
        try walk.run(
            folder, from: place, resuming: true, pruned: { _ in },
            take: {
                if skip > 0 {
                    skip -= 1
                } else if indexed + tail.count < limit {
                    tail.append(MerkleHash.leaf($0))
                }
            })
        self.tail = tail
        size = indexed + tail.count
    }

    /// The root of the first `count` leaves.
    package func root(at count: Int) -> Digest {
        count == 0 ? MerkleHash.empty : hash(0, count)
    }

    package func leaf(_ number: Int) -> Digest {
        let block = number / LogIndex.blockSize
        guard block < index.entries.count else { return tail[number - index.entries.count * LogIndex.blockSize] }
        if loaded?.block != block { loaded = (block, LogIndex.leaves(ofBlock: block, in: folder)) }
        let leaves = loaded?.leaves ?? []
        // A file that is too short leads to a root that nobody signed.
        return number % LogIndex.blockSize < leaves.count ? leaves[number % LogIndex.blockSize] : MerkleHash.empty
    }

    /// The tree over the first `count` leaves, to be gone on with.
    func state(at count: Int) -> CompactTree {
        let blocks = min(count / LogIndex.blockSize, index.entries.count)
        var tree = CompactTree()
        for entry in index.entries.prefix(blocks) { tree.append(subtree: entry.hash, level: LogIndex.blockLevel) }
        for number in tree.size..<count { tree.append(leaf(number)) }
        return tree
    }

    /// Where the record of this number begins: at or before it, with how many records to skip; nil when it was given up.
    func place(of number: Int) -> (place: LogPlace, skip: Int)? {
        guard number >= pruned else { return nil }
        let block = min(number / LogIndex.blockSize, index.entries.count)
        let place = index.start(ofBlock: block)
        if place.segment < beginning.segment { return (beginning, number - pruned) }
        return (place, number - block * LogIndex.blockSize)
    }

    /// The line of one record; nil when it was given up.
    package func line(_ number: Int) throws -> [UInt8]? {
        struct Enough: Error {}
        guard number < size, let (place, passed) = place(of: number) else { return nil }
        var skip = passed
        var line: [UInt8] = []
        var walk = LogWalk()
        do {
            try walk.run(
                folder, from: place, resuming: true, pruned: { _ in },
                take: {
                    if skip == 0 {
                        line.append($0)
                        throw Enough()
                    }
                    skip -= 1
                })
        } catch is Enough {}
        return line
    }

    /// The root of the leaves in a range that begins at a multiple of its width, rounded up to a power of two.
    private func hash(_ start: Int, _ end: Int) -> Digest {
        let count = end - start
        if count == 1 { return leaf(start) }
        if count == LogIndex.blockSize, start % LogIndex.blockSize == 0,
            start / LogIndex.blockSize < index.entries.count
        {
            return index.entries[start / LogIndex.blockSize].hash
        }
        let middle = start + Self.split(count)
        return MerkleHash.node(hash(start, middle), hash(middle, end))
    }

    /// The largest power of two below a count of at least 2 (RFC 6962, section 2.1).
    static func split(_ count: Int) -> Int {
        1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
    }

    // MARK: Proofs

    /// RFC 6962, section 2.1.1: what shows that a leaf is in the tree of the first `count`.
    package func inclusionProof(of number: Int, in count: Int) -> [Digest] {
        path(number, 0, count)
    }

    private func path(_ number: Int, _ start: Int, _ end: Int) -> [Digest] {
        guard end - start > 1 else { return [] }
        let middle = start + Self.split(end - start)
        return number < middle
            ? path(number, start, middle) + [hash(middle, end)] : path(number, middle, end) + [hash(start, middle)]
    }

    /// RFC 6962, section 2.1.2: what shows that the tree of the first `old` grew into that of the first `new`.
    package func consistencyProof(from old: Int, to new: Int) -> [Digest] {
        guard old > 0, old < new else { return [] }
        return subproof(old, 0, new, isWhole: true)
    }

    private func subproof(_ old: Int, _ start: Int, _ end: Int, isWhole: Bool) -> [Digest] {
        if old == end { return isWhole ? [] : [hash(start, end)] }
        let middle = start + Self.split(end - start)
        if old <= middle { return subproof(old, start, middle, isWhole: isWhole) + [hash(middle, end)] }
        return subproof(old, middle, end, isWhole: false) + [hash(start, middle)]
    }
}
