import ArgumentParser
import Backups
import Console
import Platform
import SystemPackage

struct Diff: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Say which tables hold other rows in a later backup.",
        details: """
            It is told from the content indexes alone, in milliseconds. Exit code 1 if anything differs, 0 if nothing does.
            """,
        examples: ["dbbackup diff 20261123T205011Z latest", "dbbackup diff main/20261123T205011Z latest --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "The earlier backup.")
    var earlier: String

    @Argument(help: "The later backup.")
    var later: String

    @Option(help: "Only this database.")
    var database: String?

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let indexes = try await [index(earlier, context), index(later, context)]
        var databases: [DatabaseChange] = []
        let names = Set(indexes.flatMap { $0.databases.map(\.facts.name) + ($0.failed ?? []).map(\.name) })
        for name in names.sorted() where database == nil || database == name {
            let (old, new) = (indexes[0].database(name)?.content, indexes[1].database(name)?.content)
            let failed = [(indexes[0], "earlier"), (indexes[1], "later")].first { index, _ in
                index.failed?.contains { $0.name == name } == true
            }
            databases.append(
                DatabaseChange(
                    database: name, isInBoth: old != nil && new != nil,
                    whereFailed: failed?.1, isInEarlier: old != nil,
                    tables: old.flatMap { old in new.map(old.changes(to:)) } ?? [],
                    largeObjectsChanged: old != nil && new != nil && old?.largeObjects != new?.largeObjects))
        }
        if let database, databases.isEmpty {
            throw PlainFailure(
                .inputMissing, "neither backup has a database \"\(database)\"",
                hint: "they have \(names.sorted().joined(separator: ", "))")
        }
        return DiffReport(databases: databases)
    }

    private func index(_ name: String, _ context: Context) async throws -> IndexDocument {
        let repository = try await context.repository(place)
        let stored = try repository.backup(named: name)
        let authentic = try AuthenticBackup(stored, trusted: context.keys.trustedKeys())
        let contents = try BackupContents(authentic, identities: context.identities(identity))
        return try await repository.withFiles(of: authentic, [.index], progress: context.progress) {
            try await contents.index()
        }
    }
}

private struct DatabaseChange: Encodable, Sendable {
    let database: String
    let isInBoth: Bool
    /// `earlier` or `later`, where the database could not be dumped for that backup.
    let whereFailed: String?
    let isInEarlier: Bool
    let tables: [TableChange]
    let largeObjectsChanged: Bool

    /// Why there is nothing to compare.
    var absence: String {
        whereFailed.map { "could not be dumped for the \($0) backup" }
            ?? "only in the \(isInEarlier ? "earlier" : "later") backup"
    }

    var isEmpty: Bool { isInBoth && tables.isEmpty && !largeObjectsChanged }
}

private struct DiffReport: Report {
    let databases: [DatabaseChange]

    var status: ExitStatus { databases.allSatisfy(\.isEmpty) ? .success : .negative }

    var text: String {
        guard status != .success else { return "no differences" }
        var table = TextTable(["DATABASE", "TABLE", "CHANGE", "ROWS BEFORE", "ROWS AFTER"])
        for database in databases {
            for change in database.tables {
                table.append([
                    Plain.line(database.database), Plain.line(change.table), change.kind.rawValue,
                    Words.count(change.rowsBefore), Words.count(change.rowsAfter),
                ])
            }
            if database.largeObjectsChanged {
                table.append([Plain.line(database.database), "(large objects)", "changed", "", ""])
            }
            if !database.isInBoth {
                table.append([Plain.line(database.database), "", database.absence, "", ""])
            }
        }
        return table.text
    }
}
