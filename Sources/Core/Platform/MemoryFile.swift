import CLinux
import Glibc
import SystemPackage

/// A file without a name that lives in memory: for programs that want to seek in what may never be written to a disk.
package final class MemoryFile: Sendable {
    private let descriptor: FileDescriptor

    /// Where a program finds the file that it was given as standard input; it may open it more than once.
    package static let inputPath = "/proc/self/fd/0"

    package init(named name: String, holding bytes: [UInt8]) throws {
        let number = try system("create", "a file in memory") { name.withCString { clinux_memory_file($0, 0) } }
        descriptor = FileDescriptor(rawValue: number)
        do {
            try descriptor.writeAll(bytes)
            try descriptor.seek(offset: 0, from: .start)
        } catch let code as Errno {
            try? descriptor.close()
            throw FileFailure("write", "a file in memory", code)
        }
    }

    /// A descriptor of its own on the same bytes, closed on exec.
    func reopened() throws -> FileDescriptor {
        let number = try system("open", "a file in memory") { clinux_duplicate(descriptor.rawValue) }
        return FileDescriptor(rawValue: number)
    }

    deinit {
        try? descriptor.close()
    }
}
