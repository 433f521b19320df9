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
        lock = try FileLock(path.appending("lock"))
    }

    /// Removes the folder and all that is in it.
    package func remove() throws {
        try Files.removeTree(path)
    }

    /// Removes what processes left that were killed, and tells which folders those were.
    @discardableResult
    package static func removeLeftovers(in parent: FilePath, prefix: String) throws -> [FilePath] {
        guard Files.exists(parent) else { return [] }
        return try Files.list(parent).filter { $0.hasPrefix("\(prefix)-") }.map { parent.appending($0) }
            .filter { isOurs($0) && isAbandoned($0) }
            .map { folder in
                try Files.removeTree(folder)
                return folder
            }
    }

    /// Ours alone: then nobody else can exchange what is in it while we remove it.
    private static func isOurs(_ folder: FilePath) -> Bool {
        var facts = stat()
        return folder.withPlatformString { lstat($0, &facts) } == 0 && facts.st_mode & S_IFMT == S_IFDIR
            && facts.st_uid == geteuid() && facts.st_mode & 0o077 == 0
    }

    /// A folder without a lock file may be one that is just being made.
    private static func isAbandoned(_ folder: FilePath) -> Bool {
        let lock = folder.appending("lock")
        return Files.exists(lock) && (try? FileLock(lock)) != nil
    }
}
