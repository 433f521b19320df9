import Glibc
package import SystemPackage

/// The end of a stream on disk: a new file, fsynced by `finish()`.
///
/// When the sink goes away without `finish()`, the file is closed and left to whoever gave the name: nothing here decides
/// that half a stream is worth keeping or removing.
package final class FileSink: ByteSink {
    package let path: FilePath
    /// Bytes written so far.
    package private(set) var count = 0
    private let descriptor: FileDescriptor
    private var isOpen = true

    /// - Throws: `FileFailure` with `.fileExists` when the name is taken.
    package init(creating path: FilePath, mode: FilePermissions = [.ownerReadWrite]) throws {
        self.path = path
        descriptor = try Files.open(path, .writeOnly, options: [.create, .exclusiveCreate], permissions: mode)
    }

    deinit {
        if isOpen { try? descriptor.close() }
    }

    package func write(_ bytes: Span<UInt8>) throws {
        do {
            count += try bytes.withUnsafeBytes { try descriptor.writeAll($0) }
        } catch let code as Errno {
            throw FileFailure("write", path, code)
        }
    }

    package func finish() throws {
        _ = try system("write", path) { fsync(descriptor.rawValue) }
        try close()
    }

    /// Closes without fsync: for files whose loss in a power cut is made good from elsewhere.
    package func close() throws {
        guard isOpen else { return }
        isOpen = false
        do {
            try descriptor.close()
        } catch let code as Errno {
            throw FileFailure("write", path, code)
        }
    }
}

/// A pipe, socket or terminal as the end of a stream.
///
/// Somebody else owns the descriptor and closes it.
package final class DescriptorSink: ByteSink {
    private let descriptor: FileDescriptor
    private let name: FilePath

    package init(_ descriptor: FileDescriptor, name: FilePath) {
        self.descriptor = descriptor
        self.name = name
    }

    package func write(_ bytes: Span<UInt8>) throws {
        do {
            _ = try bytes.withUnsafeBytes { try descriptor.writeAll($0) }
        } catch let code as Errno {
            throw FileFailure("write", name, code)
        }
    }

    package func finish() {}
}

/// Standard output as the end of a stream.
package final class StandardOutputSink: ByteSink, Sendable {
    package init() {
        // A reader that has enough is an error to catch, not a signal to die of.
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: `FileFailure` when the output is full (74), or its reader has gone (`.brokenPipe`).
    package func write(_ bytes: Span<UInt8>) throws {
        do {
            _ = try bytes.withUnsafeBytes { try FileDescriptor.standardOutput.writeAll($0) }
        } catch let code as Errno {
            throw FileFailure("write", "standard output", code)
        }
    }

    package func finish() {}
}
