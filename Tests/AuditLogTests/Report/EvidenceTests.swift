import AuditLog
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

/// Folders of evidence, made by the built dbaudit and checked by Python alone: what holds, and what somebody changed.
@Suite(.timeLimit(.minutes(5))) struct EvidenceTests {
    /// Lends a log and a folder of evidence from it, and then what checks that.
    private func withEvidence(
        _ arguments: [String] = [], fill: (AuditLog) throws -> Void,
        _ body: (Evidence, AuditLog) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let limits = LogLimits(segmentBytes: 20000, reserveBytes: 4096)
            let log = try AuditLog.open(folder.appending("audit"), as: source, limits: limits)
            try fill(log)
            let evidence = Evidence(state: folder, folder: folder.appending("evidence"))
            let made = try await evidence.dbaudit(
                ["report", "--no-record", "--pack", evidence.folder.string] + arguments)
            #expect(made.status == 0, "\(made.stderr)")
            try await body(evidence, log)
        }
    }

    private struct Evidence {
        let state: FilePath
        let folder: FilePath

        func dbaudit(_ arguments: [String]) async throws -> ProgramResult {
            try await Program.run("dbaudit", arguments, environment: ["DBSEC_STATE": state.string])
        }

        func python(_ arguments: String...) async throws -> ProgramResult {
            try await Program.run("/usr/bin/python3", [folder.appending("verify.py").string] + arguments)
        }

        var proofs: FilePath { folder.appending("proofs") }

        func change(_ name: String, _ change: (String) -> String) async throws {
            let file = folder.appending(name)
            let text = String(decoding: try Files.read(file), as: UTF8.self)
            #expect(change(text) != text)
            try Files.write(Array(change(text).utf8), to: file)
            let sum = "cd \"$0\" && find * -type f ! -name SHA256SUMS -print0 | xargs -0 sha256sum > SHA256SUMS"
            _ = try await Child("/bin/sh", ["-c", sum, folder.string]).run()
        }
    }

    @Test func `each record has a proof of its own, which dbaudit and Python accept without the rest`() async throws {
        let fill = { (log: AuditLog) -> Void in
            try log.append(
                batch: (0..<300).map { AuditEvent($0 % 30 == 0 ? .logVerify : .logRead, facts: ["n": .number($0)]) })
        }
        try await withEvidence(["--action", "log.verify"], fill: fill) { evidence, log in
            let names = try Files.list(evidence.proofs)
            #expect(Set(names) == Set((0..<10).map { "\(1 + 30 * $0).tlog-proof" }))
            let key = log.folder.verifierKey.string
            for name in names {
                let file = evidence.proofs.appending(name).string
                let ours = try await evidence.dbaudit(["verify-proof", file, "--key", key])
                #expect(ours.status == 0 && ours.stdout.contains("log.verify"), "\(ours.stdout)\(ours.stderr)")
                let theirs = try await evidence.python("--proof", file, "--key", key)
                #expect(theirs.status == 0, "\(theirs.stdout)")
                let number = String(name.split(separator: ".")[0])
                let made = try await evidence.dbaudit(["prove", number]).stdout
                #expect(try Array(made.utf8) == Files.read(evidence.proofs.appending(name)))
                #expect(try await evidence.python("--prove", number).stdout == made)
            }
            let whole = try await evidence.python("--key", key)
            #expect(whole.status == 0, "\(whole.stdout)")
            #expect(try await evidence.python("--prove", "2").status == 2)
            try await evidence.change("proofs/31.tlog-proof") { $0.replacing("index 31", with: "index 32") }
            let refused = try await evidence.python("--key", key)
            #expect(refused.status == 1 && refused.stdout.contains("proofs/31.tlog-proof does not prove record 31"))
        }
    }

    @Test func `of many records any one's proof is made by the verifier itself`() async throws {
        let fill = { (log: AuditLog) -> Void in
            try log.append(batch: (0..<1200).map { AuditEvent(.logRead, facts: ["n": .number($0)]) })
        }
        try await withEvidence(fill: fill) { evidence, log in
            #expect(!Files.exists(evidence.proofs))
            #expect(try await evidence.python().status == 0)
            for number in ["0", "700", "1200"] {
                let made = try await evidence.python("--prove", number).stdout
                #expect(try await evidence.dbaudit(["prove", number]).stdout == made)
            }
        }
    }

    @Test func `evidence from a log whose first records were given up holds`() async throws {
        let fill = { (log: AuditLog) -> Void in
            for number in 0..<30 {
                try log.append(batch: (0..<20).map { _ in AuditEvent(.logRead, facts: ["n": .number(number)]) })
            }
            _ = try log.prune(before: Timestamp.now().advanced(bySeconds: 60))
            try log.fill(3)
        }
        try await withEvidence(fill: fill) { evidence, log in
            let key = log.folder.verifierKey.string
            let checked = try await evidence.python("--key", key)
            #expect(checked.status == 0, "\(checked.stdout)\(checked.stderr)")
            let records = try log.allRecords
            #expect(try #require(records.first).seq > 300)
            let names = try Files.list(evidence.proofs)
            #expect(Set(names) == Set(records.map { "\($0.seq).tlog-proof" }))
            for name in [names.min(), names.max()].compactMap({ $0 }) {
                let file = evidence.proofs.appending(name).string
                #expect(try await evidence.dbaudit(["verify-proof", file, "--key", key]).status == 0)
            }
            // What the report says of it, for people.
            let page = String(decoding: try Files.read(evidence.folder.appending("report.json")), as: UTF8.self)
            #expect(page.contains("records were given up by then; their hashes are still checked"))
        }
    }

    @Test func `a root that was put in the place of hashes hides no forged record`() async throws {
        let fill = { (log: AuditLog) -> Void in try log.fill(7) }
        try await withEvidence(fill: fill) { evidence, log in
            let root = try log.folder.readCheckpoint().root.hex
            try Files.removeTree(evidence.proofs)
            try await evidence.change("records.jsonl") { text in
                text.split(separator: "\n").prefix(2).map { $0.replacing("test", with: "tost") + "\n" }.joined()
            }
            // The tree as one hash, and a subtree of less than nothing so that the count is right.
            try await evidence.change("proof.json") { _ in
                """
                {"format":"dbsec subset proof v1","size":8,"root":"\(root)","subtrees":[[0,8,"\(root)"],[9,-2,"\(root)"]]}

                """
            }
            let checked = try await evidence.python()
            #expect(checked.status == 1 && checked.stdout.contains("do not lead to the root"), "\(checked.stdout)")
        }
    }

    @Test func `evidence of nothing says so and holds`() async throws {
        let fill = { (log: AuditLog) -> Void in try log.fill(2) }
        try await withEvidence(["--action", "backup"], fill: fill) { evidence, _ in
            let checked = try await evidence.python()
            #expect(checked.status == 0 && checked.stdout.contains("0 of 3 records"), "\(checked.stdout)")
        }
    }
}
