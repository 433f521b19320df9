import AuditLog
import Cryptography
import Platform
import SystemPackage
import Testing

/// What crashes leave is put right and on record; what somebody did is refused, and nothing of it gets a signature.
@Suite(.timeLimit(.minutes(2))) struct RecoveryTests {
    @Test func `a torn last line is set aside, and its length and hash are on record`() async throws {
        try await withLog { log in
            try log.fill(2)
            let torn = Array(#"{"action":"backup.run","actor":{"u"#.utf8)
            try log.appendBytes(torn)
            #expect(try log.append(AuditEvent(.logRead)).seq == 4)
            let record = try log.records[3]
            #expect(record.action == "log.torn")
            #expect(record.facts?["bytes"] == .number(torn.count))
            #expect(record.facts?["sha256"] == .text(SHA256.hash(torn).hex))
            let name = try #require(try log.names.first { $0.hasPrefix("torn-") })
            #expect(record.facts?["file"] == .text(name))
            #expect(try Files.read(log.folder.path.appending(name)) == torn)
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a last line that lost its middle in a power cut is torn too`() async throws {
        try await withLog { log in
            try log.appendBytes(Array(repeating: 0, count: 300) + Array("}\n".utf8))
            #expect(try log.append(AuditEvent(.logRead)).seq == 2)
            #expect(try log.records[1].action == "log.torn")
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `two torn tails have two files`() async throws {
        try await withLog { log in
            for byte in UInt8(1)...3 {
                try log.appendBytes([byte])
                try log.append(AuditEvent(.logRead))
            }
            #expect(try log.names.filter { $0.hasPrefix("torn-") }.count == 3)
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `a tail that was set aside just before a crash is on record after it`() async throws {
        try await withLog { log in
            try Files.write([7], to: log.folder.path.appending("torn-20261124T000000Z-0.new"))
            try Files.remove(log.folder.head)
            try log.append(AuditEvent(.logRead))
            #expect(try log.records[1].facts?["file"] == .text("torn-20261124T000000Z-0"))
            #expect(try log.names.contains("torn-20261124T000000Z-0"))
        }
    }

    @Test func `records past an old checkpoint are completed, and that is on record`() async throws {
        try await withLog { log in
            try log.forgetting { try log.fill(5) }
            #expect(try log.append(AuditEvent(.logRead)).seq == 7)
            let record = try log.records[6]
            #expect(record.action == "log.recovered")
            #expect(record.facts == ["checkpointSize": .number(1), "recordsCompleted": .number(5)])
            #expect(try log.verify().isIntact)
        }
    }

    @Test(arguments: ["", "{}", "{\"v\":1}", "\u{0}\u{0}"]) func `a head that says nothing is made again`(
        text: String
    ) async throws {
        try await withLog { log in
            try log.fill(2)
            try Files.write(Array(text.utf8), to: log.folder.head)
            #expect(try log.append(AuditEvent(.logRead)).seq == 4)
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `the temporary files of a killed writer are removed by the next recovery`() async throws {
        try await withLog { log in
            try Files.write([1], to: log.folder.path.appending(".checkpoint.0123.partial"))
            try Files.remove(log.folder.head)
            try log.append(AuditEvent(.logRead))
            #expect(
                try log.names == [
                    "checkpoint", "head", "leaves", "lock", "log-000000.jsonl", "log.key", "log.vkey", "reserve",
                ])
        }
    }

    @Test func `a log that was copied and put back goes on, and that is on record`() async throws {
        try await withLog { log in
            let bytes = try Files.read(log.folder.log)
            try Files.write(bytes, to: log.folder.log)
            try log.append(AuditEvent(.logRead))
            #expect(try log.records.map(\.action) == ["log.created", "log.recovered", "log.read"])
        }
    }

    /// What somebody may do to the files, and what the next append says of it.
    static let crimes: [(name: String, sentence: String, commit: @Sendable (AuditLog) throws -> Void)] = [
        (
            "cut", "holds 3 records, although its checkpoint signed 5: it was cut",
            { try $0.replaceLines { $0.removeLast(2) } }
        ),
        (
            "cut in mid-line", "holds 4 records, although its checkpoint signed 5: it was cut",
            { try $0.overwrite(Array(Files.read($0.folder.log).dropLast(9))) }
        ),
        ("emptied", "holds 0 records, although its checkpoint signed 5: it was cut", { try $0.overwrite([]) }),
        (
            "edited", "are not those that its checkpoint signed",
            { try $0.replaceLines { $0[2] = $0[2].replacing("\"number\":1", with: "\"number\":10") } }
        ),
        ("shortened inside", "it was cut", { try $0.replaceLines { $0.remove(at: 2) } }),
        ("removed", "is gone, although its checkpoint signed 5 records", { try Files.remove($0.folder.log) }),
        (
            "moved", "is gone, although its checkpoint signed 5 records",
            { try Files.rename($0.folder.log, to: $0.folder.path.appending("log-000000.jsonl.1")) }
        ),
        (
            "moved and made anew, as logrotate does it", "holds 0 records, although its checkpoint signed 5",
            {
                try Files.rename($0.folder.log, to: $0.folder.path.appending("log-000000.jsonl.1"))
                try Files.write([], to: $0.folder.log)
            }
        ),
        ("without its checkpoint", "is gone", { try Files.remove($0.folder.checkpoint) }),
        (
            "with an empty checkpoint", "the note holds control characters or an unfinished line",
            { try Files.write([], to: $0.folder.checkpoint) }
        ),
        (
            "with garbage and more after it", "record 5 of ",
            { try $0.appendBytes(Array("garbage\nmore garbage\n".utf8)) }
        ),
        (
            "with another's checkpoint", "is not signed by this log's key",
            {
                let stranger = SignerKey(name: $0.verifier.name, key: Ed25519.SigningKey.generate())
                let signed = SignedCheckpoint(try $0.folder.readCheckpoint().checkpoint, signedBy: stranger)
                try Files.write(Array(signed.encoded.utf8), to: $0.folder.checkpoint)
            }
        ),
    ]

    @Test(arguments: crimes.indices) func `a log that is not what was signed takes no more records`(index: Int)
        async throws
    {
        let crime = Self.crimes[index]
        try await withLog { log in
            try log.fill(4)
            try crime.commit(log)
            let before = try? Files.read(log.folder.log)
            let failure = try await failing { try log.append(AuditEvent(.logRead)) }
            #expect(failure.status == .malformed, "\(crime.name)")
            #expect(failure.sentence.contains(crime.sentence), "\(crime.name)")
            #expect((try? Files.read(log.folder.log)) == before, "\(crime.name)")
            let again = try await failing { try log.append(AuditEvent(.logRead)) }
            #expect(again.sentence == failure.sentence, "\(crime.name)")
        }
    }

    @Test(arguments: ["log.key", "log.vkey", "log-000000.jsonl", "checkpoint"])
    func `a log that lost a file is never made again`(name: String) async throws {
        try await withLog { log in
            try Files.remove(log.folder.path.appending(name))
            let names = try log.names
            #expect(throws: (any Error).self) {
                try AuditLog.open(log.folder.path, as: source).append(AuditEvent(.logRead))
            }
            #expect(try log.names.filter { $0 != "lock" } == names.filter { $0 != "lock" })
        }
    }

    @Test func `another key is refused`() async throws {
        try await withLog { log in
            try await withLog { other in
                try Files.write(Files.read(other.folder.signerKey), to: log.folder.signerKey)
                let failure = try await failing { _ = try AuditLog.open(log.folder.path, as: source) }
                #expect(failure.sentence == "log.key and log.vkey in \(log.folder.path) do not belong together")
                try Files.write(Files.read(other.folder.verifierKey), to: log.folder.verifierKey)
                let second = try await failing {
                    try AuditLog.open(log.folder.path, as: source).append(AuditEvent(.logRead))
                }
                #expect(second.sentence.contains("is not signed by this log's key"))
            }
        }
    }
}
