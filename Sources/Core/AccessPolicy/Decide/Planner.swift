package import Platform

/// Decides, from values alone, what has to change in a database so that it is as its policy says.
///
/// Order: roles, memberships, revokes, owners and grants, default privileges, and row security last, because that holds
/// an ACCESS EXCLUSIVE lock until the end of the transaction; so does a change of owner, which decides who grants. Behind
/// it there is only the dropping of roles that shall go.
package struct Planner {
    /// As it holds now: what has come to its end is for nobody.
    let policy: Policy
    /// As the database will be after the changes of owners that are planned so far.
    var snapshot: Snapshot
    let scope: Scope
    let moment: PolicyAtTime
    var plan = Plan()

    /// - Parameter now: Grants and memberships whose `until` is before it are taken away; without a time, none is.
    /// - Throws: `PolicyProblem` where the policy names what is not there or may not be changed.
    package static func plan(_ policy: Policy, on snapshot: Snapshot, at now: Timestamp? = nil) throws -> Plan {
        try CatalogCheck(policy, snapshot).run()
        let moment = PolicyAtTime(policy, at: now)
        let absent = policy.roles.filter { $0.retirement != nil }.map(\.name)
        var planner = Planner(
            policy: moment.policy, snapshot: snapshot.withoutGrants(by: Set(absent)), scope: Scope(policy),
            moment: moment)
        planner.plan.notes = moment.notes
        try planner.planRoles()
        try planner.planMemberships()
        try planner.planPrivileges()
        try planner.planDefaults()
        try planner.planRowSecurity()
        try planner.planRetirements()
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
    /// What these hold goes with them.
    private let absent: Set<String>
    let isAuthoritative: Bool

    init(_ policy: Policy) {
        manages = policy.manages
        declared = Set(policy.roles.filter { $0.retirement == nil }.map(\.name))
        absent = Set(policy.roles.filter { $0.retirement != nil }.map(\.name))
        isAuthoritative = policy.mode == .authoritative
    }

    /// May what is not declared be taken away? Only if both the object and the grantee are managed.
    func manages(_ object: ObjectID, _ grantee: Grantee) -> Bool {
        guard isAuthoritative, let manages, manages.covers(grantee), !isAbsent(grantee) else { return false }
        if let schema = object.schema { return manages.covers(schema: schema) }
        return object.kind.isClusterWide ? manages.cluster : manages.database
    }

    /// Of default privileges for every schema: only who manages all of them.
    func managesEverySchema(_ grantee: Grantee) -> Bool {
        guard isAuthoritative, let manages, manages.covers(grantee), !isAbsent(grantee) else { return false }
        return manages.coversEverySchema
    }

    func manages(schema: String, _ grantee: Grantee) -> Bool {
        manages(.schema(schema), grantee)
    }

    func manages(role: String) -> Bool {
        isAuthoritative && manages?.covers(.role(role)) == true && !absent.contains(role)
    }

    private func isAbsent(_ grantee: Grantee) -> Bool { grantee.roleName.map(absent.contains) == true }

    /// Whether it is worth a line that this grantee holds something undeclared.
    func reports(_ grantee: Grantee) -> Bool {
        if case .role(let name) = grantee, declared.contains(name) { return true }
        return manages?.covers(grantee) == true && !isAbsent(grantee)
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
