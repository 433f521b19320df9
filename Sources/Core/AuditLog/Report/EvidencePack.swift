import Cryptography
import Platform
package import SystemPackage

/// The part of an evidence folder that proves: records, the signed head, and what joins them.
package enum EvidencePack {
    /// Writes `checkpoint`, `records.jsonl` and `proof.json`, and says how many records there are.
    ///
    /// The proof holds the hash of every largest subtree that has none of the records in it: with those and the records'
    /// own lines anybody computes the root that the checkpoint signed. Its size grows with the number of gaps between the
    /// records and the logarithm of the log's size.
    package static func write(_ reader: LogReader, _ filter: RecordFilter, to folder: FilePath) throws -> Int {
        let checkpoint = try reader.folder.readCheckpoint()
        try Files.write(Array(checkpoint.encoded.utf8), to: folder.appending("checkpoint"))
        let ready = LineFilter(filter)
        let records = try FileSink(creating: folder.appending("records.jsonl"))
        var tree = SubsetTree(size: checkpoint.size)
        var count = 0
        let walk = Walk(tree)
        var walker = LogWalk()
        try walker.run(
            reader.folder, pruned: { walk.tree.append($0, isChosen: false) },
            take: { line in
                guard !walk.tree.isFull else { return }
                let isChosen = ready.takes(line)
                walk.tree.append(MerkleHash.leaf(line), isChosen: isChosen)
                guard isChosen else { return }
                count += 1
                try records.write(line)
                try records.write([lineFeed].span)
            })
        try records.finish()
        tree = walk.tree
        let (root, subtrees) = tree.finish()
        guard root == checkpoint.root, tree.isFull else {
            throw AuditFailure(
                .inconsistent, "the log is not what its checkpoint signed: there is nothing to prove",
                hint: "run dbaudit verify")
        }
        try Files.write(proof(checkpoint, subtrees), to: folder.appending("proof.json"))
        if count <= proofLimit { try writeProofs(checkpoint, subtrees, of: count, to: folder) }
        return count
    }

    /// Up to so many records, each has its proof in a file of its own: a megabyte or two.
    ///
    /// Beyond that they would outweigh the records many times over, and the verifier makes the one that is asked for.
    package static let proofLimit = 1000

    /// What checks all of it with nothing but Python's standard library: `Documentation/verify-log.py`, as it stands there.
    package static var verifier: [UInt8] { PackageResources.verify_log_py }

    private static func writeProofs(
        _ checkpoint: SignedCheckpoint, _ subtrees: [SubsetTree.Node], of count: Int, to folder: FilePath
    ) throws {
        guard count > 0 else { return }
        let records = folder.appending("records.jsonl")
        var lines: [Int: Range<Int>] = [:]
        var hashes: [Range<Int>: Digest] = [:]
        for node in subtrees { hashes[node.start..<node.start + node.count] = node.hash }
        try forEachLineBlock(of: records, in: 0..<Int.max) { block, offset, _ in
            var looked = 0
            forEachMatch(in: block, LineFilter(RecordFilter()), looked: &looked) { start, line in
                guard let seq = RecordFields(line)?.seq else { return }
                hashes[seq..<seq + 1] = MerkleHash.leaf(line)
                lines[seq] = offset + start..<offset + start + line.count
            }
        }
        let target = folder.appending("proofs")
        try Files.createDirectory(target)
        let reader = try PartReader(records)
        var paths = SubsetPaths(hashes: hashes)
        for (number, place) in lines.sorted(by: { $0.key < $1.key }) {
            let proof = InclusionProof(
                number: number, hashes: paths.path(to: number, in: 0..<checkpoint.size), checkpoint: checkpoint,
                extra: try reader.read(place))
            try Files.write(
                Array(proof.encoded.utf8), to: target.appending("\(number).tlog-proof"), durable: false)
        }
    }

    /// Closures that outlive a call cannot change a value of their caller's.
    private final class Walk {
        var tree: SubsetTree
        init(_ tree: SubsetTree) { self.tree = tree }
    }

    private static func proof(_ checkpoint: SignedCheckpoint, _ subtrees: [SubsetTree.Node]) -> [UInt8] {
        var json = PageJSON()
        json.object { json in
            json.member("format", "dbsec subset proof v1")
            json.member("size", checkpoint.size)
            json.member("root", checkpoint.root.hex)
            json.array("subtrees") { json in
                for node in subtrees.sorted(by: { $0.start < $1.start }) {
                    json.array {
                        $0.element(node.start)
                        $0.element(node.count)
                        $0.element(node.hash.hex)
                    }
                }
            }
        }
        return json.bytes + [lineFeed]
    }

    private static func proofsLine(_ records: Int) -> String {
        if records == 0 { return "               (no record matched, so there is nothing to prove but that)" }
        return records <= proofLimit
            ? "proofs/        for each record the same in a file of its own, a C2SP tlog-proof"
            : "               (more than \(proofLimit) records: verify.py --prove makes the proof of any of them)"
    }

    package static func readMe(records: Int) -> String {
        """
        Evidence from an audit log of dbsec: \(records) record\(records == 1 ? "" : "s").

        report.html    the report: open it in a browser; it loads nothing from anywhere
        report.json    the same for programs
        records.csv    one row for each record, for a spreadsheet
        records.jsonl  the records themselves, exactly as they stand in the log, one a line
        checkpoint     the signed head of the log: how many records it had, and the root of its Merkle tree
        proof.json     the hashes that lead from these records to that root
        \(proofsLine(records))
        log.vkey       the public key: compare it with the one that you hold
        verify.py      checks all of it with nothing but Python 3:
                           python3 verify.py
                           python3 verify.py --key /path/to/the/key/you/hold.vkey
                       and one record alone, for whoever gets only its proof:
                           python3 verify.py --prove 17 > 17.tlog-proof
                           python3 verify.py --proof 17.tlog-proof --key /path/to/the/key/you/hold.vkey
        SHA256SUMS     sha256sum -c SHA256SUMS

        What verify.py shows: each line of records.jsonl stands in the log, at the place that it names, in the tree whose
        root the checkpoint signed. What it cannot show: that nothing else in the log belongs here, and that the key is the
        right one, unless you hold it. For the first ask for the whole log, and for the second for the key by another way.

        The hashing is RFC 6962, the checkpoint a C2SP tlog-checkpoint in a signed note, the signature Ed25519.

        """
    }
}

