import Cryptography
import PostgresClient

/// What a login store goes by: kept in the database, so that every client of it does the same.
package struct StoreSettings: Equatable, Sendable {
    package var scheme: HashScheme = .standard
    package var pepper: String?
    package var minimumLength = 15
    /// Tries from one network, and how long it then waits.
    package var tries = 5
    package var lockMinutes = 30
    /// Doubles the wait at each lockout that follows on another, up to 64 times.
    package var isProgressive = false
    /// Tries from anywhere, without a known device, and in how many hours.
    package var identifierTries = 50
    package var identifierHours = 24
    package var sessionHours = 24
    package var idleMinutes = 60
    package var resetMinutes = 30
    /// When the answer to a login comes, whatever it is.
    package var deadlineMilliseconds = 500

    package init() {}

    /// For the row of `dbauth.settings`.
    var assignments: SQL {
        """
        scheme = \(scheme.prefix), pepper = \(pepper), minimum_length = \(Int32(minimumLength)),
        tries = \(Int32(tries)), lock_time = pg_catalog.make_interval(mins => \(Int32(lockMinutes))),
        progressive = \(isProgressive), identifier_tries = \(Int32(identifierTries)),
        identifier_time = pg_catalog.make_interval(hours => \(Int32(identifierHours))),
        session_time = pg_catalog.make_interval(hours => \(Int32(sessionHours))),
        idle_time = pg_catalog.make_interval(mins => \(Int32(idleMinutes))),
        reset_time = pg_catalog.make_interval(mins => \(Int32(resetMinutes))),
        deadline_ms = \(Int32(deadlineMilliseconds))
        """
    }
}

extension StoreSchema {
    /// How an installed store is set; nil where there is none.
    package func settings() async throws -> StoreSettings? {
        guard try await installed() != nil else { return nil }
        let row = try await connection.query(
            """
            SELECT s.*, (extract(epoch FROM s.lock_time) / 60)::int AS lock_minutes,
                (extract(epoch FROM s.identifier_time) / 3600)::int AS identifier_hours,
                (extract(epoch FROM s.session_time) / 3600)::int AS session_hours,
                (extract(epoch FROM s.idle_time) / 60)::int AS idle_minutes,
                (extract(epoch FROM s.reset_time) / 60)::int AS reset_minutes
            FROM dbauth.settings s
            """
        ).one()
        var settings = StoreSettings()
        settings.scheme = try HashScheme(prefix: row["scheme"])
        settings.pepper = try row["pepper"]
        settings.minimumLength = try row["minimum_length"]
        settings.tries = try row["tries"]
        settings.lockMinutes = try row["lock_minutes"]
        settings.isProgressive = try row["progressive"]
        settings.identifierTries = try row["identifier_tries"]
        settings.identifierHours = try row["identifier_hours"]
        settings.sessionHours = try row["session_hours"]
        settings.idleMinutes = try row["idle_minutes"]
        settings.resetMinutes = try row["reset_minutes"]
        settings.deadlineMilliseconds = try row["deadline_ms"]
        return settings
    }
}

extension HashScheme {
    /// Reads what stands in front of salts: the store's word for a scheme.
    init(prefix: String) throws(CredentialsError) {
        let hash =
            prefix.hasPrefix("$2")
            ? String(repeating: ".", count: 53) : "AAAAAAAAAAAAAAAAAAAAAA$" + String(repeating: "A", count: 43)
        switch try StoredHash(prefix + hash).kind {
        case .bcrypt(let cost): self = .bcrypt(cost: cost)
        case .argon2(.id, let memory, let passes, 1): self = .argon2id(memoryKiB: memory, passes: passes)
        default: throw CredentialsError(.malformed, "the login store asks for a scheme that is not known here")
        }
    }
}
