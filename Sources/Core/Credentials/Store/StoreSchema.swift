import Cryptography
import Platform
package import PostgresClient

/// The schema `dbauth`: tables, functions, and who may call what.
///
/// Functions and grants are laid down anew at each installation; tables are changed by numbered steps.
package struct StoreSchema {
    package static let version = 1

    /// What `install` did, or would do.
    package struct Outcome: Equatable, Sendable {
        /// nil: it was not there.
        package let before: Int?
        package let after: Int
    }

    let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// The installed version; nil when there is none.
    package func installed() async throws -> Int? {
        guard try await connection.query("SELECT pg_catalog.to_regclass('dbauth.settings') IS NOT NULL").one()[0] else {
            return nil
        }
        return try await connection.query("SELECT version FROM dbauth.settings").one()[0]
    }

    /// Installs the schema, or brings it up to date, in one transaction.
    ///
    /// - Parameter settings: nil leaves those of an installed store as they are.
    package func install(_ settings: StoreSettings?) async throws -> Outcome {
        try await connection.transaction(.changing) {
            // One at a time: a second one waits, and finds it done.
            try await connection.execute("SELECT pg_catalog.pg_advisory_xact_lock(6407229115041)")
            let before = try await installed()
            if let before, before > Self.version {
                throw CredentialsError(
                    .notInstalled, "the schema dbauth has version \(before), and this program knows \(Self.version)",
                    hint: "use the newer dbauth that installed it")
            }
            try await connection.script(SQL(raw: Self.text(PackageResources.install_roles_sql)))
            if before == nil {
                try await connection.script(SQL(raw: Self.text(PackageResources.install_tables_sql)))
                try await makeSettings()
            }
            for part in Self.functions { try await connection.script(SQL(raw: Self.text(part))) }
            try await connection.script(SQL(raw: Self.text(PackageResources.install_grants_sql)))
            try await connection.execute("UPDATE dbauth.settings SET version = \(Int32(Self.version))")
            if let settings {
                try settings.scheme.check()
                try await connection.execute("UPDATE dbauth.settings SET \(settings.assignments)")
            } else if before == nil {
                try await connection.execute("UPDATE dbauth.settings SET \(StoreSettings().assignments)")
            }
            return Outcome(before: before, after: Self.version)
        }
    }

    /// Gives a login role one of the three groups.
    package func grant(_ group: String, to role: String) async throws {
        try await connection.execute("GRANT \(identifier: group) TO \(identifier: role)")
    }

    /// The key of this store, as the two pads of HMAC (RFC 2104): PostgreSQL has SHA-256 and no HMAC.
    private func makeSettings() async throws {
        var key = Randomness.bytes(64)
        defer { wipe(&key) }
        try await connection.execute(
            """
            INSERT INTO dbauth.settings (version, inner_pad, outer_pad, scheme)
            VALUES (0, \(key.map { $0 ^ 0x36 }), \(key.map { $0 ^ 0x5C }), '')
            """)
    }

    /// In the order in which they need each other.
    private static var functions: [[UInt8]] {
        [
            PackageResources.functions_login_sql, PackageResources.functions_session_sql,
            PackageResources.functions_account_sql, PackageResources.functions_keys_sql,
            PackageResources.functions_totp_sql, PackageResources.functions_admin_sql,
        ]
    }

    private static func text(_ resource: [UInt8]) -> String {
        String(decoding: resource, as: UTF8.self)
    }
}
