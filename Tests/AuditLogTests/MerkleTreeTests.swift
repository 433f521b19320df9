import AuditLog
import Cryptography
import Testing

@Suite struct MerkleTreeTests {
    /// Eight inputs that many implementations of RFC 6962 are held to; the roots were computed by its recursive definition.
    static let leaves: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], Array(0x40...0x43), Array(0x50...0x57), Array(0x60...0x6f),
    ]
    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test(arguments: 0...8) func `the root is the one RFC 6962 defines`(size: Int) {
        var tree = CompactTree()
        for leaf in Self.leaves.prefix(size) { tree.append(MerkleHash.leaf(leaf.span)) }
        #expect(tree.root.hex == Self.roots[size])
    }

    @Test func `a leaf and a node are hashed apart`() {
        let left = Array("L123456".utf8)
        #expect(
            MerkleHash.leaf(left.span).hex == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")
    }

    @Test func `at every size the compact tree has the root of the recursive definition`() {
        var tree = CompactTree()
        var leaves: [Digest] = []
        for number in 0..<200 {
            #expect(tree.root == root(leaves[...]))
            let leaf = MerkleHash.leaf(Array("leaf \(number)".utf8).span)
            leaves.append(leaf)
            tree.append(leaf)
        }
    }

    @Test func `a tree that was written down goes on where it stopped`() throws {
        var tree = CompactTree()
        for leaf in Self.leaves.prefix(5) { tree.append(MerkleHash.leaf(leaf.span)) }
        var resumed = try #require(CompactTree(size: tree.size, subtrees: tree.subtrees))
        for leaf in Self.leaves.dropFirst(5) { resumed.append(MerkleHash.leaf(leaf.span)) }
        #expect(resumed.root.hex == Self.roots[8])
    }

    @Test func `a tree whose subtrees do not add up is refused`() {
        #expect(CompactTree(size: 3, subtrees: [MerkleHash.empty]) == nil)
        #expect(CompactTree(size: -1, subtrees: []) == nil)
    }

    /// RFC 6962, section 2.1, word for word.
    private func root(_ leaves: ArraySlice<Digest>) -> Digest {
        guard leaves.count > 1 else { return leaves.first ?? MerkleHash.empty }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        let middle = leaves.startIndex + split
        return MerkleHash.node(root(leaves[..<middle]), root(leaves[middle...]))
    }
}
