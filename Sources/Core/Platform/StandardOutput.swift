import Glibc
import SystemPackage

/// Results for people and programs, written with checked writes: `print` hides a full disk.
package enum StandardOutput {
    /// - Throws: `FileFailure` when the output is full (74). A closed pipe ends quietly: the reader had enough.
    package static func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// Whether the reader of our output has gone, as `head` does when it has enough.
    package static var hasNoReader: Bool {
        var entry = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0
    }

    package static func write(_ bytes: [UInt8]) throws {
        signal(SIGPIPE, SIG_IGN)
        do {
            try bytes.withUnsafeBytes { _ = try FileDescriptor.standardOutput.writeAll($0) }
        } catch Errno.brokenPipe {
            return
        } catch let code as Errno {
            throw FileFailure("write", "standard output", code)
        }
    }
}

/// Everything that is not a result: errors, warnings, progress.
///
/// A failure to write here is nobody's concern.
package enum StandardError {
    package static func write(_ text: String) {
        _ = try? Array(text.utf8).withUnsafeBytes { try FileDescriptor.standardError.writeAll($0) }
    }

    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
}
