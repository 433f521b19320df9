import Glibc
package import SystemPackage

/// A lock among processes: flock(2) on a file that is never unlinked, released by the kernel however the holder ends.
package final class FileLock: Sendable {
    private let descriptor: FileDescriptor

    /// Takes the lock, making its file when it is not there.
    ///
    /// - Throws: `FileFailure` with status 75 when somebody else holds it and `wait` is false.
    package init(_ path: FilePath, wait: Bool = false) throws {
        let descriptor = try Self.open(path)
        do {
            _ = try system("lock", path) { flock(descriptor.rawValue, wait ? LOCK_EX : LOCK_EX | LOCK_NB) }
        } catch {
            try? descriptor.close()
            throw error
        }
        self.descriptor = descriptor
    }

    deinit {
        try? descriptor.close()
    }

    /// Another account's lock, which may only be read, does as well; and in a folder that several may write to, the kernel
    /// refuses to make a file that is there already (sysctl fs.protected_regular).
    private static func open(_ path: FilePath) throws -> FileDescriptor {
        for mode in [FileDescriptor.AccessMode.readWrite, .readOnly] {
            do {
                return try Files.open(path, mode)
            } catch let failure as FileFailure where failure.code == .noSuchFileOrDirectory {
                break
            } catch let failure as FileFailure where failure.code == .permissionDenied {}
        }
        return try Files.open(
            path, .readWrite, options: [.create], permissions: [.ownerReadWrite, .groupRead])
    }

    package static func holding<Value>(
        _ path: FilePath, wait: Bool = false, _ body: () throws -> Value
    ) throws -> Value {
        let lock = try FileLock(path, wait: wait)
        defer { withExtendedLifetime(lock) {} }
        return try body()
    }

    package static func holding<Value>(
        _ path: FilePath, wait: Bool = false, _ body: () async throws -> Value
    ) async throws -> Value {
        let lock = try FileLock(path, wait: wait)
        defer { withExtendedLifetime(lock) {} }
        return try await body()
    }
}
