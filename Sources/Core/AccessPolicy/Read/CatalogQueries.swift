import PostgresClient

extension Connection {
    /// Asks one of the questions in `SQL/`, which are embedded in the program.
    nonisolated(nonsending) func query(_ resource: [UInt8]) async throws -> Rows {
        try await query(SQL(raw: String(decoding: resource, as: UTF8.self)))
    }
}
