import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after the keyring that fields are encrypted with.",
        subcommands: [Init.self, ListKeys.self, Rotate.self, Rewrap.self, Export.self, DestroyKey.self])

    struct Init: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make a keyring with one active key.",
            details: """
                Its keys are wrapped: for age recipients, any one of whom opens it, or for a passphrase. Who loses the keyring, or
                all that opens it, loses every value: write copies elsewhere (copies in the configuration, dbpii keys export).
                """,
            examples: [
                "dbpii keys init --recipient age1... --recipient age1...",
                "dbpii keys init --passphrase file:/etc/dbsec/passphrase", "dbpii keys init --keep-identity-here",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var wrapping: WrappingOptions

        @Flag(
            help: "Make an identity too, and keep it beside the keyring: for trying out, and for hosts that guard both."
        )
        var keepIdentityHere = false

        func validate() throws { try wrapping.check(orElse: keepIdentityHere) }

        func run(_ context: Context) async throws -> any Report {
            let file = try context.keyringFile(place)
            let identityFile = try context.identityFile(place)
            if keepIdentityHere, Files.exists(identityFile) {
                throw PlainFailure(
                    .cannotCreate, "there is an identity at \(identityFile) already", hint: "wrap for its recipient")
            }
            let identity = keepIdentityHere ? try AgeIdentity.generate() : nil
            let protection = try await wrapping.protection(context, adding: identity?.recipient)
            let keyring = Keyring.generate(at: context.now())
            return try await context.openAudit().recording(.keysInit) { note in
                if let text = identity?.text {
                    try Files.createDirectory(identityFile.removingLastComponent())
                    try Files.write(
                        text.withBytes { bytes in bytes.indices.map { bytes[$0] } } + [10], to: identityFile)
                }
                try file.create(keyring, protection)
                note.facts = keyring.facts(protection)
                note.facts["key"] = .text(keyring.active?.id.description ?? "")
                return KeyringReport(
                    keyring, "made \(file.path) with the active key \(keyring.active?.id.description ?? "")",
                    warning: keepIdentityHere
                        ? "the identity is beside it, in \(identityFile): who has this folder has the keys" : nil)
            }
        }
    }

    struct Rotate: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make a new key, pending; then, with --activate, the one that is used.",
            details: """
                A pending key decrypts and does not encrypt: applications that reload the keyring know it before the first value
                under it is written. Hand the keyring out, wait until each has it, then --activate. Old values stay readable;
                dbpii column rotate encrypts them anew.
                """,
            examples: ["dbpii keys rotate", "dbpii keys rotate --activate"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var place: KeyringOptions

        @Flag(help: "Make the pending key active, and the active one decrypt-only.")
        var activate = false

        func run(_ context: Context) async throws -> any Report {
            let file = try context.keyringFile(place)
            let secret = try await context.unlock(place)
            let now = context.now()
            return try await context.openAudit().recording(.keysRotate) { note in
                var before: Keyring?
                let keyring = try file.change(with: secret) { ring in
                    before = ring
                    return activate ? try ring.activatingPending(at: now) : try ring.addingPending(at: now)
                }
                let key = (activate ? keyring.active : keyring.pending)?.id.description ?? ""
                note.facts = keyring.facts()
                note.facts["key"] = .text(key)
                note.facts["state"] = activate ? "active" : "pending"
                if activate, let old = before?.active { note.facts["retired"] = .text(old.id.description) }
                return KeyringReport(
                    keyring,
                    activate
                        ? "\(key) is active; encrypt old values anew with dbpii column rotate"
                        : "\(key) is pending; when every application has this keyring: dbpii keys rotate --activate")
            }
        }
    }

    struct Rewrap: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Wrap the keys for other recipients, or for another passphrase.",
            details: """
                The keys stay the same, and so do all values. Who could open an old copy of the keyring still can: to shut
                somebody out, rotate, encrypt anew, and destroy the old key.
                """,
            examples: ["dbpii keys rewrap --recipient age1... --recipient age1..."])

        @OptionGroup var common: CommonOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var wrapping: WrappingOptions

        func validate() throws { try wrapping.check() }

        func run(_ context: Context) async throws -> any Report {
            let file = try context.keyringFile(place)
            let secret = try await context.unlock(place)
            let protection = try await wrapping.protection(context)
            let now = context.now()
            return try await context.openAudit().recording(.keysRewrap) { note in
                let keyring = try file.change(with: secret, protection: protection) { $0.rewrapped(at: now) }
                note.facts = keyring.facts(protection)
                return KeyringReport(keyring, "wrapped for \(protection.words)")
            }
        }
    }

    struct Export: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Write a copy of the keyring, wrapped for a custodian, to standard output.",
            details: """
                It is a keyring like the first, of the same generation: to restore a lost one, put it in its place, and open it
                with the custodian's identity. It holds nothing unwrapped.
                """,
            examples: ["dbpii keys export --recipient age1... > keyring-of-a-custodian.json"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var wrapping: WrappingOptions

        func validate() throws { try wrapping.check() }

        func run(_ context: Context) async throws -> any Report {
            let file = try context.keyringFile(place)
            let secret = try await context.unlock(place)
            let protection = try await wrapping.protection(context)
            return try await context.openAudit().recording(.keysExport) { note in
                let bytes = try file.exported(with: secret, for: protection)
                let keyring = try file.open(with: secret).keyring
                note.facts = keyring.facts(protection)
                return ExportReport(document: String(decoding: bytes.dropLast(), as: UTF8.self))
            }
        }
    }
}

