import AuditLog
import Cryptography
import Platform
import SystemPackage
import Testing

/// What somebody may do to a log, by what he has: only access to the files, or the key too, or the whole host.
///
/// Each on a copy of the same log; each is found, and the first bad record is named where there is one.
@Suite(.timeLimit(.minutes(2))) struct AttackTests {
    struct Attack: Sendable, CustomStringConvertible {
        let name: String
        /// The record that must be named, if any.
        var record: Int?
        /// A part of a sentence among the findings.
        let says: String
        /// Whether it takes a checkpoint kept elsewhere to find it.
        var needsKept = false
        /// Whether it shows in completeness, not integrity.
        var isGap = false
        let commit: @Sendable (AuditLog) throws -> Void
        var description: String { name }
    }

    static let attacks: [Attack] = [
        Attack(name: "a record edited", record: 17, says: "is not the record that was written here") {
            try $0.edit(17)
        },
        Attack(name: "a record edited in the first file", record: 3, says: "is not the record that was written here") {
            try $0.edit(3)
        },
        Attack(name: "a record removed from the middle", record: 12, says: "records were removed, added or moved") {
            try $0.change(12) { $0.remove(at: $1) }
        },
        Attack(name: "a record inserted", record: 13, says: "records were removed, added or moved") {
            try $0.change(12) { $0.insert($0[$1], at: $1) }
        },
        Attack(name: "two records exchanged", record: 12, says: "records were removed, added or moved") {
            try $0.change(12) { $0.swapAt($1, $1 + 1) }
        },
        Attack(name: "an old record replayed at the end", record: 41, says: "it says that it is record 40") {
            let last = try #require(try $0.folder.segments().last)
            let lines = String(decoding: try Files.read(last.body), as: UTF8.self).split(separator: "\n")
            try Files.write(
                Array((lines + [lines[lines.count - 1]]).joined(separator: "\n").utf8) + [10], to: last.body)
        },
        Attack(name: "the tail cut below the checkpoint", says: "it was cut or rolled back") {
            let last = try #require(try $0.folder.segments().last)
            let lines = String(decoding: try Files.read(last.body), as: UTF8.self).split(separator: "\n")
            try Files.write(Array(lines.dropLast(2).map { $0 + "\n" }.joined().utf8), to: last.body)
        },
        Attack(name: "the whole folder rolled back", says: "it was cut or rolled back", needsKept: true) {
            try $0.restore(from: "early")
        },
        Attack(name: "everything rewritten with the stolen key", says: "signed other", needsKept: true) {
            try $0.edit(17)
            try $0.resign(with: $0.folder.readSignerKey())
        },
        Attack(name: "the key replaced", says: "is not signed by the key") {
            let key = SignerKey(name: $0.verifier.name, key: Ed25519.SigningKey.generate())
            try Files.write(Array("\(key.verifier)\n".utf8), to: $0.folder.verifierKey)
            try $0.resign(with: key)
        },
        Attack(name: "the signature stripped", says: "the note has no") {
            let text = try $0.folder.readCheckpoint().note.text
            try Files.write(Array("\(text)\n".utf8), to: $0.folder.checkpoint)
        },
        Attack(name: "the checkpoint removed", says: "checkpoint is gone") { try Files.remove($0.folder.checkpoint) },
        Attack(name: "two histories for two auditors", says: "signed other", needsKept: true) {
            // The other auditor's history: another of the last records, properly signed.
            try $0.edit(38)
            try $0.resign(with: $0.folder.readSignerKey())
        },
        Attack(name: "a middle file removed", says: "is gone, although later ones are there") {
            try Files.remove($0.folder.segment(1).body)
        },
        Attack(name: "the first file removed", says: "are gone, and no record says that they were given up") {
            try Files.remove($0.folder.segment(0).body)
        },
        Attack(name: "two files exchanged", record: 0, says: "records were removed, added or moved") {
            let (one, two) = ($0.folder.segment(0).body, $0.folder.segment(1).body)
            try Files.exchange(one, two)
        },
        Attack(name: "the last file removed", says: "it was cut or rolled back") {
            try Files.remove(try #require(try $0.folder.segments().last).body)
        },
        Attack(name: "a file of another log in the place of one", says: "removed, added or moved") {
            let other = try Files.read($0.folder.segment(0).body)
            try Files.write(other, to: $0.folder.segment(1).body)
        },
        Attack(name: "logging suspended for days", says: "3 days without a heartbeat", isGap: true) {
            try $0.rewriteTimes()
        },
        Attack(name: "an end suppressed", says: "", isGap: true) {
            try $0.append(AuditEvent(.backupRestore, phase: .started))
        },
    ]

    @Test(arguments: attacks) func `every attack is found`(attack: Attack) async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(
                folder.appending("audit"), as: source, limits: LogLimits(segmentBytes: 6000, reserveBytes: 4096))
            try log.fill(9)
            try log.append(AuditEvent(.logHeartbeat))
            try log.keepCopy("early")
            while try log.allRecords.count < 40 { try log.fill(1) }
            let pinned = log.verifier
            try log.append(AuditEvent(.logHeartbeat))
            let kept = try log.folder.readCheckpoint()
            #expect(try log.verify(key: pinned, kept: [kept]).isIntact)
            try attack.commit(log)
            if attack.needsKept {
                #expect(try log.verify(key: pinned).isIntact, "without what was kept it looks sound")
            }
            let verdict = try log.verify(key: pinned, kept: attack.needsKept ? [kept] : [])
            if attack.isGap {
                #expect(verdict.isIntact || attack.name.contains("days"), "\(verdict.findings)")
                #expect(
                    !verdict.isComplete
                        && (attack.says == "" || verdict.gaps.contains { $0.what.contains(attack.says) }))
                return
            }
            #expect(!verdict.isIntact)
            #expect(
                verdict.findings.contains {
                    $0.what.contains(attack.says) && (attack.record == nil || $0.record == attack.record)
                }, "\(verdict.findings)")
        }
    }
}

