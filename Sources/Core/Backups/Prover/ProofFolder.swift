package import Cryptography
import Platform
package import SystemPackage

extension StoredBackup {
    /// Signs the proof and adds it to those there are; none is ever replaced.
    @discardableResult
    package func append(_ proof: Proof, signedBy key: MinisignSecretKey) throws -> FilePath {
        try Files.createDirectory(proofsFolder, mode: RepositoryMode.folder)
        let path = freeName(for: proof)
        try Document.write(
            proof, to: path, signedBy: key, comment: "dbsec proof \(name) \(proof.level.rawValue)")
        return path
    }

    /// The proofs that a pinned key signed and that are about these very bytes, oldest first; all others count for nothing.
    package func proofs(trusted: [MinisignPublicKey]) throws -> [Proof] {
        guard Files.exists(proofsFolder) else { return [] }
        return try Files.list(proofsFolder).filter { $0.hasSuffix(".json") }
            .compactMap { believable(proofsFolder.appending($0), trusted) }
            .sorted { $0.finished < $1.finished }
    }

    private func believable(_ path: FilePath, _ trusted: [MinisignPublicKey]) -> Proof? {
        guard let bytes = try? Files.read(path, limit: 1 << 22),
            let signature = try? Files.read(Document.signature(of: path), limit: 1 << 14),
            let key = trusted.first(where: { key in
                (try? check(signature, by: key, of: bytes)) != nil
            }),
            let proof = try? Document.decode(Proof.self, from: bytes, named: path.string),
            proof.schema == Proof.currentSchema, proof.proverKey == key.keyID.description,
            (proof.cluster, proof.label, proof.manifest) == (cluster, label, manifestHash)
        else { return nil }
        return proof
    }

    private func freeName(for proof: Proof) -> FilePath {
        let base = "\(proof.finished.label)-\(proof.level.rawValue)"
        var name = base
        var number = 1
        while Files.exists(proofsFolder.appending("\(name).json")) {
            number += 1
            name = "\(base)-\(number)"
        }
        return proofsFolder.appending("\(name).json")
    }
}

extension [Proof] {
    /// The databases that a restore showed to be equal, and of which no later proof said otherwise.
    package var proven: Set<String> { Set(levels.filter { $0.value == .restore }.keys) }

    /// The deepest level at which each database was equal, those left out of which a later proof said otherwise.
    package var levels: [String: ProofLevel] {
        reduce(into: [:]) { levels, proof in
            for database in proof.databases {
                switch database.verdict {
                case .equal: levels[database.name] = Swift.max(levels[database.name] ?? proof.level, proof.level)
                case .different: levels[database.name] = nil
                case .cannotVerify: break
                }
            }
            // Damage to a file that is no dump, such as the roles, is damage to all.
            if proof.verdict == .different, proof.databases.allSatisfy({ $0.verdict != .different }) { levels = [:] }
        }
    }

    /// The deepest proof that says `equal`, the newest of its level.
    package var best: Proof? {
        filter { $0.verdict == .equal }.max { ($0.level, $0.finished) < ($1.level, $1.finished) }
    }
}
