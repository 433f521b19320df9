import Glibc
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2)))
struct `A throwaway server` {
    @Test func `is there for the closure and gone afterwards`() async throws {
        let folder = try await TemporaryCluster.run(Cluster.installation(), try makeOptions()) { cluster in
            #expect(Files.exists(cluster.folder.appending("data/PG_VERSION")))
            return cluster.folder
        }
        #expect(!Files.exists(folder))
    }

    @Test func `is gone after a failure`() async throws {
        let seen = Seen()
        await #expect(throws: PlainFailure.self) {
            try await TemporaryCluster.run(Cluster.installation(), try makeOptions()) { cluster in
                await seen.set(cluster.folder)
                throw PlainFailure(.malformed, "no")
            }
        }
        let folder = try #require(await seen.folder)
        #expect(!Files.exists(folder))
        #expect(try servers(in: folder).isEmpty)
    }

    @Test func `is gone after a cancel`() async throws {
        let (seen, settings) = (Seen(), try makeOptions())
        let task = Task {
            try await TemporaryCluster.run(Cluster.installation(), settings) { cluster in
                await seen.set(cluster.folder)
                try await Task.sleep(for: .seconds(600))
            }
        }
        try await until { await seen.folder != nil }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let folder = try #require(await seen.folder)
        #expect(!Files.exists(folder))
        #expect(try servers(in: folder).isEmpty)
    }

    @Test func `listens nowhere but at its socket, which nobody else can reach`() async throws {
        try await TemporaryCluster.run(Cluster.installation(), try makeOptions()) { cluster in
            let connection = try await Connection.open(cluster.parameters)
            let addresses: String = try await connection.query("SHOW listen_addresses").one()[0]
            #expect(addresses == "")
            var facts = stat()
            #expect(stat(cluster.folder.string, &facts) == 0)
            #expect(facts.st_mode & 0o777 == 0o700)
        }
    }

    @Test func `takes a superuser's name, a locale and settings`() async throws {
        var options = try makeOptions()
        options.superuser = "the boss"
        options.locale = "C"
        options.settings = ["work_mem": "7MB", "autovacuum": "on"]
        try await TemporaryCluster.run(Cluster.installation(), options) { cluster in
            let connection = try await Connection.open(cluster.parameters)
            let row = try await connection.query(
                """
                SELECT current_user, datcollate, current_setting('work_mem'), current_setting('autovacuum')
                FROM pg_database WHERE datname = 'template1'
                """
            ).one()
            let facts: [String] = try (0..<4).map { try row[$0] }
            #expect(facts == ["the boss", "C", "7MB", "on"])
        }
    }

    /// The environment's `PGHOSTADDR` beats a socket's folder: whatever is done then would be done to that server.
    @Test func `notices when connecting leads to another server`() async throws {
        await #expect(processExitsWith: .success) {
            var other = try makeOptions()
            other.settings = ["listen_addresses": "127.0.0.77"]
            try await TemporaryCluster.run(Cluster.installation(), other) { _ in
                setenv("PGHOSTADDR", "127.0.0.77", 1)
                let failure = await #expect(throws: PlainFailure.self) {
                    try await TemporaryCluster.run(Cluster.installation(), makeOptions()) { _ in
                        Issue.record("it was given a server that is not its own")
                    }
                }
                #expect(failure?.status == .configuration)
            }
        }
    }

    @Test func `says why it does not start`() async throws {
        var options = try makeOptions()
        options.settings = ["shared_buffers": "nonsense"]
        let failure = await #expect(throws: ChildFailure.self) {
            try await TemporaryCluster.run(Cluster.installation(), options) { _ in }
        }
        #expect(failure?.sentence.contains("shared_buffers") == true)
        #expect(failure?.status == .unavailable)
    }

    @Test func `refuses a folder whose socket path would be too long`() async throws {
        try await withTemporaryFolder { folder in
            let deep = folder.appending(String(repeating: "d", count: 90))
            try Files.createDirectory(deep)
            chmod(folder.string, 0o755)
            chmod(deep.string, 0o777)
            var options = try makeOptions()
            options.parent = deep
            let failure = await #expect(throws: PlainFailure.self) {
                try await TemporaryCluster.run(Cluster.installation(), options) { _ in }
            }
            #expect(failure?.status == .cannotCreate)
            #expect(try Files.list(deep).isEmpty)
        }
    }

    @Test func `ends with a killed process, and its folder with the next cluster`() async throws {
        let parent = try Files.makeTemporaryDirectory(in: TemporaryCluster.defaultParent, prefix: "killed")
        chmod(parent.string, 0o777)
        let place = parent.string
        await #expect(processExitsWith: .signal(SIGKILL)) { [place = place as String] in
            var options = try makeOptions()
            options.parent = FilePath(place)
            try await TemporaryCluster.run(Cluster.installation(), options) { _ in _ = kill(getpid(), SIGKILL) }
        }
        let name = try #require(try Files.list(parent).first)
        let folder = parent.appending(name)
        try await until { try servers(in: folder).isEmpty }

        // As if it lay there for an hour: younger folders may be another run's that has just begun.
        var times = [timespec(tv_sec: time(nil) - 3600, tv_nsec: 0), timespec(tv_sec: time(nil) - 3600, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, folder.string, &times, 0) == 0)
        var options = try makeOptions()
        options.parent = parent
        try await TemporaryCluster.run(Cluster.installation(), options) { _ in
            #expect(!Files.exists(folder))
        }
        #expect(try Files.list(parent).isEmpty)
        try Files.removeTree(parent)
    }
}

private actor Seen {
    private(set) var folder: FilePath?
    func set(_ folder: FilePath) { self.folder = folder }
}

private func makeOptions() throws -> TemporaryCluster.Options {
    var options = TemporaryCluster.Options()
    options.account = try Cluster.account()
    return options
}

/// The processes that have this folder in their command line.
private func servers(in folder: FilePath) throws -> [String] {
    try Files.list("/proc").filter { name in
        guard Int(name) != nil, let line = try? Files.read(FilePath("/proc/\(name)/cmdline")) else { return false }
        let words = String(decoding: line, as: UTF8.self)
        return words.contains(folder.string) && words.contains("postgres")
    }
}
