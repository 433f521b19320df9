package import Platform
package import PostgresClient
package import SystemPackage

/// A throwaway cluster, isolated in a room of its own, to restore a backup into and to ask what came of it.
///
/// It is gone when `with` returns, however that happens; what a kill -9 leaves on the disk, the next one removes.
package struct ScratchCluster: Sendable {
    /// What the cluster has to be like.
    package struct Wish: Sendable {
        /// The `bin` folder of the PostgreSQL installation.
        package var binaries: FilePath
        /// The role that initdb makes: the source's own, since what it owns is not dumped as owned by anybody else.
        package var superuser: String
        /// Where the cluster's folder is made.
        package var place: FilePath
        /// What must not be seen inside.
        package var hidden: [FilePath]
        /// From the allow-list.
        package var preloadLibraries: [String]
        /// How many objects one transaction will make.
        package var objects: Int
    }

    package static let folderPrefix = "dbsec-scratch"

    /// The bytes that its write-ahead log may take, more or less: nobody will need it, and it may lie in memory.
    static let logSize = 1 << 30

    private let server: ThrowawayServer
    private let launch: ThrowawayServer.Launch

    /// Starts a cluster, runs the body, and removes the cluster.
    package static func with<Value: Sendable>(
        _ wish: Wish, _ body: @escaping @Sendable (ScratchCluster) async throws -> Value
    ) async throws -> Value {
        _ = try Isolation.requiredAccount()
        let shown = try await Isolation.needed(for: wish.binaries)
        for leftover in try PrivateFolder.takeOverLeftovers(in: wish.place, prefix: folderPrefix) {
            try await remove(leftover, wish, shown)
        }
        let folder = try PrivateFolder(in: wish.place, prefix: folderPrefix)
        let result: Result<Value, any Error>
        do {
            let isolation = try Isolation(folder: folder.path, shown: shown, hidden: wish.hidden)
            try await isolation.check()
            let launch = launching(wish.binaries, in: isolation)
            let server = try ThrowawayServer(
                in: isolation.cluster, superuser: wish.superuser, applicationName: "dbbackup", launch: launch)
            try await server.initialize(locale: "C")
            let cluster = ScratchCluster(server: server, launch: launch)
            result = .success(try await server.serving(settings(wish)) { try await body(cluster) })
        } catch {
            result = .failure(error)
        }
        // In a task of its own: a cancelled one cannot start programs.
        let removed = await Task { try await remove(folder, wish, shown) }.result
        // What went wrong first is told; a folder that stays is removed by the next run.
        if case .success = result { try removed.get() }
        return try result.get()
    }

    /// How to connect to one of its databases, from outside the room.
    package func parameters(database: String) -> ConnectionParameters {
        server.parameters.with(database: database)
    }

    /// A program of the installation, inside the room, connected to a database: what a hostile server says to it stays there.
    ///
    /// - Parameter settings: server options of its session, as in `-c TimeZone=UTC`.
    package func program(_ name: String, _ arguments: [String], database: String, settings: String) throws -> Child {
        let connection = try parameters(database: database).with(serverOptions: settings).forPrograms()
        return launch(name, arguments + [connection.argument])
    }

    private static func launching(_ binaries: FilePath, in isolation: Isolation) -> ThrowawayServer.Launch {
        { name, arguments in
            let command = isolation.command(
                binaries.appending(name), arguments, environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"])
            // unshare(1) blocks SIGTERM; the kernel ends all processes of the room with its first one.
            return Child(command.program, command.arguments, name: name, stopping: .kill)
        }
    }

    /// The locks of a restore in one transaction are many; the rest is for speed.
    private static func settings(_ wish: Wish) -> [String: String] {
        let connections = 20
        return [
            "max_connections": "\(connections)", "max_wal_size": "\(logSize >> 20)MB", "checkpoint_timeout": "1d",
            "shared_buffers": "256MB", "maintenance_work_mem": "256MB", "log_min_messages": "fatal",
            "max_locks_per_transaction": "\(max(256, wish.objects * 4 / connections))", "jit": "off",
            "shared_preload_libraries": wish.preloadLibraries.joined(separator: ","),
            "timezone": "UTC", "log_timezone": "UTC",
        ]
    }

    /// Empties the cluster's folder from inside a room, since what ran there could have laid links for root to follow.
    private static func remove(_ folder: PrivateFolder, _ wish: Wish, _ shown: [FilePath]) async throws {
        let isolation = try Isolation(folder: folder.path, shown: shown, hidden: wish.hidden)
        let command = isolation.command("/usr/bin/find", [".", "-mindepth", "1", "-delete"])
        let child = Child(command.program, command.arguments, name: "find")
        for attempt in 1... {
            // Where there is no room to be had there was no cluster either, and the folder is empty.
            _ = try? await child.run()
            do {
                return try folder.remove()
            } catch  where attempt < 100 {
                // The server's processes end a moment after its first one, and may write until then.
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
