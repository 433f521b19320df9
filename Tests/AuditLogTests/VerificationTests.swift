import AuditLog
import Cryptography
import Platform
import Testing

@Suite(.timeLimit(.minutes(2))) struct VerificationTests {
    @Test func `a sound log is intact and signed, and what it holds is told`() async throws {
        try await withLog { log in
            try log.fill(9)
            let verdict = try log.verify(key: log.verifier)
            #expect(verdict.isIntact && verdict.isComplete && verdict.level == .signed)
            #expect(verdict.records == 10 && verdict.checkpointSize == 10)
            let bytes = try Files.size(log.folder.log)
            let root = try log.folder.readCheckpoint().root
            #expect(verdict.bytes == bytes && verdict.root == root && verdict.notes == [])
        }
    }

    @Test func `a kept checkpoint raises the level, and says until when the log is protected`() async throws {
        try await withLog { log in
            try log.fill(3)
            let kept = try log.folder.readCheckpoint()
            try log.fill(5)
            let verdict = try log.verify(kept: [kept])
            let time = try log.records[3].time
            #expect(verdict.isIntact && verdict.level == .fresh)
            #expect(verdict.anchor?.size == 4 && verdict.anchor?.until == time)
        }
    }

    /// Each changes a log of ten records behind the back of everybody who does not hold the key.
    static let attacks: [(name: String, record: Int?, sentence: String, commit: @Sendable (AuditLog) throws -> Void)] =
        [
            (
                "a fact edited", 4, "is not the record that was written here: its hash was another",
                { try $0.replaceLines { $0[4] = $0[4].replacing("\"number\":3", with: "\"number\":4") } }
            ),
            (
                "a space added", 4, "is not the record that was written here",
                { try $0.replaceLines { $0[4] = $0[4].replacing(",\"v\":2", with: ", \"v\":2") } }
            ),
            ("a record damaged", 4, "not a record", { try $0.replaceLines { $0[4] = String($0[4].dropLast(5)) } }),
            ("a record emptied", 4, "not a record", { try $0.replaceLines { $0[4] = "" } }),
            (
                "a record of another version", 4, "a record of version 3, which this program does not know",
                { try $0.replaceLines { $0[4] = $0[4].replacing("\"v\":2", with: "\"v\":3") } }
            ),
            (
                "a record removed", 4, "it says that it is record 5: records were removed, added or moved",
                { try $0.replaceLines { $0.remove(at: 4) } }
            ),
            (
                "a record repeated", 5, "it says that it is record 4: records were removed, added or moved",
                { try $0.replaceLines { $0.insert($0[4], at: 5) } }
            ),
            ("two records exchanged", 4, "it says that it is record 5", { try $0.replaceLines { $0.swapAt(4, 5) } }),
            (
                "the end cut off", nil,
                "the checkpoint signed 10 records, and the log has only 7: it was cut or rolled back",
                { try $0.replaceLines { $0.removeLast(3) } }
            ),
            (
                "the end cut in a line", nil, "the log has only 9",
                { try $0.overwrite(Array(Files.read($0.folder.log).dropLast(7))) }
            ),
            ("everything removed", nil, "the log has only 0", { try $0.overwrite([]) }),
            ("the log removed", nil, "is gone", { try Files.remove($0.folder.log) }),
            ("the checkpoint removed", nil, "checkpoint is gone", { try Files.remove($0.folder.checkpoint) }),
            ("the key removed", nil, "log.vkey is gone", { try Files.remove($0.folder.verifierKey) }),
            (
                "the signature stripped", nil, "the note has no",
                { log in
                    let text = try log.folder.readCheckpoint().note.text
                    try Files.write(Array("\(text)\n".utf8), to: log.folder.checkpoint)
                }
            ),
            (
                "one bit of the signature flipped", nil, "is not signed by the key",
                { log in
                    let signed = try log.folder.readCheckpoint()
                    let signatures = signed.note.signatures.map { one in
                        SignedNote.Signature(
                            name: one.name, keyID: one.keyID, bytes: [one.bytes[0] ^ 1] + one.bytes.dropFirst())
                    }
                    let forged = SignedNote(text: signed.note.text, signatures: signatures)
                    try Files.write(Array(forged.encoded.utf8), to: log.folder.checkpoint)
                }
            ),
            (
                "another key beside it", nil, "is not signed by the key",
                { log in
                    let stranger = SignerKey(name: log.verifier.name, key: Ed25519.SigningKey.generate())
                    try Files.write(Array("\(stranger.verifier)\n".utf8), to: log.folder.verifierKey)
                }
            ),
            (
                "a line as long as a book", 10, "has 2000000 bytes: no record is that long",
                { try $0.appendBytes(Array(repeating: 0x78, count: 2_000_000) + [10]) }
            ),
        ]

    @Test(arguments: attacks.indices) func `a log that was tampered with is not intact`(index: Int) async throws {
        let attack = Self.attacks[index]
        try await withLog { log in
            try log.fill(9)
            #expect(try log.verify().isIntact)
            try attack.commit(log)
            let verdict = try log.verify()
            let finding = try #require(verdict.findings.first, "\(attack.name)")
            #expect(!verdict.isIntact && finding.what.contains(attack.sentence), "\(attack.name): \(finding.what)")
            #expect(finding.record == attack.record || attack.record == 10, "\(attack.name)")
        }
    }

    @Test func `whoever holds a key can rewrite the log, but not past a checkpoint that was kept`() async throws {
        try await withLog { log in
            try log.fill(9)
            let kept = try log.folder.readCheckpoint()
            try rewrite(log) { $0[4] = $0[4].replacing("\"number\":3", with: "\"number\":4") }
            #expect(try log.verify(key: log.verifier).isIntact)
            let verdict = try log.verify(key: log.verifier, kept: [kept])
            #expect(
                verdict.findings.map(\.what) == [
                    "a checkpoint that was kept signed other 10 records than the log begins with: "
                        + "one was changed, added or removed"
                ])
            #expect(verdict.level == .signed && verdict.anchor == nil)
        }
    }

    @Test func `a log that was rolled back as a whole shows against a kept checkpoint`() async throws {
        try await withLog { log in
            try log.fill(5)
            let lines = try Files.read(log.folder.log)
            let kept = try log.forgetting {
                try log.fill(3)
                return try log.folder.readCheckpoint()
            }
            try log.overwrite(lines)
            #expect(try log.verify().isIntact)
            #expect(
                try log.verify(kept: [kept]).findings.map(\.what)
                    == [
                        "a checkpoint that was kept signed 9 records, and the log has only 6: it was cut or rolled back"
                    ])
        }
    }

    @Test func `of a change it is told which kept checkpoint it came after`() async throws {
        try await withLog { log in
            try log.fill(2)
            let kept = try log.folder.readCheckpoint()
            try log.fill(5)
            try log.replaceLines { $0[6] = $0[6].replacing("\"pid\":", with: "\"pid\":1") }
            let what = try #require(try log.verify(kept: [kept]).findings.last?.what)
            #expect(what.hasSuffix("; the first 3 are unchanged"))
        }
    }

    @Test func `a checkpoint of another log is no anchor`() async throws {
        try await withLog { log in
            try await withLog { other in
                let verdict = try log.verify(kept: [other.folder.readCheckpoint()])
                #expect(verdict.level == .signed && verdict.findings.count == 1)
            }
        }
    }

    @Test func `against another pinned key a log is not intact`() async throws {
        try await withLog { log in
            let stranger = SignerKey(name: log.verifier.name, key: Ed25519.SigningKey.generate())
            let verdict = try log.verify(key: stranger.verifier)
            #expect(!verdict.isIntact && verdict.level == .consistent)
        }
    }

    @Test func `records that a crash left unsigned are told of, and are no fault`() async throws {
        try await withLog { log in
            try log.forgetting { try log.fill(2) }
            let verdict = try log.verify()
            #expect(verdict.isIntact && verdict.records == 3 && verdict.checkpointSize == 1)
            #expect(verdict.notes == ["the last 2 records are not signed yet: the next append does that"])
        }
    }

    @Test func `a torn tail is told of, and is no fault`() async throws {
        try await withLog { log in
            try log.appendBytes(Array("{\"act".utf8))
            let verdict = try log.verify()
            #expect(verdict.isIntact && verdict.records == 1)
            #expect(verdict.notes.count == 1 && verdict.notes[0].hasPrefix("5 bytes follow the last record"))
        }
    }

    @Test func `an act without an end is incomplete, not broken`() async throws {
        try await withLog { log in
            try log.append(AuditEvent(.backupRun, phase: .started))
            try await log.recording(.backupPrune) { _ in }
            let verdict = try log.verify()
            #expect(verdict.isIntact && !verdict.isComplete && verdict.openActCount == 1)
            #expect(verdict.openActs.map(\.action) == ["backup.run"] && verdict.openActs.map(\.record) == [1])
        }
    }

    @Test func `a clock that went back is told of, and is no fault`() async throws {
        try await withLog { log in
            try log.fill(2)
            try rewrite(log) { lines in
                let time = lines[1].split(separator: "\"time\":\"")[1].prefix(4)
                lines[1] = lines[1].replacing("\"time\":\"\(time)", with: "\"time\":\"2099")
            }
            let verdict = try log.verify()
            #expect(verdict.isIntact)
            #expect(
                verdict.notes == [
                    "the clock went back before record 2", "the clock was put forward before record 1",
                ])
        }
    }

    @Test func `no log is an error of its own`() async throws {
        try await withFolder { folder in
            let failure = try await failing { _ = try LogReader(folder) }
            #expect(failure.status == .inputMissing)
        }
    }

    /// What somebody can do who has the key: change records and sign them anew.
    private func rewrite(_ log: AuditLog, _ change: (inout [String]) -> Void) throws {
        try log.replaceLines(change)
        var tree = CompactTree()
        for line in try log.lines() { tree.append(MerkleHash.leaf(Array(line.utf8).span)) }
        let key = try log.folder.readSignerKey()
        let checkpoint = Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root)
        try Files.write(Array(SignedCheckpoint(checkpoint, signedBy: key).encoded.utf8), to: log.folder.checkpoint)
    }
}
