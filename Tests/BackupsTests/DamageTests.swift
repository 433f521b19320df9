import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// What storage, people and strangers can do to a backup.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct `A damaged backup` {
    @Test(arguments: [5, 50, 100]) func `whose dump is cut off is different`(percent: Int) async throws {
        try await withBackup { producer, backup in
            let path = try dump(of: backup)
            let whole = try Files.read(path)
            try Files.write(Array(whole.prefix(min(whole.count * percent / 100, whole.count - 1))), to: path)
            let finding = try await producer.prover().prove(backup, level: .archive)
            #expect(finding.proof.verdict == .different)
            #expect(finding.differences.first?.contains(" bytes instead of \(whole.count)") == true)
        }
    }

    @Test(arguments: [0.0, 0.01, 0.5, 1.0]) func `in which one bit of the dump is turned is different`(
        place: Double
    ) async throws {
        try await withBackup { producer, backup in
            let path = try dump(of: backup)
            try flip(path, at: Int(place * Double(try Files.size(path) - 1)))
            let finding = try await producer.prover().prove(backup, level: .decode)
            #expect(finding.proof.verdict == .different)
            #expect(finding.differences.first?.hasSuffix(".dump.zst.age was changed since it was signed") == true)
        }
    }

    @Test func `that lacks a file is different`() async throws {
        try await withBackup { producer, backup in
            try Files.remove(backup.folder.appending(FileName.globals))
            let finding = try await producer.prover().prove(backup, level: .archive)
            #expect(finding.differences == ["globals.sql.zst.age is missing"])
        }
    }

    @Test func `is refused when a byte of its manifest is another, wherever`() async throws {
        try await withBackup { producer, backup in
            let trusted = try producer.keys.trustedKeys()
            _ = try AuthenticBackup(backup, trusted: trusted)
            // A prime step, so that every kind of field is hit.
            for place in stride(from: 0, to: backup.manifestBytes.count, by: 31) {
                try flip(backup.folder.appending(Manifest.fileName), at: place)
                let read = try StoredBackup(folder: backup.folder, cluster: backup.cluster, label: backup.label)
                let failure = #expect(throws: PlainFailure.self) { try AuthenticBackup(read, trusted: trusted) }
                #expect(failure?.status == .malformed)
                try flip(backup.folder.appending(Manifest.fileName), at: place)
            }
        }
    }

    @Test func `is refused whichever byte of its signature is another`() async throws {
        try await withBackup { producer, backup in
            let trusted = try producer.keys.trustedKeys()
            let path = backup.folder.appending(Manifest.signatureFileName)
            // The first line is a comment that minisign itself calls untrusted.
            let start = try #require(backup.signatureBytes.firstIndex(of: UInt8(ascii: "\n"))) + 1
            for place in start..<backup.signatureBytes.count {
                try flip(path, at: place)
                let read = try StoredBackup(folder: backup.folder, cluster: backup.cluster, label: backup.label)
                #expect(throws: PlainFailure.self, "byte \(place)") { try AuthenticBackup(read, trusted: trusted) }
                try flip(path, at: place)
            }
        }
    }

    @Test func `of an unknown signer is refused before anything is decrypted`() async throws {
        try await withBackup { producer, backup in
            try Files.removeTree(producer.keys.trustedFolder)
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.prover(identities: []).prove(backup, level: .archive)
            }
            #expect(failure?.status == .malformed)
            #expect(failure?.sentence.hasSuffix("which is not pinned here") == true)
        }
    }

    @Test func `copied under another's name is refused`() async throws {
        try await withBackup { producer, backup in
            let other = producer.repository.folder(of: "main").appending("20200101T000000Z")
            try await Child("/bin/cp", ["-r", backup.folder.string, other.string]).run()
            let copy = try StoredBackup(folder: other, cluster: "main", label: "20200101T000000Z")
            let failure = #expect(throws: PlainFailure.self) {
                try AuthenticBackup(copy, trusted: producer.keys.trustedKeys())
            }
            #expect(failure?.sentence == "the backup in main/20200101T000000Z is a copy of main/\(backup.label)")
        }
    }

    @Test func `with another backup's index is different`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let first = try await producer.back(database)
            try await Task.sleep(for: .seconds(1))
            let second = try await producer.back(database)
            var manifest = second.manifest
            let index = try #require(first.manifest.file(.index))
            manifest.files = manifest.files.map { $0.role == .index ? index : $0 }
            let path = second.backup.folder.appending(FileName.index)
            try Files.write(try Files.read(first.backup.folder.appending(FileName.index)), to: path)
            let mixed = try producer.sign(manifest, in: second.backup)
            let finding = try await producer.prover().prove(mixed, level: .decode)
            #expect(finding.differences == ["the index is of another backup than the manifest"])
        }
    }

    @Test func `cannot be verified with another identity, and that is said`() async throws {
        try await withBackup { producer, backup in
            let stranger = try AgeIdentity.generate()
            let finding = try await producer.prover(identities: [stranger]).prove(backup, level: .decode)
            #expect(finding.proof.verdict == .cannotVerify)
            #expect(finding.proof.missing.first?.hasPrefix("an identity that opens it") == true)
        }
    }

    /// A file that is exchanged after it was verified: storage may do that between two readings.
    @Test func `that changes between two readings gives away nothing of the changed block`() async throws {
        try await withTemporaryFolder { folder in
            let content = [UInt8](repeating: 7, count: 3 << 20)
            try Files.write(content, to: folder.appending("x.dump.zst.age"))
            try Files.write([], to: folder.appending(Manifest.fileName))
            try Files.write([], to: folder.appending(Manifest.signatureFileName))
            let file = Manifest.File(
                name: "x.dump.zst.age", role: .dump, database: "x", size: content.count, sha256: SHA256.hash(content),
                contentSize: 0)
            let backup = try StoredBackup(folder: folder, cluster: "main", label: "x")
            let verified = try VerifiedFile(file, in: backup)
            try flip(folder.appending("x.dump.zst.age"), at: (1 << 20) + 5)
            let seen = DiscardingSink()
            let failure = #expect(throws: PlainFailure.self) { try verified.copy(into: seen) }
            #expect(failure?.sentence == "x.dump.zst.age changed while it was read")
            #expect(seen.count == 1 << 20)
        }
    }

    private func withBackup(_ body: (Producer, StoredBackup) async throws -> Void) async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE t AS SELECT md5(i::text) FROM generate_series(1, 5000) AS i")
        try await withProducer { producer in
            try await body(producer, try await producer.back(database).backup)
        }
    }
}

private func dump(of backup: StoredBackup) throws -> FilePath {
    let manifest = try backup.manifest()
    return backup.path(of: try #require(manifest.files.first { $0.role == .dump }))
}

private func flip(_ path: FilePath, at place: Int) throws {
    var bytes = try Files.read(path)
    bytes[place] ^= 1
    try Files.write(bytes, to: path, durable: false)
}
