import PostgresClient

/// Where the rows of a database lie, as its catalog says: what decides which pg_dump takes which of them.
struct TableLayout: Sendable {
    /// The tables that a pg_dump of its own can take, with their size on disk.
    private(set) var tables: [(name: TableName, size: Int)] = []
    /// The partitioned table at the top for every partition.
    private(set) var roots: [TableName: TableName] = [:]
    /// The order in which the columns of those are digested: partitions may each have another.
    private(set) var orders: [TableName: [String]] = [:]

    /// Reads it under the connection's snapshot.
    static func read(_ connection: Connection) async throws -> TableLayout {
        var layout = TableLayout()
        for row in try await connection.query(SQL(embedded: PackageResources.table_layout_sql)) {
            let name = TableName(schema: try row["schema"], name: try row["name"])
            layout.tables.append((name, try row["size"]))
            guard let schema = try row["root_schema"] as String?, let root = try row["root_name"] as String? else {
                continue
            }
            layout.roots[name] = TableName(schema: schema, name: root)
        }
        for row in try await connection.query(SQL(embedded: PackageResources.partition_columns_sql)) {
            layout.orders[TableName(schema: try row["schema"], name: try row["name"])] = try row["columns"]
        }
        return layout
    }

    func shares(_ programs: Int) -> DumpShares { DumpShares(of: tables, rest: 0, programs: programs) }
}
