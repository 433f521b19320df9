import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Disks that fail and programs that are killed, while a backup is proved or restored.
@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(5))) struct `Proving and restoring on a bad day` {
    private let rows = "CREATE TABLE people AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 30000) AS n"

    /// Runs dbbackup with the system calls on a path failing.
    private func failing(
        _ calls: String, on path: FilePath? = nil, _ host: BackupHost, _ arguments: [String]
    ) async throws -> ProgramResult {
        try await host.run(
            "/usr/bin/strace",
            ["-f", "-qq", "-o", "/dev/null"] + (path.map { ["-P", $0.string] } ?? [])
                + ["-e", "inject=\(calls)", "--", Program.path("dbbackup").string] + arguments)
    }

    @Test func `a disk that cannot be read makes neither a proof nor a database`() async throws {
        try await BackupHost.with(rows) { host in
            let dump = try host.backup.appending("\(host.database.name).dump.zst.age")
            // The first block, and the end.
            for call in [1, 2] {
                let verified = try await failing(
                    "read:error=EIO:when=\(call)+", on: dump, host, ["verify", "latest", "--level", "decode"])
                #expect(verified.status == 74, "read \(call): \(verified.stdout)\(verified.stderr)")
                let name = "eio_\(call)_\(host.database.name)"
                let restored = try await failing(
                    "read:error=EIO:when=\(call)+", on: dump, host, ["restore", "latest", "--target-dbname", name])
                #expect(restored.status == 74, "read \(call): \(restored.stdout)\(restored.stderr)")
                #expect(try await host.databases(like: name).isEmpty)
            }
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
            #expect(!Files.exists(try host.backup.appending("proofs")))
            #expect(try await host.dbbackup("verify", "--level", "decode").status == 0)
        }
    }

    @Test func `without memory for a table of contents there is no database`() async throws {
        try await BackupHost.with(rows) { host in
            let name = "memory_\(host.database.name)"
            let restored = try await failing(
                "memfd_create:error=ENOMEM", host, ["restore", "latest", "--target-dbname", name])
            #expect(restored.status == 74, "\(restored.stdout)\(restored.stderr)")
            #expect(try await host.databases(like: name).isEmpty)
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
        }
    }

    @Test func `a full disk for the proof is 74, and no half proof counts`() async throws {
        try await BackupHost.with(rows) { host in
            let proofs = try host.backup.appending("proofs")
            try Files.createDirectory(proofs)
            for call in ["openat:error=ENOSPC:when=1+", "fsync:error=EIO:when=1+"] {
                let verified = try await failing(call, on: proofs, host, ["verify", "--level", "archive"])
                #expect(verified.status == 74, "\(call): \(verified.stdout)\(verified.stderr)")
                #expect(try await host.dbbackup("list").stdout.contains("equal by archive") == false)
            }
            #expect(try await host.dbbackup("verify", "--level", "archive").status == 0)
            #expect(try await host.dbbackup("list").stdout.contains("equal by archive"))
        }
    }

    @Test func `a full disk for the audit log forbids a restore`() async throws {
        try await BackupHost.with(rows) { host in
            let name = "unlogged_\(host.database.name)"
            let log = host.folder.appending("audit/log-000000.jsonl")
            let restored = try await failing(
                "write,pwrite64:error=ENOSPC:when=1+", on: log, host, ["restore", "latest", "--target-dbname", name])
            #expect(restored.status == 74, "\(restored.stdout)\(restored.stderr)")
            #expect(try await host.databases(like: name).isEmpty)
        }
    }

    /// Once initdb fails, once the restore does.
    @Test(arguments: ["24m", "80m"]) func `a full disk of the scratch cluster is no proof, and the folder goes`(
        size: String
    ) async throws {
        try await BackupHost.with(
            "CREATE TABLE people AS SELECT n AS id, repeat(md5(n::text), 8) AS name FROM generate_series(1, 200000) AS n"
        ) { host in
            let scratch = host.folder.removingLastComponent().appending("scratch")
            let verified = try await host.run(
                "/usr/bin/unshare",
                [
                    "--mount", "/bin/sh", "-c",
                    """
                    mount -t tmpfs -o size="$3" none "$1" || exit 99
                    "$2" verify latest; status=$?
                    ls "$1" | wc -l; exit $status
                    """, "sh", scratch.string, Program.path("dbbackup").string, size,
                ])
            // 74 where a program says that the disk is full, 69 where the server went away because of it.
            #expect([69, 74].contains(verified.status), "\(verified.stdout)\(verified.stderr)")
            #expect(verified.stdout.hasSuffix("0\n"), "\(verified.stdout)\(verified.stderr)")
            #expect(try await host.dbbackup("list").stdout.contains("equal by") == false)
        }
    }

    @Test func `killed at any moment, a proof says nothing, and the next one is whole`() async throws {
        try await BackupHost.with(rows) { host in
            let scratch = host.folder.removingLastComponent().appending("scratch")
            for delay in [100, 300, 500, 700, 900, 1200] {
                let verify = try await Program.start("dbbackup", ["verify"], environment: host.environment)
                try await Task.sleep(for: .milliseconds(delay))
                verify.send(SIGKILL)
                let ended = try await verify.result()
                let list = try await host.dbbackup("list").stdout
                // A proof that was finished before the kill is one.
                guard list.contains("  none  ") else {
                    #expect(list.contains("equal by restore"))
                    break
                }
                #expect(ended.status == 128 + SIGKILL)
            }
            let next = try await host.dbbackup("verify")
            #expect(next.status == 0, "\(next.stdout)\(next.stderr)")
            #expect(try Files.list(scratch).isEmpty)
        }
    }

    @Test func `killed at any moment, a restore leaves what the next one removes`() async throws {
        try await BackupHost.with(rows) { host in
            let name = "killed_\(host.database.name)"
            for delay in [50, 150, 250, 350, 450] {
                let restore = try await Program.start(
                    "dbbackup", ["restore", "latest", "--target-dbname", name], environment: host.environment)
                try await Task.sleep(for: .milliseconds(delay))
                restore.send(SIGKILL)
                _ = try await restore.result()
                // Under its name there is all of it or nothing.
                guard try await host.databases(like: name).isEmpty else {
                    #expect(try await host.other(name).value("SELECT count(*) FROM people") == "30000")
                    break
                }
            }
            let next = try await host.dbbackup("restore", "latest", "--target-dbname", "\(name)_2")
            #expect(next.status == 0, "\(next.stderr)")
            #expect(try await host.databases(like: "dbsec\\_restore\\_%").isEmpty)
        }
    }
}
