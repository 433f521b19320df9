import Platform
import PostgresClient

/// The server that a run is about, and what it will be dumped with.
struct Source: Sendable {
    let name: String
    let cluster: ClusterFacts
    let databases: [ServerDatabase]
    /// The names of all databases of the server.
    let present: Set<String>
    /// What the server has and a run leaves out by itself.
    let gaps: [Manifest.Gap]
    let installation: PostgresInstallation
    let maintenance: ConnectionParameters
    let mayReadPasswords: Bool
    /// Whether row security hides nothing from this role, whatever the policies are.
    let seesAllRows: Bool
    /// Nil where nobody asked for them.
    let configuration: ConfigurationFiles?

    static func read(
        _ connection: Connection, server: ConnectionParameters, _ options: BackupRun.Options,
        _ environment: [String: String]
    ) async throws -> Source {
        let installation = try await PostgresInstallation.atLeast(
            connection.majorVersion, given: options.programs, environment: environment)
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_database()::text AS database,
                   pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords,
                   (SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user) AS all_rows
            """
        ).one()
        let present = try await ServerDatabase.all(connection)
        let configuration = options.configurationFiles ? try await ConfigurationFiles.read(connection) : nil
        return Source(
            name: try await clusterName(connection, options.cluster), cluster: try await ClusterFacts.read(connection),
            databases: try options.databases.choose(from: present), present: Set(present.map(\.name)),
            gaps: options.databases.gaps(among: present) + (configuration?.gaps ?? []), installation: installation,
            maintenance: server.with(database: try row["database"]), mayReadPasswords: try row["passwords"],
            seesAllRows: try row["all_rows"],
            configuration: configuration)
    }

    /// Refuses (77) a role that row security would hide rows from, in whichever database, before anything is dumped.
    ///
    /// A database that cannot be looked into tells its reason when its turn comes.
    func refuseHiddenRows(_ server: ConnectionParameters) async throws {
        guard !seesAllRows else { return }
        for database in databases {
            guard let connection = try? await Connection.open(server.with(database: database.name)) else { continue }
            let refusal = try? await Coordinator.hiddenRows(connection, of: database.name)
            await connection.close()
            if let refusal { throw refusal }
        }
    }

    /// The name of the folder that a server's backups have.
    static func clusterName(_ connection: Connection, _ given: String?) async throws -> String {
        if let given { return given }
        // Debian calls a cluster 15/main; a slash separates cluster and label where a person names a backup.
        let own: String = try await connection.query("SELECT pg_catalog.current_setting('cluster_name')").one()[0]
        return own.isEmpty ? "main" : own.split(separator: "/").joined(separator: "-")
    }
}
