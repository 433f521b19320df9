import AuditLog
import Platform
import Testing

/// Lines as servers and services write them; the real servers' own are read in `IngestServerTests`.
@Suite struct ServerLogParserTests {
    private func lines(_ text: String, offset: Int? = nil) throws -> [ServerLogLine?] {
        let bytes = Array(text.utf8)
        let found = ServerLogParser(beginning: bytes.span, offset: offset)
        let parser = try #require(found)
        var lines: [ServerLogLine?] = []
        _ = try parser.parse(bytes.span) { lines.append($0) }
        return lines
    }

    private let csv = #"""
        2026-11-26 17:15:46.147 UTC,"ann","shop",27622,"10.0.0.7:51234",6b086942.6be6,3,"SELECT",2026-11-26 17:15:40 UTC,3/9,0,ERROR,42501,"permission denied for table ""t""",,,,,,"SELECT *
        FROM t;",,,"psql","client backend",,0

        """#

    @Test func `csvlog: quotes, line feeds and all`() throws {
        let line = try #require(try lines(csv)[0])
        #expect(line.kind == .csvlog && line.user == "ann" && line.database == "shop" && line.address == "10.0.0.7")
        #expect(
            line.session == "6b086942.6be6" && line.number == 3 && line.severity == "ERROR" && line.sqlstate == "42501")
        #expect(line.message == "permission denied for table \"t\"" && line.statement == "SELECT *\nFROM t;")
        #expect(line.time == Timestamp("2026-11-26T17:15:46.147Z") && line.application == "psql")
    }

    @Test func `a record that is being written is left for the next time`() throws {
        let whole = csv + csv
        let bytes = Array(whole.utf8)
        let found = ServerLogParser(beginning: bytes.span)
        let parser = try #require(found)
        for cut in [1, 30, 200] {
            var count = 0
            let taken = try parser.parse(bytes.span.extracting(0..<bytes.count - cut)) { _ in count += 1 }
            #expect(taken == csv.utf8.count && count == 1)
        }
    }

    @Test func `what a crash cut off costs one record and not those after it`() throws {
        let torn = csv + "2026-11-26 17:15:47.000 UTC,\"ann\",\"sh\n" + csv + csv
        let found = try lines(torn)
        #expect(found.filter { $0 == nil }.count >= 1)
        #expect(found.compactMap { $0 }.count >= 2)
    }

    @Test func `pgaudit's part of a message is taken apart`() throws {
        let text = #"""
            {"timestamp":"2026-11-26 17:15:46.133 UTC","user":"ann","dbname":"shop","pid":1,"session_id":"a.b","line_num":7,"error_severity":"LOG","message":"AUDIT: SESSION,5,1,READ,SELECT,TABLE,public.t,\"SELECT a, b FROM t WHERE n = 'x,\"\"y'\",<none>","application_name":"psql","backend_type":"client backend","query_id":0}

            """#
        let line = try #require(try lines(text)[0])
        #expect(line.kind == .jsonlog && line.number == 7)
        #expect(line.audit?.statementClass == "READ" && line.audit?.objectName == "public.t")
        #expect(line.audit?.statement == "SELECT a, b FROM t WHERE n = 'x,\"y'")
    }

    @Test func `pgauditlogtofile in CSV and in JSON`() throws {
        let csv = #"""
            2026-11-26 17:15:46.142 UTC,postgres,shop,27622,[local],6b086942.6be6,3,CREATE TABLE,2026-11-26 17:15:46 UTC,3/4,726,00000,SESSION,3,1,DDL,CREATE TABLE,TABLE,public.t,"CREATE TABLE t(id int, note text);",<none>,,,,,,,,,psql

            """#
        let first = try #require(try lines(csv)[0])
        #expect(first.kind == .pgaudit && first.audit?.command == "CREATE TABLE" && first.application == "psql")
        #expect(first.audit?.statement == "CREATE TABLE t(id int, note text);")
        let json = #"""
            {"log.source":"pgauditlogtofile","severity":"audit","timestamp":"2026-11-26T17:15:46.142000123Z","db.user":"postgres","db.name":"shop","custom.process_id":"27622","net.peer.name":"10.0.0.7","custom.session_id":"6b086942.6be6","custom.state_code":"00000","custom.audit_type":"SESSION","custom.statement_id":"3","custom.class":"DDL","custom.command":"CREATE TABLE","custom.object_type":"TABLE","custom.object_name":"public.t","content":"\"CREATE TABLE t(id int, note text);\",<none>","custom.application_name":"psql"}

