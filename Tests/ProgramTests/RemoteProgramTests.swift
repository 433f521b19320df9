import Foundation
import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Copies of backups elsewhere, by real servers of WebDAV, SFTP and S3 on loopback, and repositories that are only there.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct RemoteProgramTests {
    @Test(arguments: RemotePlace.allCases)
    func `a copy elsewhere is listed, proved, restored, held and pruned without the original`(
        _ kind: RemotePlace
    ) async throws {
        try await withHost { host in
            try await kind.serving(host.folder.appending("there")) { place, environment in
                let host = host.with(environment)
                let first = try await host.back()
                let copy = try await host.dbbackup("copy", "--to", place)
                #expect(copy.status == 0, "\(copy.stderr)")
                #expect(try await host.dbbackup("copy", "--to", place).stdout.contains("nothing to copy"))
                try Files.removeTree(host.backups)

                let there = ["--repository", place]
                let list = try await host.dbbackup(["list"] + there)
                #expect(list.stdout.contains("main/\(first)"), "\(list.stderr)")
                let verify = try await host.dbbackup(["verify", "latest", "--level", "decode"] + there)
                #expect(verify.status == 0, "\(verify.stdout) \(verify.stderr)")
                // The proof lies beside the copy, and another host's mirror shows it.
                try Files.removeTree(host.state.appending("mirrors"))
                #expect(try await host.dbbackup(["list"] + there).stdout.contains("equal by decode"))
                #expect(try host.largeFilesInMirrors() == [])

                let target = "restored_\(host.database)"
                let restore = try await host.dbbackup(["restore", "latest", "--target-dbname", target] + there)
                #expect(restore.status == 0, "\(restore.stderr)")
                let count = "SELECT count(*) FROM people"
                #expect(
                    try await Database(cluster: .current, name: target).value(count) == Database.current.value(count))
                let rows = try await host.dbbackup(["cat", "latest", "--table", "public.people"] + there)
                #expect(rows.stdout.split(separator: "\n").count == 500)

                let second = try await host.back()
                #expect(try await host.dbbackup("copy", "latest", "--to", place).status == 0)
                #expect(try await host.dbbackup(["hold", first, "--reason", "for the court"] + there).status == 0)
                let prune = ["prune", "--keep-last", "1", "--grace-hours", "0"] + there
                #expect(try await host.dbbackup(prune).stdout.contains("held: for the court"))
                #expect(try await host.dbbackup(["hold", "--release", first] + there).status == 0)
                let pruned = try await host.dbbackup(prune)
                #expect(pruned.status == 0, "\(pruned.stderr)")
                let rest = try await host.dbbackup(["list"] + there)
                #expect(!rest.stdout.contains(first) && rest.stdout.contains(second))
                let names = try await host.rclone("lsf", "-R", "--files-only", place)
                #expect(
                    names.split(separator: "\n").filter { !$0.hasSuffix(".lock") }.allSatisfy { $0.contains(second) })
            }
        }
    }

    @Test func `what was given up there comes back with a hold`() async throws {
        try await withHost { host in
            try await RemotePlace.webdav.serving(host.folder.appending("there")) { place, environment in
                let host = host.with(environment)
                let first = try await host.back()
                _ = try await host.back()
                #expect(try await host.dbbackup("copy", "--to", place).status == 0)
                let there = ["--repository", place]
                #expect(try await host.dbbackup(["prune", "--keep-last", "1"] + there).status == 0)
                #expect(try await host.dbbackup(["list"] + there).stdout.contains("given up: main/\(first), by "))
                #expect(try await host.dbbackup(["hold", first, "--reason", "wanted"] + there).status == 0)
                let list = try await host.dbbackup(["list"] + there)
                #expect(list.stdout.contains(first) && !list.stdout.contains("given up"))
            }
        }
    }

    @Test func `a run whose repository is elsewhere leaves nothing large here`() async throws {
        try await withHost { host in
            try await RemotePlace.sftp.serving(host.folder.appending("there")) { place, environment in
                let host = host.with(environment)
                let run = try await host.dbbackup("run", host.database, "--repository", place)
                #expect(run.status == 0, "\(run.stderr)")
                #expect(try host.largeFilesInMirrors() == [])
                let verify = try await host.dbbackup(
                    "verify", "latest", "--level", "archive", "--repository", place)
                #expect(verify.stdout.contains("equal"))
            }
        }
    }

    @Test func `a place that fails does not keep the others, and the backup is there`() async throws {
        try await withHost { host in
            let good = host.folder.appending("good").string
            let run = try await host.dbbackup(
                "run", host.database, "--copy-to", "nowhere:pg", "--copy-to", good)
            #expect(run.status == 69, "\(run.stdout) \(run.stderr)")
            #expect(run.stderr.contains("warning: no copy in nowhere:pg: rclone failed"))
            #expect(try await host.dbbackup("list").stdout.contains("main/"))
            #expect(try await host.dbbackup("list", "--repository", good).stdout.contains("main/"))
        }
    }

    @Test func `a server that goes away in mid-stream leaves no backup there, and the next copy is whole`() async throws
    {
        try await withHost(rows: 200_000) { host in
            let there = host.folder.appending("there")
            let label = try await host.back()
            try await RemotePlace.webdav.serving(there) { place, environment in
                let host = host.with(environment)
                // Slow enough to be met in the middle.
                let slow = environment.merging(["RCLONE_BWLIMIT": "1M"]) { $1 }
                async let copy = host.with(slow).dbbackup("copy", "--to", place)
                try await until { try FileManager.default.subpathsOfDirectory(atPath: there.string).count > 2 }
                try await host.stopServers(of: there)
                let result = try await copy
                #expect(result.status == 69, "\(result.stdout) \(result.stderr)")
            }
            try await RemotePlace.webdav.serving(there) { place, environment in
                let host = host.with(environment)
                #expect(!(try await host.dbbackup("list", "--repository", place).stdout.contains(label)))
                #expect(try await host.dbbackup("copy", "--to", place).status == 0)
                let verify = try await host.dbbackup("verify", "latest", "--level", "decode", "--repository", place)
                #expect(verify.status == 0, "\(verify.stdout)")
            }
        }
    }

    @Test func `what an interrupted copy left there goes with a prune, once nobody can be copying it still`()
        async throws
    {
        try await withHost { host in
            try await RemotePlace.webdav.serving(host.folder.appending("there")) { place, environment in
                let host = host.with(environment)
                // Before the server has looked, since it remembers what is in a folder.
                let files = ["20200101T000000Z", "20200102T000000Z"].map {
                    host.folder.appending("there/pg/main/\($0)/app.dump.zst.age")
                }
                for file in files {
                    try Files.createDirectory(file.removingLastComponent())
                    try Files.write([1, 2, 3], to: file)
                    try Files.write([1], to: file.removingLastComponent().appending("notes.txt"))
                }
                _ = try await Program.run("/usr/bin/touch", ["-d", "3 days ago", files[0].string])
                let label = try await host.back()
                #expect(try await host.dbbackup("copy", "--to", place).status == 0)
                let pruned = try await host.dbbackup("prune", "--keep-last", "1", "--repository", place)
                #expect(pruned.stdout.contains("an interrupted copy"), "\(pruned.stdout) \(pruned.stderr)")
                #expect(!Files.exists(files[0]) && Files.exists(files[1]))
                #expect(Files.exists(files[0].removingLastComponent().appending("notes.txt")))
                #expect(try await host.dbbackup("list", "--repository", place).stdout.contains(label))
            }
        }
    }

    @Test func `a manifest that was changed there is different, as it would be here`() async throws {
        try await withHost { host in
            let there = host.folder.appending("there")
            let label = try await host.back()
            #expect(try await host.dbbackup("copy", "--to", there.appending("pg").string).status == 0)
            let manifest = there.appending("pg/main/\(label)/manifest.json")
            var bytes = try Files.read(manifest)
            bytes[bytes.count / 2] ^= 1
            try Files.write(bytes, to: manifest)
            try await RemotePlace.webdav.serving(there) { place, environment in
                let verify = try await host.with(environment).dbbackup(
                    "verify", "latest", "--level", "archive", "--repository", place)
                #expect(verify.status == 1, "\(verify.stdout) \(verify.stderr)")
                #expect(verify.stdout.contains("different"))
            }
        }
    }

    @Test func `what is not what was copied is noticed when it is read back`() async throws {
        try await withHost { host in
            // Storage that loses the end of every large file.
            let shim = host.folder.appending("bin")
            try Files.createDirectory(shim)
            let script = """
                #!/bin/sh
                if [ "$1" = copyto ]; then
                    for last; do :; done
                    /usr/bin/rclone "$@" && case $last in *.dump.zst.age) truncate -s -1 "$last" ;; esac
                else
                    exec /usr/bin/rclone "$@"
                fi
                """
            try Files.write(Array(script.utf8), to: shim.appending("rclone"), mode: [.ownerReadWriteExecute])
            _ = try await host.back()
            let there = host.folder.appending("there").string
            let path = "\(shim):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
            let copy = try await host.with(["PATH": path]).dbbackup("copy", "--to", there)
            #expect(copy.status == 74, "\(copy.stdout) \(copy.stderr)")
            #expect(copy.stdout.contains("was read back and is not what was copied there"))
            #expect(try await host.dbbackup("list", "--repository", there).stdout.contains("no backups yet"))
        }
    }

    @Test func `names that hold options are refused, since they would be seen by all`() async throws {
        try await withHost { host in
            let copy = try await host.dbbackup("copy", "--to", ":s3,secret_access_key=x:bucket")
            #expect(copy.status == 64, "\(copy.stdout)")
            let list = try await host.dbbackup("list", "--repository", ":local:/tmp")
            #expect(list.status == 64, "\(list.stdout)")
        }
    }

    @Test func `append-only storage keeps what was given up, and a lock keeps it for its time`() async throws {
        try await withHost { host in
            let first = try await host.back()
            _ = try await host.back()
            func prune(_ section: String) async throws -> String {
                let file = host.folder.appending("dbsec.json")
                try Files.write(Array("{\"backup\": {\(section)}}".utf8), to: file)
                let prune = try await host.dbbackup(
                    "prune", "--keep-last", "1", "--grace-hours", "0", "--config", file.string)
                #expect(prune.status == 0, "\(prune.stderr)")
                return prune.stdout
            }
            let folder = host.backups.appending("main").appending(first)
            #expect(try await prune("\"appendOnly\": true").contains("the storage lets nobody remove it"))
            #expect(Files.exists(folder.appending("index.json.zst.age")))
            #expect(try await prune("\"lockDays\": 30").contains("may be removed from"))
            #expect(Files.exists(folder.appending("index.json.zst.age")))
            #expect(!(try await prune("\"graceHours\": 0").contains("given up, and still there")))
            #expect(!Files.exists(folder))
        }
    }

    @Test func `a tag keeps a backup that no number keeps`() async throws {
        try await withHost { host in
            let first = try await host.back("--tag", "before-migration")
            let second = try await host.back()
            _ = try await host.back()
            let prune = try await host.dbbackup(
                "prune", "--keep-last", "1", "--keep-tag", "before-migration", "--grace-hours", "0")
            #expect(prune.stdout.contains("tagged \"before-migration\""))
            let list = try await host.dbbackup("list").stdout
            #expect(list.contains(first) && !list.contains(second))
        }
    }
}

