package import AuditLog
import Cryptography
package import Platform
package import SystemPackage

/// Copies backups to another place, so that the loss of one is not the loss of all.
package struct BackupCopying: Sendable {
    private let source: Repository
    private let target: Repository
    private let remote: Remote
    private let trusted: [MinisignPublicKey]
    private let audit: AuditLog
    private let progress: ProgressHandler?

    /// - Parameter place: `remote:path` of rclone's, or a folder.
    package static func opening(
        _ place: String, from source: Repository, keys: KeyFolder, mirrors: FilePath, audit: AuditLog,
        progress: ProgressHandler? = nil
    ) async throws -> BackupCopying {
        let remote = try Remote(place)
        return BackupCopying(
            source: source, target: try await Repository.mirror(of: remote, in: mirrors), remote: remote,
            trusted: try keys.trustedKeys(), audit: audit, progress: progress)
    }

    /// What copying one backup came to.
    package struct Copied: Encodable, Sendable {
        package let backup: String
        /// Bytes copied; 0 when it was there already.
        package let bytes: Int

        package init(backup: String, bytes: Int) {
            self.backup = backup
            self.bytes = bytes
        }
    }

    /// The backups that the place lacks, or has without some file or with one that was cut; oldest first.
    package func missing(_ backups: [StoredBackup]) async throws -> [StoredBackup] {
        let there = Set(try target.backups().map(\.name))
        let sizes = try await remote.sizes("")
        return backups.filter { backup in
            guard there.contains(backup.name), let manifest = try? backup.manifest() else { return true }
            return !manifest.files.allSatisfy { sizes[backup.relative($0.name)] == $0.size }
        }
    }

    /// Copies one backup: its files, each read back and compared, then manifest, and last the signature that makes it one.
    ///
    /// One that is there already only gets the proofs and the hold that it lacks; files that were cut there are copied anew.
    ///
    /// - Throws: status 65 for a backup that no pinned key signed, or that was changed here; status 73 when another backup
    ///   has its name there.
    package func copy(_ stored: StoredBackup) async throws -> Copied {
        try await audit.recording(
            .backupCopy, target: AuditTarget(cluster: stored.cluster, backup: stored.label)
        ) { note in
            note.facts["to"] = .text(remote.name)
            note.facts["manifest"] = .text(stored.manifestHash.hex)
            let backup = try AuthenticBackup(stored, trusted: trusted)
            let bytes = try await isThere(backup) ? 0 : copyFiles(of: backup)
            try await remote.sendProofs(of: stored, progress: progress)
            if stored.hold != nil { try await remote.send([Hold.fileName], of: stored, progress: progress) }
            note.facts["bytes"] = .number(bytes)
            return Copied(backup: stored.name, bytes: bytes)
        }
    }

    private func isThere(_ backup: AuthenticBackup) async throws -> Bool {
        let stored = backup.stored
        guard let there = try target.committed(stored.cluster, stored.label) else { return false }
        guard there.manifestHash == stored.manifestHash else {
            throw PlainFailure(
                .cannotCreate, "\(remote.name) has another backup named \(stored.name)",
                hint: "find out whose it is; nothing was copied over it")
        }
        let sizes = try await remote.sizes(stored.relative(""))
        return backup.manifest.files.allSatisfy { sizes[$0.name] == $0.size }
    }

    private func copyFiles(of backup: AuthenticBackup) async throws -> Int {
        let stored = backup.stored
        try await source.withFiles(of: backup, progress: progress) {
            for file in backup.manifest.files {
                _ = try await onOwnThread { try VerifiedFile(file, in: stored) }
                try await remote.send([file], of: stored, progress: progress)
            }
        }
        try await remote.send([Manifest.fileName, Manifest.signatureFileName], of: stored, progress: progress)
        return backup.manifest.size
    }
}
