import ArgumentParser
import Console
import FieldEncryption
import Platform
import PostgresClient

extension Column {
    struct Status: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Say how far each column has come, what its job is doing, and what to do next.",
            examples: ["dbpii column status -d app", "dbpii column status -d app --json"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Option(help: "Only this table's columns.")
        var table: String?

        @Option(help: "Only this column.")
        var column: String?

        func run(_ context: Context) async throws -> any Report {
            let connection = try await server.connect(context)
            var columns = try await ColumnCatalog(connection).columns()
            if let table {
                let path = try await ColumnFacts.path(table, on: connection)
                columns = columns.filter { $0.path == path }
            }
            if let column { columns = columns.filter { $0.column == column } }
            return StatusReport(columns: try await columns.asyncMap { try await ColumnState.read($0, on: connection) })
        }
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}

private struct StatusReport: Report {
    let columns: [ColumnState]

    var text: String {
        guard !columns.isEmpty else { return "no column is being encrypted" }
        var table = TextTable(["COLUMN", "PHASE", "VALUES", "PLAINTEXT ONLY", "KEYS", "JOB"])
        for column in columns {
            table.append([
                column.column, column.phase, Words.count(column.encrypted), Words.count(column.left),
                column.keys.joined(separator: ","), column.jobs.map(Self.words).joined(separator: "; "),
            ])
        }
        return ([table.text] + columns.map { "\($0.column): next: \($0.next)" }).joined(separator: "\n")
    }

    private static func words(_ job: ColumnState.Job) -> String {
        if job.isFinished { return "\(job.name) done" }
        var text = "\(job.name): \(Words.count(job.rows)) of \(Words.count(job.expected))"
        if job.rowsPerSecond > 0 {
            text += ", \(Words.count(job.rowsPerSecond)) rows/s"
            if job.expected > job.rows {
                text += ", \(Words.duration(Double(job.expected - job.rows) / Double(job.rowsPerSecond))) left"
            }
        }
        return text + (job.isRunning ? "" : ", stopped")
    }
}
