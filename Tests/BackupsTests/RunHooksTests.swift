import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.timeLimit(.minutes(1))) struct `Hooks around a run` {
    private struct Refusal: Failure {
        let status = ExitStatus.temporary
        let sentence = "no luck"
    }

    @Test func `are told how it went`() async throws {
        try await withTemporaryFolder { folder in
            let (hooks, log) = hooks(in: folder)
            _ = try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .success)
            }
            #expect(try log() == "before - -\nafter 0 -\n")
        }
    }

    @Test func `are told of a failure, and of a run that answers no`() async throws {
        try await withTemporaryFolder { folder in
            let (hooks, log) = hooks(in: folder)
            await #expect(throws: Refusal.self) {
                try await hooks.around {
                    throw Refusal()
                } ending: {
                    RunHooks.Ending(status: .success)
                }
            }
            _ = try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .negative, reason: "a is missing")
            }
            #expect(try log() == "before - -\nfailed 75 no luck\nbefore - -\nfailed 1 a is missing\n")
        }
    }

    @Test func `stop the run where the first of them fails`() async throws {
        try await withTemporaryFolder { folder in
            var (hooks, log) = hooks(in: folder)
            hooks.before = ["/bin/sh", "-c", "echo 'error: the disk is not mounted' >&2; exit 3"]
            var began = false
            let failure = await #expect(throws: (any Error).self) {
                try await hooks.around {
                    began = true
                } ending: {
                    RunHooks.Ending(status: .success)
                }
            }
            #expect(!began)
            #expect((failure as? any Failure)?.status == .unavailable)
            #expect(
                (failure as? any Failure)?.sentence
                    == "the hook \"before\" (/bin/sh) failed with status 3: error: the disk is not mounted")
            let text = try log()
            #expect(text.hasPrefix("failed 69 the hook"))
        }
    }

    @Test func `end in time, and what they leave running holds nothing up`() async throws {
        var hooks = RunHooks()
        hooks.timeLimit = 1
        hooks.before = ["/bin/sleep", "600"]
        let began = ContinuousClock.now
        let failure = await #expect(throws: (any Error).self) {
            try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .success)
            }
        }
        #expect((failure as? any Failure)?.sentence.hasSuffix("it took longer than 1 s") == true)
        hooks.timeLimit = 60
        hooks.before = ["/bin/sh", "-c", "sleep 3 & exit 0"]
        #expect(
            try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .success)
            } == 1)
        #expect(ContinuousClock.now - began < .seconds(30))
    }

    @Test func `that fail afterwards are a warning`() async throws {
        let warnings = Warnings()
        var hooks = RunHooks()
        hooks.after = ["/nonexistent/program"]
        hooks.warn = { warnings.add($0) }
        #expect(
            try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .success)
            } == 1)
        #expect(warnings.all == ["cannot start the hook \"after\" (/nonexistent/program): there is no such program"])
    }

    @Test func `ping the URL, and a server that is not there is a warning`() async throws {
        let server = try PingServer()
        let warnings = Warnings()
        var hooks = RunHooks()
        hooks.ping = "http://127.0.0.1:\(server.port)/ping/secret?x=1"
        hooks.warn = { warnings.add($0) }
        async let requests = server.requests(4)
        _ = try await hooks.around {
            1
        } ending: { _ in
            RunHooks.Ending(status: .success)
        }
        _ = try await hooks.around {
            1
        } ending: { _ in
            RunHooks.Ending(status: .negative)
        }
        #expect(
            try await requests == [
                "GET /ping/secret/start?x=1 HTTP/1.1", "GET /ping/secret?x=1 HTTP/1.1",
                "GET /ping/secret/start?x=1 HTTP/1.1", "GET /ping/secret/fail?x=1 HTTP/1.1",
            ])
        #expect(warnings.all == [])
        server.stop()
        #expect(
            try await hooks.around {
                1
            } ending: { _ in
                RunHooks.Ending(status: .success)
            } == 1)
        #expect(warnings.all.count == 2)
        #expect(warnings.all.allSatisfy { !$0.contains("secret") })
    }

    @Test func `take only a URL that ends no quotes`() {
        #expect(RunHooks.isURL("https://hc.example.org/ping/a-b"))
        #expect(!RunHooks.isURL("file:///etc/passwd"))
        #expect(!RunHooks.isURL("https://x\"\noutput = \"/etc/passwd"))
    }

    private func hooks(in folder: FilePath) -> (RunHooks, () throws -> String) {
        let log = folder.appending("log")
        let script = """
            echo "$DBSEC_BACKUP_EVENT ${DBSEC_BACKUP_STATUS:--} ${DBSEC_BACKUP_REASON:--}" >> "$1"
            """
        let command = ["/bin/sh", "-c", script, "sh", log.string]
        var hooks = RunHooks()
        (hooks.before, hooks.after, hooks.failed) = (command, command, command)
        return (hooks, { String(decoding: try Files.read(log), as: UTF8.self) })
    }
}
