import ArgumentParser
import Console
import FieldEncryption
import Platform
import PostgresClient

struct AdviseIndex: Command {
    static let configuration = CommandConfiguration.verb(
        nil,
        "Plan a blind index from the values that are there: how many bits, what searches fetch, what it would tell.",
        details: """
            Reads the plaintext column once and counts how often each value occurs, after the index's transforms. Fewer bits hide
            more, and let a search fetch more rows than it wants; the rest is decrypted and thrown away.
            """,
        examples: [
            "dbpii advise-index -d app --table users --column email --index exact:lowercase,trim",
            "dbpii advise-index -d app --table users --column city --index area:lowercase::country",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var target: ColumnOptions

    @Option(help: "The index as it is thought of, NAME:TRANSFORM,...; bits are what is asked for.")
    var index = "exact"

    func run(_ context: Context) async throws -> any Report {
        let connection = try await server.connect(context)
        let path = try await target.path(connection)
        // The bits are left out, also in front of further columns.
        let text = index.replacing("::", with: ":full:")
        let declared = try IndexDeclaration(text, of: target.column)
        _ = try await ColumnFacts.read(path, target.column, on: connection)
        let known = try await ColumnCatalog(connection).find(path, target.column)
        let others = (known?.indexes ?? []).filter { $0.name != declared.name && $0.bits < 256 }
            .reduce(0) { $0 + $1.bits }
        let histogram = try await ValueHistogram.read(
            path, [target.column] + (declared.with ?? []), declared.blindIndex, on: connection)
        return AdviceReport(
            column: "\(path.joined(separator: ".")).\(target.column)", index: declared.name,
            advice: IndexAdvice(histogram, otherBits: others))
    }
}

private struct AdviceReport: Report {
    let column: String
    let index: String
    let advice: IndexAdvice

    var text: String {
        var lines = [
            "\(column): \(Words.plural(advice.rows, "value")), \(Words.count(advice.distinct)) different, the most frequent "
                + "\(Words.plural(advice.mostFrequent, "time"))"
        ]
        var table = TextTable(["BITS", "VALUES EACH", "ROWS FETCHED", "LARGEST BUCKET", ""])
        for size in advice.sizes + [advice.full] {
            table.append([
                size.bits == 256 ? "full" : "\(size.bits)", Self.tenths(size.valuesPerBucket),
                Self.tenths(size.expectedRows), Words.count(size.worstBucket),
                size == advice.recommended ? "<- recommended: --index \(index):...:\(size.bits)" : "",
            ])
        }
        lines.append(table.text)
        lines += advice.warnings.map { "warning: \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func tenths(_ number: Double) -> String {
        let tenths = Int((number * 10).rounded())
        return "\(Words.count(tenths / 10)).\(tenths % 10)"
    }
}
