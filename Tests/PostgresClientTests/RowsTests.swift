import Platform
import PostgresClient
import TestSupport
import Testing

@Suite(.cluster, .timeLimit(.minutes(2)))
struct `Values of a result` {
    @Test(arguments: [Connection.Format.text, .binary])
    func `come back as they were bound`(format: Connection.Format) async throws {
        let connection = try await Cluster.current.connect()
        let row = try await connection.query(
            """
            SELECT \("täxt")::text AS s, \(-7)::int2 AS i2, \(-70_000)::int4 AS i4, \(Int64.min) AS i8, \(true) AS t,
                   \(false) AS f, \(UInt32.max) AS o, \(0.1) AS d, \(1.5)::float4 AS r, \([UInt8](0...255)) AS b,
                   \(Int?.none) AS n, \("name")::name AS name
            """, format: format
        ).one()
        #expect(try row["s"] == "täxt")
        #expect(try row["i2"] == -7)
        #expect(try row["i4"] == -70_000)
        #expect(try row["i8"] == Int64.min)
        #expect(try row["t"] == true)
        #expect(try row["f"] == false)
        #expect(try row["o"] == UInt32.max)
        #expect(try row["d"] == 0.1)
        #expect(try row["r"] == 1.5)
        #expect(try row["b"] == [UInt8](0...255))
        #expect(try row["n"] == Int?.none)
        #expect(try row["name"] == "name")
    }

    @Test func `arrays come back whole, also with quotes, commas, NULL and braces in them`() async throws {
        let connection = try await Cluster.current.connect()
        let hostile = ["a,b", #"q"uo\te"#, "NULL", "", "{}", " ", "名"]
        let row = try await connection.query(
            """
            SELECT \(hostile) AS texts, ARRAY['x', NULL] AS holes, \([1, 2, 3]) AS numbers, '{}'::text[] AS none,
                   '[0:1]={5,6}'::oid[] AS shifted, ARRAY[true, false] AS truths
            """
        ).one()
        #expect(try row["texts"] == hostile)
        #expect(try row["holes"] == ["x", nil])
        #expect(try row["numbers"] == [1, 2, 3])
        #expect(try row["none"] == [String]())
        #expect(try row["shifted"] == [UInt32(5), 6])
        #expect(try row["truths"] == [true, false])
    }

    @Test func `a NULL, another type and an unknown column are refused by name, without the value`() async throws {
        let connection = try await Cluster.current.connect()
        let row = try await connection.query("SELECT NULL AS nothing, 's3cret' AS text").one()
        let null = #expect(throws: PlainFailure.self) { let _: String = try row["nothing"] }
        let type = #expect(throws: PlainFailure.self) { let _: Int = try row["text"] }
        #expect(throws: PlainFailure.self) { let _: Int = try row["other"] }
        #expect(throws: PlainFailure.self) { let _: Int = try row[2] }
        #expect(null?.sentence == #"column "nothing" is NULL where a String is expected"#)
        #expect(type?.sentence == #"column "text" (type OID 25) does not hold a Int"#)
    }

    @Test func `a value can be read in place`() async throws {
        let connection = try await Cluster.current.connect()
        let row = try await connection.query("SELECT 'abc', NULL").one()
        let first = try row.withBytes(of: 0) { $0?[0] }
        #expect(first == UInt8(ascii: "a"))
        #expect(try row.withBytes(of: 1) { $0 == nil })
    }

    @Test func `rows outlive their connection`() async throws {
        let rows: Rows
        do {
            let connection = try await Cluster.current.connect()
            rows = try await connection.query("SELECT n::int, 'row ' || n AS text FROM generate_series(1, 1000) n")
            await connection.close()
        }
        let sum = try rows.map { row -> Int in try row["n"] }.reduce(0, +)
        #expect(sum == 500_500)
        #expect(try rows[999]["text"] == "row 1000")
    }
}
