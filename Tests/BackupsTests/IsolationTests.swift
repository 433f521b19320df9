import Platform
import SystemPackage
import Testing

@testable import Backups

/// What a program inside the room can see, asked by programs inside it.
@Suite(.timeLimit(.minutes(2))) struct `Isolation of the scratch cluster` {
    @Test func `only the root it was given, its own folder and a private tmp exist`() async throws {
        try await withRoom { room in
            let names = try await room.shell("ls -A /; ls -A /outside /tmp /dev/shm")
            #expect(
                Set(names.split(separator: "\n").map(String.init)).isSubset(of: [
                    "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "outside", "proc", "sbin", "tmp", "usr",
                    "/outside:", "/tmp:", "/dev/shm:", room.shmName,
                ]))
        }
    }

    @Test func `it acts as the scratch account without any capability and cannot gain one`() async throws {
        try await withRoom { room in
            let status = try await room.shell("cat /proc/self/status")
            let fields = Dictionary(
                status.split(separator: "\n").map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
                    .map { ($0[0], $0[1].filter { !$0.isWhitespace }) }, uniquingKeysWith: { first, _ in first })
            #expect(fields["NoNewPrivs"] == "1")
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(fields[set] == "0000000000000000")
            }
            let uid = String(room.isolation.account.uid)
            #expect(fields["Uid"] == uid + uid + uid + uid)
        }
    }

    @Test func `there is no network but a loopback that leads nowhere`() async throws {
        try await withRoom { room in
            let found = try await room.shell(
                "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route")
            #expect(found == "lo\n")
        }
    }

    @Test func `nothing of our environment goes in`() async throws {
        try await withRoom { room in
            let variables = try await room.run("/usr/bin/env", [], environment: ["LANG": "C"])
            #expect(variables == "LANG=C\nPATH=/usr/bin:/bin\n")
        }
    }

    @Test func `what it writes outside its folder is gone, and what it writes inside stays`() async throws {
        try await withRoom { room in
            try await room.shell("echo here > kept; echo here > /tmp/dbsec-room-marker")
            #expect(Files.exists(room.isolation.cluster.appending("kept")))
            #expect(!Files.exists("/tmp/dbsec-room-marker"))
        }
    }

    @Test func `processes outside cannot be seen`() async throws {
        try await withRoom { room in
            let first = try await room.run("/bin/cat", ["/proc/1/comm"])
            #expect(first == "cat\n")
        }
    }

    @Test func `a hidden folder inside what is shown cannot be listed`() async throws {
        let folder: FilePath = "/usr/lib/postgresql"
        try await withRoom(hidden: [folder]) { room in
            await #expect(throws: ChildFailure.self) { try await room.shell("ls \(folder)") }
        }
    }
}

private struct Room {
    let isolation: Isolation
    let folder: FilePath

    var shmName: String { folder.lastComponent?.string ?? "" }

    @discardableResult
    func shell(_ script: String) async throws -> String {
        try await run("/bin/sh", ["-c", script])
    }

    func run(_ program: FilePath, _ arguments: [String], environment: [String: String] = [:]) async throws -> String {
        let command = isolation.command(program, arguments, environment: environment)
        return String(decoding: try await Child(command.program, command.arguments).run(), as: UTF8.self)
    }
}

private func withRoom(hidden: [FilePath] = [], _ body: (Room) async throws -> Void) async throws {
    try await Isolation.makeAccount()
    let folder = try Files.makeTemporaryDirectory(in: "/dev/shm", prefix: "dbsec-room")
    defer { try? Files.removeTree(folder) }
    let isolation = try Isolation(folder: folder, shown: ["/usr/lib/postgresql"], hidden: hidden)
    try await body(Room(isolation: isolation, folder: folder))
}
