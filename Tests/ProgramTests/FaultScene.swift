import Foundation
import Platform
import SystemPackage
import TestSupport
import Testing

/// A host with backups of one database; each fault gets a copy of it for itself.
struct FaultScene: Sendable {
    let folder: FilePath
    let database: String
    let environment: [String: String?]

    var state: FilePath { folder.appending("state") }
    /// The folder in which the backups lie.
    var main: FilePath { state.appending("backups/main") }
    /// Where copies go.
    var there: FilePath { folder.appending("there") }

    /// Runs `body` with a host that has made so many backups.
    static func with(
        backups: Int, rows: Int = 300, _ body: (FaultScene) async throws -> Void
    ) async throws {
        let database = try Database.current
        try await database.run(
            "CREATE TABLE people AS SELECT n AS id, md5(n::text) || md5((n + 1)::text) AS name FROM generate_series(1, \(rows)) n"
        )
        try await withTemporaryFolder { folder in
            let scene = FaultScene(folder: folder.appending("scene"), database: database)
            try Files.createDirectory(scene.folder)
            try await scene.expect(0, "init", "--keep-identity-here")
            for _ in 0..<backups { try await scene.expect(0, "run", database.name) }
            try await body(scene)
        }
    }

    private init(folder: FilePath, database: Database) {
        var environment = database.environment
        environment["DBSEC_STATE"] = folder.appending("state").string
        environment["DBSEC_CONFIG"] = .some(nil)
        environment["RCLONE_CONFIG"] = "/dev/null"
        environment["PATH"] = "/usr/bin:/bin"
        // One thread does most of the work, so that the n-th call is the same one in each run.
        environment["LIBDISPATCH_COOPERATIVE_POOL_STRICT"] = "1"
        self.init(folder: folder, database: database.name, environment: environment)
    }

    init(folder: FilePath, database: String, environment: [String: String?]) {
        self.folder = folder
        self.database = database
        self.environment = environment
    }

    /// The same host once more, in a folder of its own.
    func copied() async throws -> FaultScene {
        let copy = folder.removingLastComponent().appending("copy-\(UInt32.random(in: .min ... .max))")
        _ = try await Child("/bin/cp", ["-a", folder.string, copy.string]).run()
        var environment = environment
        environment["DBSEC_STATE"] = copy.appending("state").string
        return FaultScene(folder: copy, database: database, environment: environment)
    }

    func with(_ changes: [String: String?]) -> FaultScene {
        FaultScene(folder: folder, database: database, environment: environment.merging(changes) { $1 })
    }

    func dbbackup(_ arguments: [String]) async throws -> ProgramResult {
        try await Program.run("dbbackup", arguments, environment: environment)
    }

    func dbbackup(_ arguments: String...) async throws -> ProgramResult { try await dbbackup(arguments) }

    /// Runs it and holds it to its exit code.
    @discardableResult
    func expect(
        _ status: Int32, _ arguments: String..., during fault: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> ProgramResult {
        let result = try await dbbackup(arguments)
        #expect(
            result.status == status, "\(fault) \(arguments): \(result.stdout) \(result.stderr)",
            sourceLocation: sourceLocation)
        return result
    }

    /// The backups that `list` shows, oldest first.
    func labels(in repository: FilePath? = nil) async throws -> [String] {
        let place = repository.map { ["--repository", $0.string] } ?? []
        let list = try await dbbackup(["list", "--json"] + place)
        guard list.status == 0 else {
            Issue.record("list ended with \(list.status): \(list.stderr)")
            return []
        }
        let document = try #require(JSONSerialization.jsonObject(with: Data(list.stdout.utf8)) as? [String: Any])
        return try #require(document["backups"] as? [[String: Any]]).compactMap { $0["label"] as? String }
    }

    /// Every backup that is listed decodes to what was recorded: the first half of the oracle.
    func expectAllEqual(
        in repository: FilePath? = nil, during fault: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let place = repository.map { ["--repository", $0.string] } ?? []
        let verify = try await dbbackup(["verify", "--all", "--level", "decode"] + place)
        #expect(
            verify.status == 0, "\(fault): \(verify.stdout) \(verify.stderr)", sourceLocation: sourceLocation)
    }

    /// Everything in a folder that has to do with backups, but not their proofs.
    func files(in folder: FilePath) throws -> [String] {
        guard Files.exists(folder) else { return [] }
        return try FileManager.default.subpathsOfDirectory(atPath: folder.string)
            .filter { !$0.hasSuffix(".lock") && !$0.contains("/proofs") }.sorted()
    }
}

/// A way in which the system fails a program.
enum Fault: String, CaseIterable, Sendable {
    case killed = "signal=SIGKILL:when=#"
    /// From that call on: a full disk stays full.
    case full = "error=ENOSPC:when=#+"
    case broken = "error=EIO:when=#"
    /// From that call on.
    case dead = "error=EIO:when=#+"

    /// Those that publish and remove.
    static let publishing = "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,fsync"
    /// The one by which our program, and none of its children, waits for a child that it has just started.
    static let starting = "pidfd_open"

    /// What the program may end with; a fault in tidying up is none to report.
    var statuses: Set<Int32> { self == .killed ? [137, 69] : [0, 69, 74] }

    /// Which calls are failed, as numbers: some of them, or all where `DBSEC_ALL_FAULTS` is set.
    ///
    /// Each fault begins elsewhere, so that the three together leave out none.
    func numbers(step: Int) -> some Sequence<Int> {
        let all = ProcessInfo.processInfo.environment["DBSEC_ALL_FAULTS"] != nil
        let first = all ? 1 : 1 + (Self.allCases.firstIndex(of: self) ?? 0) % step
        return sequence(first: first) { $0 + (all ? 1 : step) }
    }

    /// Runs the program and fails the n-th such call of any thread of it or of its children.
    ///
    /// - Returns: what became of it; nil when there were not that many calls.
    func strike(
        _ scene: FaultScene, _ calls: String, at number: Int, _ arguments: [String], account: Account? = nil
    ) async throws -> ProgramResult? {
        let trace = scene.folder.appending("trace")
        let injection = "\(calls):\(rawValue.replacing("#", with: "\(number)"))"
        // The filter spares much time, and strace 6.1 sends no signals under it.
        let options = self == .killed ? ["-f", "-q"] : ["-f", "-q", "--seccomp-bpf"]
        let result = try await Program.run(
            "/usr/bin/strace",
            options
                + ["-e", "trace=\(calls)", "-e", "inject=\(injection)", "-o", trace.string]
                + [Program.path("dbbackup").string] + arguments,
            environment: scene.environment, account: account)
        let text = String(decoding: try Files.read(trace), as: UTF8.self)
        guard result.status == 137 || text.contains("(INJECTED)") || text.contains("killed by SIGKILL") else {
            #expect(result.status == 0, "\(arguments) without a fault: \(result.stdout) \(result.stderr)")
            return nil
        }
        return result
    }
}