/// Finds the way from a known leaf to the root, where everything else is known by the hashes of whole subtrees.
private struct SubsetPaths {
    /// By the leaves that a hash is over; grows with those that were asked for.
    var hashes: [Range<Int>: Digest]

    /// RFC 6962, section 2.1.1, from the leaf up.
    mutating func path(to number: Int, in range: Range<Int>) -> [Digest] {
        guard let (left, right) = Self.halves(range) else { return [] }
        return number < left.upperBound
            ? path(to: number, in: left) + [hash(right)] : path(to: number, in: right) + [hash(left)]
    }

    private mutating func hash(_ range: Range<Int>) -> Digest {
        if let known = hashes[range] { return known }
        // The tree has led to its root before this: no leaf of it is unknown.
        guard let (left, right) = Self.halves(range) else { return MerkleHash.empty }
        let found = MerkleHash.node(hash(left), hash(right))
        hashes[range] = found
        return found
    }

    private static func halves(_ range: Range<Int>) -> (Range<Int>, Range<Int>)? {
        guard range.count > 1 else { return nil }
        let middle = range.lowerBound + LogTree.split(range.count)
        return (range.lowerBound..<middle, middle..<range.upperBound)
    }
}

/// The Merkle tree over a log of which some leaves are known: keeps the hashes of what lies between them.
struct SubsetTree {
    struct Node {
        let start: Int
        let count: Int
        let hash: Digest
        let isChosen: Bool
    }

    private let size: Int
    private var nodes: [Node] = []
    private var subtrees: [Node] = []
    private var position = 0

    init(size: Int) {
        self.size = size
    }

    var isFull: Bool { position >= size }

    mutating func append(_ leaf: Digest, isChosen: Bool) {
        guard !isFull else { return }
        nodes.append(Node(start: position, count: 1, hash: leaf, isChosen: isChosen))
        position += 1
        while nodes.count > 1, nodes[nodes.count - 1].count == nodes[nodes.count - 2].count { join() }
    }

    /// The root, and every largest subtree without a chosen leaf.
    mutating func finish() -> (root: Digest, subtrees: [Node]) {
        while nodes.count > 1 { join() }
        guard let root = nodes.first else { return (MerkleHash.empty, []) }
        if !root.isChosen { subtrees = [root] }
        return (root.hash, subtrees)
    }

    private mutating func join() {
        let right = nodes.removeLast()
        let left = nodes.removeLast()
        if left.isChosen != right.isChosen { subtrees.append(left.isChosen ? right : left) }
        nodes.append(
            Node(
                start: left.start, count: left.count + right.count, hash: MerkleHash.node(left.hash, right.hash),
                isChosen: left.isChosen || right.isChosen))
    }
}
