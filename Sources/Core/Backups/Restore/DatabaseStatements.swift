import Platform
import PostgresClient

/// The SQL that makes a database as its dump recorded it, under any name.
///
/// `pg_restore -C` can only make it under its old name, and without `-C` it drops privileges, settings and comment without a
/// word; so the entries of the table of contents that are about the database itself are replayed here.
struct DatabaseStatements {
    /// `CREATE DATABASE`, with the recorded encoding, locale and provider.
    let create: String
    /// What `ALTER DATABASE ... SET`, `ALTER ROLE ... IN DATABASE ... SET` and their like recorded, to run before the content:
    /// column defaults and constraints may need the settings.
    let properties: [String]
    /// Comment and security labels.
    let remarks: [String]
    let privileges: [String]
    let owner: String
    let originalName: String

    /// - Parameter withTablespace: keeps the recorded tablespace; otherwise the database goes where the server puts it.
    init(_ toc: ArchiveTOC, name: String, withTablespace: Bool) throws {
        guard let database = toc.first("DATABASE") else {
            throw PlainFailure(.malformed, "the archive does not say how its database was made")
        }
        let quoted = try Quoting.identifier(name)
        let original = database.tag
        func renamed(_ entry: ArchiveTOC.Entry) throws -> [String] {
            try SQLTokens(entry.definition).statements.map {
                try Self.renamed($0, from: original, to: quoted)
            }
        }
        let own = toc.entries.filter { Self.isAbout($0, original) }
        let statements = try renamed(database)
        guard let create = statements.first else { throw PlainFailure.archive("it makes no database") }
        self.create = withTablespace ? create : SQLTokens(create).withoutTablespace
        properties = try own.filter { $0.kind == "DATABASE PROPERTIES" }.flatMap(renamed)
        remarks = try own.filter { ["COMMENT", "SECURITY LABEL"].contains($0.kind) }.flatMap(renamed)
        privileges = try own.filter { $0.kind == "ACL" }.flatMap(renamed)
        owner = database.owner
        originalName = original
    }

    private static func isAbout(_ entry: ArchiveTOC.Entry, _ database: String) -> Bool {
        entry.kind == "DATABASE PROPERTIES" || (entry.tag == "DATABASE \(database)" && entry.namespace == nil)
    }

    /// The name that follows the keyword DATABASE, replaced; a keyword is in capitals and never a quoted name in pg_dump's text.
    private static func renamed(
        _ statement: [SQLTokens.Token], from original: String, to quoted: String
    ) throws -> String {
        guard let place = statement.index(after: "DATABASE"), statement[place].name == original else {
            throw PlainFailure(.malformed, "a statement about the database \"\(original)\" does not name it")
        }
        return (statement[..<place] + [SQLTokens.Token(kind: .quotedName, text: quoted)] + statement[(place + 1)...])
            .map(\.text).joined()
    }
}
