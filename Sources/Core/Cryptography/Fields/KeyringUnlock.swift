import Platform
package import SystemPackage

/// Where the secret comes from that opens a keyring: an age identity or a passphrase, as the keyring is wrapped.
package enum KeyringUnlock: Sendable, CustomStringConvertible {
    case file(FilePath)
    /// A systemd credential: a file in `$CREDENTIALS_DIRECTORY`.
    case credential(String)
    /// The name of an environment variable.
    case environment(String)
    /// A program that prints it, as a KMS's or Vault's client does.
    case command([String])
    case secret(SecretBytes)

    /// Reads `file:PATH`, `credential:NAME`, `env:NAME` or `command:PROGRAM ARGUMENT...`.
    package init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let rest = String(text[text.index(after: colon)...])
        guard !rest.isEmpty else { return nil }
        switch text[..<colon] {
        case "file": self = .file(FilePath(rest).absolute)
        case "credential" where !rest.contains("/"): self = .credential(rest)
        case "env": self = .environment(rest)
        case "command": self = .command(rest.split(separator: " ").map(String.init))
        default: return nil
        }
    }

    package var description: String {
        switch self {
        case .file(let path): "file:\(path)"
        case .credential(let name): "credential:\(name)"
        case .environment(let name): "env:\(name)"
        case .command(let words): "command:\(words.first ?? "")"
        case .secret: "<secret>"
        }
    }

    /// Fetches the secret; a line feed at its end is not part of it.
    package func load(
        environment: [String: String] = ProcessEnvironment.variables
    ) async throws -> SecretBytes {
        var bytes: [UInt8]
        switch self {
        case .secret(let secret): return secret
        case .file(let path): bytes = try Files.readSecret(path)
        case .credential(let name):
            guard let folder = environment["CREDENTIALS_DIRECTORY"] else {
                throw PlainFailure(
                    .configuration, "there is no credential \"\(name)\": CREDENTIALS_DIRECTORY is not set",
                    hint: "LoadCredential= or LoadCredentialEncrypted= in the unit sets it")
            }
            // systemd guards the folder; an access list may show as a group's right.
            bytes = try Files.read(FilePath(folder).appending(name), limit: 1 << 16)
        case .environment(let name):
            guard let value = environment[name], !value.isEmpty else {
                throw PlainFailure(.configuration, "the environment variable \(name) is not set")
            }
            bytes = Array(value.utf8)
        case .command(let words):
            guard let program = words.first else { throw PlainFailure(.configuration, "the command is empty") }
            bytes = try await Child(FilePath(program), Array(words.dropFirst())).run(limit: 1 << 16)
        }
        while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") { bytes.removeLast() }
        return SecretBytes(taking: &bytes)
    }
}
