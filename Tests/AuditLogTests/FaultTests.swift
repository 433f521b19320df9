import AuditLog
import Platform
import SystemPackage
import Testing

/// System calls of one append that fail, a full disk, and clocks that jump; `scripts/test-audit-faults` does all of them.
@Suite(.timeLimit(.minutes(5))) struct FaultTests {
    /// Which call on which of the log's files fails, and with what.
    static let faults: [(call: String, file: String, fault: String)] = [
        ("write", "log-000000.jsonl", "error=EIO"), ("fsync", "log-000000.jsonl", "error=EIO"),
        ("fsync", "log-000000.jsonl", "signal=KILL"), ("write", "log-000000.jsonl", "signal=KILL"),
        ("openat", "checkpoint", "error=EIO"), ("openat", "head", "error=EIO"), ("flock", "lock", "error=EIO"),
        ("pwrite64", "leaves", "error=EIO"), ("pwrite64", "leaves", "signal=KILL"),
        ("openat", "log-000000.jsonl", "error=ENOSPC"),
    ]

    @Test(arguments: faults.indices) func `a call that fails leaves a log that goes on, and nothing half done`(
        index: Int
    )
        async throws
    {
        let (call, file, fault) = Self.faults[index]
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try log.fill(3)
            let tool = Tool(state: folder)
            let before = try log.records.count
            let ended = try await tool.shell(
                "strace -f -qq -o /dev/null -P \"$1\" -e trace=\(call) -e inject=\(call):\(fault) \"$0\" heartbeat",
                [Tool.path, log.folder.path.appending(file).string])
            let added = try log.lines().count - before
            if ended.status == 0 { #expect(added >= 1, "what was done is there") }
            #expect((try? log.verify().isIntact) != false)
            #expect(try await tool.run("heartbeat").status == 0)
            let verdict = try log.verify()
            #expect(verdict.isIntact && verdict.notes == [], "\(verdict.notes)")
            #expect(try log.records.map(\.seq) == Array(0..<verdict.records))
        }
    }

    @Test func `on a full disk the room that was kept is used, and that is on record later`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let tool = Tool(state: folder)
            let size = try Files.size(log.folder.reserve)
            #expect(size == 1 << 20)
            let ended = try await tool.shell(
                "strace -f -qq -o /dev/null -P \"$1\" -e trace=write -e inject=write:error=ENOSPC:when=1 \"$0\" heartbeat",
                [Tool.path, log.folder.log.string])
            #expect(ended.status == 0, "\(ended.text)")
            #expect(try Files.size(log.folder.reserve) == 0)
            #expect(try await tool.run("heartbeat").status == 0)
            #expect(try Files.size(log.folder.reserve) == size)
            #expect(
                try log.records.map(\.action) == ["log.created", "log.heartbeat", "log.reserve", "log.heartbeat"])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a clock that jumps is a warning, never a fault`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let tool = Tool(state: folder)
            for jump in ["+3d", "-2d", "+0"] {
                let ended = try await tool.shell(
                    "faketime -f '\(jump)' \"$0\" heartbeat", [Tool.path],
                    environment: ["FAKETIME_DONT_FAKE_MONOTONIC": "1"])
                #expect(ended.status == 0, "\(ended.text)")
            }
            let verdict = try log.verify()
            #expect(verdict.isIntact)
            #expect(verdict.notes.contains { $0.hasPrefix("the clock went back before record 2") }, "\(verdict.notes)")
            #expect(verdict.notes.contains { $0.hasPrefix("the clock was put forward before record 1") })
        }
    }
}
