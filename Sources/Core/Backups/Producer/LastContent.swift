import FoundationEssentials
import Platform
import SystemPackage

/// What the producer remembers of its newest dumps, to see in the next what is missing: names and numbers, no rows.
///
/// It cannot read its own backups, so that it could not look it up there.
struct LastContent: Codable, Equatable {
    var databases: [String: Database] = [:]

    struct Database: Codable, Equatable {
        var label: String
        var bytes: Int
        /// By name, as `public.orders`.
        var rows: [String: Int]
    }

    /// What is remembered of a cluster; nil where that is nothing, or unreadable, which is the same.
    static func read(_ folder: FilePath, cluster: String) -> LastContent? {
        guard let bytes = try? Files.read(file(folder, cluster), limit: 1 << 30) else { return nil }
        return try? Document.decode(LastContent.self, from: bytes, named: "")
    }

    func write(_ folder: FilePath, cluster: String) throws {
        try Files.createDirectory(folder)
        try Files.write(try Document.encode(self), to: Self.file(folder, cluster))
    }

    /// Takes over what was dumped, and forgets what the server has no more; what could not be dumped stays as it was.
    mutating func take(_ index: IndexDocument, present: Set<String>) {
        databases = databases.filter { present.contains($0.key) }
        for database in index.databases {
            databases[database.facts.name] = Database(
                label: index.label, bytes: database.content.bytes,
                rows: Dictionary(
                    database.content.tables.map { ($0.name.description, $0.rows) }, uniquingKeysWith: { $0 + $1 }))
        }
    }

    private static func file(_ folder: FilePath, _ cluster: String) -> FilePath {
        folder.appending("\(FileName.encode(cluster)).json")
    }
}
