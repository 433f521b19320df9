import Cryptography
import FieldEncryption
import Glibc
import Platform
import SystemPackage
import TestSupport
import Testing

@Suite struct KeyringTests {
    private let now = Timestamp(seconds: 1_800_000_000)

    @Test func `any one of several custodians opens the ring, and nobody else`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let custodians = try (0..<3).map { _ in try AgeIdentity.generate() }
            let keyring = Keyring.test()
            try file.create(keyring, .recipients(custodians.compactMap(\.recipient)))
            for custodian in custodians {
                let opened = try file.open(with: custodian.secret).keyring
                #expect(opened.active?.id == keyring.active?.id)
                #expect(opened.usable.map(\.secret.bytes) == keyring.usable.map(\.secret.bytes))
            }
            let stranger = try AgeIdentity.generate()
            #expect(try code { _ = try file.open(with: stranger.secret) } == .locked)
            #expect(try code { _ = try file.open(with: SecretBytes("a passphrase")) } == .locked)
        }
    }

    @Test func `a passphrase opens the ring, and another does not`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let cost = KeyringPassphrase.Cost(operations: 1, memory: 8 << 20)
            let keyring = Keyring.test()
            try file.create(keyring, .passphrase(SecretBytes("correct horse"), cost: cost))
            #expect(try file.open(with: SecretBytes("correct horse")).keyring.active?.id == keyring.active?.id)
            #expect(try code { _ = try file.open(with: SecretBytes("correct horsf")) } == .locked)
            let rotated = try file.change(with: SecretBytes("correct horse")) { try $0.addingPending(at: now) }
            #expect(try file.open(with: SecretBytes("correct horse")).keyring.entries == rotated.entries)
        }
    }

    @Test func `a rotation goes pending, active, decrypt-only, destroyed, and no step can be skipped`() throws {
        let first = Keyring.test()
        let old = try #require(first.active?.id)
        #expect(try code { _ = try first.activatingPending(at: now) } == .refused)
        #expect(try code { _ = try first.destroying(old, at: now) } == .refused)
        let pending = try first.addingPending(at: now)
        #expect(try code { _ = try pending.addingPending(at: now) } == .refused)
        #expect(pending.active?.id == old)
        #expect(pending.usable.count == 2)
        let active = try pending.activatingPending(at: now)
        #expect(active.active?.id == pending.pending?.id)
        #expect(active.entries.map(\.state) == [.decryptOnly, .active])
        let destroyed = try active.destroying(old, at: now)
        #expect(destroyed.entries.map(\.state) == [.destroyed, .active])
        #expect(destroyed.key(old) == nil)
        #expect(try code { _ = try destroyed.destroying(old, at: now) } == .refused)
        #expect(destroyed.generation == 4)
    }

    @Test func `a destroyed key is in no file any more`() async throws {
        try await withTemporaryFolder { folder in
            let copy = folder.appending("copy.json")
            let file = KeyringFile(folder.appending("keyring.json"), copies: [copy])
            let identity = try AgeIdentity.generate()
            try file.create(.test(), .recipients([identity.recipient].compactMap(\.self)))
            let old = try #require(try file.open(with: identity.secret).keyring.active?.id)
            try file.change(with: identity.secret) { try $0.rotated() }
            try file.change(with: identity.secret) { try $0.destroying(old, at: now) }
            for path in [file.path, copy] {
                let opened = try KeyringFile(path).open(with: identity.secret).keyring
                #expect(opened.usable.count == 1)
                #expect(opened.entries.count == 2)
                #expect(opened.key(old) == nil)
            }
        }
    }

    @Test func `a file that others may read is refused`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let identity = try AgeIdentity.generate()
            try file.create(.test(), .recipients([identity.recipient].compactMap(\.self)))
            var facts = stat()
            #expect(stat(file.path.string, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o600)
            chmod(file.path.string, 0o640)
            let failure = #expect(throws: PlainFailure.self) { try file.open(with: identity.secret) }
            #expect(failure?.status == .configuration)
        }
    }

    @Test func `what was changed by hand is noticed`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let (mine, theirs) = (try AgeIdentity.generate(), try AgeIdentity.generate())
            try file.create(try Keyring.test().rotated(), .recipients([mine.recipient].compactMap(\.self)))
            let text = String(decoding: try Files.read(file.path), as: UTF8.self)
            let recipients = (try #require(mine.recipient), try #require(theirs.recipient))
            for (old, new) in [
                ("\"active\"", "\"pending\""), ("\"generation\" : 3", "\"generation\" : 4"),
                ("\(recipients.0)", "\(recipients.1)"), ("decrypt-only", "destroyed"),
            ] {
                let changed = text.replacing(old, with: new)
                #expect(changed != text)
                try Files.write(Array(changed.utf8), to: file.path)
                #expect(try code { _ = try file.open(with: mine.secret) } == .keyring, "\(old)")
            }
            for count in [0, 1, text.utf8.count / 2, text.utf8.count - 3] {
                try Files.write(Array(text.utf8.prefix(count)), to: file.path)
                #expect(try code { _ = try file.open(with: mine.secret) } == .keyring)
            }
        }
    }

    @Test func `copies that disagree are noticed, and say which is newer`() async throws {
        try await withTemporaryFolder { folder in
            let copy = folder.appending("copy.json")
            let file = KeyringFile(folder.appending("keyring.json"), copies: [copy])
            let identity = try AgeIdentity.generate()
            try file.create(.test(), .recipients([identity.recipient].compactMap(\.self)))
            try file.check()
            let before = try Files.read(copy)
            try file.change(with: identity.secret) { try $0.addingPending(at: now) }
            let after = try Files.read(copy)
            #expect(try file.read().comparison(with: KeyringFile(copy).read()) == .same)

            try Files.write(before, to: copy)
            #expect(try file.read().comparison(with: KeyringFile(copy).read()) == .older(1))
            #expect(
                try code { try file.change(with: identity.secret) { try $0.activatingPending(at: now) } } == .keyring)
            try Files.write(before, to: file.path)
            try Files.write(after, to: copy)
            #expect(try file.read().comparison(with: KeyringFile(copy).read()) == .newer(2))
            try KeyringFile(file.path).change(with: identity.secret) { try $0.addingPending(at: now) }
            #expect(try file.read().comparison(with: KeyringFile(copy).read()) == .disagrees)
            #expect(try code { try file.check() } == .keyring)
        }
    }

    @Test func `a ring is lost, and restored from a custodian's copy`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let (host, custodian) = (try AgeIdentity.generate(), try AgeIdentity.generate())
            try file.create(.test(), .recipients([host.recipient].compactMap(\.self)))
            let field = try FieldCipher(file.open(with: host.secret).keyring).column("t.c").encrypt("kept")
            let exported = try file.exported(
                with: host.secret, for: .recipients([custodian.recipient].compactMap(\.self)))
            try Files.remove(file.path)
            #expect(throws: PlainFailure.self) { try file.open(with: host.secret) }

            try Files.write(exported, to: file.path)
            #expect(try code { _ = try file.open(with: host.secret) } == .locked)
            let opened = try file.open(with: custodian.secret).keyring
            #expect(try FieldCipher(opened).column("t.c").decryptText(field) == "kept")
            try file.change(
                with: custodian.secret, protection: .recipients([host.recipient].compactMap(\.self))
            ) { $0.rewrapped(at: now) }
            #expect(try file.open(with: host.secret).keyring.generation == 2)
        }
    }

    @Test func `an application sees a rotation without a restart`() async throws {
        try await withTemporaryFolder { folder in
            let file = KeyringFile(folder.appending("keyring.json"))
            let identity = try AgeIdentity.generate()
            try file.create(.test(), .recipients([identity.recipient].compactMap(\.self)))
            let watching = FieldCipher(try KeyringSource(file, identity.secret, interval: .zero))
            let sleeping = FieldCipher(try KeyringSource(file, identity.secret, interval: .seconds(3600)))
            let (eager, lazy) = (try watching.column("t.c"), try sleeping.column("t.c"))
            let old = try eager.encrypt("one")
            let ring = try file.change(with: identity.secret) { try $0.rotated() }
            let new = try eager.encrypt("two")
            #expect(FieldFormat.keyID(of: new.span) == ring.active?.id)
            #expect(!eager.isCurrent(old) && eager.isCurrent(new))
            #expect(try eager.decryptText(old) == "one")
            // The one that is not due to look does so for a key that it does not know.
            #expect(try lazy.decryptText(new) == "two")
            // A file that is gone for a moment changes nothing.
            try Files.remove(file.path)
            #expect(try eager.decryptText(new) == "two")
        }
    }

    @Test func `what opens a ring comes from a file, a credential, the environment or a command`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("secret")
            try Files.write(Array("correct horse\n".utf8), to: path)
            for source in ["file:\(path)", "credential:secret", "env:SECRET", "command:/bin/cat \(path)"] {
                let unlock = try #require(KeyringUnlock(source))
                let secret = try await unlock.load(
                    environment: ["CREDENTIALS_DIRECTORY": folder.string, "SECRET": "correct horse"])
                #expect(secret == SecretBytes("correct horse"), "\(source)")
                #expect(!unlock.description.contains("horse"))
            }
            for source in ["", "file:", "horse", "vault:x", "credential:../x"] { #expect(KeyringUnlock(source) == nil) }
            chmod(path.string, 0o644)
            await #expect(throws: PlainFailure.self) { try await KeyringUnlock.file(path).load() }
        }
    }
}