/// A host with a state folder of its own, ready to make backups of a database with people in it.
private struct Host: Sendable {
    let folder: FilePath
    let database: String
    let environment: [String: String?]

    var state: FilePath { folder.appending("state") }
    var backups: FilePath { state.appending("backups") }

    func with(_ changes: [String: String?]) -> Host {
        Host(folder: folder, database: database, environment: environment.merging(changes) { $1 })
    }

    func dbbackup(_ arguments: String...) async throws -> ProgramResult { try await dbbackup(arguments) }

    func dbbackup(_ arguments: [String]) async throws -> ProgramResult {
        try await Program.run("dbbackup", arguments, environment: environment)
    }

    /// Makes a backup; its label.
    func back(_ options: String...) async throws -> String {
        let run = try await dbbackup(["run", database] + options)
        #expect(run.status == 0, "\(run.stderr)")
        let labels = try Files.list(backups.appending("main")).filter { Timestamp($0)?.label == $0 }
        return try #require(labels.last, "\(run.stdout)")
    }

    func rclone(_ arguments: String...) async throws -> String {
        try await Program.run("/usr/bin/rclone", arguments, environment: environment).stdout
    }

    func largeFilesInMirrors() throws -> [String] {
        let mirrors = state.appending("mirrors")
        guard Files.exists(mirrors) else { return [] }
        return try FileManager.default.subpathsOfDirectory(atPath: mirrors.string).filter { $0.hasSuffix(".age") }
    }

