import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// Units of systemd and the script for cron, as a night runs them.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ScheduleTests {
    private static let root = FilePath(FileManager.default.currentDirectoryPath)

    /// Units whose programs are those that were built here, in a folder of their own.
    private func withUnits<Value>(_ body: ([String]) async throws -> Value) async throws -> Value {
        try await withTemporaryFolder { folder in
            let units = try Files.list(Self.root.appending("systemd"))
            for unit in units {
                let text = String(decoding: try Files.read(Self.root.appending("systemd/\(unit)")), as: UTF8.self)
                    .replacing("/usr/local/bin/dbbackup", with: Program.path("dbbackup").string)
                    .replacing("/usr/local/bin/dbaudit", with: Program.path("dbaudit").string)
                try Files.write(Array(text.utf8), to: folder.appending(unit))
            }
            return try await body(units.map { folder.appending($0).string })
        }
    }

    @Test func `systemd has nothing to say against the units`() async throws {
        try await withUnits { units in
            let verify = try await Program.run("/usr/bin/systemd-analyze", ["verify"] + units)
            #expect(verify.status == 0, "\(verify.stderr)")
            let ours = verify.stderr.split(separator: "\n").filter { $0.contains("dbbackup") }
            #expect(ours.filter { !$0.contains("dbsecPackage") } == [])
        }
    }

    @Test(arguments: [
        "dbbackup.service", "dbbackup-prune.service", "dbbackup-check.service", "dbaudit-heartbeat.service",
        "dbaudit-ingest.service",
    ])
    func `units that need no root are shut in`(_ unit: String) async throws {
        try await withUnits { units in
            let path = try #require(units.first { $0.hasSuffix("/\(unit)") })
            let security = try await Program.run(
                "/usr/bin/systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=25", path])
            #expect(security.status == 0, "\(security.stdout.suffix(300)) \(security.stderr)")
        }
    }

    @Test func `under cron a night is silent, and a failure says what it was`() async throws {
        let database = try Database.current
        try await withTemporaryFolder { folder in
            let state = folder.appending("state")
            var server = database.environment.compactMapValues(\.self)
            server["DBSEC_STATE"] = state.string
            server["DBBACKUP_PATH"] = "\(Program.folder):/usr/bin:/bin"
            server["DBBACKUP_RETRY"] = "0"
            let made = try await Program.run("dbbackup", ["init", "--keep-identity-here"], environment: server)
            #expect(made.status == 0, "\(made.stderr)")

            func cron(_ words: String..., without: String? = nil) async throws -> ProgramResult {
                let settings = server.filter { $0.key != without }.map { "\($0.key)=\($0.value)" }
                return try await Program.run(
                    "/usr/bin/env", ["-i"] + settings + ["\(Self.root)/scripts/dbbackup-cron"] + words)
            }
            let run = try await cron("run", database.name)
            #expect(run.status == 0 && run.stdout.isEmpty && run.stderr.isEmpty, "\(run.stderr)")
            let verify = try await cron("verify", "--level", "decode")
            #expect(verify.status == 0 && verify.stdout.isEmpty && verify.stderr.isEmpty, "\(verify.stderr)")
            let prune = try await cron("prune", "--keep-daily", "7")
            #expect(prune.status == 0 && prune.stdout.isEmpty && prune.stderr.isEmpty, "\(prune.stderr)")
            let check = try await cron("check", "--expect", "not_there")
            #expect(check.status == 1)
            #expect(check.stderr.hasPrefix("dbbackup check failed with 1 after 1 attempt(s):\nBACKUP WARNING"))
            let away = try await cron("run", database.name, "-h", folder.string)
            #expect(away.status == 69)
            #expect(away.stderr.contains("failed with 69 after 3 attempt(s):"))
        }
    }
}
