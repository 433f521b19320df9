package import AuditLog
import Cryptography
package import Platform
import SystemPackage

/// Removes the backups that no rule keeps any more.
package struct Pruning: Sendable {
    package let repository: Repository
    package let keys: KeyFolder
    package let policy: RetentionPolicy
    /// How long a backup that was given up stays on the disk, in hours: until then `hold` brings it back.
    package let graceHours: Int
    package let now: @Sendable () -> Timestamp

    package init(
        repository: Repository, keys: KeyFolder, policy: RetentionPolicy, graceHours: Int = 0,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.repository = repository
        self.keys = keys
        self.policy = policy
        self.graceHours = graceHours
        self.now = now
    }

    /// The fate of every backup of a cluster.
    package struct Decided: Sendable {
        package let decisions: [RetentionDecision]
        /// Backups that count for nothing and are not touched, with the reason.
        package let doubtful: [String: String]
        fileprivate let backups: [String: AuthenticBackup]
    }

    /// Decides without changing anything.
    ///
    /// - Parameter cluster: as `repository.clusters()` names it.
    package func decide(_ cluster: String) throws -> Decided {
        let trusted = try keys.trustedKeys()
        var doubtful: [String: String] = [:]
        var backups: [String: AuthenticBackup] = [:]
        var candidates: [RetentionCandidate] = []
        for stored in try repository.backups(of: cluster) {
            do {
                let backup = try AuthenticBackup(stored, trusted: trusted)
                backups[stored.label] = backup
                candidates.append(
                    RetentionCandidate(
                        cluster: cluster, label: stored.label, time: backup.manifest.snapshot,
                        complete: Set(backup.manifest.databases.map(\.name)),
                        proven: try stored.proofs(trusted: trusted).levels, hold: stored.hold?.reason))
            } catch let failure as any Failure where failure.status == .malformed {
                doubtful[stored.label] = failure.sentence
            }
        }
        return Decided(decisions: policy.decide(candidates), doubtful: doubtful, backups: backups)
    }

    /// Decides, condemns what may go, and removes what was condemned before the time of grace, also by an earlier run.
    ///
    /// - Throws: status 75 while a run makes a backup of this cluster.
    package func prune(_ cluster: String, audit: AuditLog) async throws -> Decided {
        return try await FileLock.holding(repository.lock(of: cluster)) {
            let signer = try keys.signingKey()
            return try await audit.recording(.backupPrune, target: AuditTarget(cluster: cluster)) { note in
                let decided = try decide(cluster)
                let removed = decided.decisions.filter { !$0.isKept }
                for decision in removed {
                    guard let backup = decided.backups[decision.backup.label] else { continue }
                    try condemn(backup, decision.reasons, signer)
                }
                let buried = try bury(cluster)
                note.facts["removed"] = .text(buried.joined(separator: ", "))
                note.facts["kept"] = .number(decided.decisions.count - removed.count)
                return decided
            }
        }
    }

    private func condemn(_ backup: AuthenticBackup, _ reasons: [String], _ signer: MinisignSecretKey) throws {
        let stone = Tombstone(
            cluster: backup.stored.cluster, label: backup.stored.label, manifest: backup.stored.manifestHash,
            time: now(),
            reasons: reasons, files: backup.manifest.files.map(\.name), keeperKey: signer.keyID.description)
        try stone.write(into: backup.stored.folder, signedBy: signer)
    }

    private func bury(_ cluster: String) throws -> [String] {
        let trusted = try keys.trustedKeys()
        let latest = now().advanced(bySeconds: Int64(graceHours) * -3600)
        return try repository.condemned(of: cluster).filter { label in
            let folder = repository.folder(of: cluster).appending(label)
            let stone = try Tombstone.read(folder, cluster: cluster, label: label, trusted: trusted)
            guard stone.time <= latest else { return false }
            try stone.bury(folder)
            return true
        }
    }
}
