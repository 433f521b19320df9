import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient

struct Column: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Encrypt the values of a live column, together with the application.",
        discussion: """
            start makes a twin column; backfill encrypts into it while the application runs; gate watches until the application \
            writes both; finish lets the twin count, and drops the plaintext when told to. revert leads back from every phase.
            """,
        subcommands: [
            Start.self, Backfill.self, Gate.self, Finish.self, Rotate.self, Reindex.self, Revert.self, Status.self,
        ])
}

/// Which column of which table.
struct ColumnOptions: ParsableArguments, Sendable {
    @Option(help: "The table, as schema.table; without a schema it is public.")
    var table: String

    @Option(help: "The plaintext column.")
    var column: String

    func path(_ connection: Connection) async throws -> [String] {
        try await ColumnFacts.path(table, on: connection)
    }

    func declaration(_ connection: Connection) async throws -> ColumnDeclaration {
        try await ColumnCatalog(connection).column(try await path(connection), column)
    }
}

/// How a job behaves among others.
struct PaceOptions: ParsableArguments, Sendable {
    @Option(help: "How long one batch may take, in milliseconds: shorter is gentler.")
    var batchTime = 300

    @Option(
        help:
            "Wait while a standby is further behind than so many megabytes (default: maxLag in the section pii, or 64)."
    )
    var maxLag: Int?

    @Option(help: "Stop after about so many rows; the next run goes on there.")
    var limit: Int?

    func validate() throws {
        guard (1...60_000).contains(batchTime) else { throw ValidationError("a batch takes 1 to 60000 milliseconds") }
        guard maxLag ?? 1 > 0, limit ?? 1 > 0 else { throw ValidationError("a limit is at least 1") }
    }

    func job(_ context: Context) throws -> JobOptions {
        var options = JobOptions()
        options.batchTime = .milliseconds(batchTime)
        options.maxLag = try (maxLag ?? context.settings.maxLag).map { $0 << 20 } ?? options.maxLag
        options.limit = limit
        if !context.isQuiet { options.notice = { context.warn($0) } }
        return options
    }
}

extension Context {
    /// Opens the server and the keyring, and finds the column; the keyring must be the column's, and not an old copy.
    func column(
        _ options: ColumnOptions, _ server: ServerOptions, _ place: KeyringOptions
    ) async throws -> (connection: Connection, keyring: Keyring, declaration: ColumnDeclaration) {
        let keyring = try await openKeyring(place)
        let connection = try await server.connect(self)
        let declaration = try await options.declaration(connection)
        try await ColumnCatalog(connection).check(keyring, for: declaration)
        return (connection, keyring, declaration)
    }

    func target(_ declaration: ColumnDeclaration, _ connection: Connection) async throws -> AuditTarget {
        let database: String = try await connection.query("SELECT current_database()").one()[0]
        return AuditTarget(database: database, object: declaration.name)
    }
}

/// What a job did, or would do.
struct JobReport: Report {
    let column: String
    let phase: String
    let job: String
    let dryRun: Bool
    let result: JobResult
    let next: String?

    var status: ExitStatus { result.left == 0 || dryRun ? .success : .negative }

    var text: String {
        if dryRun { return "\(column): \(Words.plural(result.left, "row")) to \(job)" }
        var parts = ["\(column): \(Words.plural(result.rows, "row")) in \(Words.duration(result.seconds))"]
        if result.seconds > 0, result.rows > 0 {
            parts.append("\(Words.count(Int(Double(result.rows) / result.seconds))) rows/s")
        }
        if result.standbySeconds > 0 { parts.append("\(Words.duration(result.standbySeconds)) waiting for a standby") }
        parts.append("\(Words.count(result.left)) left")
        return ([parts.joined(separator: ", ")] + [next].compactMap(\.self)).joined(separator: "\n")
    }
}

extension AuditNote {
    mutating func tell(_ result: JobResult, _ declaration: ColumnDeclaration, key: FieldKeyID?) {
        facts["context"] = .text(declaration.context)
        facts["rows"] = .number(result.rows)
        facts["left"] = .number(result.left)
        if let key { facts["key"] = .text(key.description) }
        if result.left > 0 { answerNo("\(result.left) rows are left") }
    }
}
