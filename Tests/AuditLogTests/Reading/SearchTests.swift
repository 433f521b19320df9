import AuditLog
import Platform
import SystemPackage
import TestSupport
import Testing

@Suite struct SearchTests {
    private func search(_ log: AuditLog, last: Int = 1000, _ change: (inout RecordFilter) -> Void) throws
        -> [AuditRecord]
    {
        var filter = RecordFilter()
        change(&filter)
        let result = try LogReader(log.folder.path).search(filter, last: last)
        #expect(result.matching >= result.lines.count)
        return try result.lines.map { try AuditRecord(parsing: $0.span) }
    }

    /// Says of each record by plain means what the search says by its bytes.
    private func same(_ log: AuditLog, _ change: (inout RecordFilter) -> Void, _ isWanted: (AuditRecord) -> Bool) throws
    {
        let found = try search(log, last: 100_000, change).map(\.seq)
        #expect(try found == log.records.filter(isWanted).map(\.seq))
    }

    private func moment(_ record: AuditRecord) -> Timestamp {
        if case .text(let text)? = record.facts?["at"], let at = Timestamp(text) { return at }
        return record.time
    }

    @Test func `every filter finds exactly what it names`() async throws {
        try await withLog { log in
            try log.fillDemo(days: 3)
            try same(log, { $0.actions = ["backup.run"] }) { $0.action == "backup.run" }
            try same(log, { $0.actions = ["backup", "pg.login"] }) {
                $0.action.hasPrefix("backup.") || $0.action == "pg.login"
            }
            try same(log, { $0.actor = "reporting" }) { $0.actor.role == "reporting" }
            try same(log, { $0.actor = "ann" }) { $0.actor.role == "ann" || $0.actor.sudo == "ann" }
            try same(log, { $0.target = "orders" }) { $0.target?.object?.contains("orders") == true }
            try same(log, { $0.outcome = .failure }) { $0.outcome == .failure }
            try same(log, { $0.text = "permission denied" }) { $0.reason?.contains("permission denied") == true }
            let (from, to) = (
                try #require(Timestamp("2026-11-24T08:00:00Z")), try #require(Timestamp("2026-11-25T00:00:00Z"))
            )
            try same(log, { ($0.since, $0.until) = (from, to) }) { moment($0) >= from && moment($0) < to }
            try same(log, { ($0.since, $0.outcome, $0.actor) = (from, .failure, "reporting") }) {
                moment($0) >= from && $0.outcome == .failure && $0.actor.role == "reporting"
            }
            try same(log, { _ in }) { _ in true }
            #expect(try search(log, last: 3, { $0.actions = ["pg"] }).count == 3)
        }
    }

    @Test func `hostile text is found as it is, and nothing is found that is not there`() async throws {
        try await withLog { log in
            try log.append(
                AuditEvent(
                    .logRead, reason: hostile, role: hostile, facts: ["action": "backup.run", "a\"b": .text(hostile)]))
            for text in ["\"quoted\"", "\\ back", "second line", "\u{202E}", "\u{8}", "</script>", "=HYPERLINK(\"http"]
            {
                #expect(try search(log) { $0.text = text }.count == 1, "\(text)")
            }
            #expect(try search(log) { $0.actor = hostile }.count == 1)
            #expect(try search(log) { $0.actions = ["backup.run"] }.isEmpty)
            #expect(try search(log) { $0.text = "\\n" }.isEmpty)
            #expect(try search(log) { $0.text = "no such thing" }.isEmpty)
        }
    }

    @Test func `capital and small letters are the same where that is asked for`() async throws {
        try await withLog { log in
            try log.fillDemo(days: 2)
            try log.append(
                AuditEvent(
                    .logRead, reason: "Straße ÉCOLE \"Quoted\"", role: "Ann", target: AuditTarget(object: "Orders")))
            try same(log, { ($0.text, $0.ignoresCase) = ("PERMISSION Denied", true) }) {
                $0.reason?.contains("permission denied") == true
            }
            try same(log, { ($0.actor, $0.ignoresCase) = ("aNN", true) }) {
                [$0.actor.role, $0.actor.sudo].contains { $0?.lowercased() == "ann" }
            }
            try same(log, { ($0.target, $0.ignoresCase) = ("ORDERS", true) }) {
                $0.target?.object?.lowercased().contains("orders") == true
            }
            for text in ["école", "École \"QUOTED", "STRAßE é", "é", "q"] {
                #expect(try !search(log) { ($0.text, $0.ignoresCase) = (text, true) }.isEmpty, "\(text)")
            }
            #expect(try search(log) { $0.text = "école" }.isEmpty)
            #expect(try search(log) { ($0.text, $0.ignoresCase) = ("no SUCH thing", true) }.isEmpty)
        }
    }

