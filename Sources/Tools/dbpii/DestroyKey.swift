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

    @Option(help: "Where backups are; repeatable (default: repository of the section pii, and all places of dbbackup).")
    var repository: [String] = []

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
        guard let entry = keyring.entries.first(where: { $0.id == key }) else { return [] }
        let backups = try await RetainedBackups.read(context, repositories: repository)
        var needs = (backups?.places ?? []).flatMap { KeyUse.backups(in: $0, needing: entry) }
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
    static func backups(in place: RetainedBackups.Place, needing key: Keyring.Entry) -> [String] {
        let backups: [RetainedBackup]
        switch place.backups {
        case .success(let found): backups = found
        case .failure(let error):
            return ["backups in \(place.name), perhaps: \(RetainedBackups.words(error))"]
        }
        return backups.filter(\.isWhole).compactMap { backup in
            guard let manifest = backup.manifest else {
                return "backup \(backup.name), perhaps: \(backup.doubt ?? "its manifest cannot be read")"
            }
            let uses = manifest.fieldKeys ?? []
            if let use = uses.first(where: { $0.keys.contains(key.id.description) }) {
                return "backup \(backup.name): \(use.context); \(backup.kept)"
            }
            // What an application wrote just before may be under it, and not be noted in the catalogue yet.
            guard !uses.isEmpty, wasActive(key, from: manifest.started, to: manifest.finished) else { return nil }
            let contexts = uses.map(\.context).joined(separator: ", ")
            return "backup \(backup.name), made while the key was active: \(contexts); \(backup.kept)"
        }
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
