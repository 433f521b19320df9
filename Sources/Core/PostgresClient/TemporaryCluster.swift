import Glibc
package import Platform
package import SystemPackage

/// A PostgreSQL server that lives as long as a closure: a folder of its own, a Unix socket in it, no network.
///
/// The server is our own child, so that it ends when we are killed; its folder then goes with the next cluster that is
/// started in the same place.
package struct TemporaryCluster: Sendable {
    /// Connects as the superuser to the database `postgres`.
    package let parameters: ConnectionParameters
    /// Holds `data` and the socket; 0700, owned by the server's account.
    package let folder: FilePath
    package let installation: PostgresInstallation

    package struct Options: Sendable {
        package var superuser = "postgres"
        package var encoding = "UTF8"
        package var locale = "C.UTF-8"
        /// Further arguments of initdb, as `--locale-provider=icu`.
        package var initdbArguments: [String] = []
        /// Settings of the server; they beat our own defaults, which trade safety for speed.
        package var settings: [String: String] = [:]
        /// Where the folder is made; short, since a socket's path has at most 107 bytes.
        package var parent: FilePath = TemporaryCluster.defaultParent
        /// The account that the server runs as; PostgreSQL refuses root.
        package var account: Account?
        /// A command to run the server under, as `unshare --net --`; it must not fork, or it must pass signals on.
        package var wrap: [String] = []
        package var startTimeout = Duration.seconds(60)

        package init() {}
    }

    /// Memory, where there is any to be had as a folder: a cluster starts three times as fast there.
    package static var defaultParent: FilePath {
        Files.isDirectory("/dev/shm") && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : Files.temporaryFolder
    }

    /// Makes a cluster, starts it, runs `body`, stops it and removes it, also when `body` fails or is cancelled.
    package static func run<Value>(
        _ installation: PostgresInstallation, _ options: Options = Options(),
        _ body: (TemporaryCluster) async throws -> Value
    ) async throws -> Value {
        let account = options.account ?? Account.current
        guard account.uid != 0 else {
            throw PlainFailure(
                .configuration, "a temporary PostgreSQL server cannot run as root", hint: "name an account for it")
        }
        await TemporaryFolders.sweep(options.parent, account)
        let folder = try TemporaryFolders(in: options.parent, for: account)
        do {
            let cluster = try TemporaryCluster(installation, options, account, folder.path)
            try await cluster.initialize(options, account)
            let value = try await cluster.whileServing(options, account, body)
            await folder.remove()
            return value
        } catch {
            await folder.remove()
            throw error
        }
    }

    private init(
        _ installation: PostgresInstallation, _ options: Options, _ account: Account, _ folder: FilePath
    ) throws {
        self.installation = installation
        self.folder = folder
        parameters = try ConnectionParameters(host: folder.string, port: "5432", user: options.superuser)
            .with(database: "postgres")
        guard socket.string.utf8.count <= 107 else {
            throw PlainFailure(
                .cannotCreate, "the path of the socket \(socket) is longer than 107 bytes",
                hint: "choose a folder with a shorter path")
        }
    }

    private var data: FilePath { folder.appending("data") }
    private var socket: FilePath { folder.appending(".s.PGSQL.5432") }

    private func initialize(_ options: Options, _ account: Account) async throws {
        let arguments =
            [
                "--pgdata=\(data)", "--username=\(options.superuser)", "--auth=trust", "--no-sync",
                "--encoding=\(options.encoding)", "--locale=\(options.locale)", "--lc-messages=C", "--no-instructions",
            ] + options.initdbArguments
        try await Child(
            installation.program("initdb"), arguments, environment: Self.environment, account: account
        ).run()
    }

    /// Without TZ initdb compares all time zones of the system; the others would change what server and client do.
    private static let environment: [String: String?] = [
        "TZ": "UTC", "PGDATA": nil, "PGPORT": nil, "PGOPTIONS": nil, "LC_ALL": "C.UTF-8",
    ]

    private func server(_ options: Options, _ account: Account) -> Child {
        var settings = [
            "listen_addresses": "", "port": "5432", "unix_socket_directories": folder.string,
            "unix_socket_permissions": "0700", "fsync": "off", "full_page_writes": "off",
            "synchronous_commit": "off", "wal_level": "minimal", "max_wal_senders": "0", "shared_buffers": "32MB",
            "max_wal_size": "4GB", "autovacuum": "off", "logging_collector": "off",
            "dynamic_shared_memory_type": "mmap",
        ]
        settings.merge(options.settings) { $1 }
        let arguments =
            ["-D", data.string]
            + settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        let command = account.command(installation.program("postgres"), arguments)
        let whole = options.wrap + [command.program.string] + command.arguments
        return Child(
            FilePath(whole[0]), Array(whole.dropFirst()), environment: Self.environment, name: "postgres",
            stopping: .interrupt)
    }

    private func whileServing<Value>(
        _ options: Options, _ account: Account, _ body: (TemporaryCluster) async throws -> Value
    ) async throws -> Value {
        let server = Serving(server(options, account))
        do {
            try await awaitStart(of: server, options.startTimeout)
            let value = try await body(self)
            await server.stop()
            return value
        } catch {
            await server.stop()
            throw error
        }
    }

    private func awaitStart(of server: Serving, _ timeout: Duration) async throws {
        let deadline = ContinuousClock.now + timeout
        while true {
            try await server.checkAlive()
            if Files.exists(socket), try await answers() { return }
            guard ContinuousClock.now < deadline else {
                throw PlainFailure(.unavailable, "the temporary PostgreSQL server did not start within \(timeout)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
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
private final class Serving: Sendable {
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

    func stop() async {
        task.cancel()
        _ = await task.result
    }
}

/// Folders that belong to a running process, which holds a lock on each; what nobody holds is rubbish.
private struct TemporaryFolders {
    private static let prefix = "dbsec-pg"
    let path: FilePath
    private let account: Account
    private let lock: FileDescriptor

    init(in parent: FilePath, for account: Account) throws {
        self.account = account
        path = try Files.makeTemporaryDirectory(in: parent, prefix: Self.prefix)
        if account.uid != geteuid() { try Files.changeOwner(path, to: account) }
        lock = try Files.open(path, .readOnly)
        let (path, descriptor) = (path, lock.rawValue)
        _ = try system("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
    }

    func remove() async {
        await Self.remove(path, account)
        try? lock.close()
    }

    /// Removes what killed runs have left in `parent`.
    static func sweep(_ parent: FilePath, _ account: Account) async {
        for name in (try? Files.list(parent)) ?? [] where name.hasPrefix(prefix + "-") {
            let path = parent.appending(name)
            var facts = stat()
            guard lstat(path.string, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == account.uid,
                // Younger ones may be between their making and their lock.
                time(nil) - facts.st_mtim.tv_sec > 60,
                let descriptor = try? Files.open(path, .readOnly)
            else { continue }
            if flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 { await remove(path, account) }
            try? descriptor.close()
        }
    }

    /// By rm and as the server's account: code that ran in the server could have laid links for root to follow.
    private static func remove(_ path: FilePath, _ account: Account) async {
        // In a task of its own, since a cancelled one cannot start programs.
        await Task {
            _ = try? await Child("/bin/rm", ["-rf", "--", path.string], account: account).run()
        }.value
    }
}
