import Glibc
package import SystemPackage

/// The process's environment, read once where a program begins.
package enum ProcessEnvironment {
    package static var variables: [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return result
    }
}

extension FilePath {
    /// The path from the root, whatever the working folder becomes; `.` and `..` are resolved by their spelling.
    package var absolute: FilePath {
        if isAbsolute { return lexicallyNormalized() }
        guard let here = getcwd(nil, 0) else { return self }
        defer { free(here) }
        return FilePath(String(cString: here)).pushing(self).lexicallyNormalized()
    }
}
