import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient

struct Verify: Command {
    static let configuration = CommandConfiguration.verb(
        nil,
        "Decrypt every value of the encrypted columns: all must decrypt, none be under an old key, none plaintext.",
        details: """
            Also compares with the plaintext beside it, where that still counts, and every blind index with its value. Prints places
            as table and row address (WHERE ctid = '(3,17)'). Exits with 1 when anything is wrong.
            """,
        examples: [
            "dbpii verify -d app", "dbpii verify -d app --table users --column phone --json",
            "dbpii verify -d app --allow-old-keys",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var place: KeyringOptions

    @Option(help: "Only this table's columns.")
    var table: String?

    @Option(help: "Only this column.")
    var column: String?

    @Flag(help: "Values under decrypt-only keys are well, as while a rotation is half done.")
    var allowOldKeys = false

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let connection = try await server.connect(context)
        let catalog = ColumnCatalog(connection)
        var columns = try await catalog.columns()
        if let table {
            let path = try await ColumnFacts.path(table, on: connection)
            columns = columns.filter { $0.path == path }
        }
        if let column { columns = columns.filter { $0.column == column } }
        guard !columns.isEmpty || (table == nil && column == nil) else {
            throw PlainFailure(
                .inputMissing, "no such column is encrypted", hint: "dbpii column status lists those that are")
        }
        let database: String = try await connection.query("SELECT current_database()").one()[0]
        let target = AuditTarget(database: database, object: columns.map(\.name).joined(separator: ", "))
        return try await context.openAudit().recording(.columnVerify, target: target) { note in
            var verified: [VerifiedColumn] = []
            for column in columns {
                try await catalog.check(keyring, for: column)
                let verdict = try await ColumnVerify(connection, keyring, progress: context.progress)
                    .run(column, allowsOldKeys: allowOldKeys)
                verified.append(VerifiedColumn(column, verdict))
            }
            let report = VerifyReport(verified)
            note.facts = [
                "values": .number(verified.reduce(0) { $0 + $1.values }),
                "problems": .number(verified.reduce(0) { $0 + $1.counts.values.reduce(0, +) }),
            ]
            if report.status != .success { note.answerNo("values are not as they should be") }
            return report
        }
    }
}

struct VerifiedColumn: Encodable {
    let column: String
    let phase: String
    let values: Int
    /// Rows whose plaintext column still has a value.
    let plaintexts: Int
    /// How many values are under each key.
    let keys: [String: Int]
    /// How many of each kind of problem.
    let counts: [String: Int]
    let examples: [ColumnVerify.Problem]

    init(_ column: ColumnDeclaration, _ verdict: ColumnVerify.Verdict) {
        self.column = column.name
        phase = column.phase.rawValue
        values = verdict.values
        plaintexts = verdict.plaintexts
        keys = Dictionary(verdict.keys.map { ($0.key.description, $0.value) }) { first, _ in first }
        counts = Dictionary(verdict.counts.map { ($0.key.rawValue, $0.value) }) { first, _ in first }
        examples = verdict.examples
    }
}

struct VerifyReport: Report {
    let columns: [VerifiedColumn]

    init(_ columns: [VerifiedColumn]) {
        self.columns = columns
    }

    var status: ExitStatus { columns.allSatisfy(\.counts.isEmpty) ? .success : .negative }

    var text: String {
        guard !columns.isEmpty else { return "no column is encrypted" }
        return columns.flatMap { column -> [String] in
            let keys = column.keys.sorted { $0.key < $1.key }.map { "\($0.key) (\(Words.count($0.value)))" }
            var line = "\(column.column): \(Words.plural(column.values, "value"))"
            if !keys.isEmpty { line += ", keys \(keys.joined(separator: ", "))" }
            if column.plaintexts > 0 { line += ", \(Words.count(column.plaintexts)) still with plaintext beside them" }
            guard !column.counts.isEmpty else { return [line + ": all well"] }
            let problems = column.counts.sorted { $0.key < $1.key }.map { kind, count in
                "  \(kind): \(Words.count(count))"
            }
            return [line] + problems + column.examples.map { "    \($0.kind.rawValue) at \($0.place)" }
        }.joined(separator: "\n")
    }
}