    @Test func `a needle is found in either case at every place and length`() {
        let hay = Array(String(repeating: "@[`{xYz0-", count: 30).utf8)
        for length in [1, 2, 3, 7, 63, 64, 65, 100] {
            for start in stride(from: 0, through: hay.count - length, by: 7) {
                var needle = Array(hay[start..<start + length])
                for index in needle.indices where (0x41...0x5A).contains(needle[index]) { needle[index] |= 0x20 }
                // The text repeats, so the first place is before the end of the first period.
                let found = hay.span.firstIndex(of: needle.span, ignoringCase: true)
                #expect(found == start % 9)
                #expect(hay.span.firstIndex(of: needle.span, from: start, ignoringCase: true) == start)
            }
        }
        let bytes = Array("ab@".utf8)
        #expect(bytes.span.firstIndex(of: Array("`".utf8).span, ignoringCase: true) == nil)
        #expect(bytes.span.firstIndex(of: Array("abc@".utf8).span, ignoringCase: true) == nil)
    }

    @Test func `lines that are no records are passed over`() async throws {
        try await withLog { log in
            try log.fill(3)
            try log.appendBytes(
                Array("not a record\n{\"action\":\"log.read\"}\n{}\n\u{0}\n".utf8) + [0xFF, 0xFE, 0x0A]
                    + Array("{\"v\":1,".utf8))
            #expect(try search(log) { $0.actions = ["log.read"] }.count == 3)
        }
    }

    @Test func `the parts of a log are searched as one`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: LogLimits(segmentBytes: 3000))
            try log.fill(40)
            #expect(try log.folder.segments().count > 3)
            let found = try search(log) { $0.actions = ["log.read"] }
            #expect(found.map(\.seq) == found.map(\.seq).sorted() && found.count == 40)
            #expect(
                try search(log, last: 7) { $0.actions = ["log.read"] }.map(\.seq) == Array(found.map(\.seq).suffix(7)))
        }
    }

    @Test func `pieces that touch have every line once, wherever they are cut`() throws {
        let folder = try Files.makeTemporaryDirectory()
        defer { try? Files.removeTree(folder) }
        let file = folder.appending("lines")
        let lines = (0..<50).map { String(repeating: "x", count: $0 % 7) + "\($0)\n" }
        try Files.write(Array((lines.joined() + "tail").utf8), to: file)
        let size = lines.joined().utf8.count + 4
        for cut in 0...size {
            var found = ""
            for part in [0..<cut, cut..<size] {
                try forEachLineBlock(of: file, in: part, size: 16) { lines, _, _ in
                    for index in lines.indices { found.unicodeScalars.append(Unicode.Scalar(lines[index])) }
                }
            }
            #expect(found == lines.joined(), "cut at \(cut)")
        }
    }

    @Test func `tail -f goes on over the end of a file`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: LogLimits(segmentBytes: 2000))
            try log.fill(2)
            var follower = try LogFollower(try LogReader(log.folder.path), RecordFilter())
            #expect(try follower.next().isEmpty)
            let before = try log.allRecords.count
            var seen: [Int] = []
            for _ in 0..<5 {
                try log.fill(4)
                seen += try follower.next().map { try AuditRecord(parsing: $0.span).seq }
            }
            #expect(try seen == log.allRecords.map(\.seq).filter { $0 >= before })
            #expect(try log.folder.segments().count > 3)
        }
    }

    @Test func `the program's search, tail and show print records as one line each`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try log.fillDemo(days: 1)
            try log.append(AuditEvent(.logRead, reason: hostile, role: hostile))
            let tool = Tool(state: folder)
            let found = try await tool.run("search", "--text", "salaries", "--last", "1")
            #expect(found.status == 0 && found.text.contains("permission denied for table salaries"))
            #expect(found.text.contains("the newest 1 of 2"))
            let hostileLine = try await tool.run("search", "--action", "log.read")
            #expect(hostileLine.text.split(separator: "\n").count == 1)
            #expect(hostileLine.text.contains("\\u{202E}desrever") && !hostileLine.text.contains("\u{1B}"))
            let raw = try await tool.run("search", "--action", "log.read", "--raw")
            #expect(try raw.text == log.lines().last.map { $0 + "\n" })
            #expect(try await tool.run("search", "--since", "yesterday").status == 64)
            #expect(try await tool.run("search", "--count").text == "\(try log.records.count)\n")
            #expect(try await tool.run("tail", "-n", "1").text == hostileLine.text)
            let whole = try await tool.run("show", "0")
            #expect(whole.status == 0 && whole.text.contains("log.created"))
            #expect(try await tool.run("show", "123456").status == 66)
            // Follows until its reader has enough.
            let followed = try await tool.shell(
                "(sleep 1; \"$0\" search --record --last 1 >/dev/null) & timeout 60 \"$0\" tail -n 0 -f --action log.read | head -n 1",
                [Tool.path])
            #expect(followed.text.contains("log.read by"))
        }
    }
}
