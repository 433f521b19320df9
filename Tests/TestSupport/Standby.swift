import Platform
package import PostgresClient
import SystemPackage

/// A hot standby of the server around this test, which has replayed all that there is.
///
/// - Parameter settings: of the standby; they beat our own.
package func withStandby(
    _ settings: [String: String] = [:], _ body: (ConnectionParameters) async throws -> Void
) async throws {
    let primary = try Cluster.current
    let account = try Cluster.account()
    let folder = try Files.makeTemporaryDirectory(in: TemporaryCluster.defaultParent, prefix: "dbsec-standby")
    defer { try? Files.removeTree(folder) }
    try Files.changeOwner(folder, to: account)
    let server = try ThrowawayServer(in: folder, superuser: "postgres") { program, arguments in
        Child(
            primary.installation.program(program), arguments, environment: ["TZ": "UTC"], account: account,
            stopping: .interrupt)
    }
    try await Child(
        primary.installation.program("pg_basebackup"),
        [
            "--pgdata=\(folder.appending("data"))", "--host=\(primary.server.folder)", "--port=5432",
            "--username=postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--wal-method=stream",
        ], account: account
    ).run()
    let defaults = [
        "dynamic_shared_memory_type": "mmap", "shared_buffers": "32MB", "hot_standby": "on", "max_wal_senders": "4",
        "wal_level": "replica",
    ]
    try await server.serving(defaults.merging(settings) { $1 }) {
        let connection = try await Connection.open(server.parameters)
        let source = try await primary.connect()
        let end: String = try await source.query("SELECT pg_current_wal_lsn()::text").one()[0]
        while try await connection.query(
            "SELECT WHERE pg_last_wal_replay_lsn() >= \(end)::text::pg_lsn"
        ).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        await source.close()
        await connection.close()
        try await body(server.parameters)
    }
}
