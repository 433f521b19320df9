import Foundation
import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Producer, prover and keeper, each under an account of its own and with nothing but its own keys.
///
/// Where the tests do not run as root, all three are the same account, with separate state folders.
@Suite(.cluster(["unix_socket_permissions": "0777"]), .database, .timeLimit(.minutes(5)))
struct RolesApartTests {
    @Test func `a producer makes backups and opens none`() async throws {
        try await withStage { stage in
            let (first, _) = (try await stage.back(), try await stage.back())
            let backup = stage.main.appending(first)
            for arguments in [
                ["verify", "latest", "--level", "archive"], ["cat", "latest", "--table", "public.people"],
                ["restore", "latest", "--target-dbname", "never"], ["diff", first, "latest"],
            ] {
                let refused = try await stage.producer.dbbackup(arguments + stage.repository)
                #expect(refused.status == 78, "\(arguments): \(refused.stdout) \(refused.stderr)")
                #expect(refused.stderr.contains("no identity here to open backups with"), "\(refused.stderr)")
            }
            // Every file that the producer holds, tried as an identity, by age itself.
            let held = try FileManager.default.subpathsOfDirectory(atPath: stage.producer.state.string)
                .map { stage.producer.state.appending($0) }.filter { !Files.isDirectory($0) }
            #expect(held.contains { $0.lastComponent == "signing.key" })
            for file in held {
                let opened = try await Program.run(
                    "/usr/bin/age", ["-d", "-i", file.string, backup.appending("globals.sql.zst.age").string])
                #expect(opened.status != 0, "\(file) opens a backup")
            }
            let own = try await Program.run(
                "/usr/bin/age", ["-d", "-i", stage.identity.string, backup.appending("globals.sql.zst.age").string])
            #expect(own.status == 0)
        }
    }

    @Test func `what a producer may not remove is a warning, and the next backup is made`() async throws {
        try await withStage { stage in
            // The lock is the folder's owner's too, and only to be read.
            try Files.write([], to: stage.main.appending(".lock"), mode: [.ownerReadWrite, .groupRead, .otherRead])
            // Killed at the first program that it starts with the folder there.
            for number in 1...9 where try stage.folders().isEmpty {
                _ = try await Fault.killed.strike(
                    stage.scene, Fault.starting, at: number, ["run", stage.database] + stage.repository,
                    account: stage.producer.account)
            }
            let leftover = try #require(try stage.folders().first)
            #expect(!Files.exists(leftover.appending("manifest.json.minisig")))
            // It came into other hands, as in storage where what was added is not the producer's any more.
            try stage.takeAway(leftover)
            for _ in 0..<2 {
                let run = try await stage.producer.dbbackup(["run", stage.database] + stage.repository)
                #expect(run.status == 0, "\(run.stderr)")
                #expect(
                    run.stderr.contains("warning: what an interrupted run left in \(leftover) could not be removed"))
            }
            #expect(try await stage.producer.labels(stage.repository).count == 2)
        }
    }

    @Test func `a prover elsewhere restores with the producer's pinned key and the identity alone`() async throws {
        try await withStage { stage in
            let label = try await stage.back()
            try await stage.prove("latest")
            let proofs = stage.main.appending(label).appending("proofs")
            let proof = try #require(try Files.list(proofs).first { $0.hasSuffix(".json") })
            // Its signature is the prover's, as minisign says, and not the producer's.
            for (key, status) in [(stage.prover, Int32(0)), (stage.producer, 1)] {
                let checked = try await Program.run(
                    "/usr/bin/minisign",
                    [
                        "-V", "-q", "-p", key.state.appending("keys/signing.pub").string, "-m",
                        proofs.appending(proof).string,
                    ])
                #expect(checked.status == status, "\(checked.stderr)")
            }
            // The producer believes no prover that it has not pinned.
            #expect(try await stage.producer.dbbackup(["list"] + stage.repository).stdout.contains("  none  "))
            try stage.prover.isPinned(by: stage.producer)
            #expect(
                try await stage.producer.dbbackup(["list"] + stage.repository).stdout
                    .contains("equal by \(Stage.level)"))
        }
    }

    @Test func `a keeper counts the proofs of provers that it knows, may remove, and cannot read`() async throws {
        try await withStage { stage in
            let (older, newer) = (try await stage.back(), try await stage.back())
            try await stage.prove("latest")
            try await stage.serving { keeper, place in
                let prune = ["prune", "--keep-last", "1", "--require-proof", Stage.level, "--grace-hours", "0"] + place
                let kept = try await keeper.dbbackup(prune)
                #expect(kept.status == 0, "\(kept.stderr)")
                #expect(try await keeper.labels(place) == [older, newer])
                for arguments in [["verify", "latest"], ["cat", "latest", "--table", "public.people"]] {
                    let refused = try await keeper.dbbackup(arguments + place)
                    #expect(refused.status == 78, "\(refused.stdout) \(refused.stderr)")
                }
                try stage.prover.isPinned(by: stage.keeper)
                let pruned = try await keeper.dbbackup(prune)
                #expect(pruned.status == 0, "\(pruned.stderr)")
                #expect(try await keeper.labels(place) == [newer])
            }
            #expect(try stage.folders().map { $0.lastComponent?.string } == [newer])
        }
    }

    @Test func `a backup that was signed with another key counts nowhere`() async throws {
        try await withStage { stage in
            let good = try await stage.back()
            // A thief has everything of the producer's host but, since it was changed, not its key.
            let keys = stage.producer.state.appending("keys")
            try await stage.makeKey(in: keys, for: stage.producer.account)
            let forged = try await stage.back()
            let verify = try await stage.prover.dbbackup(["verify", "latest", "--level", "decode"] + stage.repository)
            #expect(verify.status == 1, "\(verify.stdout) \(verify.stderr)")
            #expect(verify.stdout.contains("which is not pinned here"))
            #expect(!Files.exists(stage.main.appending(forged).appending("proofs")))
            let restore = try await stage.prover.dbbackup(
                ["cat", "latest", "--table", "public.people"] + stage.repository)
            #expect(restore.status == 65, "\(restore.stderr)")
            #expect(restore.stdout.isEmpty)
            try await stage.serving { keeper, place in
                let prune = try await keeper.dbbackup(["prune", "--keep-last", "1", "--grace-hours", "0"] + place)
                #expect(prune.status == 0, "\(prune.stderr)")
                #expect(prune.stdout.contains("not touched"))
                #expect(try await keeper.labels(place) == [good, forged])
            }
        }
    }

    @Test func `a producer's key gives no backup up: that is the keeper's`() async throws {
        try await withStage { stage in
            let (older, _) = (try await stage.back(), try await stage.back())
            let theft = try await stage.producer.dbbackup(
                ["prune", "--keep-last", "1", "--grace-hours", "24"] + stage.repository)
            #expect(theft.status == 0, "\(theft.stderr)")
            try await stage.serving { keeper, place in
                let prune = try await keeper.dbbackup(["prune", "--keep-last", "9", "--grace-hours", "0"] + place)
                #expect(prune.status == 65, "\(prune.stdout) \(prune.stderr)")
                #expect(prune.stderr.contains("not signed by a key that may give backups up here"))
                let back = try await keeper.dbbackup(["hold", older, "--reason", "stolen key"] + place)
                #expect(back.status == 0, "\(back.stderr)")
                #expect(try await keeper.labels(place).contains(older))
            }
            #expect(Files.exists(stage.main.appending(older).appending("globals.sql.zst.age")))
        }
    }
}

