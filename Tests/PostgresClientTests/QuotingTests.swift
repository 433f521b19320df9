import Platform
import PostgresClient
import Testing

struct `Names and texts in statements` {
    @Test(arguments: [
        ("users", #""users""#), (#"a"; DROP TABLE x; --"#, #""a""; DROP TABLE x; --""#), ("Ünïcode 名", #""Ünïcode 名""#),
        (" two words ", #"" two words ""#), ("\"\u{301}", "\"\"\"\u{301}\""),
    ])
    func `a name is quoted whatever it holds`(name: String, quoted: String) throws {
        #expect(try Quoting.identifier(name) == quoted)
    }

    @Test(arguments: ["", "a\0b", String(repeating: "é", count: 32)])
    func `a name that PostgreSQL cannot hold is refused`(name: String) {
        #expect(throws: PlainFailure.self) { try Quoting.identifier(name) }
    }

    @Test(arguments: [
        ("plain", "'plain'"), ("it's", "'it''s'"), (#"back\slash'"#, #"E'back\\slash'''"#), ("", "''"),
    ])
    func `a text is quoted, in E form only when it holds a backslash`(text: String, quoted: String) throws {
        #expect(try Quoting.literal(text) == quoted)
    }

    @Test func `a value becomes a parameter`() throws {
        let sql: SQL = "SELECT \("x"), \(7), \(raw: "now()") FROM \(identifier: ["s", "t"])"
        #expect(try sql.text() == #"SELECT $1, $2, now() FROM "s"."t""#)
    }

    @Test func `parts of a statement are numbered anew when they are joined`() throws {
        let conditions: [SQL] = ["a = \(1)", "b = \("two")"]
        let sql: SQL = "SELECT \(0) WHERE \(conditions.joined(separator: " AND "))"
        #expect(try sql.text() == "SELECT $1 WHERE a = $2 AND b = $3")
    }

    @Test func `a NUL is refused in a value, a name, a text and in raw SQL`() {
        let statements: [SQL] = [
            "SELECT \("a\0b")", "SELECT \(["a\0b"])", "SELECT 1 AS \(identifier: "a\0b")", "SELECT \(literal: "a\0b")",
            "SELECT \(raw: "1\0")",
        ]
        for sql in statements {
            #expect(throws: PlainFailure.self) { try sql.text() }
        }
    }
}
