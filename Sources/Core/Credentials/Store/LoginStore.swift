package import Platform
package import PostgresClient

/// Accounts, logins, sessions, second factors and API keys in PostgreSQL, for an application.
///
///     let store = try await LoginStore.open("postgresql://app@localhost/shop")
///     switch try await store.login("alice@example.com", Password(typed), from: "198.51.100.7", device: cookie) {
///     case .success(let login): // set cookies: login.session.text, login.device.text
///     case .secondFactorNeeded(let pending): // ask for the code, then store.finish(pending, code: code)
///     case .refused: // one sentence for all: "name or password is wrong"
///     }
///
/// The role it connects as needs `dbauth_app` and nothing else: it can call functions and read no table. Hashes are computed
/// here; the database says only with which salt, and compares. Every answer to a login comes at the same time after the
/// question, whoever it was about. What happens is recorded in `dbauth.events`, in the same transaction.
public final class LoginStore: Sendable {
    let pool: ConnectionPool
    /// For hashes of old schemes: as a member of `dbauth_legacy`.
    let legacyPool: ConnectionPool?
    let hasher: PasswordHasher
    let keys: CredentialKeys?
    /// Which passwords may be chosen.
    public let rules: PasswordRules
    let deadline: Duration
    let now: @Sendable () -> Timestamp

    /// How a store is used.
    public struct Options: Sendable {
        /// The most connections at a time.
        public var connections = 4
        /// How to connect as a member of `dbauth_legacy`, while hashes of old schemes are migrated.
        public var legacyConnection: String?
        /// For a store with a pepper, and for second factors.
        public var keys: CredentialKeys?
        /// Passwords that nobody may choose.
        public var blocklist: Blocklist?

        public init() {}
    }

    /// Connects and reads how the store wants things done.
    ///
    /// - Parameter connection: A URI or a libpq connection string; what it does not say comes from `PG*` and `.pgpass`.
    /// - Throws: `CredentialsError` `.notInstalled` when `dbauth install` was not run there, `.keyMissing` when passwords have a
    ///   pepper and `options.keys` is not given.
    public static func open(_ connection: String, options: Options = Options()) async throws -> LoginStore {
        try await open(
            ConnectionParameters(database: connection, applicationName: "dbauth"),
            legacy: try options.legacyConnection.map {
                try ConnectionParameters(database: $0, applicationName: "dbauth")
            }, options: options)
    }

    package static func open(
        _ parameters: ConnectionParameters, legacy: ConnectionParameters? = nil, options: Options = Options(),
        now: @escaping @Sendable () -> Timestamp = { .now() }
    ) async throws -> LoginStore {
        let pool = ConnectionPool(parameters, width: options.connections)
        let row: Row
        do {
            row = try await pool.query("SELECT * FROM dbauth.client_settings()").one()
        } catch let error as PostgresError where ["3F000", "42883", "42501"].contains(error.code) {
            throw CredentialsError(
                .notInstalled, "there is no login store for this role: \(error.message)",
                hint: "run dbauth install there, and grant the role dbauth_app")
        }
        let version: Int = try row["version"]
        guard version == StoreSchema.version else {
            throw CredentialsError(
                .notInstalled,
                "the schema dbauth has version \(version), and this program wants \(StoreSchema.version)",
                hint: "run dbauth install of this version there")
        }
        let pepper: String? = try row["pepper"]
        guard pepper == nil || options.keys != nil else {
            throw CredentialsError(
                .keyMissing, "the passwords of this store have a pepper, and no keyring was given",
                hint: "give the keyring that dbauth install was given")
        }
        return LoginStore(
            pool: pool, legacyPool: legacy.map { ConnectionPool($0, width: options.connections) },
            hasher: PasswordHasher(
                decided: try HashScheme(prefix: try row["scheme"]),
                peppers: try pepper == nil ? nil : options.keys?.peppers()),
            keys: options.keys,
            rules: PasswordRules(minimumLength: try row["minimum_length"], blocklist: options.blocklist),
            deadline: .milliseconds(try row["deadline_ms"] as Int), now: now)
    }

    private init(
        pool: ConnectionPool, legacyPool: ConnectionPool?, hasher: PasswordHasher, keys: CredentialKeys?,
        rules: PasswordRules, deadline: Duration, now: @escaping @Sendable () -> Timestamp
    ) {
        self.pool = pool
        self.legacyPool = legacyPool
        self.hasher = hasher
        self.keys = keys
        self.rules = rules
        self.deadline = deadline
        self.now = now
    }

    /// Gives the answer at a fixed time after the question; work that took longer answers at the next multiple of it.
    func atDeadline<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        let result: Result<Value, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        if deadline > .zero {
            let periods = Int(((ContinuousClock.now - start) / deadline).rounded(.down)) + 1
            try await Task.sleep(until: start + deadline * periods, clock: .continuous)
        }
        return try result.get()
    }

    /// A login name as it may travel: one that PostgreSQL cannot hold, or that is longer than any, becomes some other unknown one.
    static func bindable(_ identifier: String) -> String {
        guard identifier.utf8.count > 4096 || identifier.utf8.contains(0) else { return identifier }
        return "unknown \(Token(identifier).hexDigest)"
    }

    /// A password hashed for the store: settings, pepper, and SHA-256 of the hash.
    func newPassword(_ password: Password, for identifier: String?) async throws -> NewPassword {
        try rules.check(password, for: identifier)
        return try await unchecked(password)
    }

    /// For a password that is in use already, and must not be refused for being short.
    func unchecked(_ password: Password) async throws -> NewPassword {
        let settings = try hasher.freshSettings()
        return NewPassword(settings, hash: try await hasher.compute(settings, password))
    }
}

/// What is stored of a password.
struct NewPassword: Sendable {
    let settings: PasswordSettings
    /// SHA-256 of the hash: whoever steals it cannot log in with it.
    let verifier: [UInt8]

    init(_ settings: PasswordSettings, hash: String) {
        self.settings = settings
        verifier = Token(hash).digest
    }

    /// The three arguments that functions take.
    var arguments: SQL { "\(settings.text), \(settings.pepper), \(verifier)" }
}
