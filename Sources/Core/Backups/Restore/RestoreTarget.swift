import Platform
import PostgresClient

/// The server that a backup is restored to, as far as a plan must know it.
struct RestoreTarget: Sendable {
    let user: String
    let version: String
    let majorVersion: Int
    let roles: Set<String>
    let tablespaces: Set<String>
    /// The wanted databases that are there.
    let existing: [String: Existing]
    /// What restores that were killed have left: databases that never got their name.
    let leftovers: [String]

    struct Existing: Sendable {
        let encoding: String
        let collate: String
        let ctype: String
        let sessions: Int
        /// The first thing found in it; nil when it is empty.
        let content: String?
        /// Everything in it; nil when nobody asked.
        let objects: PresentObjects?
    }

    /// - Parameter withObjects: whether to read what the databases have, and not only whether they have anything.
    static func read(
        _ connection: Connection, databases: [String], server: ConnectionParameters, withObjects: Bool
    ) async throws -> Self {
        let roles = try await connection.query("SELECT rolname::text FROM pg_catalog.pg_roles")
        let tablespaces = try await connection.query("SELECT spcname::text FROM pg_catalog.pg_tablespace")
        let facts = try await connection.query("SELECT current_user::text, current_setting('server_version')").one()
        var existing: [String: Existing] = [:]
        for database in databases {
            existing[database] = try await Self.existing(connection, database, server, withObjects: withObjects)
        }
        return RestoreTarget(
            user: try facts[0], version: try facts[1], majorVersion: connection.majorVersion,
            roles: Set(try roles.map { try $0[0] as String }),
            tablespaces: Set(try tablespaces.map { try $0[0] as String }), existing: existing,
            leftovers: try await TemporaryDatabase.leftovers(connection))
    }

    private static func existing(
        _ connection: Connection, _ database: String, _ server: ConnectionParameters, withObjects: Bool
    ) async throws -> Existing? {
        let found = try await connection.query(
            """
            SELECT pg_catalog.pg_encoding_to_char(encoding)::text AS encoding, datcollate::text AS collate,
                   datctype::text AS ctype, datallowconn AS open,
                   (SELECT count(*) FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid)::int AS sessions
            FROM pg_catalog.pg_database AS d WHERE datname = \(database)
            """)
        guard let row = found.first else { return nil }
        var content: String? = "mark that nobody may connect to it"
        var objects: PresentObjects?
        if try row["open"] as Bool {
            let inside = try await Connection.open(server.with(database: database))
            content = try await inside.query(SQL(embedded: PackageResources.restore_content_sql)).first.map {
                "\(try $0["what"] as String) \(try $0["name"] as String)"
            }
            if withObjects, content != nil { objects = try await PresentObjects.read(inside) }
            await inside.close()
        }
        return Existing(
            encoding: try row["encoding"], collate: try row["collate"], ctype: try row["ctype"],
            sessions: try row["sessions"], content: content, objects: objects)
    }
}