/// One who does something with backups, with an account and a state folder.
private struct Role: Sendable {
    let state: FilePath
    let account: Account?
    let environment: [String: String?]

    func dbbackup(_ arguments: [String]) async throws -> ProgramResult {
        try await Program.run("dbbackup", arguments, environment: environment, account: account)
    }

    func with(_ changes: [String: String?]) -> Role {
        Role(state: state, account: account, environment: environment.merging(changes) { $1 })
    }

    func labels(_ place: [String]) async throws -> [String] {
        let list = try await dbbackup(["list", "--json"] + place)
        let document = try #require(
            JSONSerialization.jsonObject(with: Data(list.stdout.utf8)) as? [String: Any], "\(list.stderr)")
        return try #require(document["backups"] as? [[String: Any]]).compactMap { $0["label"] as? String }
    }

    /// Has its public key believed by another.
    func isPinned(by other: Role) throws {
        let file = other.state.appending("keys/trusted/\(state.lastComponent?.string ?? "").pub")
        try Files.write(
            try Files.read(state.appending("keys/signing.pub")), to: file,
            mode: [.ownerReadWrite, .groupRead, .otherRead])
    }
}

/// The three, and the repository between them.
private struct Stage: Sendable {
    let folder: FilePath
    let database: String
    let identity: FilePath
    let producer: Role
    let prover: Role
    let keeper: Role
    let scene: FaultScene

    /// A scratch cluster can only be isolated by root.
    static var level: String { Account.isRoot ? "restore" : "decode" }

    var main: FilePath { folder.appending("pg/main") }
    var repository: [String] { ["--repository", folder.appending("pg").string] }

    func folders() throws -> [FilePath] {
        try Files.list(main).filter { !$0.hasPrefix(".") }.map { main.appending($0) }
    }

