import Platform
import PostgresClient

extension Planner {
    /// A role that shall go can log in no more from the first statement on.
    mutating func planLastLogin(of role: RoleDeclaration, now state: RoleState) throws {
        guard state.login else { return }
        var attributes = RoleAttributes()
        attributes.login = false
        try add(
            Change(
                .alterRole, .narrows, [RoleStatements.alter(role.name, RoleStatements.options(attributes))],
                reason: "\(role.place): the role is to go, and can log in", requires: [.alter(role: role.name)]),
            role: role.name, at: role.place)
    }

    /// After everything else: what the role owns is given away or dropped, what it holds is taken, and it is dropped.
    mutating func planRetirements() throws {
        for role in policy.roles {
            guard let retirement = role.retirement, snapshot.roles[role.name] != nil else { continue }
            let state = snapshot.retirements[role.name] ?? RetirementState()
            try check(role, retirement, state)
            try checkPolicies(of: role)
            try planHandover(of: role, retirement, state)
            try add(
                Change(
                    .dropRole, .narrows, [RoleStatements.drop(role.name)],
                    reason: "\(role.place): the role is to go", requires: [.alter(role: role.name)]),
                role: role.name, at: role.place)
            note(role, retirement, state)
        }
    }

    private func check(
        _ role: RoleDeclaration, _ retirement: Retirement, _ state: RetirementState
    ) throws(PolicyProblem) {
        let owning = state.dependencies.filter { $0.owned > 0 }
        switch retirement {
        case .emptyHanded:
            guard let first = owning.first else { return }
            throw PolicyProblem(
                role.place,
                "role \"\(role.name)\" owns something (\(first.place): \(first.description)): say \"reassignTo\" or "
                    + "\"drop\": true")
        case .dropping:
            guard owning.contains(where: { $0.database == nil }) else { return }
            throw PolicyProblem(
                role.place,
                "role \"\(role.name)\" owns a database or a tablespace, which is never dropped: say \"reassignTo\"")
        case .reassigning(let heir):
            let isThere = snapshot.roles[heir] != nil || policy.roles.contains { $0.name == heir }
            guard !isThere else { return }
            throw PolicyProblem("\(role.place).reassignTo", unknown("role", heir, among: snapshot.roles.keys))
        }
    }

    /// DROP OWNED drops a policy that is for this role alone, and nobody would notice that more rows can be seen.
    private func checkPolicies(of role: RoleDeclaration) throws {
        for state in snapshot.policies where state.grantees == [.role(role.name)] {
            let declared = policy.rowSecurity.first { $0.table == state.table }?.policies
            // Declared, it is for somebody else from now on.
            if declared?.contains(where: { $0.name == state.name }) == true { continue }
            let drop = try SecurityStatements.drop(state.name, on: state.table).text()
            if plan.changes.contains(where: { $0.sql == [drop] }) { continue }
            let kind = state.isRestrictive ? "restrictive policy" : "policy"
            throw PolicyProblem(
                role.place,
                "\(kind) \"\(state.name)\" on table \(state.table) is for role \"\(role.name)\" alone, and would be "
                    + "dropped with it: drop it yourself, or declare it for others")
        }
    }

    private mutating func planHandover(
        of role: RoleDeclaration, _ retirement: Retirement, _ state: RetirementState
    ) throws {
        let here = state.dependencies.filter { $0.database == nil || $0.database == snapshot.server.database }
        guard !here.isEmpty else { return }
        let statements = Handover(role.name, retirement, version: snapshot.server.version, as: Authority(snapshot))
        if here.contains(where: { $0.owned > 0 }), case .reassigning(let heir) = retirement {
            try add(
                Change(
                    .reassignOwned, .changes, statements.reassign,
                    reason: "\(role.place).reassignTo: \(spelled(heir)) becomes the owner of what it owns here",
                    requires: [.admit(to: role.name), .join(heir)]),
                role: role.name, at: role.place)
        }
        let what = retirement == .dropping ? "what it owns and holds here is dropped" : "what it holds here is revoked"
        try add(
            Change(
                .dropOwned, .narrows, statements.drop, reason: "\(role.place): \(what)",
                requires: [.admit(to: role.name)]),
            role: role.name, at: role.place)
    }

