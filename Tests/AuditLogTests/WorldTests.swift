import AuditLog
import Platform
import SystemPackage
import TestSupport
import Testing

/// The log beside the backups that it tells of, made and proved by the real programs.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct WorldTests {
    @Test func `a log that was rolled back shows against the backups of its host`() async throws {
        try await withBackup { world in
            #expect(try await world.run("dbaudit", "verify", "--complete").status == 0)
            try world.rollBack()
            let verified = try await world.run("dbaudit", "verify")
            #expect(verified.status == 1)
            #expect(
                verified.stdout.contains("it was cut or rolled back")
                    && verified.stdout.contains("the checkpoint in backup"),
                "\(verified.stdout)")
        }
    }

    @Test func `a backup that no record explains makes the log incomplete`() async throws {
        try await withBackup { world in
            let folder = try world.backup()
            let stranger = folder.removingLastComponent().appending("20991231T235959Z")
            try Files.createDirectory(stranger)
            for name in ["manifest.json", "manifest.json.minisig"] {
                try Files.write(Files.read(folder.appending(name)), to: stranger.appending(name))
            }
            let verified = try await world.run("dbaudit", "verify", "--complete")
            #expect(verified.status == 1)
            #expect(verified.stdout.contains("20991231T235959Z is in"), "\(verified.stdout)")
            #expect(verified.stdout.contains("no record says who made it"))
            #expect(try await world.run("dbaudit", "verify").status == 0)
        }
    }

    @Test func `a backup that was killed has a start and no finish, and the log says so`() async throws {
        try await withBackup { world in
            let database = try Database.current.name
            // Where it makes the pipe to its third child: the record of the start is there by then.
            let killed = try await world.run(
                "/usr/bin/strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pipe2", "-e",
                "inject=pipe2:signal=KILL:when=3",
                try Tool.path.replacing("dbaudit", with: "dbbackup"), "run", database)
            #expect(killed.status != 0)
            let verified = try await world.run("dbaudit", "verify", "--complete")
            #expect(verified.status == 1)
            #expect(verified.stdout.contains("backup.run"), "\(verified.stdout)")
            #expect(try await world.run("dbaudit", "verify").status == 0)
        }
    }

    @Test func `anchors name the newest backup`() async throws {
        try await withBackup { world in
            let label = try #require(try world.backup().lastComponent?.string)
            let anchors = try await world.run("dbaudit", "anchors")
            #expect(anchors.status == 0 && anchors.stdout.contains("/\(label) in "), "\(anchors.stdout)")
        }
    }

    @Test func `a backup is verified past a log that cannot be written, and that is on record later`() async throws {
        try await withBackup { world in
            try Files.remove(world.audit.appending("lock"))
            try Files.createDirectory(world.audit.appending("lock"))
            let refused = try await world.run("dbbackup", "verify", "latest", "--level", "archive")
            #expect(refused.status == 74, "\(refused.stderr)")
            let done = try await world.run(
                "dbbackup", "verify", "latest", "--level", "archive", "--break-glass", "the auditors are here")
            #expect(done.status == 0 && done.stdout.contains("equal"), "\(done.stderr)")
            #expect(
                done.stderr.contains("break-glass: not in the audit log")
                    && done.stderr.contains("the auditors are here"))
            try Files.removeTree(world.audit.appending("lock"))
            #expect(try await world.run("dbaudit", "heartbeat").status == 0)
            let verified = try await world.run("dbaudit", "verify")
            #expect(verified.stdout.contains("backup.verify was done past a log that could not be written"))
            #expect(try await world.run("dbbackup", "verify", "latest", "--break-glass", " ").status == 64)
        }
    }

    private func withBackup(_ body: (World) async throws -> Void) async throws {
        try await withFolder { folder in
            let world = World(state: folder.appending("state"), environment: try Database.current.environment)
            let made = try await world.run("dbbackup", "init", "--keep-identity-here")
            #expect(made.status == 0, "\(made.stderr)")
            try world.keepCopy()
            let run = try await world.run("dbbackup", "run", try Database.current.name)
            #expect(run.status == 0, "\(run.stderr)")
            try await body(world)
        }
    }
}

private struct World {
    let state: FilePath
    let environment: [String: String?]

    var audit: FilePath { state.appending("audit") }
    private var copy: FilePath { state.removingLastComponent().appending("copy") }

    func run(_ program: String, _ arguments: String...) async throws -> ProgramResult {
        try await Program.run(
            program, arguments,
            environment: environment.merging(["DBSEC_STATE": state.string, "DBSEC_CONFIG": nil]) { $1 })
    }

    /// The folder of the only backup.
    func backup() throws -> FilePath {
        let backups = state.appending("backups")
        let cluster = try #require(try Files.list(backups).first { !$0.hasPrefix(".") })
        let label = try #require(try Files.list(backups.appending(cluster)).first { Timestamp($0) != nil })
        return backups.appending(cluster).appending(label)
    }

    func keepCopy() throws {
        try Files.createDirectory(copy)
        for name in try Files.list(audit) where name != "lock" {
            try Files.write(Files.read(audit.appending(name)), to: copy.appending(name))
        }
    }

    /// Puts the whole folder of the log back as it was before the backup.
    func rollBack() throws {
        for name in try Files.list(audit) where name != "lock" { try Files.remove(audit.appending(name)) }
        for name in try Files.list(copy) {
            try Files.write(Files.read(copy.appending(name)), to: audit.appending(name))
        }
    }
}
