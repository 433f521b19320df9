import Platform
package import PostgresClient
package import SystemPackage
package import Testing

/// A database that only one test uses.
package struct Database: Sendable {
    package let cluster: Cluster
    package let name: String

    package init(cluster: Cluster, name: String) {
        self.cluster = cluster
        self.name = name
    }

    @TaskLocal fileprivate static var scoped: Database?

    /// The database that the trait `.database` has made for this test.
    package static var current: Database {
        get throws {
            guard let scoped else {
                throw PlainFailure(.internalError, "no database for this test", hint: "give it the trait .database")
            }
            return scoped
        }
    }

    package var parameters: ConnectionParameters { cluster.parameters.with(database: name) }

    /// What a program needs in its environment to find this database.
    package var environment: [String: String?] {
        [
            "PGHOST": cluster.server.folder.string, "PGPORT": "5432", "PGDATABASE": name,
            "PGUSER": parameters.user, "DBSEC_POSTGRES": cluster.installation.folder.string,
        ]
    }

    /// Connects as the superuser, or as `role`.
    package func connect(as role: String? = nil) async throws -> Connection {
        try await cluster.connect(as: role, to: name)
    }

    /// Runs a script of several statements as psql would, with `public` in the search path; as the superuser or `role`.
    package func run(_ script: String, as role: String? = nil) async throws {
        let connection = try await connect(as: role)
        try await connection.execute("SELECT set_config('search_path', '\"$user\", public', false)")
        try await connection.script(SQL(raw: script))
        await connection.close()
    }

    /// Runs the script in a file, as a fixture is.
    package func run(file: FilePath) async throws {
        try await run(String(decoding: try Files.read(file), as: UTF8.self))
    }

    /// The first value of a query, as text; nil for NULL or no row.
    package func value(_ query: String, as role: String? = nil) async throws -> String? {
        let connection = try await connect(as: role)
        try await connection.execute("SELECT set_config('search_path', '\"$user\", public', false)")
        let rows = try await connection.query(SQL(raw: query))
        await connection.close()
        guard let row = rows.first else { return nil }
        return try row[0]
    }
}

/// A fresh database around every test of a suite, at most eight at a time.
package struct DatabaseTrait: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await body() }
        let cluster = try Cluster.current
        try await Gate.databases.pass {
            // Never dropped: the whole server goes, and dropping costs as much as making.
            let database = try await cluster.makeDatabase()
            try await Database.$scoped.withValue(database) { try await body() }
        }
    }
}

extension Trait where Self == DatabaseTrait {
    package static var database: Self { DatabaseTrait() }
}

/// Lets a few through at a time: Swift Testing starts all tests at once, and a server has only so many connections.
package actor Gate {
    package static let databases = Gate(width: 8)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(width: Int) {
        free = width
    }

    package nonisolated func pass(_ body: @Sendable () async throws -> Void) async throws {
        await enter()
        do {
            try await body()
            await leave()
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
