import PostgresClient

/// Reads what is only looked at where the policy names it: columns, large objects and parameters, of which a database may
/// have too many to read them all.
struct NamedObjectReader {
    private let connection: Connection
    private let names: RoleNames

    init(_ connection: Connection, _ names: RoleNames) {
        self.connection = connection
        self.names = names
    }

    func read(_ policy: Policy, into snapshot: inout Snapshot) async throws {
        let targets = policy.grants.map(\.target) + policy.owners.map(\.target)
        var tables: [ObjectName] = []
        var numbers: [UInt32] = []
        var parameters: [String] = []
        for target in targets {
            switch target {
            case .columns(let lists): tables += lists.map(\.table)
            case .largeObjects(let list): numbers += list
            case .named(.parameter, let list): parameters += list
            default: break
            }
        }
        if !tables.isEmpty { try await readColumns(of: tables, into: &snapshot) }
        if !numbers.isEmpty { try await readLargeObjects(numbers, into: &snapshot) }
        if !parameters.isEmpty { try await readParameters(parameters, into: &snapshot) }
    }

    private func readColumns(of tables: [ObjectName], into snapshot: inout Snapshot) async throws {
        let rows = try await connection.query(
            """
            SELECT n.nspname, c.relname, a.attname
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(\(tables.map(\.schema)), \(tables.map(\.name))))
              AND NOT a.attisdropped AND a.attnum > 0
            ORDER BY a.attnum
            """)
        for row in rows {
            let table = ObjectName(try row[0], try row[1])
            snapshot.columns[table, default: []].append(try row[2])
        }
    }

    private func readLargeObjects(_ numbers: [UInt32], into snapshot: inout Snapshot) async throws {
        let rows = try await connection.query(
            """
            SELECT o.oid, o.lomowner FROM pg_catalog.pg_largeobject_metadata o
            WHERE o.oid = ANY (\(numbers)) AND o.lomacl IS NULL
            """)
        for row in rows {
            snapshot.objects[.largeObject(try row[0])] = ObjectState(
                owner: names[try row[1]], hasDefaultPrivileges: true)
        }
    }

    /// Names with a dot are an author's own: PostgreSQL takes any of them.
    private func readParameters(_ parameters: [String], into snapshot: inout Snapshot) async throws {
        let rows = try await connection.query("SELECT lower(s.name) FROM pg_catalog.pg_settings s")
        snapshot.parameters = Set(parameters.filter { $0.contains(".") })
        for row in rows { snapshot.parameters.insert(try row[0]) }
    }
}
