import PostgresClient

/// Tries a test that was passed once more with row security bypassed: if it passes again, it showed nothing.
///
/// By `ALTER ROLE .. BYPASSRLS` in the savepoint, which locks no table. Where the planner does the same either way, row
/// security takes nothing from this role in this statement, and there is nothing to show: that is access, not a filter.
///
/// Without the right to that, the statement is run as somebody whom row security does not hold anyway, where it cannot
/// tell the two apart but by the policies.
struct Bypass {
    private let connection: Connection
    private let server: ServerState
    private let fence: Fence
    private let forced: UnforcedTables

    /// - Parameter forced: The tables of the test's `given` rows, locked already, whose owner can be let past their policies.
    init(_ connection: Connection, _ server: ServerState, _ fence: Fence, _ forced: UnforcedTables) {
        self.connection = connection
        self.server = server
        self.fence = fence
        self.forced = forced
    }

    /// - Parameter plan: What the planner did for the statement when it was held to row security.
    func judgement(of test: AccessTest, plan: ExplainedPlan) async throws -> Judgement {
        // Policies are those of the role, but below a view those of the view's owner.
        if let judgement = try await judgement(of: test, plan, bypassing: [test.role]) { return judgement }
        let owners: [String] = try await connection.query(ProverQueries.viewOwners).map { try $0[0] }
        if let judgement = try await judgement(of: test, plan, bypassing: [test.role] + owners) { return judgement }
        return Judgement(.unknown, "row security could not be bypassed to see whether the test shows anything")
    }

    /// nil when some policy still holds.
    private func judgement(
        of test: AccessTest, _ plan: ExplainedPlan, bypassing roles: [String]
    ) async throws -> Judgement? {
        var refused: String?
        let judgement: Judgement? = try await connection.undoing {
            for role in roles where try await !bypass(role) {
                refused = role
                return nil
            }
            try await fence.become(test.role, with: test.settings)
            return try await judgementPastPolicies(of: test, plan)
        }
        guard let refused else { return judgement }
        return try await withoutBypass(test, plan, refused)
    }

    /// What the statement shows where nothing of row security holds whoever runs it now; nil where something does.
    private func judgementPastPolicies(of test: AccessTest, _ plan: ExplainedPlan) async throws -> Judgement? {
        guard try await isFree(test) else { return nil }
        if try await connection.plan(of: test.statement)?.readsSameRows(as: plan) == true { return .proved }
        let answer = try await connection.answer(to: test.statement)
        guard test.expectation.judge(answer).verdict == .proved else { return .proved }
        return Judgement(
            .vacuous, "it would pass with row security bypassed too: give it rows that its policies must hide")
    }

    /// False when the connected role may not do that.
    private func bypass(_ role: String) async throws -> Bool {
        do {
            try await connection.savepoint { try await connection.execute("ALTER ROLE \(identifier: role) BYPASSRLS") }
            return true
        } catch let error as PostgresError where error.code == "42501" {
            return false
        }
    }

    private func withoutBypass(
        _ test: AccessTest, _ plan: ExplainedPlan, _ role: String
    ) async throws -> Judgement {
        let isFree = try await connection.undoing {
            try await fence.become(test.role, with: test.settings)
            return try await self.isFree(test)
        }
        if isFree { return .proved }
        var missing = "is not past the row security of what the test reads, as the owner of the tables without FORCE is"
        for other in try await standIns() {
            let judgement: Judgement? = try await connection.undoing {
                try await forced.lift()
                try await fence.become(other, withSessionOf: test.role, and: test.settings)
                guard try await self.isFree(test) else { return nil }
                guard try await !asksWhoRunsIt(test) else {
                    missing = "cannot stand in for it, since the statement depends on who runs it"
                    return nil
                }
                return try await judgementPastPolicies(of: test, plan)
            }
            if let judgement { return judgement }
        }
        return Judgement(
            .unknown,
            "whether it would pass without row security too is not known: role \"\(server.user)\" may not give "
                + "\(spelled(role)) BYPASSRLS, and \(missing)")
    }

    /// The connected role, and those that bypass row security and that it may become.
    private func standIns() async throws -> [String] {
        [server.user] + (try await connection.query(ProverQueries.bypassing).map { try $0[0] })
    }

    /// Whether the plan has anything in it whose answer may be another for another role.
    private func asksWhoRunsIt(_ test: AccessTest) async throws -> Bool {
        let json = try await connection.query(
            "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) \(raw: test.statement)"
        ).one()
        let texts = try ExplainedTexts(json: json[0])
        guard !texts.namesCaller else { return true }
        return try await connection.query(
            ProverQueries.asksCaller(functions: texts.functions, changed: texts.changed)
        ).one()[0]
    }

    /// Whether no policy takes part: PostgreSQL itself refuses the statement then, when row_security is off.
    private func isFree(_ test: AccessTest) async throws -> Bool {
        try await connection.undoing {
            try await connection.execute("SET LOCAL row_security = off")
            return try await connection.plan(of: test.statement) != nil
        }
    }
}
