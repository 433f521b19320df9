import AuditLog
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// Removing backups from a repository; which ones is `Retention`'s.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct `Pruning a repository` {
    @Test func `removes the folder of what no rule keeps, and nothing else`() async throws {
        try await withBackups(3) { producer, backups in
            let decided = try await pruning(producer, last: 2).prune("main", audit: producer.audit)
            #expect(decided.decisions.map(\.isKept) == [true, true, false])
            #expect(!Files.exists(backups[0].folder))
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label, backups[2].label])
        }
    }

    @Test func `never removes the newest backup that a restore has proved`() async throws {
        try await withBackups(3) { producer, backups in
            try prove(backups[0], producer, signer: producer.keys.signingKey())
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[0].label, backups[2].label])
        }
    }

    @Test func `does not count a proof of somebody whose key is not pinned`() async throws {
        try await withBackups(2) { producer, backups in
            try prove(backups[0], producer, signer: MinisignSecretKey.generate())
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label])
        }
    }

    @Test func `does not touch a backup that is not authentic, and counts it for nothing`() async throws {
        try await withBackups(2) { producer, backups in
            try Files.write(Array("{}".utf8), to: backups[1].folder.appending(Manifest.fileName))
            let decided = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(decided.decisions.map(\.backup.label) == [backups[0].label])
            #expect(decided.doubtful.keys.sorted() == [backups[1].label])
            #expect(Files.exists(backups[1].folder))
        }
    }

    @Test func `finishes what a crash left half removed, and until then it is not listed`() async throws {
        try await withBackups(2) { producer, backups in
            let stone = try tombstone(of: backups[0], producer)
            try stone.write(into: backups[0].folder, signedBy: producer.keys.signingKey())
            try Files.remove(backups[0].folder.appending(FileName.index))
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label])
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(!Files.exists(backups[0].folder))
        }
    }

    @Test func `believes no tombstone but those of pinned keys`() async throws {
        try await withBackups(2) { producer, backups in
            let stone = try tombstone(of: backups[1], producer)
            try stone.write(into: backups[1].folder, signedBy: MinisignSecretKey.generate())
            let failure = await #expect(throws: PlainFailure.self) {
                try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            }
            #expect(failure?.status == .malformed)
            #expect(Files.exists(backups[1].folder.appending(FileName.index)))
            // It is shown as what it is, and a hold brings the backup back.
            let trusted = try producer.keys.trustedKeys()
            let hidden = try producer.repository.givenUp(of: "main", trusted: trusted)
            #expect(hidden.map(\.label) == [backups[1].label] && hidden[0].keeperKey == nil)
            _ = try await producer.repository.hold(
                backups[1].name, because: Hold(reason: "somebody hid it", time: .now()), trusted: trusted)
            #expect(try producer.repository.backups(of: "main").map(\.label) == backups.map(\.label))
        }
    }

    @Test func `removes what was given up only after the time of grace`() async throws {
        try await withBackups(2) { producer, backups in
            _ = try await pruning(producer, last: 1, graceHours: 24).prune("main", audit: producer.audit)
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label])
            #expect(Files.exists(backups[0].folder.appending(FileName.index)))
            _ = try await pruning(producer, last: 1, graceHours: 24, now: { .now().advanced(bySeconds: 86_401) })
                .prune("main", audit: producer.audit)
            #expect(!Files.exists(backups[0].folder))
        }
    }

    @Test func `brings back what was given up, and a hold keeps it`() async throws {
        try await withBackups(2) { producer, backups in
            let trusted = try producer.keys.trustedKeys()
            _ = try await pruning(producer, last: 1, graceHours: 24).prune("main", audit: producer.audit)
            let held = try await producer.repository.hold(
                backups[0].name, because: Hold(reason: "it is wanted", time: .now()), trusted: trusted)
            #expect(held.hold?.reason == "it is wanted")
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(try producer.repository.backups(of: "main").map(\.label) == backups.map(\.label))
            _ = try await producer.repository.release(held.name)
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label])
        }
    }

    @Test func `does not bring back half a backup`() async throws {
        try await withBackups(2) { producer, backups in
            _ = try await pruning(producer, last: 1, graceHours: 24).prune("main", audit: producer.audit)
            try Files.remove(backups[0].folder.appending(FileName.index))
            let trusted = try producer.keys.trustedKeys()
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.repository.hold(
                    backups[0].label, because: Hold(reason: "too late", time: .now()), trusted: trusted)
            }
            #expect(failure?.status == .inputMissing)
            #expect(try producer.repository.backups(of: "main").map(\.label) == [backups[1].label])
        }
    }

    @Test func `leaves files that no backup named`() async throws {
        try await withBackups(2) { producer, backups in
            try Files.write([1], to: backups[0].folder.appending("notes.txt"))
            _ = try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            #expect(try Files.list(backups[0].folder) == ["notes.txt"])
        }
    }

    @Test func `waits for nobody: while a backup is made it is 75`() async throws {
        try await withBackups(1) { producer, _ in
            let lock = try FileLock(producer.repository.lock(of: "main"))
            let failure = await #expect(throws: FileFailure.self) {
                try await pruning(producer, last: 1).prune("main", audit: producer.audit)
            }
            #expect(failure?.status == .temporary)
            withExtendedLifetime(lock) {}
        }
    }

    private func pruning(
        _ producer: Producer, last: Int, graceHours: Int = 0, now: @escaping @Sendable () -> Timestamp = { .now() }
    ) throws -> Pruning {
        Pruning(
            repository: producer.repository, keys: producer.keys, policy: try RetentionPolicy([.last(last)]),
            graceHours: graceHours, now: now)
    }

    private func withBackups(_ count: Int, _ body: (Producer, [StoredBackup]) async throws -> Void) async throws {
        let database = try Database.current
        try await withProducer { producer in
            var backups: [StoredBackup] = []
            for _ in 0..<count { backups.append(try await producer.back(database).backup) }
            try await body(producer, backups)
        }
    }

    private func prove(_ backup: StoredBackup, _ producer: Producer, signer: MinisignSecretKey) throws {
        let name = try backup.manifest().databases[0].name
        let proof = Proof(
            cluster: backup.cluster, label: backup.label, manifest: backup.manifestHash, level: .restore,
            verdict: .equal,
            databases: [.init(name: name, verdict: .equal, differences: 0, tables: 0, rows: 0)], missing: [], notes: [],
            started: .now(), finished: .now(), programs: [:], proverKey: signer.keyID.description, trust: .sameHost)
        try backup.append(proof, signedBy: signer)
    }

    private func tombstone(of backup: StoredBackup, _ producer: Producer) throws -> Tombstone {
        Tombstone(
            cluster: backup.cluster, label: backup.label, manifest: backup.manifestHash, time: .now(), reasons: [],
            files: try backup.manifest().files.map(\.name), keeperKey: try producer.keys.signingKey().keyID.description)
    }
}

