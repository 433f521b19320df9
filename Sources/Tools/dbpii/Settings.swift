import ArgumentParser
import Console
import Cryptography
import FieldEncryption
import Platform
import SystemPackage

/// The section `pii` of the configuration file; a flag beats it.
struct Settings: Decodable, Sendable {
    var keyring: String?
    /// Copies of the keyring, on other disks: every change is written to them, and they must agree.
    var copies: [String] = []
    /// What opens the keyring: `file:PATH`, `credential:NAME`, `env:NAME` or `command:PROGRAM ARGUMENT...`.
    var unlock: KeyringUnlock?
    /// Where backups are that may need a key.
    var repository: String?
    /// How far a standby may fall behind, in megabytes, before a column job waits for it.
    var maxLag: Int?

    private enum Keys: String, CodingKey, CaseIterable {
        case keyring, copies, unlock, repository, maxLag
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        keyring = try container.decodeIfPresent(String.self, forKey: .keyring)
        copies = try container.decodeIfPresent([String].self, forKey: .copies) ?? []
        if let text = try container.decodeIfPresent(String.self, forKey: .unlock) {
            guard let source = KeyringUnlock(text) else {
                throw Rejected(
                    "unlock is file:PATH, credential:NAME, env:NAME or command:PROGRAM ARGUMENT...",
                    at: container.codingPath + [Keys.unlock])
            }
            unlock = source
        }
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        maxLag = try container.decodeIfPresent(Int.self, forKey: .maxLag)
    }
}

/// Which keyring, and what opens it.
struct KeyringOptions: ParsableArguments, Sendable {
    @Option(help: "The keyring (default: keyring.json among the keys of the state folder).", completion: .file())
    var keyring: FilePath?

    @Option(
        help: """
            What opens it: file:PATH, credential:NAME, env:NAME or command:PROGRAM, with an age identity or a passphrase in it \
            (default: DBPII_UNLOCK, or keyring-identity.txt beside the keyring).
            """,
        transform: unlockSource)
    var unlock: KeyringUnlock?
}

@Sendable func unlockSource(_ text: String) throws -> KeyringUnlock {
    guard let source = KeyringUnlock(text) else {
        throw ValidationError("\"\(text)\" is not file:PATH, credential:NAME, env:NAME or command:PROGRAM ARGUMENT...")
    }
    return source
}

extension Context {
    var settings: Settings {
        get throws { try configuration.section("pii", as: Settings.self) ?? Settings() }
    }

    func keyringFile(_ options: KeyringOptions) throws -> KeyringFile {
        let settings = try settings
        let path = options.keyring ?? settings.keyring.map { FilePath($0) } ?? state.keys.appending("keyring.json")
        return KeyringFile(path.absolute, copies: settings.copies.map { FilePath($0).absolute })
    }

    /// What opens the keyring, fetched now.
    func unlock(_ options: KeyringOptions) async throws -> SecretBytes {
        for warning in prepareForSecrets() where !isQuiet { warn("\(warning.sentence) (\(warning.hint))") }
        return try await unlockSource(options).load(environment: environment)
    }

    private func unlockSource(_ options: KeyringOptions) throws -> KeyringUnlock {
        if let named = options.unlock { return named }
        if let text = environment["DBPII_UNLOCK"], !text.isEmpty {
            guard let source = KeyringUnlock(text) else {
                throw PlainFailure(
                    .configuration, "DBPII_UNLOCK does not say what opens the keyring",
                    hint: "write file:PATH, credential:NAME, env:NAME or command:PROGRAM ARGUMENT...")
            }
            return source
        }
        if let configured = try settings.unlock { return configured }
        let identity = try identityFile(options)
        guard Files.exists(identity) else {
            throw PlainFailure(
                .configuration, "nothing is said that opens the keyring",
                hint: "--unlock file:PATH, DBPII_UNLOCK, or \"unlock\" in the section pii of the configuration")
        }
        return .file(identity)
    }

    /// The identity of a keyring that is opened on this very host.
    func identityFile(_ options: KeyringOptions) throws -> FilePath {
        try keyringFile(options).path.removingLastComponent().appending("keyring-identity.txt")
    }

    func openKeyring(_ options: KeyringOptions) async throws -> Keyring {
        let file = try keyringFile(options)
        try file.check()
        return try file.open(with: await unlock(options)).keyring
    }
}
