import PostgresClient

/// Lets the owner of tables make rows for a test where FORCE holds it to policies that are for others.
///
/// A superuser is not held to them; on a managed service nobody else could make such rows. Use it in a savepoint that is
/// undone.
struct UnforcedTables {
    private let connection: Connection
    private let tables: [ObjectName]

    /// - Parameter statements: Only tables that these name are touched, since it locks them.
    init(_ connection: Connection, _ snapshot: Snapshot, namedIn statements: [String]) {
        self.connection = connection
        let user = snapshot.server.user
        let isFree = snapshot.server.isSuperuser || snapshot.roles[user]?.bypassRls == true
        let authority = Authority(snapshot)
        tables =
            isFree
            ? []
            : snapshot.security.filter { table, state in
                state.isForced && snapshot.objects[.table(table)].map { authority.has(rightsOf: $0.owner) } == true
                    && statements.contains { $0.contains(table.name) }
            }.map(\.key).sorted()
    }

    func lift() async throws { try await set(false) }
    func restore() async throws { try await set(true) }

    private func set(_ isForced: Bool) async throws {
        for table in tables { try await connection.execute(SecurityStatements.force(table, isForced)) }
    }
}