@Suite struct `What proofs prove` {
    @Test(arguments: [
        ([proof(.archive, .equal)], false), ([proof(.decode, .equal)], false), ([proof(.restore, .equal)], true),
        ([proof(.restore, .cannotVerify)], false), ([proof(.restore, .different)], false),
        ([proof(.restore, .equal), proof(.archive, .different)], false),
        ([proof(.restore, .equal), proof(.restore, .cannotVerify)], true),
        ([proof(.archive, .different), proof(.restore, .equal)], true),
    ]) func `is what a restore showed and nothing later denied`(proofs: [Proof], isProven: Bool) {
        #expect(proofs.proven == (isProven ? ["app"] : []))
    }

    @Test func `damage to what is no dump denies every database`() {
        var damage = proof(.archive, .different)
        damage.databases = []
        #expect([proof(.restore, .equal), damage].proven == [])
    }
}

private func proof(_ level: ProofLevel, _ verdict: Verdict) -> Proof {
    Proof(
        cluster: "main", label: "x", manifest: SHA256.hash([]), level: level, verdict: verdict,
        databases: [.init(name: "app", verdict: verdict, differences: 0, tables: 0, rows: 0)], missing: [], notes: [],
        started: .now(), finished: .now(), programs: [:], proverKey: "", trust: .sameHost)
}
