import ArgumentParser
import AuditLog
import Backups
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import SystemPackage

struct DestroyKey: Command {
    static let configuration = CommandConfiguration.verb(
        "destroy", "Destroy a key: what is encrypted with it can never be read again.",
        details: """
            Refuses while a retained backup names the key or was made while it was active, and while a column of the database has
            values under it. Copies of the keyring that others hold keep the key: they have to destroy theirs.
            """,
        examples: [
            "dbpii keys destroy 8f1c0f5e8a4b4a57 --dry-run -d app", "dbpii keys destroy 8f1c0f5e8a4b4a57 -d app",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: KeyringOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The key's id, as dbpii keys list shows it.", transform: keyID)
    var key: FieldKeyID

    @Option(help: "Where the backups are (default: repository in the section pii, or backups/ in the state folder).")
    var repository: String?

    @Flag(help: "Do not ask a database: nothing there is encrypted with the key.")
    var offline = false

    @Flag(help: "Only say what still needs the key.")
    var dryRun = false

    @Sendable private static func keyID(_ text: String) throws -> FieldKeyID {
        guard let id = FieldKeyID(text) else { throw ValidationError("a key id has 16 hexadecimal digits") }
        return id
    }

    func run(_ context: Context) async throws -> any Report {
        let file = try context.keyringFile(place)
        let secret = try await context.unlock(place)
        let before = try file.open(with: secret).keyring
        let now = context.now()
        // Whether the state allows it at all is told before anybody looks for its users.
        _ = try before.destroying(key, at: now)
        let needs = try await self.needs(context, before)
        if dryRun { return DestroyReport(key: key.description, neededBy: needs, destroyed: false) }
        return try await context.openAudit().recording(.keysDestroy) { note in
            note.facts = before.facts()
            note.facts["key"] = .text(key.description)
            guard needs.isEmpty else {
                note.answerNo("still needed: \(needs.count) places")
                return DestroyReport(key: key.description, neededBy: needs, destroyed: false)
            }
            let keyring = try file.change(with: secret) { try $0.destroying(key, at: now) }
            note.facts["generation"] = .number(keyring.generation)
            return DestroyReport(key: key.description, neededBy: [], destroyed: true)
        }
    }

    private func needs(_ context: Context, _ keyring: Keyring) async throws -> [String] {
        let place = try repository ?? context.settings.repository ?? context.state.backups.string
        let memory = SignatureMemory(context.state.path.appending("cache/signatures"))
        let repository = try await Repository.open(
            place, mirrors: context.state.path.appending("mirrors"), remembering: memory)
        guard let entry = keyring.entries.first(where: { $0.id == key }) else { return [] }
        var needs = try KeyUse.backups(in: repository, needing: entry)
        if !offline {
            let connection = try await server.connect(context)
            needs += try await ColumnCatalog(connection).columns(under: key)
            await connection.close()
        }
        return needs
    }
}

/// Which retained backups a key is needed for.
enum KeyUse {
    static func backups(in repository: Repository, needing key: Keyring.Entry) throws -> [String] {
        var needs: [String] = []
        for backup in try repository.backups() {
            let name = "backup \(backup.cluster)/\(backup.label)"
            let manifest: Manifest
            do {
                manifest = try Manifest(reading: backup.manifestBytes, named: name)
            } catch {
                needs.append("\(name), perhaps: its manifest cannot be read")
                continue
            }
            let uses = manifest.fieldKeys ?? []
            if let use = uses.first(where: { $0.keys.contains(key.id.description) }) {
                needs.append("\(name): \(use.context)")
            } else if !uses.isEmpty, wasActive(key, from: manifest.started, to: manifest.finished) {
                // What an application wrote just before may be under it, and not be noted in the catalogue yet.
                needs.append("\(name), made while the key was active: \(uses.map(\.context).joined(separator: ", "))")
            }
        }
        return needs
    }

    private static func wasActive(_ key: Keyring.Entry, from start: Timestamp, to end: Timestamp) -> Bool {
        guard let activated = key.activated else { return false }
        return activated <= end && (key.retired.map { $0 >= start } ?? true)
    }
}

private struct DestroyReport: Report {
    let key: String
    let neededBy: [String]
    let destroyed: Bool

    var status: ExitStatus { neededBy.isEmpty ? .success : .negative }

    var text: String {
        if destroyed { return "the key \(key) is destroyed; copies of the keyring elsewhere still have it" }
        guard !neededBy.isEmpty else { return "nothing that was looked at needs the key \(key)" }
        return
            (["the key \(key) is still needed by:"] + neededBy.map { "  \($0)" }
            + ["Let backups expire, and encrypt columns anew (dbpii column rotate), first."]).joined(separator: "\n")
    }
}
