package import AuditLog
package import Platform
package import PostgresClient

/// Brings several databases of one server to what a policy says, or retires roles that hold something in others.
///
/// No transaction spans two databases. So roles are made first, without login and memberships; then each database is
/// changed and proved in a transaction of its own; and only when all are proved do the roles get what gives them power.
/// Whatever fails leaves roles that can do no more than before, and says what is done; the next run goes on from there.
package struct Rollout: Sendable {
    private let connection: Connection
    private let file: PolicyFile
    private let passwords: GivenPasswords
    private let now: Timestamp

    package init(_ connection: Connection, _ file: PolicyFile, passwords: GivenPasswords, now: Timestamp = .now()) {
        self.connection = connection
        self.file = file
        self.passwords = passwords
        self.now = now
    }

    /// Whether one transaction is not enough for this policy on this server.
    package func isNeeded() async throws -> Bool {
        if !file.policy.databases.isEmpty { return true }
        let absent = file.policy.roles.filter { $0.retirement != nil }.map(\.name)
        guard !absent.isEmpty else { return false }
        let count: Int = try await connection.query(
            "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = ANY (\(absent))"
        ).one()[0]
        return count > 0
    }

    /// What would change in each database; nothing is written.
    package func plan() async throws -> [(database: String, plan: Plan)] {
        try await plan(of: try await databases())
    }

    private func plan(of databases: [String]) async throws -> [(database: String, plan: Plan)] {
        var plans: [(database: String, plan: Plan)] = []
        for database in databases {
            let plan = try await naming(database) { try await within(database) { try await $0.plan() } }
            plans.append((database, plan))
        }
        return plans
    }

    /// The same of each database, with all that it rests on, to be reviewed and applied later.
    package func drafts() async throws -> [SavedPlan] {
        try await drafts(of: try await databases())
    }

    private func drafts(of databases: [String]) async throws -> [SavedPlan] {
        var drafts: [SavedPlan] = []
        for database in databases {
            drafts.append(try await naming(database) { try await within(database) { try await $0.draft() } })
        }
        return drafts
    }

    /// Applies the policy to all of its databases, each step recorded in the audit log.
    ///
    /// Before the first change all plans are made, so that what can be known to fail does so before anything is done.
    ///
    /// - Parameter reviewed: Nothing is done unless exactly this would be done, in exactly these databases.
    /// - Throws: `RolloutFailure`, which says what was done before; anything else when nothing was.
    package func apply(maxRevokes: Int, audit: AuditLog, reviewed: SavedPlans? = nil) async throws -> RolloutOutcome {
        try passwords.requireAll()
        return try await connection.transaction {
            try await lockRollout()
            let databases = try await databases()
            if let refusal = try await preflight(databases, maxRevokes: maxRevokes, reviewed: reviewed) {
                return RolloutOutcome(steps: [], refusal: refusal)
            }
            var progress = RolloutProgress(databases: databases)
            do {
                return try await run(&progress, maxRevokes: maxRevokes, audit: audit, reviewed: reviewed)
            } catch {
                throw RolloutFailure(progress: progress, error: file.located(error))
            }
        }
    }

    private func run(
        _ progress: inout RolloutProgress, maxRevokes: Int, audit: AuditLog, reviewed: SavedPlans?
    ) async throws -> RolloutOutcome {
        let first = progress.databases[0]
        func step(_ stage: Stage, _ database: String) async throws -> Outcome {
            try await within(database) { provisioner in
                try await provisioner.apply(
                    maxRevokes: maxRevokes, audit: audit, reviewed: reviewed?.plan(for: database), stage: stage)
            }
        }
        progress.begin(.preparation, first)
        if let stop = progress.end(try await step(.preparation, first)) { return stop }
        try await checkSessions()
        for database in progress.databases {
            progress.begin(.database, database)
            if let stop = progress.end(try await step(.database, database)) { return stop }
        }
        let retirement = RetirementRun(connection, file.policy)
        for database in try await retirement.otherDatabases(than: progress.databases) {
            progress.begin(.database, database)
            if let stop = progress.end(try await retirement.run(in: database, audit: audit)) { return stop }
        }
        progress.begin(.completion, first)
        if let stop = progress.end(try await step(.completion, first)) { return stop }
        return RolloutOutcome(steps: progress.steps, refusal: nil)
    }

    /// - Returns: why nothing may be done; errors are thrown as they are.
    private func preflight(_ databases: [String], maxRevokes: Int, reviewed: SavedPlans?) async throws -> String? {
        var revokes = 0
        if let reviewed {
            let drafts = try await drafts(of: databases)
            let moved = reviewed.moved(in: drafts).flatMap { database, what in
                databases.count < 2 ? what : what.map { "database \(spelled(database)): \($0)" }
            }
            guard moved.isEmpty else { return Outcome(plan: Plan(), verdict: .moved(moved)).refusal }
            for draft in drafts { try await check(draft.plan, &revokes) }
        } else {
            for (_, plan) in try await plan(of: databases) { try await check(plan, &revokes) }
        }
        guard revokes <= maxRevokes else {
            return
                "the plans take away \(revokes) rights that are not declared, more than --max-revokes \(maxRevokes): "
                + "nothing was done"
        }
        do {
            try await RetirementRun(connection, file.policy).check(otherThan: databases)
        } catch {
            throw file.located(error)
        }
        return nil
    }

    private func check(_ plan: Plan, _ revokes: inout Int) async throws {
        guard plan.lacking.isEmpty else {
            throw AuthorityFailure(role: try await connection.place().role, missing: plan.lacking)
        }
        revokes += plan.revokes
    }

    /// Whoever is still at work as a role that shall go could make new objects while they are given away.
    private func checkSessions() async throws {
        let absent = file.policy.roles.filter { $0.retirement != nil }.map(\.name)
        let states = try await RetirementReader(connection).states(of: absent)
        let open = states.sorted { $0.key < $1.key }.filter { !$0.value.sessions.isEmpty }
        guard !open.isEmpty else { return }
        let words = open.map { role, state in
            "\(state.sessions.values.reduce(0, +)) of role \"\(role)\" in database "
                + state.sessions.keys.sorted().map(spelled).joined(separator: ", ")
        }
        throw PlainFailure(
            .temporary, "there are open sessions: \(words.joined(separator: "; "))",
            hint: "end them with pg_terminate_backend, or wait; no new ones can come; then run this again")
    }

    /// Says of a failure which database it is about, where there are several.
    private func naming<Value>(_ database: String, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let failure as any Failure where !file.policy.databases.isEmpty {
            throw PlainFailure(
                failure.status, "database \(spelled(database)): \(failure.sentence)", hint: failure.hint)
        }
    }

    /// Runs `body` with a provisioner of that database.
    private func within<Value: Sendable>(
        _ database: String, _ body: (Provisioner) async throws -> Value
    ) async throws -> Value {
        let own = try await Connection.open(connection.parameters.with(database: database))
        do {
            let value = try await body(Provisioner(own, file, passwords: passwords, now: now))
            await own.close()
            return value
        } catch {
            await own.close()
            throw error
        }
    }

    /// The databases that the policy is for, sorted.
    private func databases() async throws -> [String] {
        if file.policy.databases.isEmpty {
            return [try await connection.query("SELECT pg_catalog.current_database()").one()[0]]
        }
        let all = try await connection.query(
            "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname"
        ).map { row -> String in try row[0] }
        for (index, pattern) in file.policy.databases.enumerated() where !all.contains(where: pattern.matches) {
            throw file.located(
                PolicyProblem("databases[\(index)]", unknown("database", pattern.text, among: all)))
        }
        return all.filter { name in file.policy.databases.contains { $0.matches(name) } }
    }

    /// One rollout at a time from a database; the transaction that holds the lock waits idle for all the others.
    private func lockRollout() async throws {
        try await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        let isFree: Bool = try await connection.query(
            "SELECT pg_catalog.pg_try_advisory_xact_lock(7162254444797001730)"
        ).one()[0]
        guard isFree else {
            throw PlainFailure(
                .temporary, "another dbsec is applying a policy from this database", hint: "try again when it has ended"
            )
        }
    }
}
