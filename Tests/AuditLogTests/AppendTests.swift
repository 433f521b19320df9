import AuditLog
import Glibc
import Platform
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(2))) struct AppendTests {
    @Test func `a new log begins with the record of its creation`() async throws {
        try await withLog { log in
            let records = try log.records
            #expect(records.map(\.action) == ["log.created"])
            #expect(records[0].seq == 0)
            #expect(records[0].facts?["verifierKey"] == .text("\(log.verifier)"))
        }
    }

    @Test func `the origin names host and account and is no other log's`() async throws {
        try await withLog { one in
            try await withLog { other in
                #expect(one.verifier.name != other.verifier.name)
                #expect(one.verifier.name.contains("/dbsec/\(Account.current.name)/"))
                let origin = try one.folder.readCheckpoint().checkpoint.origin
                #expect(origin == one.verifier.name)
            }
        }
    }

    @Test func `a record carries who, when, where and what`() async throws {
        try await withLog { log in
            let entry = try log.append(
                AuditEvent(
                    .backupRun, phase: .started, role: "backup", target: AuditTarget(cluster: "main", database: "app"),
                    facts: ["bytes": 12, "sha256": "ab"]))
            let record = try #require(try log.records.last)
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

    @Test func `the identifiers are UUIDs of version 7`() async throws {
        try await withLog { log in
            let id = Array(try log.append(AuditEvent(.logRead)).id)
            #expect(id.count == 36 && id[14] == "7" && "89ab".contains(id[19]))
            #expect(id.indices.filter { id[$0] == "-" } == [8, 13, 18, 23])
        }
    }

    @Test func `a line has its keys in order, and whatever it is told stays one line`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.backupRun, reason: "a\nb\u{1B}[2J\u{2028}\"c", facts: ["z": 1, "a": 2]))
            let line = try #require(try log.lines().last)
            #expect(try log.lines().count == 2)
            #expect(line.hasPrefix(#"{"action":"backup.run","actor":{"#))
            #expect(line.contains(#""facts":{"a":2,"z":1}"#))
            #expect(line.hasSuffix(#","v":2,"version":"1"}"#))
            #expect(line.utf8.allSatisfy { $0 >= 0x20 })
            #expect(try log.records.last?.reason == "a\nb\u{1B}[2J\u{2028}\"c")
        }
    }

    @Test func `facts that make a record too long for others to take are left out and counted`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.backupRun, facts: ["x": .text(String(repeating: "x", count: 70000)), "y": 1]))
            let record = try log.records.last
            #expect(record?.facts == ["omittedFacts": .number(2)])
        }
    }

    @Test func `a record that is too long even so is refused`() async throws {
        try await withLog { log in
            let event = AuditEvent(.backupRun, target: AuditTarget(object: String(repeating: "x", count: 70000)))
            #expect(throws: PlainFailure.self) { try log.append(event) }
            let count = try log.records.count
            #expect(count == 1)
        }
    }

    @Test func `several records go in at once`() async throws {
        try await withLog { log in
            let entries = try log.append([AuditEvent(.logRead), AuditEvent(.logVerify), AuditEvent(.logRead)])
            #expect(entries.map(\.seq) == [1, 2, 3])
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a log is opened again and goes on`() async throws {
        try await withLog { log in
            try log.fill(3)
            let again = try AuditLog.open(log.folder.path, as: source)
            #expect(try again.append(AuditEvent(.logRead)).seq == 4)
            #expect(again.verifier == log.verifier)
            #expect(try again.records.map(\.action).filter { $0 == "log.recovered" } == [])
        }
    }

    @Test func `threads of one process append one after the other`() async throws {
        try await withLog { log in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask { try await onOwnThread { try log.fill(10) } }
                }
                try await group.waitForAll()
            }
            #expect(try log.records.map(\.seq) == Array(0...160))
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `when many make the log at once, there is one log`() async throws {
        try await withFolder { folder in
            let path = folder.appending("state").appending("audit")
            try await withThrowingTaskGroup(of: VerifierKey.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        try await onOwnThread {
                            let log = try AuditLog.open(path, as: source)
                            try log.append(AuditEvent(.logRead))
                            return log.verifier
                        }
                    }
                }
                var keys: Set<VerifierKey> = []
                for try await key in group { keys.insert(key) }
                #expect(keys.count == 1)
            }
            #expect(try AuditLog.open(path, as: source).records.count == 17)
            #expect(try Files.list(folder.appending("state")) == ["audit"])
        }
    }

    @Test func `only the account itself may read the log and its key`() async throws {
        try await withLog { log in
            for path in [log.folder.log, log.folder.signerKey] {
                let permissions = try path.stat().permissions
                #expect(permissions == .ownerReadWrite)
            }
            let permissions = try log.folder.path.stat().permissions
            #expect(permissions == .ownerReadWriteExecute)
        }
    }

    @Test func `a key that others may read is refused`() async throws {
        try await withLog { log in
            let file = try FileDescriptor.open(log.folder.signerKey, .readOnly)
            defer { try? file.close() }
            #expect(fchmod(file.rawValue, 0o644) == 0)
            let failure = try await failing { _ = try AuditLog.open(log.folder.path, as: source) }
            #expect(failure.status == .configuration)
        }
    }

    @Test func `where no log can be made, nothing is left behind`() async throws {
        let failure = try await failing { _ = try AuditLog.open("/sys/kernel/dbsec/audit", as: source) }
        #expect(failure.status == .permission)
        #expect(!Files.exists("/sys/kernel/dbsec"))
    }

    @Test func `a folder that holds something else is no place for a log`() async throws {
        try await withFolder { folder in
            try Files.write([1], to: folder.appending("notes"))
            let failure = try await failing { _ = try AuditLog.open(folder, as: source) }
            #expect(failure.status == .malformed)
            #expect(try Files.list(folder) == ["notes"])
        }
    }
}
