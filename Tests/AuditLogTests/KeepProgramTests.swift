import AuditLog
import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

/// The verbs that keep a log, against real servers and real files.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct KeepProgramTests {
    @Test func `a checkpoint goes into a database and a file, is listed, and raises the level`() async throws {
        try await withTool { tool, log in
            try log.fill(3)
            let file = tool.state.appending("elsewhere.checkpoint").string
            let anchored = try await tool.run(
                "anchor", "--database", try Database.current.name, "--file", file, environment: try environment)
            #expect(anchored.status == 0, "\(anchored.text)")
            #expect(anchored.text.contains("kept 4 records in file \(file)"))
            let origin = try await Database.current.value("SELECT origin FROM dbaudit.checkpoints WHERE size = 4")
            #expect(origin == log.verifier.name)
            let listed = try await tool.run("anchors")
            #expect(listed.status == 0 && listed.text.contains("file  \(file): 4 of 6 records"), "\(listed.text)")
            let configuration = tool.state.appending("dbsec.json")
            let name = try Database.current.name
            try Files.write(
                Array("{\"audit\": {\"anchors\": [{\"database\": \"\(name)\"}, {\"file\": \"\(file)\"}]}}".utf8),
                to: configuration)
            let verified = try await tool.run(
                "verify", "--anchors", "--require", "L3", "--config", configuration.string, environment: try environment
            )
            #expect(
                verified.status == 0 && verified.text.contains("protected     the first 4 records"), "\(verified.text)")
            let beat = try await tool.run(
                "heartbeat", "--config", configuration.string, environment: try environment)
            #expect(beat.status == 0 && beat.text.contains("kept 7 records in database"), "\(beat.text)")
        }
    }

    @Test func `a place that does not take a checkpoint is told of, and on record`() async throws {
        try await withTool { tool, log in
            let ended = try await tool.run("anchor", "--file", "/nonexistent/checkpoint", "--command", "/bin/cat")
            #expect(ended.status == 69 && ended.text.contains("NOT KEPT in file /nonexistent/checkpoint"))
            #expect(try log.records.suffix(2).map(\.outcome) == [.failure, .success])
            #expect(try await tool.run("anchor").status == 78)
            #expect(try await tool.run("anchors").status == 0)
        }
    }

    @Test func `roles that changed without a record make the log incomplete`() async throws {
        try await withTool { tool, _ in
            let name = try Database.current.name
            #expect(try await tool.run("heartbeat", "-d", name, environment: try environment).status == 0)
            try await Database.current.run("CREATE ROLE \"audit keep \(name)\"")
            let ended = try await tool.run("verify", "-d", name, environment: try environment)
            #expect(ended.status == 0 && ended.text.contains("completeness  INCOMPLETE"), "\(ended.text)")
            #expect(ended.text.contains("roles of this server changed after the heartbeat"))
            #expect(try await tool.run("verify", "-d", name, "--complete", environment: try environment).status == 1)
            #expect(try await tool.run("heartbeat", "-d", name, environment: try environment).status == 0)
            let between = try await tool.run("verify")
            #expect(between.text.contains("and no record says by whom"), "\(between.text)")
            try await Database.current.run("DROP ROLE \"audit keep \(name)\"")
        }
    }

    @Test func `a setting of a role counts as a change, and a record that may have made it explains it`() async throws {
        try await withTool { tool, log in
            let name = try Database.current.name
            let role = "\"audit setting \(name)\""
            try await Database.current.run("CREATE ROLE \(role)")
            let environment = try environment
            /// Changes the role between two heartbeats, with these records in between, and says what is then missing.
            func missing(_ change: String, _ events: [AuditEvent]) async throws -> String {
                #expect(try await tool.run("heartbeat", "-d", name, environment: environment).status == 0)
                let kept = tool.state.appending("before")
                try Files.write(Files.read(log.folder.checkpoint), to: kept)
                try await Database.current.run("ALTER ROLE \(role) \(change)")
                if !events.isEmpty { try log.append(events) }
                return try await tool.run("verify", "-d", name, environment: environment).text
            }
            let system = try #require(
                try await Database.current.value("SELECT system_identifier FROM pg_control_system()"))
            let own = AuditTarget(system: system)
            for (number, action) in [AuditAction.policyApply, .policyUndo, .authInstall, .backupRestore].enumerated() {
                let event = AuditEvent(action, phase: .event, outcome: .success, target: own)
                let text = try await missing("SET work_mem = '\(number + 1)MB'", [event])
                #expect(!text.contains("roles of this server changed"), "\(action): \(text)")
            }
            let other = AuditEvent(.policyApply, phase: .event, outcome: .success, target: AuditTarget(system: "1"))
            let text = try await missing("SET work_mem = '99MB'", [other])
            #expect(text.contains("roles of this server changed after the heartbeat"), "\(text)")
            try await Database.current.run("DROP ROLE \(role)")
        }
    }

    @Test func `days of silence between real heartbeats are named`() async throws {
        try await withTool { tool, _ in
            for days in ["-6d", "-5d", "-1d"] {
                let beat = try await tool.shell(
                    "faketime -f '\(days)' \"$0\" heartbeat", [Tool.path],
                    environment: ["FAKETIME_DONT_FAKE_MONOTONIC": "1"])
                #expect(beat.status == 0, "\(beat.text)")
            }
            #expect(try await tool.run("heartbeat").status == 0)
            let verified = try await tool.run("verify", "--complete")
            #expect(verified.status == 1 && verified.text.contains("3 days without a heartbeat: "), "\(verified.text)")
        }
    }

    @Test func `a checkpoint in the system's log is one line that can be kept elsewhere, and is listed`() async throws {
        try await withTool { tool, log in
            let socket = tool.state.appending("log.socket")
            let listener = try Listener(socket)
            let checkpoint = try log.folder.readCheckpoint()
            let configuration = tool.state.appending("dbsec.json")
            try Files.write(Array("{\"audit\": {\"anchors\": [{\"syslog\": \"\(socket)\"}]}}".utf8), to: configuration)
            let anchored = try await tool.run("anchor", "--config", configuration.string)
            #expect(anchored.status == 0, "\(anchored.text)")
            let line = try listener.receive()
            let text = try #require(line.firstRange(of: "checkpoint ").map { line[$0.upperBound...] })
            let kept = try SignedCheckpoint(parsing: Array(text.replacing("\\n", with: "\n").utf8))
            #expect(kept == checkpoint)
            let listed = try await tool.run("anchors")
            #expect(listed.text.contains("syslog  \(socket): "), "\(listed.text)")
        }
    }

    @Test func `a proof is written and checked without the log`() async throws {
        try await withTool { tool, log in
            try log.fill(5)
            let (proof, key) = (tool.state.appending("3.tlog-proof"), tool.state.appending("pinned"))
            #expect(try await tool.shell("\"$0\" prove 3 > \"$1\"", [Tool.path, proof.string]).status == 0)
            try Files.write(Files.read(log.folder.verifierKey), to: key)
            let elsewhere = ["verify-proof", proof.string, "--key", key.string, "--state", "/nonexistent"]
            let proved = try await tool.shell("\"$0\" \"$@\"", [Tool.path] + elsewhere)
            #expect(
                proved.status == 0 && proved.text.hasPrefix("proved: record 3 of the 6 in the log"), "\(proved.text)")
            let other = "\(SignerKey(name: log.verifier.name, key: Ed25519.SigningKey.generate()).verifier)"
            let refused = try await tool.run("verify-proof", proof.string, "--key", other)
            #expect(refused.status == 1 && refused.text.hasPrefix("NOT PROVED: the checkpoint is not signed"))
            #expect(try await tool.run("prove", "99").status == 66)
            let kept = tool.state.appending("kept")
            try Files.write(Files.read(log.folder.checkpoint), to: kept)
            try log.fill(9)
            let consistent = try await tool.run("consistency", kept.string)
            #expect(consistent.status == 0 && consistent.text.hasPrefix("old 6\n"))
        }
    }

    @Test func `a key is replaced, personal data erased, and old records given up`() async throws {
        try await withTool { tool, log in
            let pinned = "\(log.verifier)"
            try log.append(AuditEvent(.logRead, sensitive: ["login": "ann@example.org"]))
            #expect(try await tool.run("keys", "rotate", "--reason", "test").status == 0)
            #expect(try await tool.run("keys", "show").text != "\(pinned)\n")
            let dry = try await tool.run("redact", "--subject", "ann@example.org", "--dry-run")
            #expect(dry.status == 0 && dry.text == "would erase the sensitive values of 1 record: 1\n")
            let erased = try await tool.shell(
                "echo ann@example.org | \"$0\" redact --subject -", [Tool.path])
            #expect(erased.status == 0 && erased.text == "erased the sensitive values of 1 record: 1\n")
            #expect(try await tool.run("redact", "--seq", "1").status == 1)
            #expect(try await tool.run("prune").text == "no file of the log is older than 12 months\n")
            let verified = try await tool.run("verify", "--key", pinned)
            #expect(verified.status == 0, "\(verified.text)")
            #expect(try log.records.allSatisfy { !($0.reason ?? "").contains("ann") })
        }
    }

    @Test func `every log of the host is verified at once`() async throws {
        try await withTool { tool, _ in
            try await withLog { other in
                let configuration = tool.state.appending("dbsec.json")
                try Files.write(
                    Array("{\"audit\": {\"logs\": [\"\(other.folder.path)\"]}}".utf8), to: configuration)
                let both = try await tool.run("verify", "--all", "--config", configuration.string, "--json")
                #expect(both.status == 0 && both.text.contains(other.verifier.name), "\(both.text)")
                try other.replaceLines { $0[0] = $0[0].replacing("log.created", with: "log.creates") }
                let broken = try await tool.run("verify", "--all", "--config", configuration.string)
                #expect(broken.status == 1 && broken.text.contains("BROKEN"))
            }
        }
    }

    @Test func `only findings are acknowledged`() async throws {
        try await withTool { tool, log in
            #expect(try await tool.run("acknowledge", "0", "because").status == 66)
            try log.append(AuditEvent(.logBreakGlass, reason: "night", facts: ["act": "backup.restore"]))
            #expect(try await tool.run("verify", "--complete").status == 1)
            #expect(try await tool.run("acknowledge", "1", "ticket 7").status == 0)
            #expect(try await tool.run("verify", "--complete").status == 0)
        }
    }

    private var environment: [String: String?] {
        get throws { try Database.current.environment }
    }

    private func withTool(_ body: (Tool, AuditLog) async throws -> Void) async throws {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try await body(Tool(state: folder), log)
        }
    }
}
