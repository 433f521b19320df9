import Cryptography
import Platform
import SystemPackage
import Testing

/// Both ways against the stock `minisign`, and what must not pass.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MinisignTests {
    static let message = content(5000)

    @Test func `stock minisign verifies our signature and shows its trusted comment`() async throws {
        try await withFolder { folder in
            let key = MinisignSecretKey.generate()
            let (file, keys) = (folder.appending("file"), folder.appending("key.pub"))
            let signature = try key.sign(Self.message.span, trustedComment: "run 7\tcluster main")
            try Files.write(Self.message, to: file, mode: [.ownerReadWrite])
            try Files.write(signature, to: folder.appending("file.minisig"), mode: [.ownerReadWrite])
            try Files.write(key.publicKey.file, to: keys, mode: [.ownerReadWrite])
            let shown = try await minisign("-V", "-H", "-Q", "-p", keys.string, "-m", file.string)
            #expect(shown == "run 7\tcluster main\n")
            let withText = try await minisign("-V", "-Q", "-P", key.publicKey.text, "-m", file.string)
            #expect(withText == shown)

            try Files.write(Self.message + [0], to: file, mode: [.ownerReadWrite])
            await #expect(throws: ChildFailure.self) {
                try await minisign("-V", "-p", keys.string, "-m", file.string)
            }
        }
    }

    @Test func `keys of stock minisign are read, and its signatures verified`() async throws {
        try await withFolder { folder in
            let (file, secret, keys) = try await stockKeys(in: folder)
            _ = try await minisign("-S", "-H", "-s", secret.string, "-m", file.string, "-t", "so it is")
            let keyFile = try Files.read(keys)
            let publicKey = try MinisignPublicKey(parsing: keyFile.span)
            let signature = try Files.read(folder.appending("file.minisig"))
            let verified = try publicKey.verify(signature.span, of: Self.message.span, legacy: .refused)
            #expect(verified.trustedComment == "so it is")
            #expect(verified.isPrehashed)
            #expect(keyFile == publicKey.file)

            let secretFile = try Files.read(secret)
            let secretKey = try MinisignSecretKey(parsing: secretFile.span)
            #expect(secretKey.publicKey == publicKey)
            #expect(try secretKey.file().bytes == secretFile)
        }
    }

    @Test func `a legacy signature is verified unless it is refused`() async throws {
        try await withFolder { folder in
            let (file, secret, keys) = try await stockKeys(in: folder)
            _ = try await minisign("-S", "-l", "-s", secret.string, "-m", file.string)
            let keyFile = try Files.read(keys)
            let publicKey = try MinisignPublicKey(parsing: keyFile.span)
            let signature = try Files.read(folder.appending("file.minisig"))
            let isPrehashed = try publicKey.verify(signature.span, of: Self.message.span).isPrehashed
            #expect(!isPrehashed)
            let refused = try code { try publicKey.verify(signature.span, of: Self.message.span, legacy: .refused) }
            #expect(refused == .badSignature)
        }
    }

    @Test func `stock minisign signs with a key file of ours, with and without a passphrase`() async throws {
        try await withFolder { folder in
            let key = MinisignSecretKey.generate()
            let (file, secret) = (folder.appending("file"), folder.appending("secret"))
            try Files.write(Self.message, to: file, mode: [.ownerReadWrite])
            for passphrase in [nil, "hunter2"] {
                let text = try key.file(passphrase: passphrase.map { SecretBytes($0) })
                try Files.write(text.bytes, to: secret, mode: [.ownerReadWrite])
                // Without a passphrase it reads nothing, and may be gone before we have written anything.
                _ = try await Child("/usr/bin/minisign", ["-S", "-s", secret.string, "-m", file.string])
                    .run(input: passphrase.map { Array("\($0)\n".utf8) } ?? [])
                let signature = try Files.read(folder.appending("file.minisig"))
                try key.publicKey.verify(signature.span, of: Self.message.span)
                try Files.remove(folder.appending("file.minisig"))
            }
        }
    }

    @Test func `a key file of stock minisign with a passphrase opens with that passphrase only`() async throws {
        try await withFolder { folder in
            let (secret, keys) = (folder.appending("secret"), folder.appending("keys"))
            _ = try await Child("/usr/bin/minisign", ["-G", "-s", secret.string, "-p", keys.string])
                .run(input: Array("hunter2\nhunter2\n".utf8))
            let file = try Files.read(secret)
            let key = try MinisignSecretKey(parsing: file.span, passphrase: SecretBytes("hunter2"))
            #expect(key.publicKey.file == (try Files.read(keys)))
            #expect(try code { _ = try MinisignSecretKey(parsing: file.span) } == .passphrase)
            let wrong = try code { _ = try MinisignSecretKey(parsing: file.span, passphrase: SecretBytes("hunter3")) }
            #expect(wrong == .passphrase)
        }
    }

    /// One key in sixteen has such an id.
    @Test func `a key file is that of stock minisign, also when the id begins with zeros`() throws {
        let text = Array("RWQBAAAAAAAAAFhmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZm\n".utf8)
        let key = try MinisignPublicKey(parsing: text.span)
        let file = String(decoding: key.file, as: UTF8.self)
        #expect(file.hasPrefix("untrusted comment: minisign public key 1\n"))
    }

    @Test func `a signature by another key is told apart from a wrong one`() throws {
        let (key, other) = (MinisignSecretKey.generate(), MinisignSecretKey.generate())
        let signature = try key.sign(Self.message.span, trustedComment: "")
        func check(_ key: MinisignSecretKey, _ signature: [UInt8], _ message: [UInt8]) throws -> CryptographyError.Code?
        {
            try code { try key.publicKey.verify(signature.span, of: message.span) }
        }
        #expect(try check(key, signature, Self.message) == nil)
        #expect(try check(other, signature, Self.message) == .wrongKey)
        #expect(try check(key, signature, [1, 2]) == .badSignature)
        #expect(try check(key, [], Self.message) == .signatureMalformed)
    }

    @Test func `a signature with any one byte changed never verifies, its untrusted comment apart`() throws {
        let key = MinisignSecretKey.generate()
        let signature = try key.sign(Self.message.span, trustedComment: "run 7", untrustedComment: "")
        let start = "untrusted comment: \n".utf8.count
        for index in signature.indices where index >= start && index < signature.count - 1 {
            var changed = signature
            changed[index] ^= 1
            #expect(throws: CryptographyError.self) { try key.publicKey.verify(changed.span, of: Self.message.span) }
        }
    }

    @Test func `a comment of two lines is refused`() {
        let key = MinisignSecretKey.generate()
        for comment in ["one\ntwo", "one\rtwo", "\u{1b}[2J"] {
            let message: [UInt8] = [1]
            #expect(throws: CryptographyError.self) { try key.sign(message.span, trustedComment: comment) }
        }
    }

    @Test func `what is no key is refused, and a secret key shows nothing of itself`() throws {
        let key = MinisignSecretKey.generate()
        #expect(try code { _ = try MinisignPublicKey(parsing: Array("RWQabc".utf8).span) } == .badKey)
        #expect(try code { _ = try MinisignSecretKey(parsing: key.publicKey.file.span) } == .badKey)
        #expect("\(key)" == "<minisign secret key \(key.keyID)>")
        #expect("\(key.keyID)".count == 16)
    }

    private func stockKeys(in folder: FilePath) async throws -> (file: FilePath, secret: FilePath, keys: FilePath) {
        let (file, secret, keys) = (folder.appending("file"), folder.appending("secret"), folder.appending("keys"))
        try Files.write(Self.message, to: file, mode: [.ownerReadWrite])
        _ = try await minisign("-G", "-W", "-s", secret.string, "-p", keys.string)
        return (file, secret, keys)
    }

    @discardableResult
    private func minisign(_ arguments: String...) async throws -> String {
        String(decoding: try await Child("/usr/bin/minisign", arguments).run(), as: UTF8.self)
    }
}
