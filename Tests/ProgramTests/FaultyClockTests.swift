import Platform
import SystemPackage
import TestSupport
import Testing

/// The clock of the host jumps, by libfaketime.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct FaultyClockTests {
    @Test func `a clock that is a day behind makes no backup that would be older than the last`() async throws {
        try await FaultScene.with(backups: 1) { scene in
            let before = try await scene.labels()
            let run = try await scene.at("-1d", "run", scene.database)
            #expect(run.status == 75, "\(run.stderr)")
            #expect(run.stderr.contains("this host's clock says"))
            #expect(try Files.list(scene.main).filter { $0 != ".lock" } == before)
            try await scene.expect(0, "run", scene.database)
        }
    }

    @Test func `a backup of the future is said to be one, and ages no other away`() async throws {
        try await FaultScene.with(backups: 2) { scene in
            let before = try await scene.labels()
            let run = try await scene.at("+10y", "run", scene.database)
            #expect(run.status == 0, "\(run.stderr)")
            let future = try #require(try await scene.labels().last)
            #expect(future.hasPrefix("203"))

            let check = try await scene.expect(1, "check")
            #expect(check.stdout.contains("is of the future: a clock is wrong"))
            let prune = try await scene.expect(0, "prune", "--keep-days", "1", "--grace-hours", "0")
            #expect(prune.stdout.contains("not touched: it is of the future"))
            #expect(try await scene.labels() == before + [future])
            // It takes the place of none: the newest of today's stays.
            try await scene.expect(0, "prune", "--keep-last", "1", "--grace-hours", "0")
            #expect(try await scene.labels() == before.suffix(1) + [future])
            try await scene.expectAllEqual(during: "after a clock ten years ahead")

            // Nothing new can be the newest until a person has looked.
            let next = try await scene.expect(75, "run", scene.database)
            #expect(next.stderr.contains("move its folder out of the repository"))
            try Files.removeTree(scene.main.appending(future))
            try await scene.expect(0, "run", scene.database)
        }
    }

    @Test(arguments: ["-1d", "+10y"]) func `a prune with a wrong clock keeps what one with the right clock keeps`(
        _ jump: String
    ) async throws {
        try await FaultScene.with(backups: 3) { scene in
            let before = try await scene.labels()
            for rule in [["--keep-days", "1"], ["--keep-within", "1d"], ["--keep-last", "3"]] {
                let prune = try await scene.at(jump, ["prune", "--grace-hours", "0"] + rule)
                #expect(prune.status == 0, "\(prune.stderr)")
                #expect(try await scene.labels() == before, "\(rule)")
            }
            // What a rule gives up is not removed before the time of grace, whatever the clock does in between.
            try await scene.expect(0, "prune", "--keep-last", "1")
            let early = try await scene.at("-1d", ["prune", "--keep-last", "1"])
            #expect(early.status == 0, "\(early.stderr)")
            #expect(try Files.list(scene.main).filter { $0 != ".lock" } == before)
            try await scene.expect(0, "hold", before[0], "--reason", "wanted back")
            #expect(try await scene.labels().contains(before[0]))
        }
    }
}

extension FaultScene {
    fileprivate func at(_ jump: String, _ arguments: String...) async throws -> ProgramResult {
        try await at(jump, arguments)
    }

    /// Runs it with a clock that is off by so much.
    fileprivate func at(_ jump: String, _ arguments: [String]) async throws -> ProgramResult {
        try await Program.run(
            "/usr/bin/faketime", ["-m", "-f", jump, Program.path("dbbackup").string] + arguments,
            environment: environment.merging(["FAKETIME_DONT_FAKE_MONOTONIC": "1"]) { $1 })
    }
}