    /// Makes a backup; its label.
    func back() async throws -> String {
        let run = try await producer.dbbackup(["run", database] + repository)
        #expect(run.status == 0, "\(run.stderr)")
        #expect(!run.stdout.contains("same host"))
        return try #require(try folders().last?.lastComponent?.string)
    }

    func prove(_ backup: String) async throws {
        let verify = try await prover.dbbackup(["verify", backup, "--level", Self.level] + repository)
        #expect(verify.status == 0, "\(verify.stdout) \(verify.stderr)")
        #expect(verify.stdout.contains(": equal, level \(Self.level)"))
    }

    /// The keeper's way to the repository: over the network, as storage that it may delete from.
    func serving(_ body: (_ keeper: Role, _ place: [String]) async throws -> Void) async throws {
        try await RemotePlace.webdav.serving(folder) { place, environment in
            try await body(keeper.with(environment), ["--repository", place])
        }
    }

    func takeAway(_ path: FilePath) throws {
        if Account.isRoot {
            try Files.changeOwner(path, to: .current)
        } else {
            chmod(path.string, 0o500)
        }
    }

    /// A new signing key, by minisign itself.
    func makeKey(in keys: FilePath, for account: Account?) async throws {
        try await Self.makeKey(in: keys, for: account)
    }

    static func makeKey(in keys: FilePath, for account: Account?) async throws {
        let (secret, open) = (keys.appending("signing.key"), keys.appending("signing.pub"))
        let made = try await Program.run(
            "/usr/bin/minisign", ["-G", "-f", "-W", "-p", open.string, "-s", secret.string])
        #expect(made.status == 0, "\(made.stderr)")
        chmod(secret.string, 0o600)
        if let account { try Files.changeOwner(secret, to: account) }
    }
}

private func withStage(_ body: (Stage) async throws -> Void) async throws {
    let database = try Database.current
    try await database.run("CREATE TABLE people AS SELECT n AS id, md5(n::text) FROM generate_series(1, 500) n")
    try await withTemporaryFolder { folder in
        let accounts = Account.isRoot ? ["backup", "games"].map(Account.named) : [nil, nil]
        // Others pass through, to what is theirs; the server's socket is for everybody.
        chmod(folder.string, 0o711)
        if Account.isRoot { chmod(database.cluster.server.folder.string, 0o711) }

        let identity = folder.appending("identity.txt")
        _ = try await Program.run("/usr/bin/age-keygen", ["-o", identity.string])
        let recipient = try await Program.run("/usr/bin/age-keygen", ["-y", identity.string]).stdout
            .filter { !$0.isNewline }

        // A folder of somebody else's, in which the producer may add and remove only what is its own.
        let main = folder.appending("pg/main")
        try Files.createDirectory(main)
        for path in [folder.appending("pg"), main] {
            if let producer = accounts[0] { chown(path.string, 0, producer.gid) }
            chmod(path.string, 0o3770)
        }

        func role(_ name: String, _ account: Account?, _ environment: [String: String?] = [:]) throws -> Role {
            let state = folder.appending(name)
            try Files.createDirectory(state)
            if let account { try Files.changeOwner(state, to: account) }
            let own: [String: String?] = [
                "DBSEC_STATE": state.string, "DBSEC_CONFIG": nil, "HOME": state.string, "RCLONE_CONFIG": "/dev/null",
                "PATH": "/usr/bin:/bin", "PGHOST": nil, "PGDATABASE": nil, "PGUSER": nil,
            ]
            return Role(state: state, account: account, environment: own.merging(environment) { $1 })
        }

        let producer = try role("producer", accounts[0], database.environment)
        let made = try await producer.dbbackup(
            ["init", "--recipient", recipient, "--repository", folder.appending("pg").string])
        #expect(made.status == 0, "\(made.stderr)")

        // Nothing but the identity, a key, and those that it believes.
        let prover = try role(
            "prover", nil, ["DBSEC_POSTGRES": database.cluster.installation.folder.string])
        try Files.createDirectory(prover.state.appending("keys/trusted"))
        try Files.write(try Files.read(identity), to: prover.state.appending("keys/identity.txt"))
        try await Stage.makeKey(in: prover.state.appending("keys"), for: nil)
        try producer.isPinned(by: prover)

        let keeper = try role("keeper", accounts[1])
        let ready = try await keeper.dbbackup(["init", "--recipient", recipient])
        #expect(ready.status == 0, "\(ready.stderr)")
        try producer.isPinned(by: keeper)

        // The strikes of faults only want a place for their trace and an environment.
        let scene = FaultScene(folder: producer.state, database: database.name, environment: producer.environment)
        try await body(
            Stage(
                folder: folder, database: database.name, identity: identity, producer: producer, prover: prover,
                keeper: keeper, scene: scene))
    }
}
