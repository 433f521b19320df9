import Cryptography
import Platform
import SystemPackage

/// The signed word that a backup has been given up: from then on nobody sees it, and removing it can be finished at any time.
struct Tombstone: Codable, Equatable, Sendable {
    static let currentSchema = 1
    private static let fileName = "tombstone.json"
    private static let signatureFileName = "tombstone.json.minisig"

    var schema = Tombstone.currentSchema
    var cluster: String
    var label: String
    /// SHA-256 of the manifest of the backup that is given up.
    var manifest: Digest
    var time: Timestamp
    var reasons: [String]
    /// The files that belong to the backup, besides manifest, proofs and tombstone.
    var files: [String]
    var keeperKey: String

    /// Whether the folder has one, to be believed or not: the signature is written last.
    static func isIn(_ folder: FilePath) -> Bool {
        Files.exists(folder.appending(signatureFileName))
    }

    /// Whether nothing but the tombstone's signature is left of the backup: a crash came before the last step of burying it.
    static func isLast(in folder: FilePath) -> Bool {
        isIn(folder)
            && ![fileName, Manifest.fileName, Manifest.signatureFileName].contains {
                Files.exists(folder.appending($0))
            }
    }

    /// Takes that last step.
    static func removeLast(from folder: FilePath) throws {
        try Files.remove(folder.appending(signatureFileName))
        if try Files.list(folder).isEmpty { try Files.removeEmpty(folder) }
    }

    func write(into folder: FilePath, signedBy key: MinisignSecretKey) throws {
        try Document.write(
            self, to: folder.appending(Self.fileName), signedBy: key, comment: "dbsec tombstone \(cluster)/\(label)")
    }

    /// Reads the tombstone of a folder.
    ///
    /// - Throws: status 65 when no pinned key signed it, or it is another backup's: then nothing may be removed.
    static func read(_ folder: FilePath, cluster: String, label: String, trusted: [MinisignPublicKey]) throws -> Self {
        let bytes = try Files.read(folder.appending(fileName), limit: 1 << 22)
        let signature = try Files.read(folder.appending(signatureFileName), limit: 1 << 14)
        let isSigned = trusted.contains { key in
            (try? key.verify(signature.span, of: bytes.span, legacy: .refused)) != nil
        }
        let name = "\(cluster)/\(label)"
        guard isSigned else {
            throw PlainFailure(
                .malformed, "the tombstone of \(name) is not signed by a key that may give backups up here",
                hint: "nothing of it was removed; find out who put it there: dbbackup hold brings a backup back")
        }
        let stone = try Document.decode(Tombstone.self, from: bytes, named: "\(name)/\(fileName)")
        guard stone.schema == currentSchema, (stone.cluster, stone.label) == (cluster, label) else {
            throw PlainFailure(.malformed, "the tombstone of \(name) is another backup's", hint: "nothing was removed")
        }
        return stone
    }

    /// Looks whether all of the backup is there still: one that is half removed is not brought back.
    ///
    /// - Throws: status 66 when files of the backup are gone already.
    func checkWhole(_ folder: FilePath, _ there: (remote: Remote, folder: String)?) async throws {
        var present = Set(try Files.list(folder))
        if let there { present = Set(try await there.remote.list(there.folder).map(\.name)) }
        guard let gone = (files + [Manifest.fileName]).first(where: { !present.contains($0) }) else { return }
        throw PlainFailure(.inputMissing, "\(cluster)/\(label) is half removed already: \(gone) is gone")
    }

    /// Takes the word back, so that the backup counts again.
    static func lift(from folder: FilePath) throws {
        for name in liftingOrder { try removeIfThere(folder.appending(name)) }
        try Files.syncDirectory(folder)
    }

    /// The signature is what counts, so that it goes first.
    static let liftingOrder = [signatureFileName, fileName]

    /// The signature is what counts, so that it comes last.
    static let writingOrder = [fileName, signatureFileName]

    /// In which order a backup is removed: its files first, the tombstone last, so that a crash leaves it condemned.
    func buryingOrder(proofs: [String]) -> [[String]] {
        [files + proofs.map { "proofs/\($0)" }, [Manifest.signatureFileName], [Manifest.fileName]]
            + Self.writingOrder.map { [$0] }
    }

    /// Removes the backup: its files first, the tombstone last, so that a crash in between leaves it condemned.
    ///
    /// What the backup did not name stays, and the folder with it.
    func bury(_ folder: FilePath) throws {
        for name in files { try Self.removeIfThere(folder.appending(name)) }
        try Files.removeTree(folder.appending("proofs"))
        for name in [Manifest.signatureFileName, Manifest.fileName] + Self.writingOrder {
            try Self.removeIfThere(folder.appending(name))
        }
        if try Files.list(folder).isEmpty { try Files.removeEmpty(folder) }
        try Files.syncDirectory(folder.removingLastComponent())
    }

    private static func removeIfThere(_ path: FilePath) throws {
        do {
            try Files.remove(path)
        } catch let failure as FileFailure where failure.code == .noSuchFileOrDirectory {}
    }
}
