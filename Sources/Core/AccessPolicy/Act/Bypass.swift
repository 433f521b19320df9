import PostgresClient

/// Tries a test that was passed once more with row security bypassed: if it passes again, it showed nothing.
///
/// By `ALTER ROLE .. BYPASSRLS` in the savepoint, which locks no table. Where the planner does the same either way, row
/// security takes nothing from this role in this statement, and there is nothing to show: that is access, not a filter.
struct Bypass {
    private let connection: Connection
    private let server: ServerState
    private let fence: Fence

    init(_ connection: Connection, _ server: ServerState, _ fence: Fence) {
        self.connection = connection
        self.server = server
        self.fence = fence
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
        try await connection.undoing {
            for role in roles where try await !bypass(role) {
                return try await withoutBypass(test, role)
            }
            try await fence.become(test.role, with: test.settings)
            guard try await isFree(test) else { return nil }
            if try await connection.plan(of: test.statement)?.readsSameRows(as: plan) == true { return .proved }
            let answer = try await connection.answer(to: test.statement)
            guard test.expectation.judge(answer).verdict == .proved else { return .proved }
            return Judgement(
                .vacuous, "it would pass with row security bypassed too: give it rows that its policies must hide")
        }
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

    private func withoutBypass(_ test: AccessTest, _ role: String) async throws -> Judgement {
        try await fence.become(test.role, with: test.settings)
        if try await isFree(test) { return .proved }
        return Judgement(
            .unknown,
            "role \"\(server.user)\" may not let \(spelled(role)) bypass row security, so it is not known whether the "
                + "test would pass without it too")
    }

    /// Whether no policy takes part: PostgreSQL itself refuses the statement then, when row_security is off.
    private func isFree(_ test: AccessTest) async throws -> Bool {
        try await connection.undoing {
            try await connection.execute("SET LOCAL row_security = off")
            return try await connection.plan(of: test.statement) != nil
        }
    }
}
