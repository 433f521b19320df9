import Credentials
import FoundationEssentials
import Platform
import SystemPackage
import Testing

/// Both ways against Python's `bcrypt` and `argon2-cffi`, which `scripts/fetch-hashers` installs.
@Suite(.timeLimit(.minutes(5))) struct PythonTests {
    private static let passwords = [
        "correct horse battery staple", "pass", "Grüße, 日本 \u{1F511}", String(repeating: "x", count: 72),
    ]

    private func python(_ script: String, _ input: [String]) async throws -> [String] {
        let folder =
            ProcessInfo.processInfo.environment["DBSEC_HASHERS"] ?? FileManager.default.currentDirectoryPath
            + "/.build-hashers"
        guard Files.exists(FilePath(folder)) else {
            throw PlainFailure(.unavailable, "\(folder) is not there", hint: "run scripts/fetch-hashers")
        }
        let program = Child("/usr/bin/python3", ["-c", script], environment: ["PYTHONPATH": folder])
        let output = try await program.run(
            input: Array(input.map { Hex.encode(Array($0.utf8)) }.joined(separator: "\n").utf8))
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static let read = "import sys; lines=[bytes.fromhex(l) for l in sys.stdin.read().split('\\n')]\n"

    @Test func `we verify what Python's bcrypt and argon2-cffi hash`() async throws {
        let bcrypt = try await python(
            Self.read + "import bcrypt\nfor l in lines: print(bcrypt.hashpw(l, bcrypt.gensalt(10)).decode())",
            Self.passwords)
        // The library's own defaults: 64 MiB, 3 passes, 4 lanes, which libsodium can only verify.
        let argon2 = try await python(
            Self.read + "import argon2\nfor l in lines: print(argon2.PasswordHasher().hash(l))", Self.passwords)
        #expect(bcrypt.count == Self.passwords.count && argon2.count == bcrypt.count)
        for (index, text) in Self.passwords.enumerated() {
            for hash in [bcrypt[index], argon2[index]] {
                #expect(try await PasswordHasher().verify(Password(text), against: hash).matches, "\(hash)")
                #expect(
                    try await PasswordHasher().verify(Password("y" + text.dropFirst()), against: hash).matches == false)
            }
        }
    }

    @Test func `Python's bcrypt and argon2-cffi verify what we hash`() async throws {
        let bcrypt = PasswordHasher(scheme: .bcrypt(cost: 10))
        var lines: [String] = []
        for text in Self.passwords {
            lines += [text, try await bcrypt.hash(Password(text)), try await PasswordHasher().hash(Password(text))]
        }
        let answers = try await python(
            Self.read + """
                import bcrypt, argon2
                for p, b, a in zip(lines[0::3], lines[1::3], lines[2::3]):
                    print(bcrypt.checkpw(p, b), argon2.PasswordHasher().verify(a.decode(), p))
                """, lines)
        #expect(answers == Array(repeating: "True True", count: Self.passwords.count))
    }
}
