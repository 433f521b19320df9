import Platform
package import PostgresClient

/// The gate before the twin counts: whether the application writes it whenever it writes the plaintext.
package struct ColumnGate: Sendable {
    package struct Verdict: Sendable, Equatable, Encodable {
        /// Rows with plaintext and no ciphertext.
        package var left: Int
        /// Writes without the twin since the look before.
        package var unpaired: Int
        /// How long there have been none, in seconds.
        package var quiet: Int
        package var required: Int
        package var isOpen: Bool { left == 0 && quiet >= required }
    }

    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Looks, and remembers what it saw, so that calls from cron add up to the time that is asked for.
    package func look(_ column: ColumnDeclaration, quietFor required: Int) async throws -> Verdict {
        guard [.started, .backfilled, .gated].contains(column.phase) else {
            throw wrongPhase(column, "gate", "started, backfilled or gated")
        }
        let catalog = ColumnCatalog(connection)
        let left = try await Self.left(column, on: connection)
        let total: Int = try await connection.query(
            """
            SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM \(identifier: ["dbpii", column.helper])
            """
        ).one()[0]
        let row = try await connection.query(
            """
            UPDATE dbpii.columns AS c SET unpaired_seen = \(total),
                quiet_since = CASE WHEN \(left) > 0 THEN NULL
                    WHEN before.unpaired_seen = \(total) AND before.quiet_since IS NOT NULL THEN before.quiet_since
                    ELSE pg_catalog.clock_timestamp() END
            FROM (SELECT id, unpaired_seen, quiet_since FROM dbpii.columns WHERE id = \(column.id) FOR UPDATE) AS before
            WHERE c.id = before.id
            RETURNING \(total) - before.unpaired_seen AS unpaired,
                coalesce(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - c.quiet_since), 0)::pg_catalog.int8 AS quiet
            """
        ).one()
        let verdict = Verdict(left: left, unpaired: try row["unpaired"], quiet: try row["quiet"], required: required)
        if verdict.isOpen { try await catalog.set(.gated, of: column) }
        return verdict
    }

    /// Looks without remembering.
    package static func left(_ column: ColumnDeclaration, on connection: Connection) async throws -> Int {
        try await connection.query(
            """
            SELECT count(*) FROM \(identifier: column.path)
            WHERE \(identifier: column.column) IS NOT NULL AND \(identifier: column.twin) IS NULL
            """
        ).one()[0]
    }
}
