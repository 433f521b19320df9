import Glibc
package import SystemPackage

/// What tells one state of a file from another without reading it: a file that is replaced has another inode.
package struct FileStamp: Equatable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    package init(_ path: FilePath) throws {
        var facts = stat()
        _ = try system("inspect", path) { path.withPlatformString { stat($0, &facts) } }
        device = UInt64(facts.st_dev)
        inode = UInt64(facts.st_ino)
        size = Int64(facts.st_size)
        seconds = facts.st_mtim.tv_sec
        nanoseconds = facts.st_mtim.tv_nsec
    }
}
