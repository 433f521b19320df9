import FoundationEssentials
import Platform
import SystemPackage
import Testing

@testable import FieldEncryption

@Suite struct `Judging columns` {
    private func judge(_ column: String, _ values: [String], type: String = "text", table: String = "t")
        -> ColumnFinding?
    {
        ColumnJudge().judge(ColumnSample(schema: "public", table: table, column: column, type: type, values: values))
            .flatMap { $0.confidence >= 0.5 ? $0 : nil }
    }

    @Test func `a name alone is enough to ask, where there are no values`() {
        #expect(judge("email", [])?.kind == .email)
        #expect(judge("email", [])?.evidence == [])
    }

    @Test func `values of another kind beat the name`() {
        #expect(judge("email", (0..<40).map { "\($0 % 2)" }) == nil)
        #expect(judge("phone", (0..<40).map { "room \($0)" }) == nil)
    }

    @Test func `a list of choices is no list of people`() {
        let values = (0..<200).map { ["FULL_TIME", "PART_TIME", "INTERN"][$0 % 3] }
        #expect(judge("employee_name", values, table: "employees") == nil)
        #expect(judge("employment", values) == nil)
    }

    @Test func `random numbers are no card numbers, though a tenth of them passes`() {
        let values = (0..<300).map { String(4_000_000_000_000_000 + $0 * 977_777_777_773) }
        #expect(judge("reference", values) == nil)
        #expect(judge("customer", values) == nil)
    }

    @Test func `ids and salaries are no personal numbers`() {
        #expect(judge("id", (0..<300).map { String(100_000_000 + $0) }, type: "int8") == nil)
        #expect(judge("salary", (0..<300).map { String(30_000 + $0 * 117) }, type: "int4") == nil)
        #expect(judge("key", (0..<50).map { "b8a1c6e2-0f1d-4d7a-9c55-0000000000\(10 + $0)" }, type: "uuid") == nil)
    }

    @Test func `a date of birth is told from a date of something else`() {
        let births = (0..<100).map { "\(1940 + $0 % 60)-0\(1 + $0 % 9)-15" }
        let orders = (0..<100).map { "\(2022 + $0 % 4)-0\(1 + $0 % 9)-15" }
        #expect(judge("date_of_birth", births, type: "date")?.kind == .birthDate)
        #expect(judge("ordered_on", orders, type: "date") == nil)
    }

    @Test func `no value stands in a finding`() throws {
        let finding = try #require(judge("x", (0..<30).map { "person\($0)@example.com" }))
        #expect(finding.kind == .email)
        #expect(!finding.evidence.joined().contains("person"))
        #expect(finding.evidence.first == "xxxxxx9@xxxxxxx.xxx" || finding.evidence.first == "xxxxxx99@xxxxxxx.xxx")
    }

    private struct Line: Decodable {
        let table: String
        let column: String
        let type: String
        let label: String?
        let labels: [String: String]?
        let values: [String?]
    }

    /// `scripts/measure-discovery` prints the numbers for each kind.
    @Test func `the corpus is judged with precision and recall`() throws {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let file = try Files.read(root.appending("Fixtures/pii-corpus/corpus.jsonl"))
        var (right, said, there) = (0, 0, 0)
        for line in file.split(separator: 0x0A) {
            let column = try JSONDecoder().decode(Line.self, from: Data(line))
            let values = column.values.compactMap(\.self)
            let parts: [(path: [String], values: [String], label: String)] =
                column.labels.map { labels in
                    JSONLeaves.collect(values).map {
                        ($0.path, $0.values, labels[$0.path.joined(separator: ".")] ?? "none")
                    }
                } ?? [([], values, column.label ?? "none")]
            for part in parts {
                let sample = ColumnSample(
                    schema: "public", table: column.table, column: column.column, path: part.path, type: column.type,
                    values: part.values)
                let kind =
                    ColumnJudge().judge(sample).flatMap { $0.confidence >= 0.5 ? $0.kind.rawValue : nil } ?? "none"
                if kind != "none" { said += 1 }
                if part.label != "none" { there += 1 }
                if kind != "none", kind == part.label { right += 1 }
            }
        }
        #expect(there > 90)
        #expect(Double(right) / Double(said) >= 0.95)
        #expect(Double(right) / Double(there) >= 0.92)
    }
}
