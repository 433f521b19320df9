import FoundationEssentials
import Platform
import SystemPackage
import Testing

@testable import AuditLog

/// What makes ingesting fast must say what the plain way says, whatever a log holds.
@Suite struct QuickPathTests {
    /// The same numbers in every run.
    private struct Dice {
        var state: UInt64

        mutating func roll(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }

        mutating func text(_ pieces: [String], _ count: Int) -> String {
            (0..<roll(count)).map { _ in pieces[roll(pieces.count)] }.joined()
        }
    }

    /// CSV as PostgreSQL writes it, read byte by byte.
    private static func plainCSV(_ bytes: [UInt8], at start: Int) -> (fields: [String], end: Int)? {
        var (fields, field, position): ([String], [UInt8], Int) = ([], [], start)
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\"") {
                position += 1
                while true {
                    guard position < bytes.count else { return nil }
                    if bytes[position] == UInt8(ascii: "\"") {
                        position += 1
                        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { break }
                    }
                    field.append(bytes[position])
                    position += 1
                }
            }
            while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != 0x0A {
                field.append(bytes[position])
                position += 1
            }
            guard position < bytes.count else { return nil }
            fields.append(String(decoding: field, as: UTF8.self))
            field = []
            position += 1
            if bytes[position - 1] == 0x0A { return (fields, position) }
        }
        return nil
    }

    @Test func `records of CSV are what reading byte by byte finds`() {
        var dice = Dice(state: 7)
        let pieces: [[UInt8]] = ["\"", "\"\"", ",", "\n", "\r\n", "a", "é", "some text", " ", "", "\"x\"", "\",\""].map
        {
            Array($0.utf8)
        }
        var record = CSVRecord()
        var whole = 0
        for _ in 0..<20_000 {
            var bytes = (0..<dice.roll(14)).flatMap { _ in pieces[dice.roll(pieces.count)] }
            if dice.roll(4) == 0 { bytes.append(0xFF) }
            if dice.roll(2) == 0 { bytes.append(0x0A) }
            let start = dice.roll(bytes.count + 1)
            let plain = Self.plainCSV(bytes, at: start)
            let isWhole = record.read(bytes.span, at: start)
            #expect(isWhole == (plain != nil), "\(bytes)")
            guard isWhole, let plain else { continue }
            whole += 1
            #expect(record.texts(0..<record.count, bytes.span) == plain.fields && record.end == plain.end, "\(bytes)")
        }
        #expect(whole > 5000)
    }

    private static let pieces = [
        "SELECT ", "select", "'", "''", "'a''b'", "E'\\'", "$$", "$x$", "$1", "\"", "\"Mixed\"", "--", "\n", "/*", "*/",
        " ",
        "\t", ";", "1", "1.5e3", "t1", "é", ",", "(", ")", "=", "\\", "x'ff'", "U&'d'", "PASSWORD", "pass", "secret",
        "api_key",
        "SET ", "set_config('", "RESET ", "ALL", "ROLE ", "role", "SESSION ", "LOCAL ", "AUTHORIZATION ",
        "log_statement", "LOG_x",
        "pgaudit", ".", "log", "update ", "pg_settings", "UPDATE t SET ", "auto_explain.x", "shared_preload_libraries",
        "DEFAULT",
        "session_replication_role", "event_triggers", "logging_collector", "syslog_facility", "ALTER SYSTEM ",
        "postgres", "\u{1}",
    ]

    @Test func `the form of a statement is what a look at all of its words gives`() {
        var dice = Dice(state: 11)
        for _ in 0..<20_000 {
            let statement = dice.text(Self.pieces, 16)
            guard !statement.isEmpty else { continue }
            #expect(
                StatementText.redacted(statement, .form) == StatementText.byTokens(statement, .form), "\(statement)")
        }
        let long = String(repeating: "SELECT a , 'b' FROM t1;\n", count: 1000)
        #expect(StatementText.redacted(long, .form) == StatementText.byTokens(long, .form))
    }

    @Test func `no statement that changes logging is passed over unread`() {
        var dice = Dice(state: 13)
        var found = 0
        for _ in 0..<20_000 {
            let statement = dice.text(Self.pieces, 12)
            let all = StatementWatch.byTokens(statement)
            if !all.isEmpty { found += 1 }
            #expect(StatementWatch.findings(in: statement) == all, "\(statement)")
        }
        #expect(found > 100)
    }

    @Test func `what is remembered of sessions is read as it was written`() throws {
        var memory = IngestMemory()
        memory.roles = ["ann", "b\"\n"]
        memory.began = Timestamp(seconds: 5)
        memory.batch = "b"
        memory.pending["s csvlog"] = ServerLogLine(kind: .csvlog, time: Timestamp(seconds: 7))
        memory.receipts = [FileReceipt(path: "/x", inode: 7, headLength: 1, head: "h", offset: 2, tail: "t")]
        memory.sessions["a\"\\\u{1}é csvlog"] = IngestMemory.Session(line: 3, seen: -4)
        memory.sessions["b"] = IngestMemory.Session(
            line: 1, seen: 2, statement: -9_223_372_036_854_775_807, auditLine: 5, auditClass: "READ\t")
        for memory in [memory, IngestMemory()] {
            #expect(try JSONDecoder().decode(IngestMemory.self, from: Data(try memory.encoded())) == memory)
        }
    }

    // MARK: Parts of a file

    private func line(_ number: Int, _ statement: String) -> String {
        "2026-11-26 17:15:10.000 UTC,\"ann\",\"shop\",1,\"10.0.0.7:51234\",6b086942.6be6,\(number),\"x\","
            + "2026-11-26 17:15:05 UTC,3/9,0,LOG,00000,\"statement: \(statement)\",,,,,,,,,\"psql\",\"client backend\",,0\n"
    }

    private func withLog<Value>(_ body: (AuditLog, FilePath) throws -> Value) throws -> Value {
        let folder = try Files.makeTemporaryDirectory()
        defer { try? Files.removeTree(folder) }
        return try body(AuditLog.open(folder.appending("audit"), as: source), folder)
    }

    @Test func `lines longer than what is read at once are taken, and those around them in order`() throws {
        try withLog { log, folder in
            let long = String(repeating: "SELECT a FROM b; ", count: 60_000)
            var text = ""
            for number in 1...3000 { text += line(number, number % 1000 == 500 ? long : "SELECT x\(number)") }
            try Files.write(Array(text.utf8), to: folder.appending("pg.csv"), durable: false)
            var ingest = try Ingest(into: log, folder: folder.appending("ingest"), options: Ingest.Options())
            try ingest.take(from: folder.appending("pg.csv"))
            #expect(ingest.summary.lines == 3000 && ingest.summary.unreadable == 0 && ingest.summary.findings == 0)
            let taken = try log.records.filter { $0.action == "pg.statement" }
            #expect(taken.map { $0.facts?["line"] } == (1...3000).map { .number($0) })
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a batch that cannot be written ends the run, and the next run takes it again`() throws {
        try withLog { log, folder in
            let text = (1...20_000).map { line($0, "SELECT x") }.joined()
            try Files.write(Array(text.utf8), to: folder.appending("pg.csv"), durable: false)
            func take() throws -> Int {
                var ingest = try Ingest(into: log, folder: folder.appending("ingest"), options: Ingest.Options())
                try ingest.take(from: folder.appending("pg.csv"))
                return ingest.summary.lines
            }
            let (checkpoint, aside) = (log.folder.checkpoint, folder.appending("aside"))
            try Files.rename(checkpoint, to: aside)
            #expect(throws: AuditFailure.self) { _ = try take() }
            try Files.rename(aside, to: checkpoint)
            #expect(try log.records.count { $0.action == "pg.statement" } == 0)
            #expect(try take() == 20_000)
            #expect(try log.records.count { $0.action == "pg.statement" } == 20_000)
        }
    }
}
