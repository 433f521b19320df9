import Cryptography
import Platform
import SystemPackage
import Testing

/// Both ways against the stock `age` and `age-keygen`.
@Suite(.timeLimit(.minutes(5))) struct AgeInteropTests {
    static let sizes = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 300_000]

    @Test(arguments: sizes)
    func `stock age decrypts what we encrypt`(size: Int) async throws {
        try await withFolder { folder in
            let identity = try AgeIdentity.generate()
            let keys = folder.appending("keys")
            let (text, recipient) = (try #require(identity.text), try #require(identity.recipient))
            try Files.write(text.bytes, to: keys, mode: [.ownerReadWrite])
            let file = try encrypt(content(size), to: [recipient], piece: 10_000)
            let plain = try await Child("/usr/bin/age", ["-d", "-i", keys.string]).run(input: file)
            #expect(plain == content(size))
        }
    }

    @Test(arguments: sizes)
    func `we decrypt what stock age encrypts`(size: Int) async throws {
        let identity = try AgeIdentity.generate()
        let recipient = try #require(identity.recipient).description
        let file = try await Child("/usr/bin/age", ["-r", recipient]).run(input: content(size))
        #expect(try decrypt(file, with: [identity]) == content(size))
        #expect(try decrypt(file, with: [identity], piece: 1009) == content(size))
    }

    @Test func `a key file of age-keygen is read with its comments`() async throws {
        try await withFolder { folder in
            let keys = try await stockKeys(folder.appending("keys"))
            let printed = try await Child("/usr/bin/age-keygen", ["-y", keys.file.string]).run()
            #expect(String(decoding: printed, as: UTF8.self) == "\(keys.recipient)\n")
        }
    }

    @Test func `each of several recipients opens a file of ours and one of stock age`() async throws {
        try await withFolder { folder in
            let one = try await stockKeys(folder.appending("one"))
            let two = try await stockKeys(folder.appending("two"))
            let ours = try encrypt(content(1000), to: [one.recipient, two.recipient])
            let arguments = ["-r", one.recipient.description, "-r", two.recipient.description]
            let theirs = try await Child("/usr/bin/age", arguments).run(input: content(1000))
            try await checkOpens(ours, with: one)
            try await checkOpens(ours, with: two)
            try await checkOpens(theirs, with: one)
            try await checkOpens(theirs, with: two)
        }
    }

    @Test(arguments: [0, 1, 65_536, 300_000])
    func `stock age opens what was given other recipients, and who had it before does not`(size: Int) async throws {
        try await withFolder { folder in
            let old = try await stockKeys(folder.appending("old"))
            let new = try await stockKeys(folder.appending("new"))
            let file = try await Child("/usr/bin/age", ["-r", old.recipient.description]).run(input: content(size))
            let identity = try Files.readSecret(old.file)
            let rekeyed = CollectingSink()
            let rekeyer = AgeRekeyer(
                opening: try AgeIdentity.parse(identity.span), for: [new.recipient], into: rekeyed)
            for start in stride(from: 0, to: file.count, by: 77) {
                try rekeyer.write(file.span.extracting(start..<min(start + 77, file.count)))
            }
            try rekeyer.finish()
            let plain = try await Child("/usr/bin/age", ["-d", "-i", new.file.string]).run(input: rekeyed.bytes)
            #expect(plain == content(size))
            await #expect(throws: ChildFailure.self) {
                try await Child("/usr/bin/age", ["-d", "-i", old.file.string]).run(input: rekeyed.bytes)
            }
        }
    }

    @Test func `a header that is cut off gets no other recipients`() async throws {
        let identity = try AgeIdentity.generate()
        let recipient = try #require(identity.recipient)
        let file = try encrypt(content(10), to: [recipient])
        for length in [0, 10, 50, 150] {
            let rekeyer = AgeRekeyer(opening: [identity], for: [recipient], into: DiscardingSink())
            #expect(throws: CryptographyError.self) {
                try rekeyer.write(file.span.extracting(0..<length))
                try rekeyer.finish()
            }
        }
    }

    @Test func `age-keygen finds the same recipient for an identity of ours`() async throws {
        let identity = try AgeIdentity.generate()
        let (text, recipient) = (try #require(identity.text), try #require(identity.recipient))
        let printed = try await Child("/usr/bin/age-keygen", ["-y"]).run(input: text.bytes)
        #expect(String(decoding: printed, as: UTF8.self) == "\(recipient)\n")
    }

    @Test func `armor made by stock age comes off`() async throws {
        let identity = try AgeIdentity.generate()
        let recipient = try #require(identity.recipient).description
        for size in [0, 1, 47, 48, 49, 100_000] {
            let file = try await Child("/usr/bin/age", ["-a", "-r", recipient]).run(input: content(size))
            let end = CollectingSink()
            try push(file, through: AgeArmorDecoder(into: AgeDecryptor(with: [identity], into: end)), piece: 777)
            #expect(end.bytes == content(size))
        }
    }

    /// `age` reads a passphrase from a terminal only: `script` gives it one.
    @Test func `a passphrase file of stock age opens, and it opens ours`() async throws {
        try await withFolder { folder in
            let (plain, theirs) = (folder.appending("plain"), folder.appending("theirs"))
            let (ours, opened) = (folder.appending("ours"), folder.appending("opened"))
            let passphrase = "correct horse battery staple"
            try Files.write(content(70_000), to: plain, mode: [.ownerReadWrite])
            try await terminal("age -p -o \(theirs) \(plain)", answers: [passphrase, passphrase])
            let identity = AgeIdentity.passphrase(SecretBytes(passphrase))
            #expect(try decrypt(Files.read(theirs), with: [identity]) == content(70_000))

            let recipient = try AgeRecipient.passphrase(SecretBytes(passphrase), workFactor: 12)
            try Files.write(encrypt(content(70_000), to: [recipient]), to: ours, mode: [.ownerReadWrite])
            try await terminal("age -d -o \(opened) \(ours)", answers: [passphrase])
            #expect(try Files.read(opened) == content(70_000))
        }
    }

    private struct Keys {
        let file: FilePath
        let identity: AgeIdentity
        let recipient: AgeRecipient
    }

    private func stockKeys(_ file: FilePath) async throws -> Keys {
        _ = try await Child("/usr/bin/age-keygen", ["-o", file.string]).run()
        let text = try Files.readSecret(file)
        let identities = try AgeIdentity.parse(text.span)
        let identity = try #require(identities.first)
        #expect(identities.count == 1)
        return Keys(file: file, identity: identity, recipient: try #require(identity.recipient))
    }

    private func checkOpens(_ file: [UInt8], with keys: Keys) async throws {
        let plain = try await Child("/usr/bin/age", ["-d", "-i", keys.file.string]).run(input: file)
        #expect(plain == content(1000))
        let ours = try decrypt(file, with: [keys.identity])
        #expect(ours == content(1000))
    }

    private func terminal(_ command: String, answers: [String]) async throws {
        // script(1) forwards its input as keystrokes; each answer waits until the question was asked.
        let keys = answers.map { "sleep 1; printf '%s\\n' '\($0)'" }.joined(separator: "; ")
        let line = "{ \(keys); sleep 2; } | script -qec '\(command)' /dev/null"
        _ = try await Child("/bin/sh", ["-c", line]).run()
    }
}
