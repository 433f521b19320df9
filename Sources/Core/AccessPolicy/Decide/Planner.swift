import Platform

/// Decides, from values alone, what has to change in a database so that it is as its policy says.
///
/// Order: roles, memberships, revokes, grants, default privileges, and row security last, because only that holds an
/// ACCESS EXCLUSIVE lock until the end of the transaction.
package struct Planner {
    let policy: Policy
    let snapshot: Snapshot
    let scope: Scope
    var plan = Plan()

    /// - Throws: `PolicyProblem` where the policy names what is not there or may not be changed.
    package static func plan(_ policy: Policy, on snapshot: Snapshot) throws -> Plan {
        try CatalogCheck(policy, snapshot).run()
        var planner = Planner(policy: policy, snapshot: snapshot, scope: Scope(policy))
        try planner.planRoles()
        try planner.planMemberships()
        try planner.planPrivileges()
        try planner.planDefaults()
        try planner.planRowSecurity()
        return planner.plan
    }

    mutating func add(_ change: Change, role: String, at place: String) throws(PolicyProblem) {
        if let protection = snapshot.protection(of: role) { throw PolicyProblem(place, protection) }
        plan.changes.append(change)
    }

    mutating func add(_ change: Change, grantees: [Grantee], at place: String) throws(PolicyProblem) {
        for name in grantees.compactMap(\.roleName) {
            if let protection = snapshot.protection(of: name) { throw PolicyProblem(place, protection) }
        }
        plan.changes.append(change)
    }
}

/// What a policy answers for.
struct Scope {
    private let manages: Manages?
    private let declared: Set<String>
    let isAuthoritative: Bool

    init(_ policy: Policy) {
        manages = policy.manages
        declared = Set(policy.roles.map(\.name))
        isAuthoritative = policy.mode == .authoritative
    }

    /// May what is not declared be taken away? Only if both the object and the grantee are managed.
    func manages(_ object: ObjectID, _ grantee: Grantee) -> Bool {
        guard isAuthoritative, let manages, manages.covers(grantee) else { return false }
        return object.schema.map(manages.covers(schema:)) ?? manages.database
    }

    func manages(schema: String, _ grantee: Grantee) -> Bool {
        manages(.schema(schema), grantee)
    }

    func manages(role: String) -> Bool {
        isAuthoritative && manages?.covers(.role(role)) == true
    }

    /// Whether it is worth a line that this grantee holds something undeclared.
    func reports(_ grantee: Grantee) -> Bool {
        if case .role(let name) = grantee, declared.contains(name) { return true }
        return manages?.covers(grantee) == true
    }
}

extension Sequence<String> {
    /// `a, b, c`, or `a, b, c and 12 more`.
    func brief(_ limit: Int = 5, separator: String = ", ") -> String {
        let all = Array(self)
        guard all.count > limit + 1 else { return all.joined(separator: separator) }
        return all.prefix(limit).joined(separator: separator) + " and \(all.count - limit) more"
    }
}
