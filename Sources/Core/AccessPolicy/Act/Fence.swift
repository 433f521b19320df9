import Platform
import PostgresClient

/// What stands around a test, since acting as a role is no sandbox: whatever runs as the role can take the session's own
/// rights back.
///
/// So foreign code is refused before anything runs, each test is undone to a savepoint, and afterwards the session must
/// be in every respect what it was.
struct Fence {
    private let connection: Connection
    private let server: ServerState
    private let clock: ProofClock

    init(_ connection: Connection, _ server: ServerState, _ clock: ProofClock) {
        self.connection = connection
        self.server = server
        self.clock = clock
    }

    /// Code that may run and belongs to owners who are not trusted, as a sentence; nil when there is none.
    func foreignCode(trusting owners: [String], in statements: [String]) async throws -> String? {
        let rows = try await connection.query(
            ProverQueries.reachable(butOwnedBy: owners, statements: statements))
        guard let row = rows.first else { return nil }
        let name = ObjectName(try row["schema"], try row["name"])
        let (kind, owner): (String, String) = (try row["kind"], try row["owner"])
        let others = rows.count > 1 ? ", and so may that of \(rows.count - 1) more" : ""
        return "code of \(kind) \(name) may run during the tests, and belongs to \"\(owner)\"\(others)"
    }

    /// Runs `body` in a savepoint, undoes it, and holds the session against what it was before.
    ///
    /// - Throws: when the session is not what it was; nothing may be committed then.
    func around<Value>(_ place: String, _ body: () async throws -> Value) async throws -> Value {
        let before = try await sessionState()
        let value: Value
        do {
            value = try await connection.undoing { try await body() }
        } catch let error as PostgresError where ["25P01", "3B001"].contains(error.code) {
            throw escape(place, "ended the transaction")
        }
        let after = try await sessionState()
        for (name, (was, now)) in zip(SessionState.names, zip(before.values, after.values)) where was != now {
            throw escape(place, "changed \(name) of this session from \(was) to \(now)")
        }
        return value
    }

    private func escape(_ place: String, _ what: String) -> PlainFailure {
        PlainFailure(
            .permission, "\(place) \(what), so nothing was done",
            hint: "look for a function that it reaches and that does more than compute")
    }

    /// Takes the role on, with the settings that a session of its own would begin with.
    func become(_ role: String, with settings: [RoleSetting] = [], asItsOwnSession isWhole: Bool = true) async throws {
        try await begin(as: role, with: settings, asItsOwnSession: isWhole)
        if server.isSuperuser {
            try await connection.execute("SET LOCAL SESSION AUTHORIZATION \(identifier: role)")
        } else {
            let options: SQL = server.version >= 160_000 ? " WITH INHERIT FALSE, SET TRUE" : ""
            if role != server.user {
                try await connection.execute("GRANT \(identifier: role) TO CURRENT_USER\(options)")
            }
            try await connection.execute("SET LOCAL ROLE \(identifier: role)")
        }
        try await limit()
    }

    /// Takes on the settings of a role's own session, and then another role, which the session may be already.
    func become(_ other: String, withSessionOf role: String, and settings: [RoleSetting]) async throws {
        try await begin(as: role, with: settings, asItsOwnSession: true)
        try await connection.execute("SET LOCAL ROLE \(identifier: other)")
        try await limit()
    }

    private func begin(as role: String, with settings: [RoleSetting], asItsOwnSession isWhole: Bool) async throws {
        if isWhole {
            for row in try await connection.query(ProverQueries.settings(of: role)) {
                let name: String = try row["name"]
                try await set(name, to: try row["value"])
            }
        }
        for setting in settings { try await set(setting.name, to: setting.stored) }
        if isWhole {
            // A session of its own would begin with a transaction that reads only.
            let readsOnly: String = try await connection.query(
                "SELECT pg_catalog.current_setting('default_transaction_read_only')"
            ).one()[0]
            if readsOnly == "on" { try await set("transaction_read_only", to: "on") }
        }
    }

    /// Lets the next statements take no longer than the locks may be held.
    func limit() async throws {
        guard let left = try clock.millisecondsLeft() else { return }
        try await connection.execute("SET LOCAL statement_timeout = \(raw: String(left))")
    }

    func checkTime() throws(OverBudget) { try clock.check() }

    var overBudget: OverBudget { clock.overBudget }

    private func set(_ name: String, to value: String) async throws {
        _ = try await connection.query("SELECT pg_catalog.set_config(\(name), \(value), true)")
    }

    private func sessionState() async throws -> SessionState {
        let row = try await connection.query(SessionState.query).one()
        return SessionState(values: try SessionState.names.indices.map { try row[$0] })
    }
}

/// What a session is made of, as far as a statement can change it; the transaction's number tells whether it is the same.
private struct SessionState {
    let values: [String]

    static let names = [
        "the user", "the session user", "search_path", "the role", "is_superuser", "session_replication_role",
        "row_security", "transaction_read_only", "the transaction", "the advisory locks", "the prepared statements",
        "the cursors", "the channels listened to", "the temporary objects",
    ]

    // The operators are written out: what search_path says is what is in question.
    static let query: SQL = """
        SELECT CURRENT_USER::text, SESSION_USER::text, pg_catalog.current_setting('search_path'),
               pg_catalog.current_setting('role'), pg_catalog.current_setting('is_superuser'),
               pg_catalog.current_setting('session_replication_role'), pg_catalog.current_setting('row_security'),
               pg_catalog.current_setting('transaction_read_only'), pg_catalog.pg_current_xact_id()::text,
               (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_locks l
                WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
               (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_prepared_statement()),
               (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_cursor()),
               (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_listening_channels()),
               (SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_class c
                WHERE c.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())
        """
}