    /// Kills the servers that serve a folder.
    func stopServers(of folder: FilePath) async throws {
        for process in try Files.list(FilePath("/proc")) where Int32(process) != nil {
            let line = (try? Files.read(FilePath("/proc/\(process)/cmdline"))) ?? []
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if words.contains("serve"), words.last == folder.string, let identifier = Int32(process) {
                kill(identifier, SIGKILL)
            }
        }
    }
}

private func withHost<Value>(rows: Int = 500, _ body: (Host) async throws -> Value) async throws -> Value {
    let database = try Database.current
    try await database.run(
        "CREATE TABLE people AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, \(rows)) AS n")
    return try await withTemporaryFolder { folder in
        var environment = database.environment
        environment["DBSEC_STATE"] = folder.appending("state").string
        environment["DBSEC_CONFIG"] = .some(nil)
        environment["RCLONE_CONFIG"] = "/dev/null"
        let host = Host(folder: folder, database: database.name, environment: environment)
        let made = try await host.dbbackup("init", "--keep-identity-here")
        #expect(made.status == 0, "\(made.stderr)")
        return try await body(host)
    }
}

/// Waits for a condition, as long as a machine that runs many tests beside this one may need.
private func until(_ condition: () throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(180)
    while ContinuousClock.now < end {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("it did not come to that")
}
