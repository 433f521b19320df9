import PostgresClient

/// Finds what hangs on roles that shall go: the server records it for all of its databases in one place.
struct RetirementReader {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    func states(of names: [String]) async throws -> [String: RetirementState] {
        guard !names.isEmpty else { return [:] }
        var states: [String: RetirementState] = [:]
        for row in try await connection.query(
            """
            SELECT r.rolname AS role, d.datname AS database,
                   count(*) FILTER (WHERE x.is_owned) AS owned, count(*) FILTER (WHERE NOT x.is_owned) AS named
            FROM pg_catalog.pg_shdepend s
            -- Default privileges are nobody's to inherit.
            CROSS JOIN LATERAL
                (SELECT s.deptype = 'o' AND s.classid <> 'pg_catalog.pg_default_acl'::regclass AS is_owned) x
            JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid
            LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
            WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND r.rolname = ANY (\(names))
            GROUP BY r.rolname, d.datname ORDER BY r.rolname, d.datname NULLS FIRST
            """)
        {
            let role: String = try row["role"]
            states[role, default: RetirementState()].dependencies.append(
                RetirementState.Dependencies(
                    database: try row["database"], owned: try row["owned"], named: try row["named"]))
        }
        for row in try await connection.query(
            """
            SELECT usename AS role, coalesce(datname, '') AS database, count(*) AS sessions
            FROM pg_catalog.pg_stat_activity WHERE usename = ANY (\(names)) AND pid <> pg_catalog.pg_backend_pid()
            GROUP BY usename, datname
            """)
        {
            let (role, database): (String, String) = (try row["role"], try row["database"])
            states[role, default: RetirementState()].sessions[database] = try row["sessions"]
        }
        return states
    }

    /// The policies of this database that are for this role alone: DROP OWNED would drop them without a word, and a
    /// restrictive one that goes lets more in.
    func policiesOnly(for role: String) async throws -> [(table: ObjectName, policy: String)] {
        let rows = try await connection.query(
            """
            SELECT n.nspname, c.relname, p.polname
            FROM pg_catalog.pg_policy p
            JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE p.polroles = ARRAY(SELECT oid FROM pg_catalog.pg_roles WHERE rolname = \(role))
            ORDER BY 1, 2, 3
            """)
        return try rows.map { (ObjectName(try $0[0], try $0[1]), try $0[2]) }
    }
}
