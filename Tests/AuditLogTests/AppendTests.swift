import AuditLog
import Platform
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(2))) struct AppendTests {
    @Test func `a new log begins with the record of its creation`() throws {
        try withLog { log in
            let records = try log.lines().map { try AuditRecord(parsing: Array($0.utf8).span) }
            #expect(records.map(\.action) == ["log.created"])
            #expect(records[0].seq == 0)
            #expect(records[0].facts?["verifierKey"] == .text("\(log.verifier)"))
        }
    }

    @Test func `a record carries who, when, where and what`() throws {
        try withLog { log in
            let entry = try log.append(
                AuditEvent(
                    .backupRun, phase: .started, role: "backup", target: AuditTarget(cluster: "main", database: "app"),
                    facts: ["bytes": 12, "sha256": "ab"]))
            let line = try #require(try log.lines().last)
            let record = try AuditRecord(parsing: Array(line.utf8).span)
            #expect(entry.seq == 1 && record.seq == 1 && entry.id == record.id)
            #expect(record.program == "test" && record.version == "1")
            #expect(record.actor.uid == Account.current.uid && record.actor.user == Account.current.name)
            #expect(record.actor.sudo == "ann" && record.actor.role == "backup")
            #expect(record.target == AuditTarget(cluster: "main", database: "app"))
            #expect(record.facts == ["bytes": .number(12), "sha256": .text("ab")])
            #expect(record.clock.ns > 0 && record.clock.boot.count == 36)
            #expect(abs(record.time.seconds(since: Timestamp.now())) < 3600)
        }
    }
}
