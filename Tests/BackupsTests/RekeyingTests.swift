import AuditLog
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// Opening old backups to other recipients.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct `Rekeying a backup` {
    @Test func `who is named now reads it, who was named before does not, and it is proved as before`() async throws {
        try await withRekeying { producer, backup, rekeying in
            let (before, old) = (try backup.manifest(), try producer.keys.heldIdentities())
            try backup.append(proof(of: backup, producer), signedBy: producer.keys.signingKey())
            let new = try AgeIdentity.generate()
            let recipient = try #require(new.recipient)
            #expect(try rekeying.isNeeded(backup, [recipient]))
            try await rekeying.rekey(backup, for: [recipient])

            let stored = try producer.repository.backup(named: "latest")
            let trusted = try producer.keys.trustedKeys()
            let authentic = try AuthenticBackup(stored, trusted: trusted)
            #expect(authentic.manifest.recipients == [recipient.description])
            #expect(authentic.manifest.rekeyed?.map(\.manifest) == [backup.manifestHash])
            #expect(authentic.manifest.files.map(\.contentSize) == before.files.map(\.contentSize))
            #expect(try !rekeying.isNeeded(stored, [recipient]))
            let index = try await SealedReading(identities: [new], progress: nil).index(of: authentic)
            #expect(index.run == before.run)
            await #expect(throws: CryptographyError.self) {
                try await SealedReading(identities: old, progress: nil).index(of: authentic)
            }
            let proofs = try stored.proofs(trusted: trusted)
            #expect(proofs.map(\.level) == [.decode])
            #expect(proofs[0].notes.last?.hasPrefix("carried over from the manifest") == true)
            #expect(try Files.list(stored.folder.removingLastComponent()).filter { $0.hasPrefix(".2") } == [])
        }
    }

    @Test func `a hold stays, and what no pinned key signed is not carried over`() async throws {
        try await withRekeying { producer, backup, rekeying in
            try backup.append(proof(of: backup, producer), signedBy: MinisignSecretKey.generate())
            let trusted = try producer.keys.trustedKeys()
            _ = try await producer.repository.hold(
                backup.name, because: Hold(reason: "it is wanted", time: .now()), trusted: trusted)
            try await rekeying.rekey(backup, for: [try #require(AgeIdentity.generate().recipient)])
            let stored = try producer.repository.backup(named: "latest")
            #expect(stored.hold?.reason == "it is wanted")
            #expect(try stored.proofs(trusted: trusted).isEmpty)
        }
    }

    @Test func `a backup that was changed is left as it is`() async throws {
        try await withRekeying { producer, backup, rekeying in
            let file = try #require(try backup.manifest().files.first)
            var bytes = try Files.read(backup.path(of: file))
            bytes[bytes.count - 1] ^= 1
            try Files.write(bytes, to: backup.path(of: file))
            let failure = await #expect(throws: PlainFailure.self) {
                try await rekeying.rekey(backup, for: [try #require(AgeIdentity.generate().recipient)])
            }
            #expect(failure?.status == .malformed)
            #expect(try producer.repository.backup(named: "latest").manifestHash == backup.manifestHash)
        }
    }

    @Test func `without an identity that opens it nothing happens`() async throws {
        try await withRekeying { producer, backup, _ in
            let rekeying = try Rekeying(
                producer.repository, keys: producer.keys, identities: [AgeIdentity.generate()], audit: producer.audit,
                now: { .now() })
            await #expect(throws: CryptographyError.self) {
                try await rekeying.rekey(backup, for: [try #require(AgeIdentity.generate().recipient)])
            }
            #expect(try producer.repository.backup(named: "latest").manifestHash == backup.manifestHash)
        }
    }

    @Test func `a host whose own key is not pinned refuses, since its backups would count for nothing`() async throws {
        try await withRekeying { producer, backup, rekeying in
            try Files.removeTree(producer.keys.trustedFolder)
            let failure = await #expect(throws: PlainFailure.self) {
                try await rekeying.rekey(backup, for: [try #require(AgeIdentity.generate().recipient)])
            }
            #expect(failure?.status == .configuration)
        }
    }

    private func proof(of backup: StoredBackup, _ producer: Producer) throws -> Proof {
        Proof(
            cluster: backup.cluster, label: backup.label, manifest: backup.manifestHash, level: .decode,
            verdict: .equal, databases: [], missing: [], notes: [], started: .now(), finished: .now(), programs: [:],
            proverKey: try producer.keys.signingKey().keyID.description, trust: .sameHost)
    }

    private func withRekeying(
        _ body: (Producer, StoredBackup, Rekeying) async throws -> Void
    ) async throws {
        try await withProducer { producer in
            let made = try await producer.back(Database.current)
            let rekeying = try Rekeying(
                producer.repository, keys: producer.keys, identities: producer.keys.heldIdentities(),
                audit: producer.audit, now: { .now() })
            try await body(producer, made.backup, rekeying)
        }
    }
}
