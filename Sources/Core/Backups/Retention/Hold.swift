package import Cryptography
package import Platform
import SystemPackage

/// The word that a backup has to stay, whatever the rules say; it can only ever keep one, so that it needs no signature.
package struct Hold: Codable, Equatable, Sendable {
    static let fileName = "hold.json"

    package var reason: String
    package var time: Timestamp

    package init(reason: String, time: Timestamp) {
        self.reason = reason
        self.time = time
    }
}

extension StoredBackup {
    /// The hold on this backup; one that cannot be read holds too.
    package var hold: Hold? {
        let path = folder.appending(Hold.fileName)
        guard Files.exists(path) else { return nil }
        let bytes = try? Files.read(path, limit: 1 << 16)
        return bytes.flatMap { try? Document.decode(Hold.self, from: $0, named: path.string) }
            ?? Hold(reason: "\(Hold.fileName) cannot be read", time: Timestamp(seconds: 0))
    }

    fileprivate func place(_ hold: Hold) throws {
        try Files.write(
            Document.encode(hold), to: folder.appending(Hold.fileName), mode: RepositoryMode.file)
    }

    fileprivate func release() throws {
        try Files.remove(folder.appending(Hold.fileName))
    }
}

extension Repository {
    /// Says that a backup has to stay; one that was given up and not removed yet is brought back.
    ///
    /// - Throws: status 75 when it would be brought back while a prune or a run is under way.
    package func hold(_ name: String, because hold: Hold, trusted: [MinisignPublicKey]) async throws -> StoredBackup {
        for cluster in try clusters() {
            for label in try condemned(of: cluster) where [label, "\(cluster)/\(label)"].contains(name) {
                try await bringBack(cluster, label, trusted)
            }
        }
        let backup = try backup(named: name)
        try backup.place(hold)
        try await send([Hold.fileName], of: backup)
        return backup
    }

    /// Lets the rules decide about a backup again.
    ///
    /// - Throws: status 66 when nobody holds it.
    package func release(_ name: String) async throws -> StoredBackup {
        let backup = try backup(named: name)
        guard backup.hold != nil else { throw PlainFailure(.inputMissing, "\(backup.name) is not held") }
        try await removeThere([[Hold.fileName]], cluster: backup.cluster, label: backup.label)
        try backup.release()
        return backup
    }

    private func bringBack(_ cluster: String, _ label: String, _ trusted: [MinisignPublicKey]) async throws {
        let folder = folder(of: cluster).appending(label)
        try await FileLock.holding(lock(of: cluster)) {
            do {
                let stone = try Tombstone.read(folder, cluster: cluster, label: label, trusted: trusted)
                try await stone.checkWhole(folder, remote.map { ($0, "\(FileName.encode(cluster))/\(label)") })
            } catch let failure as any Failure where failure.status == .malformed {
                // Nobody's word has removed anything: when all of the backup is there, it is one.
                let stored = try StoredBackup(folder: folder, cluster: cluster, label: label, memory: memory)
                try requireFiles(AuthenticBackup(stored, trusted: trusted).manifest, of: stored)
            }
            try await removeThere(Tombstone.liftingOrder.map { [$0] }, cluster: cluster, label: label)
            try Tombstone.lift(from: folder)
        }
    }
}
