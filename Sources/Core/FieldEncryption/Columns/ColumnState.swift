package import PostgresClient

/// How far a column has come, for `status`.
package struct ColumnState: Sendable, Encodable {
    package struct Job: Sendable, Encodable {
        package let name: String
        package let rows: Int
        package let expected: Int
        package let rowsPerSecond: Int
        package let isRunning: Bool
        package let isFinished: Bool
    }

    package let column: String
    package let context: String
    package let twin: String
    package let phase: String
    package let keys: [String]
    package let indexes: [IndexDeclaration]
    package let encrypted: Int
    /// Rows with plaintext and no ciphertext.
    package let left: Int
    package let jobs: [Job]
    package let next: String

    package static func read(
        _ column: ColumnDeclaration, on connection: Connection
    ) async throws -> ColumnState {
        let encrypted: Int = try await connection.query(
            "SELECT count(\(identifier: column.twin)) FROM \(identifier: column.path)"
        ).one()[0]
        let jobs = try await connection.query(
            """
            SELECT job, rows_written, coalesce(rows_expected, 0) AS expected, finished IS NOT NULL AS is_finished,
                coalesce((rows_written / nullif(EXTRACT(epoch FROM updated - started), 0))::pg_catalog.int8, 0) AS rate,
                EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.classid = 1684172905
                    AND l.objid = j.column_id::pg_catalog.oid AND l.database = (
                        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AS is_running
            FROM dbpii.jobs j WHERE column_id = \(column.id) ORDER BY started
            """
        ).map { row in
            Job(
                name: try row["job"], rows: try row["rows_written"], expected: try row["expected"],
                rowsPerSecond: try row["rate"], isRunning: try row["is_running"], isFinished: try row["is_finished"])
        }
        return ColumnState(
            column: column.name, context: column.context, twin: column.twin, phase: column.phase.rawValue,
            keys: column.keys, indexes: column.indexes, encrypted: encrypted,
            left: column.hasPlaintext ? try await ColumnGate.left(column, on: connection) : 0, jobs: jobs,
            next: next(column.phase))
    }

    private static func next(_ phase: ColumnDeclaration.Phase) -> String {
        switch phase {
        case .started: "dbpii column backfill"
        case .backfilled: "an application that writes both, then dbpii column gate"
        case .gated: "dbpii column finish"
        case .checked: "an application that writes only the twin, then dbpii column finish --drop-plaintext"
        case .finished: "dbpii residue, for what is still on disk"
        case .reverting: "dbpii column revert, then --drop-twin"
        }
    }
}
