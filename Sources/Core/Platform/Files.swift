import CLinux
import Glibc
package import SystemPackage

/// Whole files, read and written so that a reader never sees half of one and a crash loses nothing that was promised.
package enum Files {
    /// Reads a file whole; refuses one larger than `limit` bytes, since what people and servers hand us is hostile.
    package static func read(_ path: FilePath, limit: Int = 64 << 20) throws -> [UInt8] {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        return try read(descriptor, path, limit: limit)
    }

    /// Reads a piece of a file; what lies beyond its end is missing from the result.
    package static func read(_ path: FilePath, offset: Int, count: Int) throws -> [UInt8] {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        do {
            return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let got = try descriptor.read(fromAbsoluteOffset: Int64(offset + filled), into: rest)
                    if got == 0 { return }
                    filled += got
                }
            }
        } catch let code as Errno {
            throw FileFailure("read", path, code)
        }
    }

    /// Reads a file that holds a secret, refusing (78) one that others may read, or that is not ours.
    package static func readSecret(_ path: FilePath, limit: Int = 1 << 20) throws -> [UInt8] {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        var facts = stat()
        _ = try system("inspect", path) { fstat(descriptor.rawValue, &facts) }
        guard facts.st_mode & 0o077 == 0 else {
            throw PlainFailure(
                .configuration, "\(path) holds a secret and others may read it",
                hint: "chmod 600 \(path), and consider the secret known")
        }
        guard facts.st_uid == geteuid() || facts.st_uid == 0 else {
            throw PlainFailure(
                .configuration, "\(path) holds a secret and belongs to another account",
                hint: "chown it to the account that runs this program")
        }
        return try read(descriptor, path, limit: limit)
    }

    /// Writes a file whole: under a temporary name in the same folder, fsynced, renamed, the folder fsynced.
    ///
    /// With `durable: false` the rename is atomic but a power cut may bring back the old file.
    package static func write(
        _ bytes: [UInt8], to path: FilePath, mode: FilePermissions = [.ownerReadWrite], durable: Bool = true
    ) throws {
        let temporary = temporaryName(beside: path)
        do {
            let sink = try FileSink(creating: temporary, mode: mode)
            try sink.write(bytes.span)
            if durable { try sink.finish() } else { try sink.close() }
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            throw error
        }
        if durable { try syncDirectory(path.removingLastComponent()) }
    }

    /// Makes a folder and those above it; one that is there already is left as it is.
    package static func createDirectory(_ path: FilePath, mode: FilePermissions = [.ownerReadWriteExecute]) throws {
        if isDirectory(path) { return }
        let parent = path.removingLastComponent()
        if !parent.isEmpty, parent != path, !exists(parent) { try createDirectory(parent, mode: mode) }
        do {
            _ = try system("create the folder", path) {
                path.withPlatformString { mkdir($0, mode_t(mode.rawValue)) }
            }
        } catch {
            // Another process may have made it in the meantime.
            guard isDirectory(path) else { throw error }
        }
        try syncDirectory(parent)
    }

    /// The names in a folder, without `.` and `..`, sorted.
    package static func list(_ path: FilePath) throws -> [String] {
        guard let stream = path.withPlatformString({ opendir($0) }) else {
            throw FileFailure("list", path, Errno(rawValue: errno))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileFailure("list", path, Errno(rawValue: errno)) }
                return names.sorted()
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: Int(entry.pointee.d_reclen)) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// Whether the name leads to something; where the storage fails to tell, it counts as there.
    ///
    /// A bad disk must not look like a disk with nothing on it: what is taken to be gone is made anew, or removed.
    package static func exists(_ path: FilePath) -> Bool {
        var facts = stat()
        if path.withPlatformString({ stat($0, &facts) }) == 0 { return true }
        return ![ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG].contains(errno)
    }

    /// Whether the name is a link, wherever that leads.
    package static func isLink(_ path: FilePath) -> Bool {
        var facts = stat()
        return path.withPlatformString { lstat($0, &facts) } == 0 && facts.st_mode & S_IFMT == S_IFLNK
    }

    package static func isDirectory(_ path: FilePath) -> Bool {
        (information(path)?.st_mode ?? 0) & S_IFMT == S_IFDIR
    }

    /// Whether it is a file with bytes of its own, or a link to one: opening a pipe would wait for whoever writes it.
    package static func isRegular(_ path: FilePath) -> Bool {
        (information(path)?.st_mode ?? 0) & S_IFMT == S_IFREG
    }

    /// The size in bytes.
    package static func size(_ path: FilePath) throws -> Int {
        var facts = stat()
        _ = try system("inspect", path) { path.withPlatformString { stat($0, &facts) } }
        return Int(facts.st_size)
    }

    /// The bytes an ordinary account may still write on the file system that holds the path.
    package static func freeSpace(_ path: FilePath) throws -> Int {
        var facts = statvfs()
        _ = try system("inspect", path) { path.withPlatformString { statvfs($0, &facts) } }
        return Int(facts.f_bavail) * Int(facts.f_frsize)
    }

    package static func remove(_ path: FilePath) throws {
        _ = try system("remove", path) { path.withPlatformString { unlink($0) } }
    }

    /// Removes a folder and all that is in it, never following a link; a folder that is gone is no error.
    package static func removeTree(_ path: FilePath) throws {
        var facts = stat()
        guard path.withPlatformString({ lstat($0, &facts) }) == 0 else { return }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return try remove(path) }
        for name in try list(path) { try removeTree(path.appending(name)) }
        _ = try system("remove", path) { path.withPlatformString { rmdir($0) } }
    }

    /// Removes a folder that has nothing in it.
    package static func removeEmpty(_ path: FilePath) throws {
        _ = try system("remove", path) { path.withPlatformString { rmdir($0) } }
    }

    package static func rename(_ old: FilePath, to new: FilePath) throws {
        _ = try system("create", new) {
            old.withPlatformString { old in new.withPlatformString { Glibc.rename(old, $0) } }
        }
    }

    /// Exchanges two names in one folder at once, so that neither is ever missing.
    package static func exchange(_ one: FilePath, _ other: FilePath) throws {
        _ = try system("exchange", one) {
            one.withPlatformString { one in other.withPlatformString { clinux_exchange(one, $0) } }
        }
        try syncDirectory(one.removingLastComponent())
    }

    /// Makes what was written to a file survive a power cut.
    package static func sync(_ path: FilePath) throws {
        let descriptor = try open(path, .readOnly)
        defer { try? descriptor.close() }
        _ = try system("write", path) { fsync(descriptor.rawValue) }
    }

    /// Makes a change of names in a folder survive a power cut.
    package static func syncDirectory(_ path: FilePath) throws {
        let folder = path.isEmpty ? FilePath(".") : path
        let descriptor = try open(folder, .readOnly)
        defer { try? descriptor.close() }
        _ = try system("write", folder) { fsync(descriptor.rawValue) }
    }

    /// Makes a file whose blocks are really there, or leaves it as it is when it has that size already.
    ///
    /// - Throws: `FileFailure` with `.noSpace` when there is no room; the file is then empty.
    package static func reserve(_ path: FilePath, size: Int) throws {
        let descriptor = try open(path, .writeOnly, options: [.create], permissions: [.ownerReadWrite])
        defer { try? descriptor.close() }
        do {
            _ = try system("reserve room in", path) { clinux_allocate(descriptor.rawValue, off_t(size)) }
        } catch {
            _ = try? system("empty", path) { ftruncate(descriptor.rawValue, 0) }
            throw error
        }
    }

    /// Empties a file and waits until its blocks are free again.
    package static func empty(_ path: FilePath) throws {
        let descriptor = try open(path, .writeOnly)
        defer { try? descriptor.close() }
        _ = try system("empty", path) { ftruncate(descriptor.rawValue, 0) }
        _ = try system("empty", path) { fsync(descriptor.rawValue) }
    }

    package static func changeOwner(_ path: FilePath, to account: Account) throws {
        _ = try system("give away", path) { path.withPlatformString { chown($0, account.uid, account.gid) } }
    }

    /// Makes a new folder with a random name under `parent`, for this process alone.
    package static func makeTemporaryDirectory(in parent: FilePath? = nil, prefix: String = "dbsec") throws -> FilePath
    {
        let template = (parent ?? temporaryFolder).appending("\(prefix)-XXXXXX").string
        var name = Array(template.utf8CString)
        guard mkdtemp(&name) != nil else {
            throw FileFailure("create the folder", FilePath(template), Errno(rawValue: errno))
        }
        return FilePath(platformString: name)
    }

    /// `TMPDIR`, or `/tmp`.
    package static var temporaryFolder: FilePath {
        guard let folder = getenv("TMPDIR") else { return "/tmp" }
        return FilePath(String(cString: folder))
    }

    /// A name that nobody else uses, in the folder of `path`, so that a rename stays on one file system.
    package static func temporaryName(beside path: FilePath) -> FilePath {
        let random = Hex.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
        return path.removingLastComponent().appending(".\(path.lastComponent?.string ?? "file").\(random).partial")
    }

    package static func open(
        _ path: FilePath, _ mode: FileDescriptor.AccessMode, options: FileDescriptor.OpenOptions = [],
        permissions: FilePermissions? = nil
    ) throws -> FileDescriptor {
        do {
            return try FileDescriptor.open(path, mode, options: options.union(.closeOnExec), permissions: permissions)
        } catch let code as Errno {
            throw FileFailure(options.contains(.create) ? "create" : "open", path, code)
        }
    }

    private static func read(_ descriptor: FileDescriptor, _ path: FilePath, limit: Int) throws -> [UInt8] {
        let sink = CollectingSink(limit: limit)
        do {
            try copy(from: descriptor, path, into: sink)
        } catch let failure as PlainFailure {
            throw PlainFailure(failure.status, "cannot read \(path): \(failure.sentence)")
        }
        return sink.bytes
    }

    private static func information(_ path: FilePath) -> stat? {
        var facts = stat()
        return path.withPlatformString { stat($0, &facts) } == 0 ? facts : nil
    }
}

/// Pushes a file's bytes into a sink through one reused buffer; does not finish the sink.
package func copy(from path: FilePath, into sink: any ByteSink) throws {
    let descriptor = try Files.open(path, .readOnly)
    defer { try? descriptor.close() }
    try copy(from: descriptor, path, into: sink)
}

/// Pushes a file's bytes from an offset on into a sink; does not finish the sink.
package func copy(from path: FilePath, offset: Int, into sink: any ByteSink) throws {
    let descriptor = try Files.open(path, .readOnly)
    defer { try? descriptor.close() }
    do {
        try descriptor.seek(offset: Int64(offset), from: .start)
    } catch let code as Errno {
        throw FileFailure("read", path, code)
    }
    try copy(from: descriptor, path, into: sink)
}

private func copy(from descriptor: FileDescriptor, _ path: FilePath, into sink: any ByteSink) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        let count: Int
        do {
            count = try descriptor.read(into: buffer)
        } catch let code as Errno {
            throw FileFailure("read", path, code)
        }
        if count == 0 { return }
        let filled = UnsafeBufferPointer(rebasing: buffer.bindMemory(to: UInt8.self)[..<count])
        try sink.write(filled.span)
    }
}
