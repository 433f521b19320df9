import Glibc
import Platform
import SystemPackage
import TestSupport
import Testing

/// Disks that fill up, that lose things, and that hold what others have left.
@Suite(.cluster, .database, .timeLimit(.minutes(5))) struct FaultyPlacesTests {
    @Test func `a disk that is full in the middle of a run keeps the backups it has`() async throws {
        try await FaultScene.with(backups: 0, rows: 20_000) { scene in
            let kind = Account.isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
            // A second backup does not fit, each time at another place.
            let run = try await Program.run(
                "/usr/bin/unshare",
                kind + [
                    "/bin/sh", "-c",
                    """
                    mount -t tmpfs -o size=16m none "$1" || exit 99
                    "$2" run "$3" --quiet || exit 98
                    whole=$(du -sk "$1/main" | cut -f 1)
                    for room in 4 16 40 200 $((whole / 2)) $((whole - 12)); do
                        used=$(df -k --output=used "$1" | tail -n 1)
                        mount -o remount,size=$((used + room))k "$1" || exit 97
                        "$2" run "$3" --quiet 2>>"$4"; echo "run $?"
                        mount -o remount,size=16m "$1" || exit 96
                        "$2" verify --all --level decode >>"$4" 2>&1; echo "verify $?"
                        ls "$1/main" | wc -l
                    done
                    "$2" run "$3" --quiet; echo "run $?"
                    """, "sh", scene.state.appending("backups").string, Program.path("dbbackup").string,
                    scene.database, scene.folder.appending("errors").string,
                ], environment: scene.environment)
            let errors = String(decoding: try Files.read(scene.folder.appending("errors")), as: UTF8.self)
            #expect(run.status == 0, "\(run.stdout) \(run.stderr) \(errors)")
            let words = run.stdout.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(
                words == Array(repeating: "run 74 verify 0 1", count: 6).joined(separator: " ") + " run 0",
                "\(run.stderr) \(errors)")
            #expect(errors.contains("no space left on device"))
            #expect(!errors.contains("internal error"))
        }
    }

    @Test func `a place that is full in the middle of a copy has whole backups only`() async throws {
        try await FaultScene.with(backups: 2, rows: 20_000) { scene in
            try Files.createDirectory(scene.there)
            let kind = Account.isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
            let run = try await Program.run(
                "/usr/bin/unshare",
                kind + [
                    "/bin/sh", "-c",
                    """
                    mount -t tmpfs -o size=16m none "$1" || exit 99
                    whole=$(du -sk "$3/$4" | cut -f 1)
                    for room in 8 40 $((whole / 2)) $((whole + whole / 2)); do
                        mount -o remount,size=${room}k "$1" || exit 97
                        "$2" copy --to "$1" --quiet 2>>"$5"; echo "copy $?"
                        mount -o remount,size=16m "$1" || exit 96
                        "$2" verify --all --level decode --repository "$1" >>"$5" 2>&1; echo "verify $?"
                        rm -rf "$1"/main
                    done
                    "$2" copy --to "$1" --quiet; echo "copy $?"
                    "$2" list --repository "$1" | grep -c main/
                    """, "sh", scene.there.string, Program.path("dbbackup").string, scene.main.string,
                    try await scene.labels()[0], scene.folder.appending("errors").string,
                ], environment: scene.environment)
            let errors = String(decoding: try Files.read(scene.folder.appending("errors")), as: UTF8.self)
            let words = run.stdout.split(separator: "\n").filter { !$0.hasPrefix("no copy in ") }
            #expect(
                words == Array(repeating: ["copy 74", "verify 0"], count: 4).flatMap { $0 } + ["copy 0", "2"],
                "\(run.stdout) \(run.stderr) \(errors)")
            #expect(run.stdout.contains("disk space"), "\(run.stdout)")
            #expect(!errors.contains("internal error"))
        }
    }

    @Test func `what others have left in a repository counts for nothing and stays as it is`() async throws {
        try await FaultScene.with(backups: 2) { scene in
            let (good, newest) = (try await scene.labels()[0], try await scene.labels()[1])
            let foreign = try leaveThings(in: scene.main, besides: newest)
            let elsewhere = scene.folder.appending("elsewhere/precious.txt")
            try Files.createDirectory(elsewhere.removingLastComponent())
            try Files.write([1], to: elsewhere)
            try link(elsewhere.removingLastComponent(), from: scene.main.appending("20200104T000000Z"))

            // The newest backup has lost its dump: it is shown for what it is, and stands for no older one.
            try Files.remove(scene.main.appending(newest).appending("\(scene.database).dump.zst.age"))
            let list = try await scene.expect(0, "list")
            #expect(list.stdout.contains("its file \(scene.database).dump.zst.age is missing"))
            try await scene.expect(1, "check")
            let prune = try await scene.expect(0, "prune", "--keep-last", "1", "--grace-hours", "0")
            #expect(prune.stdout.contains("not touched: its file \(scene.database).dump.zst.age is missing"))
            #expect(try await scene.labels().contains(good))

            try await scene.expect(0, "run", scene.database)
            try await scene.expect(0, "prune", "--keep-last", "1", "--grace-hours", "0")
            for path in foreign + [elsewhere] { #expect(Files.exists(path) || Files.isLink(path), "\(path)") }
            // A run's own rubbish is gone.
            #expect(!Files.exists(scene.main.appending("20200102T000000Z")))
            try await scene.expect(0, "verify", "latest", "--level", "decode")
            let verify = try await scene.expect(1, "verify", newest, "--level", "decode")
            #expect(verify.stdout.contains("\(scene.database).dump.zst.age is missing"))
        }
    }

    /// What an expired disk may hold; those of it that nobody of ours made.
    private func leaveThings(in main: FilePath, besides newest: String) throws -> [FilePath] {
        func put(_ names: String...) throws -> [FilePath] {
            try names.map { name in
                let path = main.appending(name)
                try Files.createDirectory(path.removingLastComponent())
                try Files.write([1], to: path)
                return path
            }
        }
        _ = try put(
            "20200102T000000Z/app.dump.zst.age", "20200102T000000Z/manifest.json", "20200102T000000Z/.x.00.partial")
        // A signature of nothing, and a copy under another name.
        let unsigned = try put("20200105T000000Z/manifest.json.minisig")
        for name in ["manifest.json", "manifest.json.minisig"] {
            try Files.createDirectory(main.appending("20200106T000000Z"))
            try Files.write(
                try Files.read(main.appending(newest).appending(name)),
                to: main.appending("20200106T000000Z").appending(name))
        }
        try link("/nonexistent/disk", from: main.appending("20200103T000000Z"))
        return unsigned + [main.appending("20200103T000000Z"), main.appending("20200106T000000Z/manifest.json")]
            + (try put(
                "20200101T000000Z/family.jpg", "notes.txt", "lost+found/#1", ".20200101T000000Z.rekeyed/letter.txt"))
    }

    @Test func `a copy that storage has cut is different there, and copying mends it`() async throws {
        try await FaultScene.with(backups: 2) { scene in
            let labels = try await scene.labels()
            try await scene.expect(0, "copy", "--to", scene.there.string)
            let torn = scene.there.appending("main").appending(labels[0]).appending("\(scene.database).dump.zst.age")
            let whole = try Files.read(torn)
            try Files.write(Array(whole.dropLast()), to: torn)
            let verify = try await scene.expect(
                1, "verify", labels[0], "--level", "archive", "--repository", scene.there.string)
            #expect(verify.stdout.contains("has \(whole.count - 1) bytes instead of \(whole.count)"))
            let copy = try await scene.expect(0, "copy", "--to", scene.there.string)
            #expect(copy.stdout.contains("main/\(labels[0])") && !copy.stdout.contains(labels[1]))
            try await scene.expectAllEqual(in: scene.there, during: "after a torn file")
            #expect(try Files.read(torn) == whole)

            // Another backup of the same name is nobody's to overwrite.
            let manifest = scene.there.appending("main").appending(labels[1]).appending("manifest.json")
            try Files.write(try Files.read(manifest) + [UInt8(ascii: "\n")], to: manifest)
            let other = try await scene.expect(73, "copy", labels[1], "--to", scene.there.string)
            #expect(other.stdout.contains("has another backup named main/\(labels[1])"))
        }
    }

    /// A disk that answers with an error, or a server of files that is away for a moment, must not look like an empty one.
    @Test(arguments: [["run"], ["prune", "--keep-last", "1", "--grace-hours", "0"], ["keys", "rekey", "--all"]])
    func `storage that does not tell whether a backup is signed loses none`(_ verb: [String]) async throws {
        try await FaultScene.with(backups: 2) { scene in
            let before = try await scene.labels()
            let newest = scene.main.appending(try #require(before.last))
            let files = try scene.files(in: newest)
            try await scene.expect(0, "keys", "new")
            let signature = newest.appending("manifest.json.minisig")
            _ = try await Program.run(
                "/usr/bin/strace",
                [
                    "-f", "-qq", "--seccomp-bpf", "-P", signature.string, "-e", "trace=newfstatat,stat,statx", "-e",
                    "inject=newfstatat,stat,statx:error=EIO", "-o", "/dev/null", Program.path("dbbackup").string,
                ] + verb, environment: scene.environment)
            #expect(try scene.files(in: newest) == files)
            #expect(try await scene.labels().contains(newest.lastComponent?.string ?? ""))
            try await scene.expectAllEqual(during: "an unreadable signature")
        }
    }

    @Test func `where the audit log cannot be written, nothing is done`() async throws {
        try await FaultScene.with(backups: 1) { scene in
            let before = try await scene.labels()
            let log = scene.state.appending("audit/log-000000.jsonl")
            let run = try await Program.run(
                "/usr/bin/strace",
                [
                    "-f", "-qq", "--seccomp-bpf", "-P", log.string, "-e", "trace=write", "-e",
                    "inject=write:error=EIO:when=1", "-o", "/dev/null", Program.path("dbbackup").string, "run",
                    scene.database,
                ], environment: scene.environment)
            #expect(run.status == 74, "\(run.stdout) \(run.stderr)")
            #expect(!run.stderr.contains("done, not recorded"), "\(run.stderr)")
            #expect(try Files.list(scene.main).filter { $0 != ".lock" } == before)
            try await scene.expect(0, "run", scene.database)
            let audit = try await Program.run("dbaudit", ["verify"], environment: scene.environment)
            #expect(audit.status == 0, "\(audit.stdout) \(audit.stderr)")
        }
    }

    private func link(_ target: FilePath, from path: FilePath) throws {
        guard symlink(target.string, path.string) == 0 else { throw FileFailure("link", path, Errno(rawValue: errno)) }
    }
}
