/// Which part of a plan one transaction carries out.
///
/// One database needs one transaction. Over several, since none spans two: first the roles, powerless; then each database
/// with its proofs; then what gives the roles their power.
package enum Stage: String, Sendable {
    /// Everything at once.
    case whole
    /// Roles are made without login and memberships; those that shall go can log in no more.
    case preparation
    /// What one database holds; its proofs see the roles as they will be.
    case database
    /// Attributes, memberships, passwords, and the dropping of roles.
    case completion
}

extension Stage {
    /// The changes of a plan that belong to this stage.
    func part(of plan: Plan, _ policy: Policy) throws -> Plan {
        var part = plan
        switch self {
        case .whole: return plan
        case .database: part.changes = plan.changes.filter { !$0.kind.isClusterWide }
        case .completion: part.changes = plan.changes.filter(\.kind.isClusterWide)
        case .preparation:
            let absent = policy.roles.filter { $0.retirement != nil }.map { Requirement.alter(role: $0.name) }
            let created = Set(plan.changes.compactMap(\.createdRole))
            part.changes = try plan.changes.compactMap { change in
                if change.kind == .createRole, let role = change.createdRole {
                    return try Change(
                        .createRole, .widens, [RoleStatements.create(role, [])], reason: change.reason,
                        requires: change.requires)
                }
                // Later nobody may be able to tell whether it has its password: a role without login has no use for it yet.
                if let role = change.passwordOf, created.contains(role) { return change }
                // Whoever shall go loses the login before anything else.
                let isLast = change.kind == .alterRole && !change.requires.isDisjoint(with: absent)
                return isLast ? change : nil
            }
        }
        return part
    }
}

extension Change {
    /// Whether it can be tried and undone, and shows in the next comparison: a password that SASLprep changes never looks
    /// the same, and a role is dropped when nothing hangs on it in any database.
    var isRehearsable: Bool { passwordOf == nil && kind != .dropRole }

    fileprivate var createdRole: String? {
        for case .create(let role) in requires { return role }
        return nil
    }
}
