package import PostgresClient

extension ServerOptions {
    /// The parameters that the options name; the program's name becomes the `application_name`.
    package func parameters(_ context: Context) throws -> ConnectionParameters {
        try ConnectionParameters(
            database: dbname, host: host, port: port.map(String.init), user: username,
            applicationName: context.program)
    }

    /// Connects by libpq's own rules; warnings of the server go to stderr.
    package func connect(_ context: Context) async throws -> Connection {
        try await Connection.open(try parameters(context)) { notice in
            if notice.severity == "WARNING" { context.warn("the server says: \(notice.message)") }
        }
    }
}
