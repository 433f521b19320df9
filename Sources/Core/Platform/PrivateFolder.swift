import Glibc
package import SystemPackage

/// A folder with a random name for one process, whose leftovers the next process can find: it is locked while its owner lives.
///
/// The parent may be open to all, as `/dev/shm` is: a folder that is not ours alone is never touched.
package final class PrivateFolder: Sendable {
    package let path: FilePath
    private let lock: FileLock

    package init(in parent: FilePath, prefix: String) throws {
        path = try Files.makeTemporaryDirectory(in: parent, prefix: prefix)
        lock = try FileLock(path.appending(Self.lockName))
    }

    private init(takingOver path: FilePath) throws {
        self.path = path
        lock = try FileLock(path.appending(Self.lockName))
    }

    private static let lockName = "lock"

    /// Removes the folder, once there is nothing in it but empty folders: what strangers wrote is not for us to walk through.
    package func remove() throws {
        for name in try Files.list(path) where name != Self.lockName { try Files.removeEmpty(path.appending(name)) }
        try Files.remove(path.appending(Self.lockName))
        try Files.removeEmpty(path)
    }

    /// What processes left that were killed: from now on ours.
    package static func takeOverLeftovers(in parent: FilePath, prefix: String) throws -> [PrivateFolder] {
        guard Files.exists(parent) else { return [] }
        return try Files.list(parent).filter { $0.hasPrefix("\(prefix)-") }.map { parent.appending($0) }
            // One without a lock file may just be being made; one whose lock is held is in use.
            .filter { isOurs($0) && Files.exists($0.appending(lockName)) }
            .compactMap { try? PrivateFolder(takingOver: $0) }
    }

    /// Ours alone: then nobody else can exchange what is in it while we remove it.
    package static func isOurs(_ folder: FilePath) -> Bool {
        var facts = stat()
        return folder.withPlatformString { lstat($0, &facts) } == 0 && facts.st_mode & S_IFMT == S_IFDIR
            && facts.st_uid == geteuid() && facts.st_mode & 0o077 == 0
    }
}
