import Platform
import PostgresClient

/// Makes a database as a dump recorded it.
struct DatabaseLoading: Sendable {
    let statements: DatabaseStatements
    /// The name under which it is made.
    let name: String
    /// A connection to another database of the same cluster.
    let admin: Connection
    /// Without its recorded owner, it belongs to whoever makes it.
    var withOwner = true
    var withPrivileges = true

    init(_ toc: ArchiveTOC, as name: String, through admin: Connection, withTablespaces: Bool) throws {
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
        guard withOwner else { return }
        try await admin.execute("ALTER DATABASE \(identifier: name) OWNER TO \(identifier: statements.owner)")
    }

    /// Gives a database that is there already the recorded settings, privileges and comment.
    func applyProperties() async throws {
        let access = withPrivileges ? statements.privileges : []
        for statement in statements.properties + statements.remarks + access {
            try await admin.execute(SQL(raw: statement))
        }
    }

    /// What a session that loads has set, above what database and roles say: a database that is read-only by default must
    /// still be loadable, and money is read as it was written.
    static func loadingSettings(monetaryLocale: String) -> String {
        options([
            "default_transaction_read_only=off", "statement_timeout=0", "lock_timeout=0",
            "idle_in_transaction_session_timeout=0", "lc_monetary=\(monetaryLocale)",
        ])
    }

    /// What a session that dumps has set besides, so that the same values have the same text that was recorded.
    static func dumpingSettings(monetaryLocale: String) -> String {
        loadingSettings(monetaryLocale: monetaryLocale) + " " + options(["TimeZone=UTC", "bytea_output=hex"])
    }

    /// The same in a scratch cluster, where nothing is preloaded that the source's databases name.
    static func proofSettings(monetaryLocale: String) -> String {
        dumpingSettings(monetaryLocale: monetaryLocale) + " "
            + options(["session_preload_libraries=", "local_preload_libraries="])
    }

    /// postgres splits its options at spaces, and takes a backslash before one (pg_split_opts).
    private static func options(_ settings: [String]) -> String {
        settings.map { setting in
            "-c " + setting.map { $0 == " " || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
        }.joined(separator: " ")
    }
}
