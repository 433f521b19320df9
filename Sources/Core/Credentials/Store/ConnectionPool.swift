import Platform
import PostgresClient

/// A few connections for many tasks, opened when they are first needed; a broken one is thrown away.
actor ConnectionPool {
    private let parameters: ConnectionParameters
    private var idle: [Connection] = []
    private let places: TaskSemaphore

    init(_ parameters: ConnectionParameters, width: Int) {
        self.parameters = parameters
        places = TaskSemaphore(width: width)
    }

    /// Runs one statement.
    ///
    /// - Parameter repeatable: Whether it may run twice, when a connection that lay idle turns out to be dead.
    func query(_ sql: SQL, repeatable: Bool = false) async throws -> Rows {
        await places.wait()
        defer { places.signal() }
        return try await run(sql, mayRepeat: repeatable)
    }

    private func run(_ sql: SQL, mayRepeat: Bool) async throws -> Rows {
        let wasIdle = !idle.isEmpty
        let connection =
            if let connection = idle.popLast() { connection } else { try await open() }
        do {
            let rows = try await connection.query(sql)
            idle.append(connection)
            return rows
        } catch let error as PostgresError {
            if error.status == .unavailable {
                await connection.close()
                // Those that lay beside it are dead too, most likely.
                if wasIdle, mayRepeat {
                    idle.removeAll()
                    return try await run(sql, mayRepeat: false)
                }
            } else {
                idle.append(connection)
            }
            throw error
        }
    }

    private func open() async throws -> Connection {
        let connection = try await Connection.open(parameters)
        // A login that waits for ever is worse than one that fails.
        _ = try await connection.query(
            "SELECT set_config('statement_timeout', '30s', false), set_config('lock_timeout', '10s', false)")
        return connection
    }
}
