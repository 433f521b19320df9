package import PostgresClient

extension ServerOptions {
    /// Connects by libpq's own rules; warnings of the server go to stderr.
    package func connect(_ context: Context) async throws -> Connection {
        try await Connection.open(try parameters(for: context.program)) { notice in
            if notice.severity == "WARNING" { context.warn("the server says: \(notice.message)") }
        }
    }
}
