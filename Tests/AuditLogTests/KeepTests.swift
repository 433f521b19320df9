import AuditLog
import Cryptography
import Glibc
import Platform
import SystemPackage
import Testing

/// Keys are replaced, old records given up, personal data erased; and what was signed still holds.
@Suite(.timeLimit(.minutes(2))) struct KeepTests {
    @Test func `whoever pinned the first key verifies after any number of new ones`() async throws {
        try await withLog { log in
            let pinned = log.verifier
            try log.fill(3)
            let first = try log.folder.readCheckpoint()
            _ = try log.rotateKey(reason: "test")
            let second = try AuditLog.open(log.folder.path, as: source)
            try second.fill(3)
            let middle = try second.folder.readCheckpoint()
            let newest = try second.rotateKey()
            let third = try AuditLog.open(log.folder.path, as: source)
            try third.fill(3)
            for key in [pinned, second.verifier, newest, nil] {
                let verdict = try third.verify(key: key, kept: [first, middle])
                #expect(verdict.isIntact && verdict.level == .fresh, "\(verdict.findings)")
            }
            #expect(try third.allRecords.filter { $0.action == "log.key" }.count == 2)
            // The old key cannot append any more.
            #expect(throws: (any Error).self) { try log.append(AuditEvent(.logRead)) }
        }
    }

    @Test func `a thief of the old key cannot go on with it, nor one of the new key go back`() async throws {
        try await withLog { log in
            let old = try log.folder.readSignerKey()
            try log.fill(3)
            let before = try log.folder.readCheckpoint()
            _ = try log.rotateKey()
            let after = try AuditLog.open(log.folder.path, as: source)
            try after.fill(3)
            let new = try log.folder.readSignerKey()
            let now = try after.folder.readCheckpoint()
            #expect(
                try after.verify(key: old.verifier, kept: [SignedCheckpoint(now.checkpoint, signedBy: old)]).isIntact
                    == false)
            #expect(
                try after.verify(key: old.verifier, kept: [SignedCheckpoint(before.checkpoint, signedBy: new)]).isIntact
                    == false)
            #expect(try after.verify(key: old.verifier, kept: [before, now]).isIntact)
        }
    }

    @Test func `a change of keys that nobody co-signed is found`() async throws {
        try await withLog { log in
            let stranger = SignerKey(name: log.verifier.name, key: Ed25519.SigningKey.generate())
            try log.append(
                AuditEvent(
                    .logKey, facts: ["oldKey": .text("\(log.verifier)"), "newKey": .text("\(stranger.verifier)")]))
            let signed = try log.folder.readCheckpoint().checkpoint
            try Files.write(
                Array(SignedCheckpoint(signed, signedBy: stranger).encoded.utf8),
                to: log.folder.path.appending("rotation-2.checkpoint"))
            let verdict = try log.verify(key: log.verifier)
            #expect(verdict.findings.map(\.what).contains { $0.contains("is not signed by both keys") })
        }
    }

    @Test(arguments: [1, 2]) func `a crash while keys change is put right at the next open`(step: Int) async throws {
        try await withLog { log in
            try log.fill(2)
            let (key, verifier) = (try Files.read(log.folder.signerKey), try Files.read(log.folder.verifierKey))
            let checkpoint = try Files.read(log.folder.checkpoint)
            _ = try log.rotateKey()
            let path = log.folder.path
            if step == 1 {
                // Both renames undone, as if the power had gone before them.
                try Files.rename(log.folder.signerKey, to: path.appending("log.key.new"))
                try Files.write(key, to: log.folder.signerKey)
                _ = checkpoint
            }
            try Files.rename(log.folder.verifierKey, to: path.appending("log.vkey.new"))
            try Files.write(verifier, to: log.folder.verifierKey)
            let again = try AuditLog.open(path, as: source)
            try again.append(AuditEvent(.logRead))
            #expect(again.verifier != log.verifier)
            #expect(try again.verify(key: log.verifier).isIntact)
        }
    }

    @Test func `records that were given up leave their hashes, and every proof holds`() async throws {
        try await withFolder { folder in
            let limits = LogLimits(segmentBytes: 20000, reserveBytes: 4096)
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: limits)
            for number in 0..<30 {
                try log.append(batch: (0..<20).map { _ in AuditEvent(.logRead, sensitive: ["login": "ann\(number)"]) })
            }
            let kept = try log.folder.readCheckpoint()
            let segments = try log.folder.segments().count
            let plan = try log.prunePlan(before: Timestamp.now().advanced(bySeconds: 60))
            #expect(plan.parts.count == segments - 1 && plan.records > 300)
            #expect(try log.prunePlan(before: Timestamp.now().advanced(bySeconds: -60)).parts.isEmpty)
            _ = try log.prune(before: Timestamp.now().advanced(bySeconds: 60))
            #expect(try log.folder.segments().count <= 2)
            #expect(try log.names.filter { $0.hasPrefix("values-") }.count == 1)
            try log.fill(3)
            let verdict = try log.verify(key: log.verifier, kept: [kept])
            #expect(verdict.isIntact && verdict.pruned == plan.records, "\(verdict.findings)")
            let reader = try LogReader(log.folder.path)
            let proof = try reader.prove(5, under: kept)
            #expect(proof.extra == nil && proof.number == 5)
            #expect(try reader.consistency(from: kept, to: try log.folder.readCheckpoint()).holds)
            // Head and index can be made again all the same.
            try Files.remove(log.folder.head)
            try Files.remove(log.folder.index)
            try log.append(AuditEvent(.logRead))
            #expect(try log.verify(kept: [kept]).isIntact)
        }
    }

    @Test func `records that are gone without a word are found`() async throws {
        try await withFolder { folder in
            let limits = LogLimits(segmentBytes: 4000, reserveBytes: 4096)
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: limits)
            try log.fill(40)
            try Files.remove(log.folder.segment(0).body)
            let what = try log.verify().findings.map(\.what)
            #expect(what.contains { $0.contains("are gone, and no record says that they were given up") }, "\(what)")
            try Files.remove(log.folder.segment(2).body)
            #expect(try log.verify().findings.map(\.what).contains { $0.contains("is gone, although later ones") })
        }
    }

    @Test func `nothing is given up of a log that was changed`() async throws {
        try await withFolder { folder in
            let limits = LogLimits(segmentBytes: 4000, reserveBytes: 4096)
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: limits)
            try log.fill(40)
            let body = try Files.read(log.folder.segment(0).body)
            let changed = String(decoding: body, as: UTF8.self).replacing("\"number\":2}", with: "\"number\":3}")
            try Files.write(Array(changed.utf8), to: log.folder.segment(0).body)
            let failure = try await failing { _ = try log.prune(before: Timestamp.now().advanced(bySeconds: 60)) }
            #expect(failure.sentence.contains("is not what was signed: nothing of it is given up"))
            #expect(Files.exists(log.folder.segment(0).body))
        }
    }

    @Test func `a person's values are erased, and copies of the old file open no more`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann@example.org", "address": "192.0.2.1"]))
            try log.append(AuditEvent(.logRead, sensitive: ["login": "bob@example.org"]))
            let kept = try log.folder.readCheckpoint()
            let copy = try Files.read(log.folder.segment(0).values)
            #expect(try log.records(about: .value("ann@example.org")) == [1])
            #expect(try log.redact(.value("ann@example.org")) == [1])
            let values = SensitiveValues(log.folder)
            let records = try log.records
            #expect(values.values(of: records[1]) == [:])
            #expect(values.values(of: records[2]) == ["login": "bob@example.org"])
            #expect(try log.verify(kept: [kept]).isIntact)
            try Files.write(copy, to: log.folder.segment(0).values)
            #expect(SensitiveValues(log.folder).values(of: records[1]) == [:])
            #expect(try log.redact(.value("nobody")) == [])
        }
    }

    @Test func `values are erased by the number of their record too`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann"]))
            #expect(try log.redact(.record(1)) == [1])
            try log.append(AuditEvent(.logRead, sensitive: ["login": "cid"]))
            let records = try log.records
            #expect(SensitiveValues(log.folder).values(of: records[2]) == ["login": "cid"])
        }
    }
}
