import AuditLog
import Cryptography
import Glibc
import Platform
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(2))) struct RecordTests {
    @Test func `personal data stands in the record as a commitment, and its value beside the log`() async throws {
        try await withLog { log in
            try log.append(
                AuditEvent(.logRead, sensitive: ["address": "192.0.2.7", "login": "ann@example.org"]))
            let record = try #require(try log.records.last)
            #expect(record.sensitive?.keys.sorted() == ["address", "login"])
            for name in try log.names where name != "values.key" {
                let text = String(decoding: try Files.read(log.folder.path.appending(name)), as: UTF8.self)
                #expect(!text.contains("192.0.2.7") && !text.contains("ann@example"), "\(name)")
            }
            let values = SensitiveValues(log.folder)
            #expect(values.values(of: record) == ["address": "192.0.2.7", "login": "ann@example.org"])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `two commitments to one value differ`() async throws {
        try await withLog { log in
            try log.append([AuditEvent(.logRead, sensitive: ["a": "x"]), AuditEvent(.logRead, sensitive: ["a": "x"])])
            let records = try log.records
            #expect(records[1].sensitive?["a"] != records[2].sensitive?["a"])
        }
    }

    @Test func `where sshd says where the person sits, that is on record`() async throws {
        try await withFolder { folder in
            let remote = AuditSource(
                program: "test", version: "1", environment: ["SSH_CLIENT": "203.0.113.9 50000 22"])
            let log = try AuditLog.open(folder.appending("audit"), as: remote)
            let record = try #require(try log.records.first)
            #expect(SensitiveValues(log.folder).values(of: record) == ["address": "203.0.113.9"])
        }
    }

    @Test func `without the key of the values they count as erased`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann"]))
            try Files.remove(log.folder.valuesKey)
            let record = try #require(try log.records.last)
            #expect(SensitiveValues(log.folder).values(of: record) == [:])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a line of values that a crash cut off does not swallow the next one`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann"]))
            let path = log.folder.segment(0).values
            try Files.write(Files.read(path) + Array("{\"box\":\"abc".utf8), to: path)
            try log.append(AuditEvent(.logRead, sensitive: ["login": "bob"]))
            let records = try log.records
            let values = SensitiveValues(log.folder)
            #expect(values.values(of: records[1]) == ["login": "ann"])
            #expect(values.values(of: records[2]) == ["login": "bob"])
        }
    }

    @Test func `a value that was exchanged in the side file is not shown`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann"]))
            try log.append(AuditEvent(.logRead, sensitive: ["login": "bob"]))
            let path = log.folder.segment(0).values
            let rows = String(decoding: try Files.read(path), as: UTF8.self).split(separator: "\n")
            // The second one's box under the first one's id.
            let box = try #require(rows[1].split(separator: "\"").dropFirst(3).first)
            let own = try #require(rows[0].split(separator: "\"").dropFirst(3).first)
            try Files.write(Array("\(rows[0].replacing(own, with: box))\n".utf8), to: path)
            #expect(SensitiveValues(log.folder).values(of: try log.records[1]) == [:])
        }
    }

    @Test func `hostile text in every field stays one line that any reader understands`() async throws {
        let hostile = "a\nb\r\u{0}\u{1B}[2J\u{202E}\u{2028}</script>=HYPERLINK(\"x\")\\\u{7F}\u{10FFFF}"
        try await withLog { log in
            try log.append(
                AuditEvent(
                    .logRead, outcome: .failure, reason: hostile, ref: hostile, role: hostile,
                    target: AuditTarget(
                        system: hostile, cluster: hostile, database: hostile, backup: hostile, object: hostile),
                    facts: [hostile: .text(hostile)], sensitive: [hostile: hostile]))
            let record = try #require(try log.records.last)
            #expect(try log.lines().count == 2)
            #expect(record.reason == hostile && record.ref == hostile && record.actor.role == hostile)
            #expect(record.target?.object == hostile && record.facts?[hostile] == .text(hostile))
            #expect(SensitiveValues(log.folder).values(of: record) == [hostile: hostile])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a finished act says how long it took`() async throws {
        try await withLog { log in
            try await log.recording(.logVerify) { _ in try await Task.sleep(for: .milliseconds(30)) }
            #expect(try #require(try log.records.last?.ms) >= 30)
            #expect(try log.records[1].ms == nil)
        }
    }
}
