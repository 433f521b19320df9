import Credentials
import Cryptography
import Platform
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// A login store in the test's own database, and the role of an application that uses it.
struct TestStore {
    let database: Database
    /// The store's owner, who may look everywhere.
    let owner: Connection
    /// What the application connects as; tests share a cluster, so that its name is the database's.
    let role: String

    static func make(_ change: (inout StoreSettings) -> Void = { _ in }) async throws -> TestStore {
        let database = try Database.current
        let owner = try await database.connect()
        var settings = StoreSettings()
        // Cheap hashes and no deadline: what is tested is not how long they take.
        settings.scheme = .bcrypt(cost: 10)
        settings.deadlineMilliseconds = 0
        settings.minimumLength = 8
        change(&settings)
        _ = try await StoreSchema(owner).install(settings)
        // Weaker than install takes.
        if settings.scheme == .bcrypt(cost: 10) {
            try await owner.execute("UPDATE dbauth.settings SET scheme = '$2b$04$'")
        }
        let role = "app_\(database.name)"
        try await owner.execute("CREATE ROLE \(identifier: role) LOGIN")
        try await StoreSchema(owner).grant("dbauth_app", to: role)
        return TestStore(database: database, owner: owner, role: role)
    }

    /// As the application opens it.
    func open(
        keys: CredentialKeys? = nil, connections: Int = 4, legacy: Bool = false,
        now: @escaping @Sendable () -> Timestamp = { .now() }
    ) async throws -> LoginStore {
        var options = LoginStore.Options()
        options.connections = connections
        options.keys = keys
        return try await LoginStore.open(
            database.parameters.with(user: role), legacy: legacy ? database.parameters.with(user: role) : nil,
            options: options, now: now)
    }

    func value(_ query: SQL) async throws -> String? {
        try await owner.query(query).first.flatMap { try $0[0] as String? }
    }

    func count(_ query: SQL) async throws -> Int {
        try await owner.query(query).one()[0]
    }

    /// Events of one action, newest last, as `outcome reason`.
    func events(_ action: String) async throws -> [String] {
        try await owner.query(
            """
            SELECT e.outcome || coalesce(' ' || e.reason, '') FROM dbauth.events e WHERE e.action = \(action) ORDER BY e.id
            """
        ).map { try $0[0] }
    }
}

extension LoginAnswer {
    var login: Login? { if case .success(let login) = self { login } else { nil } }
    var pending: PendingLogin? { if case .secondFactorNeeded(let pending) = self { pending } else { nil } }
    var isRefused: Bool { if case .refused = self { true } else { false } }
}

/// A clock that tests set.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp.now())

    var now: Timestamp { time.withLock { $0 } }

    func advance(_ seconds: Int64) {
        time.withLock { $0 = $0.advanced(bySeconds: seconds) }
    }
}
