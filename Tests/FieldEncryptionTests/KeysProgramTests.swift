import Cryptography
import FieldEncryption
import Glibc
import Platform
import SystemPackage
import TestSupport
import Testing

/// `dbpii keys`, `encrypt` and `decrypt`, which need no server.
@Suite(.timeLimit(.minutes(5))) struct KeysProgramTests {
    private func run(
        _ folder: FilePath, _ arguments: String..., input: String = "", environment: [String: String?] = [:]
    ) async throws -> ProgramResult {
        let base: [String: String?] = ["DBSEC_STATE": folder.string, "DBSEC_CONFIG": nil, "DBPII_UNLOCK": nil]
        return try await Program.run(
            "dbpii", arguments, environment: base.merging(environment) { $1 }, input: Array(input.utf8))
    }

    @Test func `values go in and out, one a line`() async throws {
        try await withTemporaryFolder { folder in
            #expect(try await run(folder, "encrypt", "--context", "a.b", input: "x\n").status == 78)
            #expect(try await run(folder, "keys", "init").status == 64)
            #expect(try await run(folder, "keys", "init", "--keep-identity-here").status == 0)
            #expect(try await run(folder, "keys", "init", "--keep-identity-here").status == 73)
            for format in ["hex", "base64"] {
                let sealed = try await run(
                    folder, "encrypt", "--context", "a.b", "--format", format, input: "Ada\n\nŽofie 🦀\n")
                #expect(sealed.status == 0 && sealed.stdout.split(separator: "\n").count == 3, "\(sealed.stderr)")
                let opened = try await run(folder, "decrypt", "--context", "a.b", input: sealed.stdout)
                #expect(opened.stdout == "Ada\n\nŽofie 🦀\n")
                let other = try await run(folder, "decrypt", "--context", "a.c", input: sealed.stdout)
                #expect(other.status == 65 && other.stderr.contains("line 1"))
            }
            let row = "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"
            let bound = try await run(folder, "encrypt", "--context", "a.b", "--row", row, input: "x")
            #expect(
                try await run(folder, "decrypt", "--context", "a.b", "--row", row, input: bound.stdout).stdout == "x\n")
            #expect(try await run(folder, "decrypt", "--context", "a.b", input: bound.stdout).status == 65)
            #expect(try await run(folder, "decrypt", "--context", "a.b", input: "nonsense!\n").status == 65)
            #expect(try await run(folder, "decrypt", "--context", "a.b", input: "").status == 0)
            let log = String(decoding: try Files.read(folder.appending("audit/log-000000.jsonl")), as: UTF8.self)
            #expect(log.contains("\"field.decrypt\"") && !log.contains("Ada"))
        }
    }

    @Test func `without an audit log nothing is decrypted`() async throws {
        try await withTemporaryFolder { folder in
            #expect(try await run(folder, "keys", "init", "--keep-identity-here").status == 0)
            let sealed = try await run(folder, "encrypt", "--context", "a.b", input: "Ada\n")
            try Files.removeTree(folder.appending("audit"))
            try Files.write([], to: folder.appending("audit"))
            let opened = try await run(folder, "decrypt", "--context", "a.b", input: sealed.stdout)
            #expect(opened.status != 0 && !opened.stdout.contains("Ada"))
        }
    }

    @Test func `a keyring is wrapped for others, exported, and opened from everywhere`() async throws {
        try await withTemporaryFolder { folder in
            let (host, custodian) = (try AgeIdentity.generate(), try AgeIdentity.generate())
            let (hostFile, custodianFile) = (folder.appending("host.txt"), folder.appending("custodian.txt"))
            try Files.write(host.secret.bytes + [10], to: hostFile)
            try Files.write(custodian.secret.bytes + [10], to: custodianFile)
            let recipients = (try #require(host.recipient), try #require(custodian.recipient))
            let made = try await run(folder, "keys", "init", "--recipient", "\(recipients.0)")
            #expect(made.status == 0, "\(made.stderr)")
            #expect(try await run(folder, "encrypt", "--context", "a.b", input: "x\n").status == 78)
            let unlock: [String: String?] = ["DBPII_UNLOCK": "file:\(hostFile)"]
            let sealed = try await run(folder, "encrypt", "--context", "a.b", input: "x\n", environment: unlock)
            #expect(sealed.status == 0, "\(sealed.stderr)")
            let exported = try await run(
                folder, "keys", "export", "--recipient", "\(recipients.1)", environment: unlock)
            let keyring = folder.appending("keys/keyring.json")
            try Files.remove(keyring)
            #expect(
                try await run(folder, "decrypt", "--context", "a.b", input: sealed.stdout, environment: unlock).status
                    == 78)
            try Files.write(Array(exported.stdout.utf8), to: keyring)
            #expect(try await run(folder, "keys", "list", "--json").stdout.contains("\(recipients.1)"))
            let restored = try await run(
                folder, "decrypt", "--context", "a.b", "--unlock", "command:/bin/cat \(custodianFile)",
                input: sealed.stdout)
            #expect(restored.stdout == "x\n", "\(restored.stderr)")
            let rewrapped = try await run(
                folder, "keys", "rewrap", "--passphrase", "env:PHRASE", "--unlock", "file:\(custodianFile)",
                environment: ["PHRASE": "correct horse"])
            #expect(rewrapped.status == 0, "\(rewrapped.stderr)")
            let wrong = try await run(
                folder, "decrypt", "--context", "a.b", "--unlock", "env:PHRASE", input: sealed.stdout,
                environment: ["PHRASE": "wrong horse"])
            #expect(wrong.status == 78)
            let right = try await run(
                folder, "decrypt", "--context", "a.b", "--unlock", "env:PHRASE", input: sealed.stdout,
                environment: ["PHRASE": "correct horse"])
            #expect(right.stdout == "x\n")
            chmod(keyring.string, 0o644)
            #expect(try await run(folder, "keys", "list").status == 78)
        }
    }

    @Test func `the configuration names keyring, copies and what opens them`() async throws {
        try await withTemporaryFolder { folder in
            let identity = try AgeIdentity.generate()
            try Files.write(identity.secret.bytes, to: folder.appending("host.txt"))
            let config = folder.appending("dbsec.json")
            let text = """
                { "pii": { "keyring": "\(folder)/ring.json", "copies": ["\(folder)/other/copy.json"],
                  "unlock": "file:\(folder)/host.txt", "maxLag": 1000000 } }
                """
            try Files.write(Array(text.utf8), to: config)
            let named: [String: String?] = ["DBSEC_CONFIG": config.string]
            let recipient = try #require(identity.recipient)
            #expect(
                try await run(folder, "keys", "init", "--recipient", "\(recipient)", environment: named).status == 0)
            #expect(try await run(folder, "keys", "rotate", environment: named).status == 0)
            let list = try await run(folder, "keys", "list", environment: named)
            #expect(list.status == 0 && list.stdout.contains("copy.json: the same"))
            try Files.remove(folder.appending("other/copy.json"))
            #expect(try await run(folder, "keys", "list", environment: named).status == 1)
            try Files.write(Array(text.replacing("unlock", with: "unlok").utf8), to: config)
            let typo = try await run(folder, "keys", "rotate", environment: named)
            #expect(typo.status == 78 && typo.stderr.contains("did you mean unlock"), "\(typo.stderr)")
        }
    }

    @Test(
        arguments: [
            [], ["keys"], ["keys", "init"], ["keys", "list"], ["keys", "rotate"], ["keys", "rewrap"],
            ["keys", "export"],
            ["keys", "destroy"], ["encrypt"], ["decrypt"], ["verify"], ["advise-index"], ["column"],
            ["column", "start"],
            ["column", "backfill"], ["column", "gate"], ["column", "finish"], ["column", "rotate"],
            ["column", "reindex"],
            ["column", "revert"], ["column", "status"],
        ] as [[String]])
    func `every verb explains itself with an example`(verb: [String]) async throws {
        let help = try await Program.run("dbpii", verb + ["--help"])
        #expect(help.status == 0)
        if !verb.isEmpty, verb != ["keys"], verb != ["column"] { #expect(help.stdout.contains("Examples:")) }
    }
}
