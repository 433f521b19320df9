import FoundationEssentials
package import Platform
package import PostgresClient
package import Testing

/// The throwaway server of a suite, or of one test.
package struct Cluster: Sendable {
    package let server: TemporaryCluster

    @TaskLocal fileprivate static var scoped: Cluster?

    /// The server that the trait `.cluster` has started around this test.
    package static var current: Cluster {
        get throws {
            guard let scoped else {
                throw PlainFailure(
                    .internalError, "no server around this test", hint: "give its suite the trait .cluster")
            }
            return scoped
        }
    }

    /// The server's programs; the same as `DBSEC_TEST_POSTGRES` says.
    package var installation: PostgresInstallation { server.installation }
    package var parameters: ConnectionParameters { server.parameters }

    /// Connects as the superuser, or as `role`, to `database`.
    package func connect(as role: String? = nil, to database: String = "postgres") async throws -> Connection {
        let parameters = parameters.with(database: database)
        return try await Connection.open(role.map { parameters.with(user: $0) } ?? parameters)
    }

    /// Makes an empty database with a new name.
    package func makeDatabase() async throws -> Database {
        let name = "t\(UInt32.random(in: 100_000_000 ... .max))"
        let connection = try await connect()
        try await connection.execute("CREATE DATABASE \(identifier: name)")
        await connection.close()
        return Database(cluster: self, name: name)
    }

    /// The account that servers run as in tests: our own, or an unprivileged one when we are root.
    package static func account() throws -> Account {
        if !Account.isRoot { return Account.current }
        guard let account = Account.named("postgres") ?? Account.named("nobody") else {
            throw PlainFailure(.unavailable, "no unprivileged account for a test server")
        }
        return account
    }

    /// The PostgreSQL under test: the newest, or the one in the folder that `DBSEC_TEST_POSTGRES` names.
    package static func installation() async throws -> PostgresInstallation {
        var environment = ProcessInfo.processInfo.environment
        if let folder = environment["DBSEC_TEST_POSTGRES"] { environment["DBSEC_POSTGRES"] = folder }
        return try await PostgresInstallation.newest(environment: environment)
    }

    fileprivate static func around(
        _ settings: [String: String], initdb: [String], environment: [String: String],
        _ body: @Sendable () async throws -> Void
    ) async throws {
        var options = TemporaryCluster.Options()
        options.initdb = initdb
        options.account = try account()
        options.settings = settings
        options.environment = environment
        try await TemporaryCluster.run(try await installation(), options) { server in
            try await $scoped.withValue(Cluster(server: server)) { try await body() }
        }
    }
}

/// A server of its own around a suite, or around one test.
package struct ClusterTrait: SuiteTrait, TestTrait, TestScoping {
    fileprivate let settings: [String: String]
    fileprivate var initdb: [String] = []
    fileprivate var environment: [String: String] = [:]

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        try await Cluster.around(settings, initdb: initdb, environment: environment, body)
    }
}

extension Trait where Self == ClusterTrait {
    package static var cluster: Self { ClusterTrait(settings: [:]) }

    /// With settings of the server, as `["wal_level": "logical"]`, and further arguments of initdb.
    package static func cluster(_ settings: [String: String], initdb: [String] = []) -> Self {
        ClusterTrait(settings: settings, initdb: initdb)
    }

    /// With variables in the environment of the server's processes, as `LD_PRELOAD`.
    package static func cluster(environment: [String: String]) -> Self {
        ClusterTrait(settings: [:], environment: environment)
    }
}
