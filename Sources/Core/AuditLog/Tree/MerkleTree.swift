package import Cryptography

/// The hashing of RFC 6962, section 2.1: the first byte keeps a leaf from ever passing for a node.
package enum MerkleHash {
    /// The root of a tree without leaves.
    package static let empty = SHA256.hash([])

    package static func leaf(_ bytes: Span<UInt8>) -> Digest { SHA256.hash(0, bytes) }

    package static func node(_ left: Digest, _ right: Digest) -> Digest { SHA256.hash(1, left, right) }
}

/// A Merkle tree that only grows, kept as the roots of its perfect subtrees: enough to append and to know the root.
///
/// A million leaves need at most twenty digests. The widest subtree comes first.
package struct CompactTree: Equatable, Sendable {
    package private(set) var size: Int
    package private(set) var subtrees: [Digest]

    package init() {
        size = 0
        subtrees = []
    }

    /// Nil unless there is one subtree for each 1 in the binary form of the size.
    package init?(size: Int, subtrees: [Digest]) {
        guard size >= 0, subtrees.count == size.nonzeroBitCount else { return nil }
        self.size = size
        self.subtrees = subtrees
    }

    package mutating func append(_ leaf: Digest) {
        append(subtree: leaf, level: 0)
    }

    /// Appends a perfect subtree of 2^level leaves, where the size is a multiple of that.
    package mutating func append(subtree: Digest, level: Int) {
        precondition(size & ((1 << level) - 1) == 0, "a subtree stands at a multiple of its own width")
        var root = subtree
        // Each 1 of the size from here up is a perfect subtree as wide as what has just been completed.
        for _ in 0..<(~(size >> level)).trailingZeroBitCount {
            root = MerkleHash.node(subtrees.removeLast(), root)
        }
        subtrees.append(root)
        size += 1 << level
    }

    package var root: Digest {
        guard var root = subtrees.last else { return MerkleHash.empty }
        for left in subtrees.dropLast().reversed() {
            root = MerkleHash.node(left, root)
        }
        return root
    }

    /// The tree over the leaves up to the last multiple of a power of two, and the one over those after it.
    func split(atMultipleOf width: Int) -> (CompactTree, CompactTree) {
        let rest = size & (width - 1)
        var (left, right) = (CompactTree(), CompactTree())
        left.size = size - rest
        left.subtrees = Array(subtrees.prefix(left.size.nonzeroBitCount))
        right.size = rest
        right.subtrees = Array(subtrees.suffix(rest.nonzeroBitCount))
        return (left, right)
    }

    /// Puts together what `split` parted.
    func joined(_ right: CompactTree) -> CompactTree {
        var whole = CompactTree()
        whole.size = size + right.size
        whole.subtrees = subtrees + right.subtrees
        return whole
    }
}