    private mutating func note(_ role: RoleDeclaration, _ retirement: Retirement, _ state: RetirementState) {
        plan.notes.append(
            "\(role.place): no undo brings back \(losses(of: role.name, retirement).joined(separator: ", "))")
        for dependency in state.dependencies {
            guard let database = dependency.database, database != snapshot.server.database else { continue }
            let fate = retirement == .dropping ? "dropped" : "given away and revoked"
            plan.notes.append("\(role.place): \(dependency.place) too, \(dependency.description) will be \(fate)")
        }
        for (database, count) in state.sessions.sorted(by: { $0.key < $1.key }) {
            plan.notes.append(
                "\(role.place): \(count) open \(count == 1 ? "session" : "sessions") in database \(spelled(database)): "
                    + "the role is dropped when there are none")
        }
    }
}

extension Planner {
    /// What goes with a role for good, counted in this database.
    private func losses(of name: String, _ retirement: Retirement) -> [String] {
        let counts = [
            (
                snapshot.memberships.count { $0.role == name || $0.member == name || $0.grantor == name },
                "membership", "memberships"
            ),
            (
                snapshot.privileges.count {
                    $0.key.grantee == .role(name) && snapshot.objects[$0.key.object.owned]?.owner != name
                },
                "object's privileges", "objects' privileges"
            ),
            (
                snapshot.objects.values.count { $0.owner == name },
                retirement == .dropping ? "owned object" : "ownership",
                retirement == .dropping ? "owned objects" : "ownerships"
            ),
        ]
        return ["its password"] + counts.filter { $0.0 > 0 }.map { $0.0 == 1 ? "1 \($0.1)" : "\($0.0) \($0.2)" }
    }
}

extension Snapshot {
    /// The state without what DROP OWNED will take from others: what these roles passed on.
    ///
    /// What is declared is then granted again in time, by its owner.
    func withoutGrants(by roles: Set<String>) -> Snapshot {
        guard !roles.isDisjoint(with: self.roles.keys) else { return self }
        var rest = self
        // Before PostgreSQL 16 a membership does not depend on who granted it.
        if server.version >= 160_000 { rest.memberships.removeAll { roles.contains($0.grantor) } }
        for (holding, rows) in privileges where rows.contains(where: { roles.contains($0.grantor) }) {
            // An owner's grants go over to its heir.
            let owner = objects[holding.object.owned]?.owner
            rest.privileges[holding] = rows.filter { !roles.contains($0.grantor) || $0.grantor == owner }
        }
        return rest
    }
}

/// The statements by which what a role owns and holds in one database is given away or dropped.
struct Handover {
    let reassign: [SQL]
    let drop: [SQL]

    /// - Parameter authority: Whoever lacks the rights of the roles takes them for as long as that lasts.
    init(_ role: String, _ retirement: Retirement, version: Int, as authority: Authority) {
        let options: SQL = version >= 160_000 ? " WITH INHERIT TRUE, SET TRUE" : ""
        // It goes with the role itself.
        let join: [SQL] = authority.has(rightsOf: role) ? [] : ["GRANT \(identifier: role) TO CURRENT_USER\(options)"]
        if case .reassigning(let heir) = retirement {
            let move: SQL = "REASSIGN OWNED BY \(identifier: role) TO \(identifier: heir)"
            reassign =
                authority.has(rightsOf: heir)
                ? join + [move]
                : join + [
                    "GRANT \(identifier: heir) TO CURRENT_USER\(options)", move,
                    "REVOKE \(identifier: heir) FROM CURRENT_USER",
                ]
        } else {
            reassign = []
        }
        drop = join + ["DROP OWNED BY \(identifier: role)"]
    }
}
