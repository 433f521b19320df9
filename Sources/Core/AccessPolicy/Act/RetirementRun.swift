import AuditLog
import Platform
import PostgresClient
import SystemPackage

/// Gives away or drops what roles that shall go own and hold in databases that the policy does not speak of.
struct RetirementRun {
    private let connection: Connection
    private let roles: [RoleDeclaration]

    init(_ connection: Connection, _ policy: Policy) {
        self.connection = connection
        roles = policy.roles.filter { $0.retirement != nil }
    }

    /// Where something hangs on those roles, besides the databases named.
    func otherDatabases(than named: [String]) async throws -> [String] {
        let states = try await RetirementReader(connection).states(of: roles.map(\.name))
        return Set(states.values.flatMap { $0.dependencies.compactMap(\.database) }).subtracting(named).sorted()
    }

    /// Looks, before anything is done, whether every such database lets us in and holds nothing in the way.
    func check(otherThan named: [String]) async throws {
        for database in try await otherDatabases(than: named) {
            try await within(database) { other in
                for role in roles { try await checkPolicies(of: role, other, database) }
            }
        }
    }

    /// In one transaction of that database, recorded.
    func run(in database: String, audit: AuditLog) async throws -> Outcome {
        try await within(database) { other in
            let (target, user) = try await other.auditTarget()
            return try await audit.recording(.policyApply, target: target, role: user) { note in
                let outcome: Outcome
                do {
                    outcome = try await other.applying {
                        try await runInside(other, database, audit.folder.path, note.start)
                    }
                } catch {
                    UndoFile.discard(beside: audit.folder.path, id: note.start.id, after: error)
                    throw error
                }
                note.facts = outcome.facts
                note.facts["stage"] = .text(Stage.database.rawValue)
                return outcome
            }
        }
    }

    private func runInside(
        _ other: Connection, _ database: String, _ log: FilePath, _ start: AuditEntry
    ) async throws -> Outcome {
        let before = try await snapshot(of: other)
        for role in roles { try await checkPolicies(of: role, other, database) }
        let plan = try plan(on: before)
        let lacking = Authority(before).missing(for: plan.changes)
        guard lacking.isEmpty else { throw AuthorityFailure(role: before.server.user, missing: lacking) }
        for change in plan.changes { try await other.run(change.sql) }
        // What was given away or dropped does not come back; the script says what that was.
        let undo = try UndoFile.leading(
            back: plan.changes, from: try await snapshot(of: other), to: before, at: try await other.place()
        ).receipt(log, start)
        return Outcome(plan: plan, verdict: .applied, undo: undo)
    }

    private func snapshot(of other: Connection) async throws -> Snapshot {
        try await CatalogReader(other).snapshot(for: Policy(roles: roles), passwords: GivenPasswords())
    }

    /// Of what a policy with these roles alone would do here, what this database holds.
    private func plan(on snapshot: Snapshot) throws -> Plan {
        var plan = try Planner.plan(Policy(roles: roles), on: snapshot)
        plan.changes.removeAll(where: \.kind.isClusterWide)
        plan.notes = []
        plan.undeclared = []
        return plan
    }

    private func checkPolicies(of role: RoleDeclaration, _ other: Connection, _ database: String) async throws {
        guard let found = try await RetirementReader(other).policiesOnly(for: role.name).first else { return }
        throw PolicyProblem(
            role.place,
            "in database \(spelled(database)), policy \"\(found.policy)\" on table \(found.table) is for role "
                + "\"\(role.name)\" alone, and would be dropped with it: drop it yourself first")
    }

    private func within<Value: Sendable>(
        _ database: String, _ body: (Connection) async throws -> Value
    ) async throws -> Value {
        let other = try await Connection.open(connection.parameters.with(database: database))
        do {
            let value = try await body(other)
            await other.close()
            return value
        } catch {
            await other.close()
            throw error
        }
    }
}