extension AuditLog {
    /// The file that holds a record, and the record's place in it.
    private func holder(of seq: Int) throws -> (LogSegment, Int) {
        for segment in try folder.segments() {
            let lines = String(decoding: try Files.read(segment.body), as: UTF8.self).split(separator: "\n")
            let first = try AuditRecord(parsing: Array(lines[0].utf8).span).seq
            if seq < first + lines.count { return (segment, seq - first) }
        }
        throw PlainFailure(.inputMissing, "no record \(seq)")
    }

    fileprivate func change(_ seq: Int, _ change: (inout [Substring], Int) -> Void) throws {
        let (segment, index) = try holder(of: seq)
        var lines = String(decoding: try Files.read(segment.body), as: UTF8.self).split(separator: "\n")
        change(&lines, index)
        try Files.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: segment.body)
    }

    fileprivate func edit(_ seq: Int) throws {
        try change(seq) { lines, index in
            lines[index] = Substring(lines[index].replacing("\"host\":\"", with: "\"host\":\"x"))
        }
    }

    fileprivate func keepCopy(_ name: String) throws {
        let target = folder.path.removingLastComponent().appending(name)
        try Files.createDirectory(target)
        for name in try Files.list(folder.path) where name != "lock" {
            try Files.write(Files.read(folder.path.appending(name)), to: target.appending(name))
        }
    }

    fileprivate func restore(from name: String) throws {
        let copy = folder.path.removingLastComponent().appending(name)
        for name in try names where name != "lock" { try Files.remove(folder.path.appending(name)) }
        for name in try Files.list(copy) {
            try Files.write(Files.read(copy.appending(name)), to: folder.path.appending(name))
        }
    }

    /// Signs whatever stands there now, as if it were right; the beginnings of files are made to fit too.
    fileprivate func resign(with key: SignerKey) throws {
        var tree = CompactTree()
        for segment in try folder.segments() {
            var lines = String(decoding: try Files.read(segment.body), as: UTF8.self).split(separator: "\n")
            if segment.number > 0, let start = lines[0].ranges(of: "\"previousRoot\":\"").first {
                let end = lines[0].index(start.upperBound, offsetBy: 64)
                lines[0] = lines[0].prefix(upTo: start.upperBound) + tree.root.hex + lines[0].suffix(from: end)
            }
            for line in lines { tree.append(MerkleHash.leaf(Array(line.utf8).span)) }
            try Files.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: segment.body)
        }
        let checkpoint = Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root)
        try Files.write(Array(SignedCheckpoint(checkpoint, signedBy: key).encoded.utf8), to: folder.checkpoint)
    }

    /// Makes the last heartbeat look as if it came four days after the one before.
    fileprivate func rewriteTimes() throws {
        let last = try allRecords.count - 1
        try change(last) { lines, index in
            guard let range = lines[index].ranges(of: "\"time\":\"").first else { return }
            let end = lines[index].index(range.upperBound, offsetBy: 27)
            guard let time = Timestamp(lines[index][range.upperBound..<end]) else { return }
            let later = Timestamp(microseconds: time.microseconds + 4 * 86_400_000_000)
            lines[index] = Substring(lines[index].replacing(time.description, with: later.description))
        }
    }
}
