import AuditLog
import Platform
import SystemPackage
import Testing

/// A log in several files, whose limits are small enough to meet them.
@Suite(.timeLimit(.minutes(2))) struct SegmentTests {
    @Test func `a log goes on in a new file that begins with what came before`() async throws {
        try await withSegments { log in
            let segments = try log.folder.segments()
            #expect(segments.count > 3)
            var size = 0
            for segment in segments {
                let lines = String(decoding: try Files.read(segment.body), as: UTF8.self).split(separator: "\n")
                let first = try AuditRecord(parsing: Array(lines[0].utf8).span)
                #expect(first.seq == size)
                if segment.number > 0 {
                    #expect(first.action == "log.segment" && first.facts?["previousSize"] == .number(size))
                }
                size += lines.count
            }
            let verdict = try log.verify(key: log.verifier)
            #expect(verdict.isIntact && verdict.records == size && verdict.level == .signed)
        }
    }

    @Test func `every file of a log is opened again and goes on`() async throws {
        try await withSegments { log in
            let before = try log.verify().records
            let again = try AuditLog.open(log.folder.path, as: source, limits: small)
            try again.fill(40)
            let records = try again.allRecords
            #expect(records.map(\.seq) == Array(0..<records.count) && records.count > before + 40)
            #expect(!records.contains { $0.action == "log.recovered" })
        }
    }

    @Test func `a crash between two files loses nothing`() async throws {
        try await withSegments { log in
            let next = try #require(try log.folder.segments().last).number + 1
            try Files.write([], to: log.folder.segment(next).body)
            try log.append(AuditEvent(.logRead))
            let records = try log.allRecords
            #expect(records.suffix(3).map(\.action) == ["log.segment", "log.recovered", "log.read"])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a long log is taken up again from its index`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(
                folder.appending("audit"), as: source, limits: LogLimits(segmentBytes: 100_000, reserveBytes: 4096))
            for _ in 0..<8 { try log.append(batch: (0..<300).map { AuditEvent(.logRead, facts: ["n": .number($0)]) }) }
            let index = try Files.read(log.folder.index)
            let records = try log.verify().records
            #expect(index.count == records / 256 * 48)
            try log.forgettingAll { try log.fill(3) }
            try log.append(AuditEvent(.logRead))
            #expect(try log.allRecords.suffix(2).map(\.action) == ["log.recovered", "log.read"])
            #expect(Array(try Files.read(log.folder.index).prefix(index.count)) == index)
            try Files.remove(log.folder.index)
            try log.append(AuditEvent(.logRead))
            #expect(Array(try Files.read(log.folder.index).prefix(index.count)) == index)
            #expect(try log.verify().isIntact)
        }
    }

    private let small = LogLimits(segmentBytes: 4096, reserveBytes: 4096)

    private func withSegments(_ body: (AuditLog) async throws -> Void) async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: small)
            try log.fill(50)
            try await body(log)
        }
    }

    @Test func `how large a file grows is a setting, of every program that writes records`() async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            let text = String(repeating: "x", count: 1000)
            try log.append(batch: (0..<1100).map { _ in AuditEvent(.logRead, facts: ["text": .text(text)]) })
            let tool = Tool(state: folder)
            #expect(try await tool.run("heartbeat").status == 0)
            #expect(try log.folder.segments().count == 1)
            let file = folder.appending("dbsec.json")
            try Files.write(Array(#"{"audit": {"segmentSize": 1}}"#.utf8), to: file)
            #expect(try await tool.run("heartbeat", "--config", file.string).status == 0)
            #expect(try log.folder.segments().count == 2)
            #expect(try log.verify().isIntact)
            try Files.write(Array(#"{"audit": {"segmentSize": 0}}"#.utf8), to: file)
            let refused = try await tool.run("heartbeat", "--config", file.string)
            #expect(refused.status == 78 && refused.text.contains("segmentSize is from 1 to 4096"), "\(refused.text)")
        }
    }
}
