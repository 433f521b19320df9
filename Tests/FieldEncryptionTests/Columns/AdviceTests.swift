import FieldEncryption
import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct AdviceTests {
    @Test func `bits follow the number of different values`() {
        for (distinct, least, most) in [(1000, 5, 9), (10_000, 7, 13), (100_000, 8, 16)] {
            let advice = IndexAdvice(ValueHistogram(counts: Array(repeating: 1, count: distinct)))
            #expect(advice.sizes.first?.bits == least)
            #expect(advice.recommended?.bits == most - 1 || advice.recommended?.bits == most)
            #expect(advice.recommended?.valuesPerBucket ?? 0 >= 2)
        }
    }

    @Test func `a few values, and one that is everywhere, are warned of`() {
        let few = IndexAdvice(ValueHistogram(counts: [500, 300, 200]))
        #expect(few.recommended == nil)
        #expect(few.warnings.contains { $0.contains("only 3 different values") })
        let skewed = IndexAdvice(ValueHistogram(counts: [5000] + Array(repeating: 1, count: 5000)))
        #expect(skewed.warnings.contains { $0.contains("50 % of the rows") })
        #expect(skewed.recommended?.worstBucket ?? 0 >= 5000)
        let none = IndexAdvice(ValueHistogram(counts: []))
        #expect(none.warnings.count == 1)
    }

    @Test func `the histogram is the column's, after the transforms`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE users (id integer, email text, note text);
            INSERT INTO users SELECT n, CASE WHEN n % 2 = 0 THEN 'A' ELSE 'a' END || (n % 50) / 2 || '@x.org',
                E'tab\\t and \\n feed \\\\' FROM generate_series(1, 1000) n;
            INSERT INTO users VALUES (0, NULL, NULL);
            """)
        let connection = try await database.connect()
        func read(_ column: String, _ index: BlindIndex) async throws -> ValueHistogram {
            try await .read(["public", "users"], [column], index, on: connection)
        }
        let plain = try await read("email", BlindIndex("i"))
        #expect(plain.rows == 1000 && plain.distinct == 50 && plain.most == 20)
        let lower = try await read("email", BlindIndex("i", [.lowercase]))
        #expect(lower.distinct == 25 && lower.most == 40)
        #expect(try await read("email", BlindIndex("i", [.emailDomain])).distinct == 1)
        #expect(try await read("note", BlindIndex("i")).distinct == 1)
    }
}
