import Glibc
package import Platform
package import PostgresClient
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
        /// Settings of the server; they beat our own defaults, which trade safety for speed.
        package var settings: [String: String] = [:]
        /// Further arguments of initdb.
        package var initdb: [String] = []
        /// Where the folder is made; short, since a socket's path has at most 107 bytes.
        package var parent: FilePath = TemporaryCluster.defaultParent
        /// The account that the server runs as; PostgreSQL refuses root.
        package var account: Account?
        /// Further variables in the environment of the server's programs.
        package var environment: [String: String] = [:]

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
            // Set by env, not for us: what changes the account before it is not to load a library for the server.
            let further = options.environment.map { "\($0)=\($1)" }
            let server = try ThrowawayServer(in: folder.path, superuser: options.superuser) { program, arguments in
                Child(
                    "/usr/bin/env", further + [installation.program(program).string] + arguments,
                    environment: Self.environment, account: account, stopping: .interrupt)
            }
            try await server.initialize(encoding: options.encoding, locale: options.locale, further: options.initdb)
            let settings = Self.settings.merging(options.settings) { $1 }
            let cluster = TemporaryCluster(
                parameters: server.parameters, folder: folder.path, installation: installation)
            let value = try await server.serving(settings) { try await body(cluster) }
            await folder.remove()
            return value
        } catch {
            await folder.remove()
            throw error
        }
    }

    /// Small, so that many run beside each other.
    private static let settings = [
        "shared_buffers": "32MB", "max_wal_size": "4GB", "dynamic_shared_memory_type": "mmap",
    ]

    /// Without TZ initdb compares all time zones of the system; the others would change what server and client do.
    private static let environment: [String: String?] = [
        "TZ": "UTC", "PGDATA": nil, "PGPORT": nil, "PGOPTIONS": nil, "LC_ALL": "C.UTF-8",
    ]
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