/// Whom keys are wrapped for.
struct WrappingOptions: ParsableArguments, Sendable {
    @Option(
        name: .customLong("recipient"), help: "An age recipient (age1...) that opens it; may be said several times.")
    var recipients: [String] = []

    @Option(
        help: "Wrap for a passphrase instead, which file:PATH, credential:NAME, env:NAME or command:PROGRAM holds.",
        transform: unlockSource)
    var passphrase: KeyringUnlock?

    func check(orElse another: Bool = false) throws {
        guard [!recipients.isEmpty, passphrase != nil].contains(true) || another else {
            throw ValidationError(
                "say whom it is wrapped for: --recipient age1..., --passphrase SOURCE, or, with keys init on a single host, "
                    + "--keep-identity-here")
        }
        guard recipients.isEmpty || passphrase == nil, passphrase == nil || !another else {
            throw ValidationError("keys are wrapped for recipients or for a passphrase, not for both")
        }
    }

    func protection(_ context: Context, adding own: AgeRecipient? = nil) async throws -> KeyringProtection {
        if let passphrase {
            return try .passphrase(try await passphrase.load(environment: context.environment))
        }
        let named = try recipients.map { text throws(CryptographyError) in try AgeRecipient(parsing: text) }
        return .recipients(named + [own].compactMap(\.self))
    }
}

extension KeyringProtection {
    var words: String {
        recipients.map { $0.map(\.description).joined(separator: ", ") } ?? "a passphrase"
    }
}

extension Keyring {
    func facts(_ protection: KeyringProtection? = nil) -> [String: AuditFact] {
        var facts: [String: AuditFact] = ["ring": .text(ring), "generation": .number(generation)]
        if let protection { facts["wrappedFor"] = .text(protection.words) }
        return facts
    }
}

struct KeyReport: Encodable {
    let id: String
    let state: String
    let created: String
    let activated: String?
    let retired: String?
    let destroyed: String?

    init(_ entry: Keyring.Entry) {
        id = entry.id.description
        state = entry.state.rawValue
        created = entry.created.brief
        activated = entry.activated?.brief
        retired = entry.retired?.brief
        destroyed = entry.destroyed?.brief
    }
}

struct KeyringReport: Report {
    let ring: String
    let generation: Int
    let keys: [KeyReport]
    let warning: String?
    private let sentence: String

    private enum CodingKeys: String, CodingKey {
        case ring, generation, keys, warning
    }

    init(_ keyring: Keyring, _ sentence: String, warning: String? = nil) {
        ring = keyring.ring
        generation = keyring.generation
        keys = keyring.entries.map(KeyReport.init)
        self.sentence = sentence
        self.warning = warning
    }

    var text: String { [sentence, warning.map { "warning: \($0)" }].compactMap(\.self).joined(separator: "\n") }
}

private struct ExportReport: Report {
    /// The keyring's file as a text.
    let document: String

    var text: String { document }
}
