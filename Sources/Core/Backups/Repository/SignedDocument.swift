import Cryptography
import Platform
import SystemPackage

/// What everything in a repository may be read by: a group may be given to those who prove or copy backups, since it is
/// encrypted or public.
enum RepositoryMode {
    static let folder: FilePermissions = [.ownerReadWriteExecute, .groupReadExecute]
    static let file: FilePermissions = [.ownerReadWrite, .groupRead]
}

extension Document {
    /// Writes a document and, after it, the signature beside it that makes it count.
    static func write(
        _ value: some Encodable, to path: FilePath, signedBy key: MinisignSecretKey, comment: String
    ) throws {
        let bytes = try encode(value)
        let signature = try key.sign(bytes.span, trustedComment: comment)
        try Files.write(bytes, to: path, mode: RepositoryMode.file)
        try Files.write(signature, to: Self.signature(of: path), mode: RepositoryMode.file)
    }

    static func signature(of path: FilePath) -> FilePath { FilePath("\(path).minisig") }
}

extension Manifest {
    /// Writes the manifest and then its signature, after which the backup in the folder is one.
    func publish(in folder: FilePath, signedBy key: MinisignSecretKey) throws -> StoredBackup {
        try Document.write(
            self, to: folder.appending(Manifest.fileName), signedBy: key, comment: "dbsec backup \(cluster)/\(label)")
        return try StoredBackup(folder: folder, cluster: cluster, label: label)
    }
}
