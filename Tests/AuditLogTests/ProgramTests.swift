import AuditLog
import Platform
import SystemPackage
import Testing

/// The built dbaudit, with real files and real processes.
@Suite(.timeLimit(.minutes(4))) struct AuditProgramTests {
    @Test func `32 processes appending at once give one linear log without a gap`() async throws {
        try await withTool { tool, log in
            let loop = "for i in 1 2 3 4; do \"$0\" show --record --last 1 --quiet > \"$1.$i\" || exit 1; done"
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<32 {
                    group.addTask {
                        let output = tool.state.appending("out-\(number)").string
                        return try await tool.shell(loop, [Tool.path, output]).status
                    }
                }
                for try await status in group { #expect(status == 0) }
            }
            let records = try log.records
            #expect(records.map(\.seq) == Array(0...128))
            #expect(Set(records.map(\.id)).count == 129)
            #expect(records.dropFirst().allSatisfy { $0.action == "log.read" && $0.program == "dbaudit" })
            #expect(Set(records.dropFirst().map(\.pid)).count == 128)
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `writers that are killed at any moment leave a log that goes on and is intact`() async throws {
        try await withTool { tool, log in
            // Each is killed after another fraction of the time it would need.
            let loop = """
                for i in 1 2 3 4 5 6 7 8 9 10; do
                    "$0" show --record --last 1 > "$1" & p=$!
                    sleep 0.0$((i % 5))$i; kill -9 $p; wait $p
                done; true
                """
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<4 {
                    group.addTask {
                        let output = tool.state.appending("out-\(number)").string
                        _ = try await tool.shell(loop, [Tool.path, output])
                    }
                }
                try await group.waitForAll()
            }
            try log.append(AuditEvent(.logRead))
            let verdict = try log.verify()
            #expect(verdict.isIntact && verdict.level == .signed && verdict.notes == [])
            #expect(try log.records.map(\.seq) == Array(0..<verdict.records))
        }
    }

    @Test func `a log that may not grow records nothing and says so with 74`() async throws {
        try await withTool { tool, log in
            // Room for what is there and not for a record more, as on a full disk; the signal would end the program first.
            try log.fill(30)
            let blocks = try Files.size(log.folder.log) / 512
            let before = try Files.read(log.folder.log)
            let ended = try await tool.shell(
                "trap '' XFSZ; ulimit -f \(blocks); exec \"$0\" show --record", [Tool.path])
            #expect(ended.status == 74)
            #expect(ended.text.hasPrefix("error: cannot write \(log.folder.log): file too large"))
            #expect(try Files.read(log.folder.log) == before)
            #expect(try log.verify().isIntact)
        }
    }

    @Test func `verify says 0 for a sound log, 1 for a changed one, 66 for none`() async throws {
        try await withTool { tool, log in
            try log.fill(3)
            let sound = try await tool.run("verify")
            #expect(sound.status == 0)
            #expect(sound.text.contains("integrity     intact: L1 signed by the key in the log's own folder"))
            #expect(sound.text.contains("completeness  every act that began has an end"))
            try log.replaceLines { $0[2] = $0[2].replacing("\"number\":1", with: "\"number\":2") }
            let changed = try await tool.run("verify")
            #expect(changed.status == 1)
            #expect(
                changed.text.contains(
                    "integrity     BROKEN\n              record 2: is not the record that was written here"))
            let missing = try await tool.run("verify", "--state", "/nonexistent")
            #expect(missing.status == 66)
            #expect(missing.text.hasPrefix("error: there is no audit log in /nonexistent/audit"))
        }
    }

    @Test func `a checkpoint that was printed and kept raises the level`() async throws {
        try await withTool { tool, log in
            try log.fill(3)
            let kept = tool.state.appending("kept")
            #expect(try await tool.shell("\"$0\" checkpoint > \"$1\"", [Tool.path, kept.string]).status == 0)
            let (printed, stored) = (try Files.read(kept), try Files.read(log.folder.checkpoint))
            #expect(printed == stored)
            try log.fill(3)
            let key = tool.state.appending("pinned.vkey")
            try Files.write(Files.read(log.folder.verifierKey), to: key)
            let ended = try await tool.run("verify", "--from", kept.string, "--key", key.string)
            #expect(ended.status == 0)
            #expect(ended.text.contains("integrity     intact: L3 consistent with a checkpoint kept elsewhere"))
            #expect(ended.text.contains("the first 4 are covered by the checkpoint and were not read again"))
            let old = try await tool.run("verify", "--from", kept.string, "--fresh", "0", "--full", "--require", "L2")
            #expect(old.status == 0 && old.text.contains("intact: L2") && !old.text.contains("not read again"))
            #expect(try await tool.run("verify", "--require", "L2").status == 1)
            #expect(ended.text.contains("protected     the first 4 records, until "))
            let inline = try await tool.run("verify", "--key", "\(log.verifier)")
            #expect(inline.text.contains("integrity     intact: L1 signed by the pinned key"))
        }
    }

    @Test func `a verification that is recorded has its start and end in the log`() async throws {
        try await withTool { tool, log in
            #expect(try await tool.run("verify", "--record").status == 0)
            let records = try log.records.dropFirst()
            #expect(records.map(\.action) == ["log.verify", "log.verify"])
            #expect(records.last?.outcome == .success && records.last?.facts?["records"] == .number(2))
        }
    }

    @Test func `verify and show need no private key and write nothing`() async throws {
        try await withTool { tool, log in
            try Files.remove(log.folder.signerKey)
            let names = try log.names
            #expect(try await tool.run("verify").status == 0)
            #expect(try await tool.run("show").status == 0)
            #expect(try await tool.run("checkpoint").status == 0)
            #expect(try log.names == names)
        }
    }

    @Test func `what stands in a record is shown, never obeyed`() async throws {
        try await withTool { tool, log in
            try log.append(
                AuditEvent(.backupRun, reason: "a\u{1B}[2Jb\u{202E}c\nd", target: AuditTarget(object: "\u{7}")))
            let shown = try await tool.run("show", "--action", "backup")
            #expect(shown.status == 0)
            #expect(shown.text.split(separator: "\n").count == 1)
            #expect(shown.text.contains("object=\\u{7} (a\\u{1B}[2Jb\\u{202E}c\\u{A}d)"))
        }
    }

    @Test func `show prints the newest that match, oldest first`() async throws {
        try await withTool { tool, log in
            try log.append(AuditEvent(.backupRun))
            try log.fill(4)
            let text = try await tool.run("show", "--last", "2", "--action", "log.read").text
            let lines = text.split(separator: "\n")
            #expect(lines.map { $0.prefix(2) } == ["4 ", "5 "])
            #expect(lines.allSatisfy { $0.contains(" log.read by ann as \(Account.current.name) number=") })
        }
    }

    @Test func `a damaged line does not keep the others from being shown`() async throws {
        try await withTool { tool, log in
            try log.fill(3)
            try log.replaceLines { $0[1] = "{}" }
            let text = try await tool.run("show").text
            #expect(text.contains("log.created") && text.contains("number=2"))
            #expect(text.hasSuffix("1 line could not be read: see dbaudit verify\n"))
        }
    }

    @Test func `each verb prints one JSON document`() async throws {
        try await withTool { tool, log in
            try log.fill(2)
            let verify = try await tool.run("verify", "--json").text
            #expect(verify.hasPrefix(#"{"bytes":"#) && verify.contains(#""complete":true"#))
            #expect(verify.contains(#""intact":true"#) && verify.contains(#""level":"L1""#))
            #expect(verify.contains(#""keyPinned":false"#) && verify.contains(#""findings":[]"#))
            let show = try await tool.run("show", "--last", "1", "--json").text
            #expect(show.hasPrefix(#"{"matching":3,"records":[{"action":"log.read","#))
            let checkpoint = try await tool.run("checkpoint", "--json").text
            #expect(checkpoint.contains(#""size":3"#) && checkpoint.contains(#"\n\n— \#(log.verifier.name) "#))
        }
    }

    @Test func `a key or a checkpoint that is none is an error of input`() async throws {
        try await withTool { tool, _ in
            let file = tool.state.appending("garbage")
            try Files.write(Array("garbage".utf8), to: file)
            #expect(try await tool.run("verify", "--key", file.string).status == 65)
            #expect(try await tool.run("verify", "--from", file.string).status == 65)
            #expect(try await tool.run("verify", "--from", "/nonexistent").status == 66)
            #expect(try await tool.run("show", "--last", "0").status == 64)
        }
    }

    private func withTool(_ body: (Tool, AuditLog) async throws -> Void) async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try await body(Tool(state: folder), log)
        }
    }
}
