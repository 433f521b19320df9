package import Cryptography
import Platform

/// A backup as it lies in a repository, and what the signatures say of it.
package struct ExaminedBackup: Sendable {
    package let stored: StoredBackup
    package let standing: Standing
    package let proofs: [Proof]

    package enum Standing: Sendable {
        case authentic(AuthenticBackup)
        /// No pinned key signed it, it lies under another's name, or files of it are missing: why, as a sentence.
        case doubtful(String)
    }
}

extension Repository {
    /// Looks at the signatures of every complete backup of a cluster, oldest first.
    package func examine(_ cluster: String, trusted: [MinisignPublicKey]) throws -> [ExaminedBackup] {
        defer { memory?.save() }
        return try mapInParallel(try labels(of: cluster)) { label -> ExaminedBackup? in
            guard let stored = try committed(cluster, label) else { return nil }
            do {
                let backup = try AuthenticBackup(stored, trusted: trusted)
                try requireFiles(backup.manifest, of: stored)
                return ExaminedBackup(
                    stored: stored, standing: .authentic(backup), proofs: try stored.proofs(trusted: trusted))
            } catch let failure as any Failure where failure.status == .malformed {
                return ExaminedBackup(stored: stored, standing: .doubtful(failure.sentence), proofs: [])
            }
        }.compactMap(\.self)
    }
}
