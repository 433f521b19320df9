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
    package let storage: Storage
    package let now: @Sendable () -> Timestamp

    package init(
        repository: Repository, keys: KeyFolder, policy: RetentionPolicy, graceHours: Int = 0,
        storage: Storage = .removable, now: @escaping @Sendable () -> Timestamp
    ) {
        self.repository = repository
        self.keys = keys
        self.policy = policy
        self.graceHours = graceHours
        self.storage = storage
        self.now = now
    }

    /// What the storage lets anybody remove.
    package enum Storage: Hashable, Sendable {
        case removable
        /// Nothing before it is this many days old, as under an object lock.
        case locked(days: Int)
        /// Nothing at all: what was given up is for the storage's own rules to remove.
        case appendOnly
    }

    /// The fate of every backup of a cluster.
    package struct Decided: Sendable {
        package let decisions: [RetentionDecision]
        /// What was given up, now or earlier, and has not been removed: its label, and from when on it may be.
        package internal(set) var waiting: [String: Timestamp?] = [:]
        /// Labels of interrupted copies of which files were removed.
        package internal(set) var cleared: [String] = []
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
        for examined in try repository.examine(cluster, trusted: trusted) {
            let stored = examined.stored
            switch examined.standing {
            case .authentic(let backup):
                // Days are counted back from the newest backup: one of the future would age all others away.
                guard backup.manifest.snapshot <= now().advanced(bySeconds: Self.clockTolerance) else {
                    doubtful[stored.label] = "it is of the future: a clock is wrong, or was"
                    continue
                }
                backups[stored.label] = backup
                candidates.append(
                    RetentionCandidate(
                        cluster: cluster, label: stored.label, time: backup.manifest.snapshot,
                        complete: Set(backup.manifest.databases.map(\.name)), proven: examined.proofs.levels,
                        hold: stored.hold?.reason, tags: Set(backup.manifest.tags ?? [])))
            case .doubtful(let why):
                doubtful[stored.label] = why
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
                var decided = try decide(cluster)
                let removed = decided.decisions.filter { !$0.isKept }
                for decision in removed {
                    guard let backup = decided.backups[decision.backup.label] else { continue }
                    try await condemn(backup, decision.reasons, signer)
                }
                let buried: [String]
                (buried, decided.waiting) = try await bury(cluster, signer)
                if storage == .removable {
                    decided.cleared = try await repository.clearThere(
                        cluster, writtenBefore: now().advanced(bySeconds: -Self.copyLimit))
                }
                note.facts["removed"] = .text(buried.joined(separator: ", "))
                note.facts["kept"] = .number(decided.decisions.count - removed.count)
                return decided
            }
        }
    }

    /// After how many seconds without a new file a copy is taken for interrupted.
    private static let copyLimit: Int64 = 48 * 3600

    /// By how many seconds two hosts may differ.
    private static let clockTolerance: Int64 = 300

    private func condemn(
        _ backup: AuthenticBackup, _ reasons: [String], _ signer: MinisignSecretKey
    ) async throws {
        let stone = Tombstone(
            cluster: backup.stored.cluster, label: backup.stored.label, manifest: backup.stored.manifestHash,
            time: now(),
            reasons: reasons, files: backup.manifest.files.map(\.name), keeperKey: signer.keyID.description)
        try stone.write(into: backup.stored.folder, signedBy: signer)
        try await repository.send(Tombstone.writingOrder, of: backup.stored)
    }

    /// Removes what was given up by this very key: a producer's counts for making backups, and for destroying none.
    private func bury(
        _ cluster: String, _ signer: MinisignSecretKey
    ) async throws -> (buried: [String], waiting: [String: Timestamp?]) {
        var (buried, waiting): ([String], [String: Timestamp?]) = ([], [:])
        for label in try repository.condemned(of: cluster) {
            let folder = repository.folder(of: cluster).appending(label)
            if Tombstone.isLast(in: folder) {
                try await repository.removeThere([Tombstone.writingOrder], cluster: cluster, label: label)
                try Tombstone.removeLast(from: folder)
                buried.append(label)
                continue
            }
            let stone = try Tombstone.read(folder, cluster: cluster, label: label, trusted: [signer.publicKey])
            let end = end(of: stone)
            guard let end, end <= now() else {
                waiting[label] = .some(end)
                continue
            }
            let proofs = folder.appending("proofs")
            let names = stone.buryingOrder(proofs: Files.exists(proofs) ? try Files.list(proofs) : [])
            try await repository.removeThere(names, cluster: cluster, label: label)
            try stone.bury(folder)
            buried.append(label)
        }
        return (buried, waiting)
    }

    /// From when on a backup that was given up may be removed; nil for never.
    private func end(of stone: Tombstone) -> Timestamp? {
        let grace = stone.time.advanced(bySeconds: Int64(graceHours) * 3600)
        switch storage {
        case .removable: return grace
        case .locked(let days):
            guard let made = Timestamp(stone.label) else { return nil }
            return max(grace, made.advanced(bySeconds: Int64(days) * 86400))
        case .appendOnly: return nil
        }
    }
}
