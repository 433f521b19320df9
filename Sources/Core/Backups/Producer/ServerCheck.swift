import Platform
package import PostgresClient

/// Looks whether a backup of a server could be made now, without making one.
package enum ServerCheck {
    /// - Throws: what stands in the way: no server, no pg_dump that is new enough.
    package static func run(_ server: ConnectionParameters, environment: [String: String]) async throws {
        let connection = try await Connection.open(server.reaching([], environment))
        let major = connection.majorVersion
        await connection.close()
        _ = try await PostgresInstallation.atLeast(major, environment: environment)
    }
}

extension ConnectionParameters {
    /// The same server, with a database to begin at where none is named: one of those wanted, or `postgres`.
    package func reaching(_ databases: [String], _ environment: [String: String]) -> ConnectionParameters {
        guard database == nil, environment["PGDATABASE"] == nil, environment["PGSERVICE"] == nil else { return self }
        return with(database: databases.first ?? "postgres")
    }
}
