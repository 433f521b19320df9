import Platform
import SystemPackage
import TestSupport
import Testing

/// The system fails at every step that publishes or removes something.
///
/// After each fault: what is listed is whole, what was there before is there still unless a rule gave it up, and the next
/// attempt succeeds and leaves no rubbish. `DBSEC_ALL_FAULTS=1` fails every step and not only some of them.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct FaultsTests {
    @Test(arguments: Fault.allCases) func `a run that fails at any step loses no backup and leaves none that is half`(
        _ fault: Fault
    ) async throws {
        try await FaultScene.with(backups: 1) { scene in
            let before = try await scene.labels()
            try await strikes(scene, fault, Fault.publishing, step: 2, ["run", scene.database]) { scene, name in
                #expect(Set(before).isSubset(of: try await scene.labels()), "\(name)")
                try await scene.expectAllEqual(during: name)
                try await scene.expect(0, "run", scene.database, during: name)
                let after = try await scene.labels()
                #expect(Set(before).isSubset(of: after), "\(name)")
                #expect(try Files.list(scene.main).filter { $0 != ".lock" } == after, "\(name)")
            }
        }
    }

    @Test(arguments: [Fault.broken, .full]) func `a run whose dump cannot be written leaves nothing and loses nothing`(
        _ fault: Fault
    ) async throws {
        try await FaultScene.with(backups: 1, rows: 60_000) { scene in
            let before = try await scene.labels()
            // With a clock that is known the file's name is.
            let files = (0..<60).map { second in
                let label = "20400101T0000\(second < 10 ? "0" : "")\(second)Z"
                return scene.main.appending(label).appending("\(scene.database).dump.zst.age")
            }
            for number in [1, 2, 5, 9] {
                let injection = "write:\(fault.rawValue.replacing("#", with: "\(number)"))"
                let run = try await Program.run(
                    "/usr/bin/strace",
                    ["-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=\(injection)"]
                        + files.flatMap { ["-P", $0.string] }
                        + ["/usr/bin/faketime", "-m", "-f", "@2040-01-01 00:00:00"]
                        + [Program.path("dbbackup").string, "run", scene.database],
                    environment: scene.environment.merging([
                        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
                    ]) { $1 })
                #expect(run.status == 74, "\(fault) \(number): \(run.stdout) \(run.stderr)")
                #expect(run.stderr.contains(".dump.zst.age"), "\(run.stderr)")
                #expect(try await scene.labels() == before)
                #expect(try Files.list(scene.main).filter { $0 != ".lock" } == before)
            }
            try await scene.expectAllEqual(during: "\(fault)")
            try await scene.expect(0, "run", scene.database)
        }
    }

    @Test(arguments: Fault.allCases) func `a prune that fails at any step loses only what the rules gave up`(
        _ fault: Fault
    ) async throws {
        try await FaultScene.with(backups: 3) { scene in
            let before = try await scene.labels()
            let newest = try #require(before.last)
            let prune = ["prune", "--keep-last", "1", "--grace-hours", "0"]
            try await strikes(scene, fault, Fault.publishing, step: 3, prune) { scene, name in
                #expect(try await scene.labels().last == newest, "\(name)")
                try await scene.expectAllEqual(during: name)
                try await scene.expect(0, "prune", "--keep-last", "1", "--grace-hours", "0", during: name)
                #expect(try await scene.labels() == [newest], "\(name)")
                try await scene.expect(0, "run", scene.database, during: name)
                // What was given up is gone whole, by the prune or by the run after it.
                let left = try await scene.labels()
                #expect(try Files.list(scene.main).filter { $0 != ".lock" } == left, "\(name)")
            }
        }
    }

    @Test(arguments: Fault.allCases) func `a rekeying that fails at any step leaves the old backup or the new one`(
        _ fault: Fault
    ) async throws {
        try await FaultScene.with(backups: 2) { scene in
            let before = try await scene.labels()
            try await scene.expect(0, "keys", "new")
            let rekey = ["keys", "rekey", "--all"]
            try await strikes(scene, fault, Fault.publishing, step: 4, rekey) { scene, name in
                #expect(try await scene.labels() == before, "\(name)")
                try await scene.expectAllEqual(during: name)
                try await scene.expect(0, "keys", "rekey", "--all", during: name)
                #expect(try await scene.labels() == before, "\(name)")
                // Whoever holds an old identity finds no old backup under a hidden name either.
                #expect(try Files.list(scene.main).filter { $0 != ".lock" } == before, "\(name)")
                try await scene.expectAllEqual(during: name)
            }
        }
    }

    @Test(arguments: [
        (Fault.killed, Fault.starting, 3), (.killed, Fault.publishing, 3), (.broken, Fault.publishing, 2),
    ])
    func `a copy that fails at any step is none there, and the next one is whole`(
        _ fault: Fault, _ calls: String, _ step: Int
    ) async throws {
        try await FaultScene.with(backups: 1) { scene in
            let before = try await scene.labels()
            let copy = ["copy", "--to", scene.there.string]
            try await strikes(scene, fault, calls, step: step, copy) { scene, name in
                try await scene.expectAllEqual(during: name)
                if !(try await scene.labels(in: scene.there).isEmpty) {
                    try await scene.expectAllEqual(in: scene.there, during: name)
                }
                try await scene.expect(0, "copy", "--to", scene.there.string, during: name)
                #expect(try await scene.labels(in: scene.there) == before, "\(name)")
                try await scene.expectAllEqual(in: scene.there, during: name)
                #expect(
                    try scene.files(in: scene.there) == scene.files(in: scene.state.appending("backups")), "\(name)")
            }
        }
    }

    /// Fails one call after the other, each in a copy of the scene, until there is none left to fail.
    private func strikes(
        _ scene: FaultScene, _ fault: Fault, _ calls: String, step: Int, _ arguments: [String],
        _ oracle: (FaultScene, String) async throws -> Void
    ) async throws {
        var struck = 0
        for number in fault.numbers(step: step) {
            let copy = try await scene.copied()
            let words = arguments.map { $0 == scene.there.string ? copy.there.string : $0 }
            guard let result = try await fault.strike(copy, calls, at: number, words) else { break }
            struck += 1
            let name = "\(fault) at call \(number) of \(words[0])"
            #expect(fault.statuses.contains(result.status), "\(name): \(result.stdout) \(result.stderr)")
            #expect(!result.stderr.contains("Fatal"), "\(name): \(result.stderr)")
            try await oracle(copy, name)
            try Files.removeTree(copy.folder)
        }
        #expect(struck >= 1, "no call was failed, which means nothing")
    }
}
