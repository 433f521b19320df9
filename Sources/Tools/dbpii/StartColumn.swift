import ArgumentParser
import AuditLog
import Console
import FieldEncryption
import Platform
import PostgresClient

extension Column {
    struct Start: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Give a column a twin for its ciphertext, after finding what depends on it.",
            details: """
                The twin is a bytea column; triggers clear it when the plaintext is changed without it, and count such writes. An
                index is NAME:TRANSFORM,...:BITS, with the transforms nfc, lowercase, trim, digits, last4, email-domain and
                phone+COUNTRY; BITS is a number (dbpii advise-index plans it) or full. A further :COLUMN,... makes it compound.

                The context is the column's name for good, and does not change when table or column are renamed. With --row-column
                values are bound to their rows: by a uuid that the application makes and never changes.
                """,
            examples: [
                "dbpii column start -d app --table users --column phone --dry-run",
                "dbpii column start -d app --table users --column phone --index exact:phone+49:16",
                "dbpii column start -d app --table users --column email --unique-index login:nfc,lowercase,trim",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var place: KeyringOptions
        @OptionGroup var target: ColumnOptions

        @Option(help: "The twin's name (default: the column's with _enc).")
        var twin: String?

        @Option(help: "The column's stable name (default: table.column).")
        var context: String?

        @Option(help: "Bind values to rows by this uuid column.")
        var rowColumn: String?

        @Option(help: "Pad values to a multiple of so many bytes.")
        var padding = 16

        @Option(name: .customLong("index"), help: "A blind index; may be said several times.")
        var indexes: [String] = []

        @Option(name: .customLong("unique-index"), help: "A blind index of full length that is unique.")
        var uniqueIndexes: [String] = []

        @Flag(help: "Take over a twin that is there already, perhaps with some values.")
        var adopt = false

        @Flag(help: "Only say what would be done, and what depends on the column.")
        var dryRun = false

        func validate() throws {
            guard (1...4096).contains(padding) else { throw ValidationError("padding is from 1 to 4096 bytes") }
        }

        func run(_ context: Context) async throws -> any Report {
            let keyring = try await context.openKeyring(place)
            let connection = try await server.connect(context)
            let declared =
                try indexes.map { try IndexDeclaration($0, of: target.column) }
                + uniqueIndexes.map { try IndexDeclaration($0, of: target.column, isUnique: true) }
            let start = ColumnStart(connection, keyring)
            let plan = try await start.plan(
                ColumnStart.Request(
                    path: try await target.path(connection), column: target.column, twin: twin, context: self.context,
                    rowColumn: rowColumn, padding: padding, indexes: declared, adopts: adopt))
            if dryRun { return try StartReport(plan, statements: plan.statements(), dryRun: true) }
            let about = try await context.target(plan.declaration, connection)
            return try await context.openAudit().recording(.columnStart, target: about) { note in
                let declaration = try await start.run(plan)
                note.facts = ["context": .text(declaration.context), "twin": .text(declaration.twin)]
                return try StartReport(plan, statements: [], dryRun: false)
            }
        }
    }
}

private struct StartReport: Report {
    let column: String
    let context: String
    let twin: String
    let indexes: [IndexDeclaration]
    let rows: Int
    let dependencies: [Dependency]
    let statements: [String]
    let dryRun: Bool

    init(_ plan: ColumnStart.Plan, statements: [String], dryRun: Bool) throws {
        column = plan.declaration.name
        context = plan.declaration.context
        twin = plan.declaration.twin
        indexes = plan.declaration.indexes
        rows = plan.rows
        dependencies = plan.dependencies
        self.statements = statements
        self.dryRun = dryRun
    }

    var text: String {
        var lines: [String] = []
        if dryRun {
            lines.append("would start \(column), context \(context), twin \(twin): \(Words.plural(rows, "value"))")
            lines += statements.map { "  \($0.split(whereSeparator: \.isNewline).joined(separator: " "));" }
        } else {
            lines.append(
                "started \(column), context \(context), twin \(twin): \(Words.plural(rows, "value")) to encrypt")
        }
        if !dependencies.isEmpty {
            lines.append("what depends on the column:")
            lines += dependencies.map { "  \($0.text)" }
        }
        if !dryRun { lines.append("next: dbpii column backfill; and an application that writes both") }
        return lines.joined(separator: "\n")
    }
}
