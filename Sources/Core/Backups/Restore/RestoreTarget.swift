import Platform
import PostgresClient

/// The server that a backup is restored to, as far as a plan must know it.
struct RestoreTarget: Sendable {
    let user: String
    let majorVersion: Int
    let roles: Set<String>
    let tablespaces: Set<String>
    /// The database of the wanted name, when there is one.
    let existing: Existing?

    struct Existing: Sendable {
        let encoding: String
        let collate: String
        let ctype: String
        /// The first thing found in it; nil when it is empty.
        let content: String?
    }

    static func read(_ connection: Connection, database: String, server: ConnectionParameters) async throws -> Self {
        let roles = try await connection.query("SELECT rolname::text FROM pg_catalog.pg_roles")
        let tablespaces = try await connection.query("SELECT spcname::text FROM pg_catalog.pg_tablespace")
        return RestoreTarget(
            user: try await connection.query("SELECT current_user::text").one()[0],
            majorVersion: connection.majorVersion,
            roles: Set(try roles.map { try $0[0] as String }),
            tablespaces: Set(try tablespaces.map { try $0[0] as String }),
            existing: try await existing(connection, database, server))
    }

    private static func existing(
        _ connection: Connection, _ database: String, _ server: ConnectionParameters
    ) async throws -> Existing? {
        let found = try await connection.query(
            """
            SELECT pg_catalog.pg_encoding_to_char(encoding)::text AS encoding, datcollate::text AS collate,
                   datctype::text AS ctype
            FROM pg_catalog.pg_database WHERE datname = \(database)
            """)
        guard let row = found.first else { return nil }
        let inside = try await Connection.open(server.with(database: database))
        let content = try await inside.query(SQL(embedded: PackageResources.restore_content_sql)).first.map {
            "\(try $0["what"] as String) \(try $0["name"] as String)"
        }
        await inside.close()
        return Existing(
            encoding: try row["encoding"], collate: try row["collate"], ctype: try row["ctype"], content: content)
    }
}
