package import AuditLog
import Cryptography
package import Platform
package import SystemPackage

/// What a repository that lies elsewhere needs besides: its mirror made true, files fetched, changes sent.
///
/// The mirror is a repository like any other, without the large files; those are fetched, still encrypted, for as long as
/// they are read. In a repository that is a folder here, all of this does nothing.
extension Repository {
    /// Opens a repository by name: `remote:path`, as rclone knows it, or a folder.
    ///
    /// - Parameter mirrors: the folder in which remote repositories are mirrored, each in one of its own.
    /// - Throws: `ChildFailure` (69) when rclone or the place is not there.
    package static func open(
        _ name: String, mirrors: FilePath, remembering memory: SignatureMemory? = nil
    ) async throws -> Repository {
        guard try Remote.isName(name) else { return Repository(FilePath(name).absolute, remembering: memory) }
        return try await mirror(of: Remote(name), in: mirrors, remembering: memory)
    }

    static func mirror(
        of remote: Remote, in mirrors: FilePath, remembering memory: SignatureMemory? = nil
    ) async throws -> Repository {
        let folder = mirrors.appending(String(SHA256.hash(Array(remote.name.utf8)).hex.prefix(16)))
        try Files.createDirectory(folder)
        try await FileLock.holding(folder.appending(".lock"), wait: true) {
            if try await !remote.mirror(into: folder) {
                for name in try Files.list(folder) where !name.hasPrefix(".") {
                    try Files.removeTree(folder.appending(name))
                }
            }
        }
        return Repository(folder, mirroring: remote, remembering: memory)
    }

    /// Has the files of a backup here while `body` runs.
    ///
    /// - Parameter roles: which of them; the others are not fetched.
    package func withFiles<Value>(
        of backup: AuthenticBackup, _ roles: Set<Manifest.File.Role> = Set(Manifest.File.Role.allCases),
        progress: ProgressHandler? = nil, _ body: () async throws -> Value
    ) async throws -> Value {
        guard let remote else { return try await body() }
        let files = backup.manifest.files.filter { roles.contains($0.role) }
        let stored = backup.stored
        try await requireRoom(for: files)
        defer { drop(files, of: stored) }
        for file in files where (try? Files.size(stored.path(of: file))) != file.size {
            try? Files.remove(stored.path(of: file))
            try await remote.fetch(
                stored.relative(file.name), size: file.size, to: stored.path(of: file), progress: progress)
        }
        return try await body()
    }

    /// Removes what is large from the mirror; the backup itself is not touched.
    func drop(_ files: [Manifest.File], of stored: StoredBackup) {
        guard remote != nil else { return }
        for file in files { try? Files.remove(stored.path(of: file)) }
    }

    private func requireRoom(for files: [Manifest.File]) async throws {
        let needed = files.reduce(0) { $0 + $1.size }
        let free = try Files.freeSpace(root)
        guard needed < free else {
            throw PlainFailure(
                .inputOutput,
                "fetching this backup takes \(needed) bytes, and there are \(free) on the disk of \(root)",
                hint: "move the state folder to a larger disk with --state")
        }
    }

    /// Sends files of a backup's folder to where the backup really is, in this order.
    package func send(_ names: [String], of stored: StoredBackup, progress: ProgressHandler? = nil) async throws {
        try await remote?.send(names, of: stored, progress: progress)
    }

    /// Sends a backup that was made in the mirror: the signature last, and the large files are kept here no longer.
    ///
    /// In a repository that is a folder here, it is there already.
    package func sendWhole(
        _ stored: StoredBackup, _ manifest: Manifest, audit: AuditLog, progress: ProgressHandler? = nil
    ) async throws {
        guard let remote else { return }
        defer { drop(manifest.files, of: stored) }
        do {
            try await audit.recording(
                .backupCopy, target: AuditTarget(cluster: stored.cluster, backup: stored.label)
            ) { note in
                note.facts["to"] = .text(remote.name)
                note.facts["manifest"] = .text(stored.manifestHash.hex)
                note.facts["bytes"] = .number(manifest.size)
                try await remote.send(manifest.files, of: stored, progress: progress)
                try await send([Manifest.fileName, Manifest.signatureFileName], of: stored, progress: progress)
            }
        } catch {
            // Without its signature there it is no backup, and must not look like one here.
            try? Files.removeTree(stored.folder)
            throw error
        }
    }

    /// Removes files of a backup's folder where the backup really is: one group after the other.
    func removeThere(_ groups: [[String]], cluster: String, label: String) async throws {
        guard let remote else { return }
        let folder = "\(FileName.encode(cluster))/\(label)"
        for names in groups { try await remote.remove(names, from: folder) }
        if groups.joined().contains(Manifest.fileName) { await remote.removeEmptyFolder(folder) }
    }

    /// Removes what interrupted copies have left there: large files in folders without a signature.
    ///
    /// Somebody may be copying now, and no lock would say so: only what was last written before `moment` goes.
    ///
    /// - Returns: the labels of those folders.
    func clearThere(_ cluster: String, writtenBefore moment: Timestamp) async throws -> [String] {
        guard let remote else { return [] }
        let byLabel = Dictionary(grouping: try await remote.largeFiles(of: cluster)) { entry in
            String(entry.path.prefix { $0 != "/" })
        }
        var cleared: [String] = []
        for (label, files) in byLabel.sorted(by: { $0.key < $1.key }) where Timestamp(label)?.label == label {
            let folder = folder(of: cluster).appending(label)
            guard !Files.exists(folder.appending(Manifest.signatureFileName)), !Tombstone.isIn(folder),
                files.allSatisfy({ $0.written.map { $0 < moment } == true })
            else { continue }
            try await removeThere([files.map(\.name), [Manifest.fileName]], cluster: cluster, label: label)
            cleared.append(label)
        }
        return cleared
    }

    /// Sends the proofs that were added here.
    package func sendProofs(of stored: StoredBackup) async throws {
        try await remote?.sendProofs(of: stored)
    }
}

extension Remote {
    /// Sends the proofs of a backup that are not there; each counts with its signature, so that those go last.
    func sendProofs(of stored: StoredBackup, progress: ProgressHandler? = nil) async throws {
        let there = Set(try await list(stored.relative("proofs")).map(\.name))
        let new = try stored.proofFiles.filter { !there.contains($0) }
        let signatures = new.filter { $0.hasSuffix(".minisig") }
        try await send(
            (new.filter { !$0.hasSuffix(".minisig") } + signatures).map { "proofs/\($0)" }, of: stored,
            progress: progress)
    }

    /// Sends what a manifest names, and holds what comes back to what it says.
    func send(_ files: [Manifest.File], of stored: StoredBackup, progress: ProgressHandler? = nil) async throws {
        for file in files {
            try await put(
                stored.path(of: file), as: stored.relative(file.name), signed: file.sha256, progress: progress)
        }
    }

    /// Sends files of a backup's folder, in this order.
    func send(_ names: [String], of stored: StoredBackup, progress: ProgressHandler? = nil) async throws {
        for name in names {
            try await put(stored.folder.appending(name), as: stored.relative(name), progress: progress)
        }
    }
}

extension StoredBackup {
    /// The path of one of its files in the repository.
    func relative(_ file: String) -> String { "\(FileName.encode(cluster))/\(label)/\(file)" }

    var proofFiles: [String] {
        get throws { Files.exists(proofsFolder) ? try Files.list(proofsFolder) : [] }
    }
}
