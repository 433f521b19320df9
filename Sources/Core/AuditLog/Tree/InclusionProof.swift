package import Cryptography
import Platform

/// That one record is in a log: a file of C2SP tlog-proof, which a third party checks without the log.
package struct InclusionProof: Equatable, Sendable {
    package static let header = "c2sp.org/tlog-proof@v1"

    package let number: Int
    package let hashes: [Digest]
    package let checkpoint: SignedCheckpoint
    /// The record's line, so that the file alone shows what it proves; whoever checks it hashes it.
    package let extra: [UInt8]?

    package init(number: Int, hashes: [Digest], checkpoint: SignedCheckpoint, extra: [UInt8]?) {
        self.number = number
        self.hashes = hashes
        self.checkpoint = checkpoint
        self.extra = extra
    }

    package var encoded: String {
        var text = "\(Self.header)\n"
        if let extra { text += "extra \(Base64.encode(extra))\n" }
        text += "index \(number)\n"
        for hash in hashes { text += "\(Base64.encode(hash.bytes))\n" }
        return text + "\n" + checkpoint.encoded
    }

    /// - Throws: `AuditFailure.malformedNote` for anything that is not exactly such a file.
    package init(parsing bytes: [UInt8]) throws {
        let malformed = AuditFailure(
            .malformedNote, "this is not a proof of C2SP tlog-proof", hint: "dbaudit prove writes them")
        guard bytes.count <= 1 << 20,
            let end = bytes.indices.dropLast().first(where: { bytes[$0] == lineFeed && bytes[$0 + 1] == lineFeed })
        else { throw malformed }
        var lines = bytes[..<end].split(separator: lineFeed, omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), Array(first) == Array(Self.header.utf8) else { throw malformed }
        func value(_ line: ArraySlice<UInt8>, _ name: String) -> ArraySlice<UInt8>? {
            line.starts(with: Array("\(name) ".utf8)) ? line.dropFirst(name.utf8.count + 1) : nil
        }
        var extra: [UInt8]?
        if let line = lines.first, let text = value(line, "extra") {
            guard let decoded = Base64.decode(text) else { throw malformed }
            extra = decoded
            lines.removeFirst()
        }
        guard let line = lines.popFirst(), let text = value(line, "index"),
            let number = Int(String(decoding: text, as: UTF8.self)), String(number).utf8.elementsEqual(text),
            number >= 0
        else { throw malformed }
        self.extra = extra
        self.number = number
        hashes = try lines.map {
            guard let hash = Base64.decode($0), let digest = Digest(hash.span) else { throw malformed }
            return digest
        }
        guard hashes.count <= 63 else { throw malformed }
        checkpoint = try SignedCheckpoint(parsing: Array(bytes[(end + 2)...]))
    }

    /// Whether the record is in the log of this key, as its checkpoint says.
    package func proves(_ record: Span<UInt8>, by key: VerifierKey) -> Bool {
        checkpoint.isSigned(by: key)
            && MerkleProof.includes(
                MerkleHash.leaf(record), number: number, size: checkpoint.size, root: checkpoint.root, proof: hashes)
    }
}

/// That one checkpoint's log is the beginning of another's.
package struct ConsistencyProof: Equatable, Sendable {
    package let old: SignedCheckpoint
    package let new: SignedCheckpoint
    package let hashes: [Digest]

    package init(from old: SignedCheckpoint, to new: SignedCheckpoint, hashes: [Digest]) {
        (self.old, self.new, self.hashes) = (old, new, hashes)
    }

    package var holds: Bool {
        old.checkpoint.origin == new.checkpoint.origin
            && MerkleProof.extends(
                old: old.size, oldRoot: old.root, new: new.size, newRoot: new.root, proof: hashes)
    }

    /// As a witness of C2SP tlog-witness takes it.
    package var encoded: String {
        "old \(old.size)\n" + hashes.map { "\(Base64.encode($0.bytes))\n" }.joined() + "\n" + new.encoded
    }
}

extension LogReader {
    /// The proof that a record is in the log, under the newest checkpoint or another that covers it.
    ///
    /// - Throws: status 66 when there is no such record, 65 when the hashes on file do not lead to the checkpoint.
    package func prove(_ number: Int, under kept: SignedCheckpoint? = nil) throws -> InclusionProof {
        let checkpoint = try kept ?? folder.readCheckpoint()
        let tree = try LogTree(folder, limit: checkpoint.size)
        guard (0..<min(checkpoint.size, tree.size)).contains(number) else {
            throw AuditFailure(
                .missing, "the log has no record \(number) that the checkpoint of \(checkpoint.size) records covers")
        }
        let proof = InclusionProof(
            number: number, hashes: tree.inclusionProof(of: number, in: checkpoint.size), checkpoint: checkpoint,
            extra: try tree.line(number))
        let leaf = tree.leaf(number)
        guard
            MerkleProof.includes(
                leaf, number: number, size: checkpoint.size, root: checkpoint.root, proof: proof.hashes),
            proof.extra.map({ MerkleHash.leaf($0.span) == leaf }) ?? true
        else {
            throw AuditFailure(
                .inconsistent, "the log does not hold what its checkpoint signed, so nothing can be proved with it",
                hint: "run dbaudit verify")
        }
        return proof
    }

    /// The proof that the log of an older checkpoint is the beginning of the newer one's.
    package func consistency(from old: SignedCheckpoint, to new: SignedCheckpoint) throws -> ConsistencyProof {
        guard old.size <= new.size else { return try consistency(from: new, to: old) }
        let tree = try LogTree(folder, limit: new.size)
        guard new.size <= tree.size else {
            throw AuditFailure(
                .inconsistent, "the log has \(tree.size) records, fewer than the checkpoint of \(new.size)")
        }
        return ConsistencyProof(
            from: old, to: new, hashes: tree.consistencyProof(from: old.size, to: new.size))
    }
}
