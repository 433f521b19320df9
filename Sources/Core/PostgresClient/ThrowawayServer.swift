package import Platform
package import SystemPackage

/// A PostgreSQL server for a while, on a Unix socket in a folder of its own, without a network: made, started, stopped.
///
/// What is particular to a use is how its programs are started: under an account, or in a room that isolates them. The
/// folder belongs to the caller, who removes it afterwards.
package struct ThrowawayServer: Sendable {
    /// Connects as the superuser to the database `postgres`.
    package let parameters: ConnectionParameters
    /// Holds the data folder and the socket.
    package let folder: FilePath
    private let superuser: String
    private let launch: Launch

    /// Gives the child that runs a program of the installation with these arguments.
    package typealias Launch = @Sendable (_ program: String, _ arguments: [String]) -> Child

    /// - Throws: status 73 when the path of the socket would be longer than the system allows.
    package init(
        in folder: FilePath, superuser: String, applicationName: String? = nil, launch: @escaping Launch
    ) throws {
        self.folder = folder
        self.superuser = superuser
        self.launch = launch
        parameters = try ConnectionParameters(
            host: folder.string, port: "5432", user: superuser, applicationName: applicationName
        ).with(database: "postgres")
        // sun_path of sockaddr_un has 108 bytes, with the NUL at its end.
        guard socket.string.utf8.count <= 107 else {
            throw PlainFailure(
                .cannotCreate, "the path of the socket \(socket) is longer than 107 bytes",
                hint: "choose a folder with a shorter path")
        }
    }

    /// Makes the cluster with initdb.
    package func initialize(encoding: String = "UTF8", locale: String, further arguments: [String] = []) async throws {
        let own = [
            "--pgdata=\(data)", "--username=\(superuser)", "--auth=trust", "--no-sync", "--no-instructions",
            "--encoding=\(encoding)", "--locale=\(locale)", "--lc-messages=C",
        ]
        try await launch("initdb", own + arguments).run()
    }

    /// Starts the server, runs `body` once it answers, and stops it, also when `body` fails or is cancelled.
    ///
    /// - Parameter settings: beat the defaults, which give up durability for speed.
    package func serving<Value>(
        _ settings: [String: String], startTimeout: Duration = .seconds(60), _ body: () async throws -> Value
    ) async throws -> Value {
        let process = ServerProcess(launch("postgres", ["-D", data.string] + options(settings)))
        do {
            try await awaitStart(of: process, startTimeout)
            let value = try await process.alongside(body)
            await process.stop()
            return value
        } catch {
            await process.stop()
            throw error
        }
    }

    private var data: FilePath { folder.appending("data") }
    private var socket: FilePath { folder.appending(".s.PGSQL.5432") }

    private func options(_ settings: [String: String]) -> [String] {
        var all = [
            "listen_addresses": "", "port": "5432", "unix_socket_directories": folder.string,
            "unix_socket_permissions": "0700", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
            "wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "off", "logging_collector": "off",
        ]
        all.merge(settings) { $1 }
        return all.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    }

    private func awaitStart(of process: ServerProcess, _ timeout: Duration) async throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            try await process.checkAlive()
            if isReady, try await answers() { return }
            guard ContinuousClock.now < deadline else {
                throw PlainFailure(.unavailable, "the temporary PostgreSQL server did not start within \(timeout)")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The postmaster writes its state into the last line of its lock file (src/include/utils/pidfile.h).
    private var isReady: Bool {
        guard let bytes = try? Files.read(data.appending("postmaster.pid"), limit: 1 << 12) else { return false }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count >= 8 && lines[7].hasPrefix("ready")
    }

    /// Whether the server takes connections, and is the one we started: `PGHOSTADDR` would lead elsewhere.
    private func answers() async throws -> Bool {
        do {
            let connection = try await Connection.open(parameters)
            let place: String = try await connection.query("SHOW data_directory").one()[0]
            await connection.close()
            guard place == data.string else {
                throw PlainFailure(
                    .configuration, "connecting to \(folder) led to another server",
                    hint: "unset PGHOSTADDR and PGSERVICE")
            }
            return true
        } catch let error as PostgresError where error.code == nil || error.code == "57P03" {
            return false
        }
    }
}

/// The server's process, running beside the code that uses it.
private final class ServerProcess: Sendable {
    private let task: Task<[UInt8], any Error>
    private let ended: Flag

    private actor Flag {
        private(set) var failure: (any Error)?
        func set(_ error: any Error) { failure = error }
    }

    init(_ server: Child) {
        let ended = Flag()
        self.ended = ended
        // A task of its own and not a child task: it must outlive a cancel until the clean-up stops it.
        task = Task {
            do {
                let output = try await server.run()
                await ended.set(PlainFailure(.unavailable, "the temporary PostgreSQL server ended by itself"))
                return output
            } catch {
                await ended.set(error)
                throw error
            }
        }
    }

    func checkAlive() async throws {
        if let failure = await ended.failure { throw failure }
    }

    /// Runs `body`; when it fails because the server has ended, why the server ended is told.
    func alongside<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as PostgresError where error.code == nil {
            try await checkAlive()
            throw error
        }
    }

    func stop() async {
        task.cancel()
        _ = await task.result
    }
}
