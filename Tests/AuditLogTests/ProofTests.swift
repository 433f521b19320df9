import AuditLog
import Cryptography
import FoundationEssentials
import Platform
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(2))) struct ProofTests {
    @Test func `every record of a log is proved without the log`() async throws {
        try await withLog { log in
            try log.append(batch: (0..<600).map { AuditEvent(.logRead, facts: ["n": .number($0)]) })
            let reader = try LogReader(log.folder.path)
            for number in [0, 1, 254, 255, 256, 257, 511, 512, 513, 599, 600] {
                let proof = try InclusionProof(parsing: Array(try reader.prove(number).encoded.utf8))
                let line = try #require(proof.extra)
                #expect(try record(line).seq == number)
                #expect(proof.proves(line, by: log.verifier))
                #expect(!proof.proves(line + [0x20], by: log.verifier))
            }
            let failure = try await failing { _ = try reader.prove(601) }
            #expect(failure.status == .inputMissing)
        }
    }

    @Test func `a proof is good under an older checkpoint, and not by another key`() async throws {
        try await withLog { log in
            try log.fill(20)
            let kept = try log.folder.readCheckpoint()
            try log.fill(300)
            let proof = try LogReader(log.folder.path).prove(7, under: kept)
            let line = try #require(proof.extra)
            let stranger = SignerKey(name: log.verifier.name, key: Ed25519.SigningKey.generate())
            #expect(proof.checkpoint.size == 21 && proof.proves(line, by: log.verifier))
            #expect(!proof.proves(line, by: stranger.verifier))
            let late = try await failing { _ = try LogReader(log.folder.path).prove(30, under: kept) }
            #expect(late.status == .inputMissing)
        }
    }

    @Test func `nothing is proved with a log that was changed`() async throws {
        try await withLog { log in
            try log.fill(9)
            try log.replaceLines { $0[4] = $0[4].replacing("\"number\":3", with: "\"number\":4") }
            let failure = try await failing { _ = try LogReader(log.folder.path).prove(4) }
            #expect(failure.status == .malformed)
        }
    }

    @Test func `any two checkpoints of a log are consistent, and those of two logs are not`() async throws {
        try await withLog { log in
            var kept: [SignedCheckpoint] = [try log.folder.readCheckpoint()]
            for count in [1, 2, 5, 300, 250] {
                try log.append(batch: (0..<count).map { AuditEvent(.logRead, facts: ["n": .number($0)]) })
                kept.append(try log.folder.readCheckpoint())
            }
            let reader = try LogReader(log.folder.path)
            for old in kept {
                for new in kept where new.size >= old.size {
                    #expect(try reader.consistency(from: old, to: new).holds, "\(old.size) to \(new.size)")
                }
            }
            try await withLog { other in
                try other.fill(5)
                let foreign = try other.folder.readCheckpoint()
                #expect(try !reader.consistency(from: foreign, to: kept[5]).holds)
            }
        }
    }

    @Test(arguments: [
        "", "\n", "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nindex 1\n",
        "c2sp.org/tlog-proof@v1\nindex 01\n\n",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n", "c2sp.org/tlog-proof@v2\nindex 1\n\n",
        "c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\n", "c2sp.org/tlog-proof@v1\nindex -1\n\n",
    ]) func `what is no proof is refused`(head: String) async throws {
        try await withLog { log in
            let bytes = Array(head.utf8) + Array(try log.folder.readCheckpoint().encoded.utf8)
            #expect(throws: AuditFailure.self) { try InclusionProof(parsing: bytes) }
        }
    }

    @Test func `tiles hold the log, and their last hashes lead to its root`() async throws {
        try await withLog { log in
            try log.append(batch: (0..<699).map { AuditEvent(.logRead, facts: ["n": .number($0)]) })
            try await withFolder { folder in
                let files = try LogReader(log.folder.path).exportTiles(to: folder)
                #expect(files == 8)
                let hashes =
                    try Files.read(folder.appending("tile/0/000")) + Files.read(folder.appending("tile/0/001"))
                    + Files.read(folder.appending("tile/0/002.p/188"))
                #expect(hashes.count == 700 * 32)
                var tree = CompactTree()
                for start in stride(from: 0, to: hashes.count, by: 32) {
                    if let leaf = Digest(hashes.span.extracting(start..<start + 32)) { tree.append(leaf) }
                }
                let root = try log.folder.readCheckpoint().root
                #expect(tree.root == root)
                let entries = try Files.read(folder.appending("tile/entries/002.p/188"))
                let first = Int(entries[0]) << 8 | Int(entries[1])
                #expect(try record(Array(entries[2..<2 + first])).seq == 512)
            }
        }
    }

    /// transparency-dev/merkle's own cases: 196 of which 184 must fail.
    @Test func `the vectors of transparency-dev merkle give what they must`() throws {
        let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/merkle/vectors.json")
        let vectors = try JSONDecoder().decode(Vectors.self, from: Data(Files.read(file)))
        #expect(vectors.inclusion.count == 98 && vectors.consistency.count == 98)
        for vector in vectors.inclusion {
            var holds = false
            if let leaf = digest(vector.leafHash), let root = digest(vector.root), let proof = digests(vector.proof) {
                // An index beyond Int is beyond any tree of ours.
                holds = MerkleProof.includes(
                    leaf, number: Int(exactly: vector.leafIdx) ?? -1, size: Int(exactly: vector.treeSize) ?? -1,
                    root: root, proof: proof)
            }
            #expect(holds == !vector.wantErr, "\(vector.name)")
        }
        for vector in vectors.consistency {
            var holds = false
            if let old = digest(vector.root1), let new = digest(vector.root2), let proof = digests(vector.proof) {
                holds = MerkleProof.extends(
                    old: Int(exactly: vector.size1) ?? -1, oldRoot: old, new: Int(exactly: vector.size2) ?? -1,
                    newRoot: new, proof: proof)
            }
            #expect(holds == !vector.wantErr, "\(vector.name)")
        }
    }

    private func record(_ line: [UInt8]) throws -> AuditRecord {
        try AuditRecord(parsing: line.span)
    }

    private func digest(_ text: String?) -> Digest? {
        // Some cases have dummies of another length than a hash: their own hashes stand for them here.
        guard let text, !text.isEmpty else { return nil }
        return Data(base64Encoded: text).map { bytes in Digest(Array(bytes).span) ?? SHA256.hash(Array(bytes)) }
    }

    private func digests(_ texts: [String?]?) -> [Digest]? {
        let result = (texts ?? []).map(digest)
        return result.contains(nil) ? nil : result.compactMap(\.self)
    }

    private struct Vectors: Decodable {
        struct Inclusion: Decodable {
            let name: String
            let leafIdx: UInt64
            let treeSize: UInt64
            let root: String?
            let leafHash: String?
            let proof: [String?]?
            let wantErr: Bool
        }
        struct Consistency: Decodable {
            let name: String
            let size1: UInt64
            let size2: UInt64
            let root1: String?
            let root2: String?
            let proof: [String?]?
            let wantErr: Bool
        }
        let inclusion: [Inclusion]
        let consistency: [Consistency]
    }
}

extension InclusionProof {
    fileprivate func proves(_ line: [UInt8], by key: VerifierKey) -> Bool {
        proves(line.span, by: key)
    }
}
