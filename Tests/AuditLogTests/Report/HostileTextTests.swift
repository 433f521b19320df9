import AuditLog
import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// What an attacker can get into a record comes out of every format as text, and keeps no record from being written.
@Suite(.timeLimit(.minutes(5))) struct HostileTextTests {
    /// A hundred thousand accents on one letter: one character to whoever counts those.
    private static let pile = "a" + String(repeating: "\u{301}", count: 100_000)
    private static let long = String(repeating: "x", count: 1 << 20)

    /// Everything that a person sees has no control characters but line feeds, and nothing that turns text around.
    private func isPlain(_ text: String) -> Bool {
        !text.unicodeScalars.contains {
            ($0.value < 0x20 && $0 != "\n") || (0x7F...0x9F).contains($0.value) || $0 == "\u{202E}" || $0 == "\u{2028}"
        }
    }

    private func withHostileLog(_ body: (FilePath, AuditLog, Tool) async throws -> Void) async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let tool = Tool(state: folder)
            // By the environment, as bytes that are no UTF-8.
            let ended = try await tool.shell(
                "SUDO_USER=$(printf 'ann\\377\\033[2J\\n') SSH_CLIENT=$(printf '\\3771.2.3.4 22 22') \"$0\" heartbeat",
                [Tool.path])
            #expect(ended.status == 0, "\(ended.text)")
            for text in [hostile, Self.pile, Self.long] {
                try log.append(
                    AuditEvent(
                        .pgStatement, outcome: .failure, reason: text, role: hostile,
                        target: AuditTarget(
                            system: hostile, cluster: hostile, database: hostile, backup: hostile, object: hostile),
                        facts: [hostile: .text(hostile), "statement": .text(text)], sensitive: ["address": hostile]))
            }
            try await body(folder, log, tool)
        }
    }

    @Test func `records of hostile text are records, whatever stood in them`() async throws {
        try await withHostileLog { _, log, _ in
            let records = try log.records
            #expect(records.count == 5 && records[1].actor.sudo?.hasPrefix("ann\u{FFFD}\u{1B}[2J") == true)
            #expect(records[3].reason?.unicodeScalars.count == 2000)
            #expect(records[4].facts == ["omittedFacts": .number(3)])
            #expect(try log.verify().isIntact)
        }
    }

    @Test(arguments: [
        ["show", "2"], ["search", "--last", "10"], ["search", "-i", "--text", "EVIL.example"], ["tail", "-n", "10"],
        ["verify"],
    ])
    func `what is printed for people is plain`(arguments: [String]) async throws {
        try await withHostileLog { _, _, tool in
            let ended = try await tool.shell("\"$0\" \"$@\"", [Tool.path] + arguments)
            #expect(ended.status == 0 && isPlain(ended.text), "\(ended.text)")
        }
    }

    @Test(arguments: [
        ["search", "--json"], ["search", "--raw"], ["show", "2", "--json"], ["verify", "--json"],
        ["report", "--no-record", "--format", "json"], ["report", "--no-record", "--format", "ocsf"],
    ])
    func `what is printed for programs is read by one`(arguments: [String]) async throws {
        try await withHostileLog { _, _, tool in
            let read =
                "import sys, json; data = sys.stdin.buffer.read().decode(); decoder = json.JSONDecoder(); at = 0\n"
                + "while at < len(data.rstrip()): at = decoder.raw_decode(data, at)[1] + 1\n"
                + "assert at > 1 and '\\x1b' not in data"
            let ended = try await tool.shell(
                "\"$0\" \"$@\" > \"$DBSEC_STATE/out\"; python3 -c \"$READ\" < \"$DBSEC_STATE/out\"",
                [Tool.path] + arguments, environment: ["READ": read])
            #expect(ended.status == 0, "\(ended.text)")
        }
    }

    @Test func `a folder of evidence holds it, and holds`() async throws {
        try await withHostileLog { folder, log, tool in
            let evidence = folder.appending("evidence")
            let made = try await tool.run("report", "--no-record", "--pack", evidence.string, "--action", "pg")
            #expect(made.status == 0, "\(made.text)")
            let checked = try await Program.run("/usr/bin/python3", [evidence.appending("verify.py").string])
            #expect(checked.status == 0 && checked.stdout.contains("3 of 5 records"), "\(checked.stdout)")
            let csv = String(decoding: try Files.read(evidence.appending("records.csv")), as: UTF8.self)
            #expect(isPlain(csv.replacing("\r\n", with: "\n")))
            let page = String(decoding: try Files.read(evidence.appending("report.html")), as: UTF8.self)
            #expect(page.ranges(of: "</script>").count == 2)
            let proof = try await tool.run(
                "verify-proof", evidence.appending("proofs/2.tlog-proof").string, "--key",
                log.folder.verifierKey.string)
            #expect(proof.status == 0 && isPlain(proof.text), "\(proof.text)")
        }
    }

    @Test func `the system's log gets one line, and the log what it said`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let socket = folder.appending("log.socket")
            let listener = try Listener(socket)
            let told = Told()
            let glass = BreakGlass(
                reason: "down\n<0>kernel: panic \u{1B}[2J" + Self.pile, source: source, log: log.folder.path,
                system: SystemLog(socket), tell: { told.add($0) })
            try? Files.remove(log.folder.lock)
            try Files.createDirectory(log.folder.lock)
            try await glass.recording(
                .backupRestore, opening: { try AuditLog.open(log.folder.path, as: source) }, { _ in })
            let line = try listener.receive()
            #expect(line.hasPrefix("<37>dbsec[") && isPlain(line) && !line.contains("\n"), "\(line)")
            #expect(told.count == 2)
            try Files.removeTree(log.folder.lock)
            try log.append(AuditEvent(.logRead))
            let records = try log.records
            #expect(records.map(\.action) == ["log.created", "log.break_glass", "log.break_glass", "log.read"])
            #expect(try #require(records[1].reason).utf8.starts(with: "down\n<0>kernel: panic \u{1B}[2Ja\u{301}".utf8))
        }
    }

    @Test func `a line of a server's log that piles accents on a letter is taken as any other`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let tool = Tool(state: folder)
            func line(_ number: Int, _ message: String, user: String = "ann", application: String = "psql") -> String {
                "2026-11-26 17:15:1\(number).000 UTC,\"\(user)\",\"shop\",1,\"10.0.0.7:51234\",6b086942.6be6,\(number),\"x\","
                    + "2026-11-26 17:15:05 UTC,3/9,0,ERROR,P0001,\"\(message)\",,,,,,,,,\"\(application)\","
                    + "\"client backend\",,0\n"
            }
            let file = folder.appending("pg.csv")
            var bytes = Array(line(1, Self.pile).utf8)
            bytes += Array(line(2, Self.long, user: Self.pile, application: Self.pile).utf8)
            bytes += Array(line(3, "caf@ \u{1B}[2J").utf8).map { $0 == UInt8(ascii: "@") ? 0xE9 : $0 }
            bytes += Array(line(4, "good").utf8)
            try Files.write(bytes, to: file)
            let ended = try await tool.run("ingest", "--from", file.string)
            #expect(ended.status == 0 && ended.text.hasPrefix("took 4 lines"), "\(ended.text)")
            let failures = try log.records.filter { $0.action == "pg.failure" }
            #expect(failures.count == 4 && failures[3].reason == "good")
            #expect(failures[2].reason?.hasPrefix("caf\u{FFFD}") == true)
            #expect(try log.verify().isIntact)
        }
    }
}
