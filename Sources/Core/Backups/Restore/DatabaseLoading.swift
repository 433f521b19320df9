import Platform
import PostgresClient

/// Makes a database as a dump recorded it, and loads the dump into it.
struct DatabaseLoading: Sendable {
    let toc: ArchiveTOC
    let statements: DatabaseStatements
    /// The name under which it is made.
    let name: String
    /// A connection to another database of the same cluster.
    let admin: Connection

    init(_ toc: ArchiveTOC, as name: String, through admin: Connection, withTablespaces: Bool) throws {
        self.toc = toc
        self.name = name
        self.admin = admin
        statements = try DatabaseStatements(toc, name: name, withTablespace: withTablespaces)
    }

    /// Makes the empty database, with owner, settings and privileges.
    ///
    /// Settings come before content, as in `pg_restore -C`: defaults and constraints may need them.
    func create() async throws {
        try await admin.execute(SQL(raw: statements.create))
        try await applyOwner()
        try await applyProperties()
    }

    func applyOwner() async throws {
        try await admin.execute("ALTER DATABASE \(identifier: name) OWNER TO \(identifier: statements.owner)")
    }

    /// Gives a database that is there already the recorded settings, privileges and comment.
    func applyProperties() async throws {
        for statement in statements.properties + statements.access { try await admin.execute(SQL(raw: statement)) }
    }

    /// What a session that loads has set, above what database and roles say: a database that is read-only by default must
    /// still be loadable, and money is read as it was written.
    static func loadingSettings(monetaryLocale: String) -> String {
        options([
            "default_transaction_read_only=off", "statement_timeout=0", "lock_timeout=0",
            "idle_in_transaction_session_timeout=0", "lc_monetary=\(monetaryLocale)",
        ])
    }

    /// The same in a scratch cluster, where nothing is preloaded that the source's databases name, and where a dump's text has
    /// to be the one that was recorded.
    static func proofSettings(monetaryLocale: String) -> String {
        loadingSettings(monetaryLocale: monetaryLocale) + " "
            + options(["TimeZone=UTC", "bytea_output=hex", "session_preload_libraries=", "local_preload_libraries="])
    }

    /// postgres splits its options at spaces, and takes a backslash before one (pg_split_opts).
    private static func options(_ settings: [String]) -> String {
        settings.map { setting in
            "-c " + setting.map { $0 == " " || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
        }.joined(separator: " ")
    }
}
