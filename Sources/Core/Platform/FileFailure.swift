import Glibc
package import SystemPackage

/// A system call on a file failed; the exit status follows from what the kernel said.
package struct FileFailure: Failure, Equatable {
    package let action: String
    package let path: FilePath
    package let code: Errno

    package init(_ action: String, _ path: FilePath, _ code: Errno) {
        self.action = action
        self.path = path
        self.code = code
    }

    package var sentence: String { "cannot \(action) \(path): \(code.description.lowercased())" }

    package var status: ExitStatus {
        switch code {
        case .noSuchFileOrDirectory, .notDirectory: .inputMissing
        case .permissionDenied, .notPermitted, .readOnlyFileSystem: .permission
        case .fileExists: .cannotCreate
        case .wouldBlock: .temporary
        default: .inputOutput
        }
    }

    package var hint: String? {
        switch code {
        case .noSpace: "free some space on that file system; nothing was published"
        case .wouldBlock: "another run holds the lock: try again when it has ended"
        default: nil
        }
    }
}

/// Makes a system call, again when a signal interrupts it, and reads `errno` on the very next line.
package func system(
    _ action: String, _ path: FilePath, _ body: () -> CInt
) throws(FileFailure) -> CInt {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = Errno(rawValue: errno)
        if code != .interrupted { throw FileFailure(action, path, code) }
    }
}
