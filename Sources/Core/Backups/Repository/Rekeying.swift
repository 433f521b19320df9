package import AuditLog
package import Cryptography
package import Platform
import SystemPackage

/// Opens old backups to other recipients: the age headers are written anew, and no content is.
///
/// The manifest names the files by their digests, so that it is signed anew too, by whoever does this; and the proofs, which
/// name the manifest, are carried over under the same signature, since the content they are about was compared byte by byte.
package struct Rekeying: Sendable {
    private let repository: Repository
    private let keys: KeyFolder
    private let identities: [AgeIdentity]
    private let audit: AuditLog
    private let now: @Sendable () -> Timestamp
    private let progress: ProgressHandler?

    /// - Throws: status 64 for a repository that is not a folder here.
    package init(
        _ repository: Repository, keys: KeyFolder, identities: [AgeIdentity], audit: AuditLog,
        now: @escaping @Sendable () -> Timestamp, progress: ProgressHandler? = nil
    ) throws(PlainFailure) {
        guard repository.remote == nil else {
            throw PlainFailure(
                .usage, "backups in \(repository.name) cannot be exchanged at once, so none was rekeyed",
                hint: "copy them to a folder here with dbbackup copy, rekey them there, and copy them to a new place")
        }
        self.repository = repository
        self.keys = keys
        self.identities = identities
        self.audit = audit
        self.now = now
        self.progress = progress
    }

    /// Whether a backup is for other recipients than those it should be for.
    package func isNeeded(_ stored: StoredBackup, _ recipients: [AgeRecipient]) throws -> Bool {
        Set(try stored.manifest().recipients) != Set(recipients.map(\.description))
    }

    /// Makes one backup readable for these recipients and no others; the old one is gone when this returns.
    ///
    /// A crash leaves either the old backup or the new one.
    ///
    /// - Throws: status 65 for a backup that is not authentic or was changed, or that no identity here opens; status 75 while
    ///   a run or a prune is under way.
    package func rekey(_ stored: StoredBackup, for recipients: [AgeRecipient]) async throws {
        let signer = try keys.signingKey()
        let trusted = try keys.trustedKeys()
        guard trusted.contains(where: { $0.keyID == signer.keyID }) else {
            throw PlainFailure(
                .configuration,
                "the signing key of this host is not pinned, so that a backup signed with it would not count",
                hint: "put \(keys.publicKeyFile) into \(keys.trustedFolder), here and wherever backups are verified")
        }
        try await audit.recording(
            .backupRekey, target: AuditTarget(cluster: stored.cluster, backup: stored.label)
        ) { note in
            let names = recipients.map(\.description).joined(separator: " ")
            note.facts["recipients"] = .text(names)
            note.facts["before"] = .text(stored.manifestHash.hex)
            try await FileLock.holding(repository.lock(of: stored.cluster)) {
                let backup = try AuthenticBackup(stored, trusted: trusted)
                let proofs = try stored.proofs(trusted: trusted)
                let made = try await onOwnThread { try copy(backup, proofs, recipients, signer) }
                note.facts["manifest"] = .text(made.manifestHash.hex)
            }
        }
    }

    private func copy(
        _ backup: AuthenticBackup, _ proofs: [Proof], _ recipients: [AgeRecipient], _ signer: MinisignSecretKey
    ) throws -> StoredBackup {
        let stored = backup.stored
        let folder = repository.rekeyingFolder(of: stored.cluster, stored.label)
        try Files.removeTree(folder)
        var isExchanged = false
        do {
            try Files.createDirectory(folder, mode: RepositoryMode.folder)
            var manifest = backup.manifest
            manifest.files = try backup.manifest.files.map { try copy($0, of: stored, to: folder, recipients) }
            manifest.recipients = recipients.map(\.description)
            manifest.producerKey = signer.keyID.description
            manifest.rekeyed =
                (manifest.rekeyed ?? []) + [
                    Manifest.Rekeying(manifest: stored.manifestHash, time: now(), key: signer.keyID.description)
                ]
            let made = try manifest.publish(in: folder, signedBy: signer)
            for proof in proofs { try made.append(proof.carried(to: made, signer), signedBy: signer) }
            if stored.hold != nil {
                let hold = try Files.read(stored.folder.appending(Hold.fileName))
                try Files.write(hold, to: folder.appending(Hold.fileName), mode: RepositoryMode.file)
            }
            isExchanged = true
            try Files.exchange(folder, stored.folder)
            // What has the hidden name now is the old backup; a crash before this leaves it to the next run or rekey.
            try Files.removeTree(folder)
            return try StoredBackup(folder: stored.folder, cluster: stored.cluster, label: stored.label)
        } catch {
            // From the exchange on either may be the one that survives a power cut: that is for the next run to clear.
            if !isExchanged { try? Files.removeTree(folder) }
            throw error
        }
    }

    /// Removes what rekeyings that were killed have left, which people with the old identity could read.
    ///
    /// - Throws: status 75 while a run or a prune is under way.
    package func clear(_ cluster: String) throws {
        let leftovers = try repository.leftovers(of: cluster)
        guard !leftovers.isEmpty else { return }
        try FileLock.holding(repository.lock(of: cluster)) {
            for leftover in try repository.leftovers(of: cluster) { try leftover.remove() }
        }
    }

    private func copy(
        _ file: Manifest.File, of stored: StoredBackup, to folder: FilePath, _ recipients: [AgeRecipient]
    ) throws -> Manifest.File {
        let source = try VerifiedFile(file, in: stored)
        let sealed = HashingSink(
            into: try FileSink(creating: folder.appending(file.name), mode: RepositoryMode.file))
        let rekeyer = AgeRekeyer(opening: identities, for: recipients, into: sealed)
        try source.copy(into: rekeyer, progress: progress)
        try rekeyer.finish()
        guard let digest = sealed.digest else { throw PlainFailure(.internalError, "\(file.name) was not finished") }
        var made = file
        (made.size, made.sha256) = (sealed.count, digest)
        return made
    }
}

extension Proof {
    /// The same finding about the same content, under its new manifest and the word of who compared the two.
    fileprivate func carried(to stored: StoredBackup, _ signer: MinisignSecretKey) -> Proof {
        var proof = self
        proof.manifest = stored.manifestHash
        proof.notes.append("carried over from the manifest \(manifest.hex), where \(proverKey) signed it")
        proof.proverKey = signer.keyID.description
        return proof
    }
}
