import Cryptography
import Platform
package import SystemPackage

/// A policy together with its text, so that a mistake found later still names its line.
package struct PolicyFile: Sendable {
    package private(set) var policy: Policy
    /// SHA-256 of its text, in hexadecimal.
    package let sha256: String
    private let source: CommentedJSON

    /// Reads and checks a policy as far as that is possible without a server.
    ///
    /// - Throws: `DocumentFailure` (65) naming line and path; `FileFailure` when there is no such file.
    package static func load(_ path: FilePath) throws -> PolicyFile {
        try PolicyFile(bytes: try Files.read(path, limit: 64 << 20), named: "policy \(path)")
    }

    package init(bytes: [UInt8], named name: String) throws {
        source = try CommentedJSON(bytes, named: name)
        policy = try source.decode(Policy.self)
        sha256 = SHA256.hash(bytes).hex
        do {
            try DocumentCheck(policy).run()
        } catch {
            throw located(error)
        }
    }

    /// The same, of whose tests nothing but `proved` passes, whatever is written.
    package var strict: PolicyFile {
        var file = self
        file.policy.strict = true
        return file
    }

    /// A problem of the policy with its line in this document; any other error as it is.
    package func located(_ error: any Error) -> any Error {
        guard let problem = error as? PolicyProblem else { return error }
        return source.failure(at: problem.path, problem.problem)
    }
}
