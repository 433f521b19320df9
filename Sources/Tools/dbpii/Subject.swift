import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import SystemPackage

struct Subject: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keys of single people: create, erase for good, hand out what is stored of them.",
        discussion: """
            A subject is named by the application's id for a person. Its fields are under a key of its own, which is wrapped by the
            keyring and kept in dbpii.subjects; without it they are noise everywhere. Documentation/erasure.md has the whole.
            """,
        subcommands: [
            CreateSubject.self, EraseSubject.self, ExportSubject.self, EncryptForSubject.self, ListSubjects.self,
            LinkSubjects.self, RewrapSubjects.self,
        ], helpNames: .long)
}

/// Where records about subjects point to.
func target(_ connection: Connection, _ subject: String?) async throws -> AuditTarget {
    AuditTarget(
        system: try await connection.systemIdentifier(),
        database: try await connection.query("SELECT pg_catalog.current_database()").one()[0], object: subject)
}

struct LinkSubjects: Command {
    static let configuration = CommandConfiguration.verb(
        "link", "Say which column of a table holds the id of the person that a row is about.",
        examples: [
            "dbpii subject link -d shop --table users --column id",
            "dbpii subject link -d shop --table orders --column user_id",
            "dbpii subject link -d shop --table old_orders --remove",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "The table, as public.users or users.", transform: tableName)
    var table: [String]

    @Option(help: "The column with the subject's id.")
    var column: String?

    @Flag(help: "Take the link back, as of a table that was dropped.")
    var remove = false

    func validate() throws {
        guard remove == (column == nil) else { throw ValidationError("name the --column, or --remove the link") }
    }

    func run(_ context: Context) async throws -> any Report {
        let store = SubjectStore(try await server.connect(context))
        let path = [table.count > 1 ? table[0] : "public", table.last ?? ""]
        guard let column else {
            try await store.unlink(path)
            return Said(text: "rows of \(path.joined(separator: ".")) are linked to no subject any more")
        }
        let linked = SubjectStore.Table(schema: path[0], name: path[1], column: column)
        try await store.link(linked)
        return Said(text: "rows of \(linked.schema).\(linked.name) are of the subject in \(linked.column)")
    }
}

private struct Said: Report {
    let text: String

    private enum Keys: String, CodingKey { case done }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(text, forKey: .done)
    }
}

