import AuditLog
import Glibc
import Platform
import SystemPackage
import Testing

/// Acts that go past a log that cannot be written, and how they come into it later.
@Suite(.timeLimit(.minutes(2))) struct BreakGlassTests {
    @Test func `what could not be recorded is recorded later, and stands as a finding until somebody explains it`()
        async throws
    {
        try await withLog { log in
            let told = Told()
            let glass = BreakGlass(
                reason: "production is down", source: source, log: log.folder.path, system: SystemLog("/nonexistent"),
                tell: { told.add($0) })
            try block(log)
            let value = try await glass.recording(
                .backupRestore, target: AuditTarget(cluster: "main", backup: "b1"),
                opening: { try AuditLog.open(log.folder.path, as: source) }, { _ in 7 })
            #expect(value == 7)
            #expect(told.lines.count == 2 && told.lines.allSatisfy { $0.contains("production is down") })
            try unblock(log)
            try log.append(AuditEvent(.logRead))
            let records = try log.records
            #expect(records.map(\.action) == ["log.created", "log.break_glass", "log.break_glass", "log.read"])
            #expect(records[1].facts?["act"] == .text("backup.restore") && records[1].reason == "production is down")
            #expect(records[1].facts?["actPhase"] == .text("started"))
            #expect(records[2].facts?["actOutcome"] == .text("success") && records[2].target?.backup == "b1")
            let verdict = try log.verify()
            #expect(verdict.isIntact && !verdict.isComplete && verdict.gaps.map(\.record) == [1, 2])
            for seq in [1, 2] {
                try log.append(AuditEvent(.logAcknowledge, reason: "ticket 1", facts: ["record": .number(seq)]))
            }
            #expect(try log.verify().isComplete)
            #expect(try Files.list(log.folder.path.removingLastComponent().appending("break-glass")).isEmpty)
        }
    }

    @Test func `a log that can be written is written, whatever reason was given`() async throws {
        try await withLog { log in
            let told = Told()
            let glass = BreakGlass(
                reason: "just in case", source: source, log: log.folder.path, system: SystemLog("/nonexistent"),
                tell: { told.add($0) })
            try await glass.recording(
                .backupRestore, opening: { try AuditLog.open(log.folder.path, as: source) }, { _ in })
            #expect(try log.records.map(\.action) == ["log.created", "backup.restore", "backup.restore"])
            #expect(told.lines == [])
        }
    }

    @Test func `a failure past the log is recorded as one, and thrown on`() async throws {
        try await withLog { log in
            let glass = BreakGlass(
                reason: "now", source: source, log: log.folder.path, system: SystemLog("/nonexistent"), tell: { _ in })
            try block(log)
            let failure = try await failing {
                try await glass.recording(
                    .backupRestore, opening: { try AuditLog.open(log.folder.path, as: source) },
                    { _ in throw PlainFailure(.unavailable, "no server") })
            }
            #expect(failure.sentence == "no server")
            try unblock(log)
            try log.append(AuditEvent(.logRead))
            #expect(try log.records[2].facts?["actOutcome"] == .text("failure"))
            #expect(try log.records[2].facts?["actStatus"] == .number(69))
        }
    }

    @Test func `the system's log gets it too`() async throws {
        try await withFolder { folder in
            let socket = folder.appending("log.socket")
            let listener = try Listener(socket)
            try SystemLog(socket).send("hello\tthere", as: "dbsec")
            let text = try listener.receive()
            #expect(text == "<37>dbsec[\(getpid())]: hello\tthere")
        }
    }

    private func block(_ log: AuditLog) throws {
        try? Files.remove(log.folder.lock)
        try Files.createDirectory(log.folder.lock)
    }

    private func unblock(_ log: AuditLog) throws {
        try Files.removeTree(log.folder.lock)
    }
}

final class Told: @unchecked Sendable {
    // Unchecked: used by one task at a time.
    private(set) var lines: [String] = []
    func add(_ line: String) { lines.append(line) }
    var count: Int { lines.count }
}

/// A datagram socket where the system's log would be.
struct Listener {
    private let descriptor: CInt

    init(_ path: FilePath) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { target in
            for (index, byte) in path.string.utf8.enumerated() { target[index] = byte }
        }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        // A message that never comes fails the test, and does not hold it up.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func receive() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        close(descriptor)
        try #require(count > 0)
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
