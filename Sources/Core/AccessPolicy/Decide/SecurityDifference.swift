import Platform
import PostgresClient

extension Planner {
    mutating func planRowSecurity() throws {
        let existing = Dictionary(grouping: snapshot.policies, by: \.table)
        for declared in policy.rowSecurity {
            let state = snapshot.security[declared.table] ?? SecurityState(isEnabled: false, isForced: false)
            try planSwitches(of: declared, now: state)
            try planPolicies(of: declared, now: existing[declared.table] ?? [])
        }
        try planUndeclaredTables(existing)
    }

    private mutating func planSwitches(of declared: TableSecurity, now state: SecurityState) throws {
        if declared.enable != state.isEnabled {
            plan.changes.append(
                try Change(
                    .rowSecurity, declared.enable ? .narrows : .widens,
                    [SecurityStatements.enable(declared.table, declared.enable)],
                    reason: "\(declared.place): row security is \(state.isEnabled ? "on" : "off")",
                    locking: [declared.table], requires: [.own(.table(declared.table))]))
        }
        // FORCE that is not written stays as it is: taking it away would widen.
        if let force = declared.force, force != state.isForced {
            plan.changes.append(
                try Change(
                    .rowSecurity, force ? .narrows : .widens, [SecurityStatements.force(declared.table, force)],
                    reason: "\(declared.place).force: the owner is \(state.isForced ? "" : "not ")held to the policies",
                    locking: [declared.table], requires: [.own(.table(declared.table))]))
        }
    }

    private mutating func planPolicies(of declared: TableSecurity, now existing: [PolicyState]) throws {
        for state in existing.sorted(by: { $0.name < $1.name })
        where !declared.policies.contains(where: { $0.name == state.name }) {
            // The table is named, so its list of policies is complete, whomever a policy is for.
            try planUndeclared(state, isManaged: scope.isAuthoritative)
        }
        for (index, wanted) in declared.policies.enumerated() {
            let place = "\(declared.place).policies[\(index)]"
            if let state = existing.first(where: { $0.name == wanted.name }) {
                try replace(state, with: wanted, at: place)
            } else {
                try add(
                    Change(
                        .createPolicy, wanted.isRestrictive ? .narrows : .widens,
                        [SecurityStatements.create(wanted, on: declared.table)],
                        reason: "\(place): there is no such policy", locking: [declared.table],
                        requires: [.own(.table(declared.table))]),
                    grantees: wanted.grantees, at: place)
            }
        }
    }

    private mutating func replace(_ state: PolicyState, with wanted: PolicyDeclaration, at place: String) throws {
        var differences: [String] = []
        if Set(state.grantees) != Set(wanted.grantees) {
            differences.append("it is for \(state.grantees.map { spelled($0.description) }.sorted().brief())")
        }
        if !isEqual(wanted.using, state.using, on: state.table) {
            differences.append("its USING is \(state.using ?? "missing")")
        }
        if !isEqual(wanted.check, state.check, on: state.table) {
            differences.append("its WITH CHECK is \(state.check ?? "missing")")
        }
        // ALTER POLICY knows no way to take a clause away, nor to change these two.
        var mustReplace = (wanted.using == nil && state.using != nil) || (wanted.check == nil && state.check != nil)
        if wanted.command != state.command {
            differences.append("it is for \(state.command.rawValue)")
            mustReplace = true
        }
        if wanted.isRestrictive != state.isRestrictive {
            differences.append("it is \(state.isRestrictive ? "restrictive" : "permissive")")
            mustReplace = true
        }
        guard !differences.isEmpty else { return }
        let statements =
            mustReplace
            ? [
                SecurityStatements.drop(state.name, on: state.table),
                SecurityStatements.create(wanted, on: state.table),
            ]
            : [SecurityStatements.alter(wanted, on: state.table)]
        try add(
            Change(
                .alterPolicy, .changes, statements,
                reason: "\(place): \(differences.joined(separator: "; "))", locking: [state.table],
                requires: [.own(.table(state.table))]),
            grantees: wanted.grantees, at: place)
    }

    private func isEqual(_ declared: String?, _ stored: String?, on table: ObjectName) -> Bool {
        guard let declared, let stored else { return declared == nil && stored == nil }
        return snapshot.equalExpressions.contains(ExpressionPair(table: table, declared: declared, stored: stored))
    }

    /// Tables that the policy does not name: their policies are managed as grants are.
    private mutating func planUndeclaredTables(_ existing: [ObjectName: [PolicyState]]) throws {
        let named = Set(policy.rowSecurity.map(\.table))
        for table in existing.keys.sorted() where !named.contains(table) {
            for state in (existing[table] ?? []).sorted(by: { $0.name < $1.name }) {
                guard state.grantees.contains(where: scope.reports) else { continue }
                try planUndeclared(
                    state, isManaged: state.grantees.allSatisfy { scope.manages(.table(table), $0) })
            }
        }
    }

    /// A permissive policy lets rows in, so dropping it narrows; a restrictive one stays until the policy says otherwise.
    private mutating func planUndeclared(_ state: PolicyState, isManaged: Bool) throws {
        let kind = state.isRestrictive ? "restrictive policy" : "policy"
        let what = "\(kind) \(spelled(state.name)) on table \(state.table)"
        let isExtensionMember = snapshot.objects[.table(state.table)]?.isExtensionMember == true
        guard isManaged, !state.isRestrictive, !isExtensionMember else {
            plan.undeclared.append(what)
            return
        }
        plan.changes.append(
            try Change(
                .dropPolicy, .narrows, [SecurityStatements.drop(state.name, on: state.table)],
                reason: "\(what) is not declared", revokes: 1, locking: [state.table],
                requires: [.own(.table(state.table))]))
    }
}