struct CreateSubject: Command {
    static let configuration = CommandConfiguration.verb(
        "create", "Make a key for a person.",
        details: """
            With --adopt, the person's fields in linked tables, which are under the keyring's keys, are put under it. On record.
            """,
        examples: ["dbpii subject create -d shop 6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11 --adopt"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var place: KeyringOptions

    @Argument(help: "The application's id for the person.")
    var subject: String

    @Flag(help: "Put the fields that are there already under the new key.")
    var adopt = false

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let connection = try await server.connect(context)
        let store = SubjectStore(connection)
        return try await context.openAudit().recording(.subjectCreate, target: target(connection, subject)) { note in
            let key = try await store.create(subject, keyring)
            note.facts = ["key": .text(keyring.active?.id.description ?? "")]
            let count = adopt ? try await store.adopt(key, keyring) : 0
            note.facts["fields"] = .number(count)
            return Said(
                text: Plain.line("made the key \(key.id) for \(subject)")
                    + (adopt ? ", and put \(Words.plural(count, "field")) under it" : ""))
        }
    }
}

struct RewrapSubjects: Command {
    static let configuration = CommandConfiguration.verb(
        "rewrap", "Wrap all people's keys by the active key, so that an older one can be destroyed. On record.",
        examples: ["dbpii subject rewrap -d shop"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var place: KeyringOptions

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let connection = try await server.connect(context)
        return try await context.openAudit().recording(.subjectRewrap, target: target(connection, nil)) { note in
            let count = try await SubjectStore(connection).rewrap(keyring)
            note.facts = ["subjects": .number(count), "key": .text(keyring.active?.id.description ?? "")]
            return Said(text: "wrapped \(Words.plural(count, "key")) anew")
        }
    }
}

struct EncryptForSubject: Command {
    static let configuration = CommandConfiguration.verb(
        "encrypt", "Encrypt values from standard input, one a line, under a person's key.",
        examples: ["printf '0171 1234567\\n' | dbpii subject encrypt -d shop 4711 --context users.phone"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var place: KeyringOptions
    @OptionGroup var field: FieldOptions

    @Argument(help: "The application's id for the person.")
    var subject: String

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let key = try await SubjectStore(try await server.connect(context)).key(subject, keyring)
        let target = AuditTarget(object: field.context)
        return try await context.openAudit().recording(.fieldEncrypt, target: target) { note in
            let lines = try field.input()
            note.facts = ["values": .number(lines.count), "key": .text(key.id.description)]
            let binding: FieldBinding = field.row.map { .row($0) } ?? .column
            return Fields(
                values: lines.map { "\\x" + Hex.encode(key.seal(Array($0), context: field.context, binding)) })
        }
    }
}

private struct Fields: Report {
    let values: [String]
    var text: String { values.joined(separator: "\n") }
}

struct ListSubjects: Command {
    static let configuration = CommandConfiguration.verb(
        "list", "List the people that have keys, and those that are being forgotten.",
        examples: ["dbpii subject list -d shop"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    func run(_ context: Context) async throws -> any Report {
        let entries = try await SubjectStore(try await server.connect(context)).entries()
        return Listed(
            subjects: entries.map {
                Listed.Line(
                    subject: $0.subject, key: $0.id.description, state: $0.state.rawValue, created: $0.created,
                    erased: $0.erased)
            })
    }
}

private struct Listed: Report {
    struct Line: Encodable, Sendable {
        let subject: String
        let key: String
        let state: String
        let created: Timestamp
        let erased: Timestamp?
    }

    let subjects: [Line]

    var text: String {
        guard !subjects.isEmpty else { return "no subject has a key" }
        var table = TextTable(["SUBJECT", "KEY", "STATE", "CREATED"])
        for line in subjects { table.append([Plain.line(line.subject), line.key, line.state, line.created.brief]) }
        return table.text
    }
}

struct EraseSubject: Command {
    static let configuration = CommandConfiguration.verb(
        "erase", "Destroy a person's key, and say what could still bring it back, until when.",
        details: """
            Its fields are unreadable at once wherever the key is not. "erased" is said only when nothing is left that holds it:
            until then the state is "erasing", with every backup and copy by name, and its end as dbbackup's rules in the
            configuration will bring it, or why there is none; run it again to see how far it is.
            Exit code 0 when erased, 1 while erasing. Cannot be taken back. On record.
            """,
        examples: [
            "dbpii subject erase -d shop 4711 --dry-run",
            "dbpii subject erase -d shop 4711 --repository /backups --purge-wal --yes",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The application's id for the person.")
    var subject: String

    @Option(help: "Where backups are; repeatable (default: repository of the section pii, and all places of dbbackup).")
    var repository: [String] = []

    @Flag(help: "There are no backups that could hold the key.")
    var noBackups = false

    @Flag(help: "Write over the server's WAL, in which the wrapped key was written (superuser).")
    var purgeWal = false

    @Option(help: "Say that this is gone: wal, archive or standby (repeatable).")
    var cleared: [String] = []

    @Flag(help: "Only say what would be left.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    func validate() throws {
        guard cleared.allSatisfy(["wal", "archive", "standby"].contains) else {
            throw ValidationError("--cleared is wal, archive or standby")
        }
        guard !(noBackups && !repository.isEmpty) else {
            throw ValidationError("--no-backups and --repository exclude each other")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let connection = try await server.connect(context)
        let store = SubjectStore(connection)
        let entry = try await store.entry(subject)
        let about = try await target(connection, subject)
        let source = try await RetainedBackups.Source(connection)
        let backups =
            noBackups ? [] : try await RetainedBackups.read(context, repositories: repository)?.copies(of: source)
        let wal = try await store.otherWAL()
        let leftovers = try await store.leftovers(subject)
        if dryRun {
            let pretended = SubjectStore.Entry(
                subject: subject, id: entry.id, created: entry.created, erased: entry.erased ?? context.now(),
                cleared: entry.cleared + cleared + ["heap"] + (purgeWal ? ["wal"] : []), complete: nil)
            return ErasureReport(
                subject: subject, Erasure(pretended, backups: backups, wal: wal, leftovers: leftovers),
                dryRun: true)
        }
        if entry.state == .active {
            try Consent.ask(yes: yes, ["the fields of \(subject) will be unreadable for good"], context)
        }
        return try await context.openAudit().recording(.subjectErase, target: about) { note in
            if entry.state == .active { try await store.erase(subject) }
            var gone = cleared
            // Only once: another's dead row is no concern of this one's.
            var isClear = entry.cleared.contains("heap")
            if !isClear {
                isClear = try await store.clearDeadRows()
                if isClear { gone.append("heap") }
            }
            if purgeWal, isClear {
                let purge = ResiduePurge(
                    connection, ResidueSearch.Column(schema: "dbpii", table: "subjects", column: "wrapped"),
                    progress: context.progress)
                let held = try await purge.overwriteWAL().held
                if held == 0 {
                    gone.append("wal")
                } else {
                    context.warn(
                        "\(Words.plural(held, "WAL file")) could not be let go of: a replication slot, the archive or "
                            + "wal_keep_size holds them (see pg_replication_slots); run it again once they are free")
                }
            }
            try await store.note(subject, cleared: gone, isComplete: false)
            let erasure = Erasure(
                try await store.entry(subject), backups: backups, wal: wal, leftovers: leftovers)
            try await store.note(subject, cleared: [], isComplete: erasure.state == .erased)
            note.facts = ["copies": .number(erasure.copies.count)]
            if let until = erasure.until { note.facts["until"] = .text(until.brief) }
            return ErasureReport(subject: subject, erasure, dryRun: false)
        }
    }
}

private struct ErasureReport: Report {
    let subject: String
    let erasure: Erasure
    let dryRun: Bool

    init(subject: String, _ erasure: Erasure, dryRun: Bool) {
        (self.subject, self.erasure, self.dryRun) = (subject, erasure, dryRun)
    }

    var status: ExitStatus { erasure.state == .erased ? .success : .negative }

    var text: String {
        let name = Plain.line(subject)
        var lines: [String]
        if erasure.state == .erased {
            lines = [
                dryRun
                    ? "\(name) would be erased: nothing would be left that could bring its key back" : "\(name): erased"
            ]
        } else {
            let until = erasure.until.map { "until \($0.brief)" } ?? "with no date at which it ends"
            lines = ["\(name): \(dryRun ? "would be erasing" : "erasing") \(until); this could bring its key back:"]
        }
        lines += erasure.copies.map { copy in
            "  \(Plain.line(copy.what)): \(Plain.line(copy.todo))"
        }
        return lines.joined(separator: "\n")
    }

    private enum Keys: String, CodingKey {
        case subject, state, until, copies, dryRun
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(subject, forKey: .subject)
        try container.encode(erasure.state, forKey: .state)
        try container.encodeIfPresent(erasure.until, forKey: .until)
        try container.encode(erasure.copies, forKey: .copies)
        try container.encode(dryRun, forKey: .dryRun)
    }
}
