package import Cryptography
import Platform
import SystemPackage

/// The passwords that a policy refers to, fetched from where it says they are.
package struct GivenPasswords: Sendable {
    package private(set) var secrets: [String: SecretBytes] = [:]
    /// Roles whose password could not be had, and why.
    package private(set) var missing: [String: String] = [:]

    package init() {}

    /// Fetches every password; what cannot be had is remembered and not thrown, since a plan needs none.
    package static func fetch(_ policy: Policy, environment: [String: String]) async throws -> GivenPasswords {
        var passwords = GivenPasswords()
        for role in policy.roles {
            guard let source = role.password else { continue }
            do {
                var bytes = try await fetch(source, environment: environment)
                // The line feed that ends a file or a command's output is not part of it.
                if bytes.last == UInt8(ascii: "\n"), !source.isVerbatim { bytes.removeLast() }
                guard !bytes.isEmpty else { throw PlainFailure(.configuration, "the password is empty") }
                passwords.secrets[role.name] = SecretBytes(taking: &bytes)
            } catch let failure as any Failure {
                passwords.missing[role.name] = failure.sentence
            }
        }
        return passwords
    }

    /// - Throws: with status 78 when one is missing.
    package func requireAll() throws {
        guard let (role, reason) = missing.min(by: { $0.key < $1.key }) else { return }
        throw PlainFailure(.configuration, "the password of role \"\(role)\" cannot be had: \(reason)")
    }

    private static func fetch(_ source: PasswordSource, environment: [String: String]) async throws -> [UInt8] {
        switch source {
        case .environment(let name):
            guard let value = environment[name] else {
                throw PlainFailure(.configuration, "the environment variable \(name) is not set")
            }
            return Array(value.utf8)
        case .file(let path):
            return try Files.readSecret(FilePath(path))
        case .command(let words):
            return try await Child(FilePath(words[0]), Array(words.dropFirst())).run(limit: 1 << 16)
        }
    }
}

extension PasswordSource {
    fileprivate var isVerbatim: Bool {
        if case .environment = self { true } else { false }
    }
}
