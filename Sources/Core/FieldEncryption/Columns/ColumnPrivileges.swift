import PostgresClient

/// Rights on single columns, which a new column does not have by itself.
enum ColumnPrivileges {
    /// Statements that grant on other columns of the table what is granted on one of them.
    static func copying(
        _ column: String, to others: [String], of path: [String], on connection: Connection
    ) async throws -> [SQL] {
        let rows = try await connection.query(
            """
            SELECT g.privilege_type AS privilege, g.is_grantable AS grantable,
                CASE WHEN g.grantee <> 0 THEN pg_catalog.pg_get_userbyid(g.grantee)::text END AS role
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, LATERAL pg_catalog.aclexplode(a.attacl) g
            WHERE n.nspname = \(path[0]) AND c.relname = \(path[1]) AND a.attname = \(column)
            ORDER BY role NULLS FIRST, privilege
            """)
        let columns = others.map { "\(identifier: $0)" as SQL }.joined()
        return try rows.map { row in
            let (privilege, grantable): (String, Bool) = (try row["privilege"], try row["grantable"])
            let role: String? = try row["role"]
            let grantee: SQL = role.map { "\(identifier: $0)" } ?? "PUBLIC"
            let option: SQL = grantable ? " WITH GRANT OPTION" : ""
            return "GRANT \(raw: privilege) (\(columns)) ON \(identifier: path) TO \(grantee)\(option)"
        }
    }
}
