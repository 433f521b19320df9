package import Platform
package import PostgresClient

/// Reads who may do what in a database, and reports it.
package struct AccessReader: Sendable {
    let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// The access of one moment; nothing is written.
    package func read() async throws -> EffectiveAccess {
        EffectiveAccess(
            try await connection.transaction(.reading) {
                try await CatalogReader(connection).snapshot(for: Policy(), passwords: GivenPasswords())
            })
    }

    package func report(policy: Policy? = nil, isReview: Bool = false, at now: Timestamp) async throws -> AccessReport {
        try AccessReport(try await read(), policy: policy, isReview: isReview, at: now)
    }
}
