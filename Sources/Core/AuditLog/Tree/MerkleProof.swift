package import Cryptography

/// Checks proofs about Merkle trees, as RFC 9162 (sections 2.1.3.2 and 2.1.4.2) says it, whose trees are those of RFC 6962.
package enum MerkleProof {
    /// Whether the proof leads from a leaf to the root of a tree of this size.
    package static func includes(
        _ leaf: Digest, number: Int, size: Int, root: Digest, proof: [Digest]
    ) -> Bool {
        guard number >= 0, number < size else { return false }
        var (position, last) = (number, size - 1)
        var hash = leaf
        for step in proof {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                hash = MerkleHash.node(step, hash)
                if position & 1 == 0 {
                    while position & 1 == 0, position != 0 {
                        position >>= 1
                        last >>= 1
                    }
                }
            } else {
                hash = MerkleHash.node(hash, step)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }

    /// Whether the proof shows that a tree of `old` leaves is the beginning of one of `new` leaves.
    package static func extends(
        old: Int, oldRoot: Digest, new: Int, newRoot: Digest, proof: [Digest]
    ) -> Bool {
        // Every tree begins with the empty one: that says nothing, and is no proof.
        guard old > 0, old <= new else { return false }
        if old == new { return proof.isEmpty && oldRoot == newRoot }
        var steps = proof[...]
        var (position, last) = (old - 1, new - 1)
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        // Where the old tree is perfect its root is the first step, and is left out.
        guard let first = old & (old - 1) == 0 ? oldRoot : steps.popFirst() else { return false }
        var (oldHash, newHash) = (first, first)
        for step in steps {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                oldHash = MerkleHash.node(step, oldHash)
                newHash = MerkleHash.node(step, newHash)
                while position & 1 == 0, position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                newHash = MerkleHash.node(newHash, step)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot
    }
}
