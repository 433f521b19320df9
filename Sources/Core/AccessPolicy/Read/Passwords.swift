package import Cryptography
import FoundationEssentials
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

/// A verifier as PostgreSQL stores it: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
package struct ScramVerifier {
    private let iterations: Int
    private let salt: [UInt8]
    private let storedKey: [UInt8]

    /// Nil for anything else, an md5 hash too.
    package init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return nil }
        let parameters = parts[1].split(separator: ":")
        let keys = parts[2].split(separator: ":")
        guard parameters.count == 2, keys.count == 2,
            let iterations = Int(parameters[0]), (1...10_000_000).contains(iterations),
            let salt = Data(base64Encoded: String(parameters[1])),
            let storedKey = Data(base64Encoded: String(keys[0]))
        else { return nil }
        self.iterations = iterations
        self.salt = Array(salt)
        self.storedKey = Array(storedKey)
    }

    /// Whether the verifier was made of this password (RFC 5802, section 3).
    ///
    /// For text beyond ASCII the comparison knows no SASLprep: where that changes the text the answer is no.
    package func isOf(_ password: SecretBytes) -> Bool {
        var block = HMACSHA256(key: password)
        block.update(salt.span)
        block.update([0, 0, 0, 1].span)
        var round = block.finish()
        var salted = round
        for _ in 1..<iterations {
            var next = HMACSHA256(key: password)
            next.update(round.span)
            round = next.finish()
            for index in salted.indices { salted[index] ^= round[index] }
        }
        var clientKey = HMACSHA256(key: salted.span)
        clientKey.update(Array("Client Key".utf8).span)
        let candidate = SHA256.hash(clientKey.finish()).bytes
        wipe(&salted)
        wipe(&round)
        return constantTimeEqual(candidate.span, storedKey.span)
    }
}
