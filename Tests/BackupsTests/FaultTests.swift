import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// Damage that the signature does not tell: a file that was cut or changed before it was signed, as a disk or a program may do.
///
/// The oracle is always the same: never `equal` for what does not restore to the recorded content.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct `Damage below the signature` {
    /// age: 64 KiB of plaintext and a tag of 16 bytes a chunk.
    private static let chunk = 65_536 + 16

    private func withBackup(_ body: (Producer, BackupRun.Made) async throws -> Void) async throws {
        let database = try Database.current
        try await database.run(
            "CREATE TABLE t AS SELECT n, md5(n::text) || md5((-n)::text) AS m FROM generate_series(1, 12000) AS n")
        try await withProducer { producer in try await body(producer, try await producer.back(database)) }
    }

    @Test func `cut at every chunk of the encryption and anywhere else, it is different, and nothing is restored`()
        async throws
    {
        try await withBackup { producer, made in
            let file = try #require(made.manifest.files.first { $0.role == .dump })
            let path = made.backup.path(of: file)
            let whole = try Files.read(path)
            let header = try #require(whole.headerLength)
            let chunks = stride(from: header + 16, to: whole.count, by: Self.chunk).map(\.self)
            #expect(chunks.count > 3, "the file must have several chunks")
            let random = (0..<8).map { _ in Int.random(in: 0..<whole.count) }
            for length in chunks + chunks.map({ $0 + 1 }) + [0, header, whole.count - 1] + random {
                let backup = try producer.resign(made, file, Array(whole[..<length]))
                for level in [ProofLevel.archive, .decode] {
                    let finding = try await producer.prover().prove(backup, level: level)
                    #expect(finding.proof.verdict == .different, "cut to \(length) of \(whole.count)")
                }
            }
            let backup = try producer.resign(made, file, Array(whole[..<chunks[2]]))
            let finding = try await producer.prover().prove(backup, level: .restore)
            #expect(finding.proof.verdict == .different)
            try await expectNothing(from: backup, producer)
        }
    }

    @Test func `turned in any kind of byte of the encryption, it is different`() async throws {
        try await withBackup { producer, made in
            let file = try #require(made.manifest.files.first { $0.role == .dump })
            let whole = try Files.read(made.backup.path(of: file))
            let header = try #require(whole.headerLength)
            let last = whole.count - (whole.count - header - 16) % Self.chunk
            for (kind, place) in [
                ("version", 4), ("stanza", 30), ("share", 45), ("wrapped key", header - 60), ("MAC", header - 10),
                ("nonce", header + 3), ("first chunk", header + 40), ("first tag", header + 16 + Self.chunk - 3),
                ("middle", header + 16 + Self.chunk + 99), ("last chunk", last + 5), ("last tag", whole.count - 1),
            ] {
                var bytes = whole
                bytes[place] ^= 0x10
                let backup = try producer.resign(made, file, bytes)
                let finding = try await producer.prover().prove(backup, level: .archive)
                // A stanza that is for nobody known leaves no identity to open it with.
                #expect(finding.proof.verdict != .equal, "\(kind)")
            }
            let longer = try producer.resign(made, file, whole + [0])
            #expect(try await producer.prover().prove(longer, level: .archive).proof.verdict == .different)
        }
    }

    @Test func `turned in any kind of byte of the dump, it differs or restores to the same`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE t (id serial PRIMARY KEY, m text DEFAULT 'x'); INSERT INTO t (m) VALUES ('one'), ('two');
            CREATE VIEW v AS SELECT m FROM t; SELECT lo_from_bytea(4246, 'large'); COMMENT ON TABLE t IS 'remark'
            """)
        try await withProducer { producer in
            let made = try await producer.back(database)
            let file = try #require(made.manifest.files.first { $0.role == .dump })
            let whole = try producer.open(file, of: made.backup)
            let recorded = made.index.databases[0]
            var passed: [Int] = []
            for place in whole.indices {
                var bytes = whole
                bytes[place] ^= 1
                if isAccepted(bytes, recorded) { passed.append(place) }
            }
            // What passes is what says nothing about content: times, object ids, how to drop, dependencies.
            #expect(Double(passed.count) < 0.4 * Double(whole.count))
            #expect(!passed.isEmpty)
            for _ in 0..<6 {
                let place = try #require(passed.randomElement())
                var bytes = whole
                bytes[place] ^= 1
                let backup = try producer.reseal(made, file, bytes)
                let finding = try await producer.prover().prove(backup, level: .restore)
                // The proof dumps what was restored: `equal` is never by the archive's word alone.
                if finding.proof.verdict == .equal {
                    var options = RestoreOptions()
                    options.target = "byte_\(place)_\(database.name)"
                    let restored = try await producer.restore(backup, options, database)
                    #expect(restored.map(\.verdict) == [.equal], "byte \(place)")
                } else {
                    #expect(!finding.differences.isEmpty, "byte \(place)")
                }
            }
            // And rows: each of their bytes.
            let rows = try #require(whole.firstRange(of: Array("one\n".utf8)))
            for place in rows {
                #expect(!passed.contains(place))
            }
        }
    }

    private func isAccepted(_ bytes: [UInt8], _ recorded: DatabaseIndex) -> Bool {
        do {
            let reader = ArchiveReader(ContentIndexer(orders: recorded.content.columnOrders), tocLimit: 1 << 20)
            try reader.write(bytes.span)
            try reader.finish()
            return reader.consumer.index == recorded.content && reader.toc?.definitions == recorded.definitions
        } catch {
            return false
        }
    }

    private func expectNothing(from backup: StoredBackup, _ producer: Producer) async throws {
        let database = try Database.current
        var options = RestoreOptions()
        options.target = "nothing_\(database.name)"
        await #expect(throws: (any Error).self) { try await producer.restore(backup, options, database) }
        let left =
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'nothing\\_%' OR datname LIKE 'dbsec\\_restore\\_%'"
        #expect(try await database.value(left) == "0")
    }
}

extension [UInt8] {
    /// An age file's header ends with the line `--- MAC`.
    fileprivate var headerLength: Int? {
        guard let mark = firstRange(of: Array("\n--- ".utf8)) else { return nil }
        return self[mark.upperBound...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
    }
}

extension Producer {
    /// The same backup with other bytes in a file, signed as if they were what had been made.
    fileprivate func resign(_ made: BackupRun.Made, _ file: Manifest.File, _ bytes: [UInt8]) throws -> StoredBackup {
        try Files.write(bytes, to: made.backup.path(of: file), durable: false)
        var manifest = made.manifest
        var entry = file
        (entry.size, entry.sha256) = (bytes.count, SHA256.hash(bytes.span))
        manifest.files = manifest.files.map { $0.name == file.name ? entry : $0 }
        return try sign(manifest, in: made.backup)
    }

    /// The same with another content of the file.
    fileprivate func reseal(_ made: BackupRun.Made, _ file: Manifest.File, _ content: [UInt8]) throws -> StoredBackup {
        let path = made.backup.path(of: file)
        try Files.remove(path)
        let sealed = try SealedFile(creating: path, for: keys.recipients())
        try sealed.write(content.span)
        try sealed.finish()
        let entry = try sealed.entry(file.role, database: file.database)
        var manifest = made.manifest
        manifest.files = manifest.files.map { $0.name == file.name ? entry : $0 }
        return try sign(manifest, in: made.backup)
    }
}