            """#
        let second = try #require(try lines(json)[0])
        #expect(second.audit == first.audit && second.user == "postgres" && second.address == "10.0.0.7")
    }

    @Test func `CloudNativePG's and Azure's wrapping comes off`() throws {
        let cnpg = #"""
            {"level":"info","ts":"2026-11-26T17:15:46Z","logger":"pgaudit","msg":"record","record":{"log_time":"2026-11-26 17:15:46.147 UTC","user_name":"ann","database_name":"shop","process_id":"11","connection_from":"[local]","session_id":"6b086942.6be6","session_line_num":"5","command_tag":"SELECT","session_start_time":"2026-11-26 17:15:40 UTC","error_severity":"LOG","sql_state_code":"00000","backend_type":"client backend","audit":{"audit_type":"SESSION","statement_id":"1","substatement_id":"1","class":"READ","command":"SELECT","statement":"SELECT 1","parameter":"<none>"}}}
            {"level":"info","ts":"2026-11-26T17:15:46Z","msg":"a line of its own"}

            """#
        let found = try lines(cnpg)
        #expect(found[0]?.audit?.command == "SELECT" && found[0]?.user == "ann" && found[0]?.number == 5)
        #expect(found.count == 1)
        let azure = #"""
            {"category":"PostgreSQLLogs","time":"2026-11-26T17:15:46Z","properties":{"timestamp":"2026-11-26 17:15:46.147 UTC","processId":11,"errorLevel":"LOG","sqlerrcode":"00000","message":"2026-11-26 17:15:46 UTC-6b086942.6be6-LOG:  AUDIT: SESSION,1,1,ROLE,CREATE ROLE,,,CREATE ROLE ann,<none>"}}

            """#
        let line = try #require(try lines(azure)[0])
        #expect(line.audit?.command == "CREATE ROLE" && line.session == "6b086942.6be6")
    }

    @Test func `bytes that are no UTF-8 are taken as far as they are`() throws {
        var bytes = Array(csv.utf8)
        let place = try #require(bytes.firstIndex(of: UInt8(ascii: "*")))
        bytes[place] = 0xFF
        let found = ServerLogParser(beginning: bytes.span)
        let parser = try #require(found)
        var statements: [String?] = []
        _ = try parser.parse(bytes.span) { statements.append($0?.statement) }
        #expect(statements == ["SELECT \u{FFFD}\nFROM t;"])
    }

    @Test func `times with offsets and known zones are UTC's; unknown ones need a word`() throws {
        let moved = { (zone: String) -> String in csv.replacing("46.147 UTC", with: "46.147 \(zone)") }
        #expect(try lines(moved("+02"))[0]?.time == Timestamp("2026-11-26T15:15:46.147Z"))
        #expect(try lines(moved("CET"))[0]?.time == Timestamp("2026-11-26T16:15:46.147Z"))
        #expect(try lines(moved("IST"))[0] == nil)
        #expect(try lines(moved("IST"), offset: 19800)[0]?.time == Timestamp("2026-11-26T11:45:46.147Z"))
    }

    @Test func `nothing that is no log is taken for one, and nothing makes it fail`() throws {
        for text in ["", "hello\nworld\n", "a,b,c\n", "2026-11-26 17:15:46.147 UTC [1] LOG:  x\n", "\u{0}\u{1}\n"] {
            let bytes = Array(text.utf8)
            let parser = ServerLogParser(beginning: bytes.span)
            #expect(parser == nil)
        }
        for text in [
            "{}\n", "{\"a\":{\"b\":[1,2]}}\n", "{\"timestamp\":1}\n", "{{{{\n", "{\"record.message\":\"\"}\n",
            "{\"a\":\"\\ud800\"}\n",
        ] {
            #expect(try lines(text).allSatisfy { $0 == nil }, "\(text)")
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var bytes = Array(csv.utf8)
            for _ in 0..<5 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            guard let parser = ServerLogParser(beginning: bytes.span) else { continue }
            _ = try parser.parse(bytes.span) { _ in }
        }
    }
}
