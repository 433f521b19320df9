/// What the rules ask about row security.
extension LintFacts {
    var securedTables: [LintRelation] { tables.filter(\.isSecured) }

    func isSecured(_ oid: UInt32) -> Bool { catalog.relations[oid]?.isSecured == true }

    /// Whether row security does not hold the role on this table: a superuser, BYPASSRLS, or the owner without FORCE.
    func bypasses(_ role: UInt32, _ table: LintRelation) -> Bool {
        guard let state = catalog.roles[role] else { return false }
        if state.isSuperuser || state.bypassRls { return true }
        guard !table.isForced else { return false }
        return role == table.owner || trust.inherited[role]?.contains(table.owner) == true
    }

    /// The low-trust roles that row security holds on this table and that have the privilege; 0 for everybody.
    func subjects(of table: LintRelation, _ privileges: Set<String>) -> Set<UInt32> {
        exposures(of: table, privileges).reduce(into: Set<UInt32>()) { $0.formUnion($1.roles) }
            .filter { !bypasses($0, table) }
    }

    func applies(_ policy: LintPolicy, to role: UInt32) -> Bool {
        policy.roles.contains(0) || !(trust.inherited[role] ?? [role]).isDisjoint(with: policy.roles)
    }

    /// Whether an expression is the same for every row and everybody: the planner's word, or the text's where the
    /// planner was not asked.
    func constant(_ clause: PolicyClause) -> PolicyExpression.Constant? {
        switch verdicts.clauses[PlannerVerdicts.Key(clause)] {
        case .always: .always
        case .never: .never
        case .filtered: nil
        case nil: clause.expression.constant
        }
    }

    /// How the constant was found, for evidence.
    func reason(_ clause: PolicyClause) -> String {
        if verdicts.clauses[PlannerVerdicts.Key(clause)] != nil {
            return clause.expression.constant == nil ? "which the planner folds away" : "as the planner confirms"
        }
        return "by its text; the planner was not asked"
    }

    /// Whether some permissive policy shows or lets the role change every row, so that nothing is filtered for it
    /// anyway.
    func isUnrestricted(_ role: UInt32, _ table: LintRelation, _ command: PolicyCommand) -> Bool {
        (policies[table.oid] ?? []).contains { policy in
            policy.isPermissive && policy.applies(to: command) && applies(policy, to: role)
                && policy.clauses.first.map { constant($0) == .always } == true
        }
    }

    /// The tables with row security that a view reads as its owner, through other such views, with the owner that
    /// counts.
    ///
    /// A view with security_invoker reads as whoever asks, also from inside of another view (PostgreSQL, CREATE VIEW).
    func securedTargets(of view: LintRelation) -> [(table: LintRelation, owner: UInt32)] {
        guard !view.isInvoker else { return [] }
        var found: [(LintRelation, UInt32)] = []
        var seen: Set<UInt32> = []
        var rest = (catalog.viewTargets[view.oid] ?? []).map { ($0, view.owner) }
        while let (oid, owner) = rest.popLast() {
            guard seen.insert(oid).inserted, let relation = catalog.relations[oid] else { continue }
            if relation.isTable, relation.isSecured { found.append((relation, owner)) }
            if relation.kind == .view, !relation.isInvoker {
                rest += (catalog.viewTargets[oid] ?? []).map { ($0, relation.owner) }
            }
        }
        return found.sorted { $0.0.name < $1.0.name }
    }

    /// Whether the owner of a view is held by the row security of a table.
    func ownerBypasses(_ owner: UInt32, _ table: LintRelation) -> Bool {
        guard let role = catalog.roles[owner] else { return false }
        return role.isSuperuser || role.bypassRls || owner == table.owner && !table.isForced
    }
}

/// The document's policies that the database does not have yet, as far as their tables are there.
enum DeclaredPolicies {
    static func missing(in catalog: LintCatalog, from policy: Policy?) -> [LintPolicy] {
        guard let policy, !policy.rowSecurity.isEmpty else { return [] }
        var tables: [ObjectName: LintRelation] = [:]
        for relation in catalog.relations.values where relation.isTable { tables[relation.name] = relation }
        let roles = Dictionary(catalog.roles.values.map { ($0.name, $0.oid) }) { first, _ in first }
        let present = Set(catalog.policies.map(\.object))
        return policy.rowSecurity.flatMap { declared -> [LintPolicy] in
            guard let table = tables[declared.table] else { return [] }
            return declared.policies.enumerated().compactMap { index, policy in
                guard !present.contains(.policy(policy.name, on: table.name)) else { return nil }
                let columns = catalog.columns[table.oid].map { Set($0.keys) } ?? []
                let texts = [policy.using, policy.check].compactMap(\.self)
                let named = texts.reduce(into: Set<String>()) {
                    $0.formUnion(PolicyExpression($1, table: table.name.name).ownColumns(known: columns))
                }
                return LintPolicy(
                    relation: table.oid, table: table.name, name: policy.name, isPermissive: !policy.isRestrictive,
                    command: policy.command,
                    roles: policy.grantees.map { $0.roleName.map { roles[$0] ?? .max } ?? 0 },
                    using: policy.using, check: policy.check, columns: named, functions: [], relations: [],
                    place: "\(declared.place).policies[\(index)]")
            }
        }
    }
}
