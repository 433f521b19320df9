import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

/// `dbauth hash`, `verify`, `calibrate` and `blocklist` as a user runs them.
@Suite(.timeLimit(.minutes(5))) struct HashProgramTests {
    @Test func `what hash prints, verify takes`() async throws {
        let secret = "a long enough password"
        let made = try await Program.dbauth(["hash", "--scheme", "bcrypt", "--cost", "10"], lines: [secret])
        #expect(made.status == 0, "\(made.stderr)")
        let hash = String(made.stdout.dropLast())
        let right = try await Program.dbauth(
            ["verify", "--scheme", "bcrypt", "--cost", "10", "--json"], lines: [hash, secret])
        #expect(right.status == 0 && right.stdout == "{\"matches\":true,\"needsRehash\":false,\"schema\":1}\n")
        let wrong = try await Program.dbauth(["verify"], lines: [hash, secret + "!"])
        #expect(wrong.status == 1 && wrong.stdout == "the password does not belong to the hash\n")
    }

    @Test func `secrets come from files that nobody else may read`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending("password")
            try Files.write(Array("from a file, with a line feed\n".utf8), to: file)
            let made = try await Program.dbauth(["hash", "--password-file", file.string])
            #expect(made.status == 0 && made.stdout.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
            try Files.write(Array("from a file\n".utf8), to: file, mode: [.ownerReadWrite, .groupRead])
            let open = try await Program.dbauth(["hash", "--password-file", file.string])
            #expect(open.status == 78 && open.stderr.contains("chmod 600"))
        }
    }

    @Test func `a password as an argument, a short one and none are refused`() async throws {
        #expect(try await Program.dbauth(["hash", "secret"]).status == 64)
        let short = try await Program.dbauth(["hash"], lines: ["too short"])
        #expect(short.status == 65 && short.stderr.contains("shorter than 15 characters"))
        #expect(try await Program.dbauth(["hash", "--minimum-length", "8"], lines: ["not short"]).status == 0)
        let none = try await Program.dbauth(["verify"], lines: ["$1$salt$hash"])
        #expect(none.status == 65 && none.stderr.contains("standard input ends before the password"))
        let cut = try await Program.dbauth(["hash", "--scheme", "bcrypt"], lines: [String(repeating: "é", count: 40)])
        #expect(cut.status == 65 && cut.stderr.contains("80 bytes"))
        let weak = try await Program.dbauth(["hash", "--memory", "1024"], lines: ["a long enough password"])
        #expect(weak.status == 65 && weak.stderr.contains("too weak"))
    }

    @Test func `the configuration's section auth is the default`() async throws {
        try await withTemporaryFolder { folder in
            let (list, filter) = (folder.appending("list"), folder.appending("filter"))
            try Files.write(Array("letmein\npassword123\n".utf8), to: list)
            let made = try await Program.dbauth(["blocklist", list.string, "--out", filter.string])
            #expect(made.status == 0 && made.stdout.contains("2 passwords"))
            let file = folder.appending("dbsec.json")
            try Files.write(
                Array(
                    #"{"auth": {"scheme": "bcrypt", "cost": 10, "minimumLength": 8, "blocklist": "\#(filter)"}}"#.utf8),
                to: file)
            let good = try await Program.dbauth(["hash", "--config", file.string], lines: ["Passw0rd or so"])
            #expect(good.stdout.hasPrefix("$2b$10$"))
            let common = try await Program.dbauth(["hash", "--config", file.string], lines: ["Password123"])
            #expect(common.status == 65 && common.stderr.contains("list of common passwords"))
            try Files.write(Array(#"{"auth": {"scheem": "bcrypt"}}"#.utf8), to: file)
            let typo = try await Program.dbauth(["hash", "--config", file.string], lines: ["Password123"])
            #expect(typo.status == 78 && typo.stderr.contains("did you mean"))
        }
    }

    @Test func `calibrate proposes something within the target`() async throws {
        let result = try await Program.dbauth(["calibrate", "--target", "60ms", "--memory", "32", "--json"])
        #expect(result.status == 0 && result.stdout.contains("\"isProposed\":true"))
        #expect(try await Program.dbauth(["calibrate", "--target", "soon"]).status == 64)
    }

    /// A terminal of its own, made by Python: the password is typed twice, or Ctrl-C once.
    private func atTerminal(_ typed: String, _ arguments: [String]) async throws -> ProgramResult {
        let script = """
            import os, pty, select, sys, termios
            pid, terminal = pty.fork()
            if pid == 0: os.execv(sys.argv[1], sys.argv[1:2] + sys.argv[3:])
            out, last, typed = b"", b"", sys.argv[2].encode().decode("unicode_escape").encode().split(b"|")
            while True:
                # Until the program listens to signals they are lost, and a person would press the keys again.
                while typed == [] and last == b"\\x03" and not select.select([terminal], [], [], 1)[0]:
                    os.write(terminal, last)
                try: part = os.read(terminal, 4096)
                except OSError: break
                if not part: break
                out += part
                if typed and out.rstrip(b" ").endswith(b":"):
                    # The prompt follows on the switch of echo, so that it is off by now.
                    assert not termios.tcgetattr(terminal)[3] & termios.ECHO
                    last = typed.pop(0)
                    os.write(terminal, last)
            status = os.waitpid(pid, 0)[1]
            sys.stdout.buffer.write(out)
            sys.exit(os.waitstatus_to_exitcode(status))
            """
        return try await Program.run(
            "/usr/bin/python3", ["-c", script, Program.path("dbauth").string, typed] + arguments)
    }

    @Test func `a prompt shows nothing of what is typed, and Ctrl-C ends it`() async throws {
        let secret = "typed at a terminal"
        let made = try await atTerminal("\(secret)\\n|\(secret)\\n", ["hash", "--state", "/nonexistent"])
        #expect(made.status == 0 && made.stdout.contains("$argon2id$") && !made.stdout.contains(secret), "\(made)")
        let differ = try await atTerminal("\(secret)\\n|\(secret)s\\n", ["hash", "--state", "/nonexistent"])
        #expect(differ.status == 65 && differ.stdout.contains("not the same"))
        let stopped = try await atTerminal("\\x03", ["hash", "--state", "/nonexistent"])
        #expect(stopped.status == 130 && !stopped.stdout.contains("argon2id"), "\(stopped)")
    }

    @Test func `a pepper out of the keyring`() async throws {
        try await withTemporaryFolder { folder in
            let (ring, unlock) = (folder.appending("keyring.json"), folder.appending("passphrase"))
            try Files.write(Array("a passphrase\n".utf8), to: unlock)
            var phrase = Array("a passphrase".utf8)
            let protection = try KeyringProtection.passphrase(
                SecretBytes(taking: &phrase), cost: .init(operations: 1, memory: 8 << 20))
            try KeyringFile(ring).create(Keyring.generate(at: .now()), protection)
            let keys = ["--keyring", ring.string, "--unlock", "file:\(unlock)", "--scheme", "bcrypt", "--cost", "10"]
            let long = String(repeating: "long enough ", count: 20)
            let made = try await Program.dbauth(["hash", "--pepper"] + keys, lines: [long])
            #expect(made.status == 0 && made.stdout.hasPrefix("$pepper="), "\(made.stderr)")
            let hash = String(made.stdout.dropLast())
            #expect(try await Program.dbauth(["verify"] + keys, lines: [hash, long]).stdout == "yes\n")
            #expect(try await Program.dbauth(["verify"] + keys, lines: [hash, "other"]).status == 1)
            #expect(try await Program.dbauth(["verify"], lines: [hash, long]).status == 78)
        }
    }
}
