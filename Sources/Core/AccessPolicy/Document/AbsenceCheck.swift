import Platform

/// Holds that nothing is declared for a role that shall not be there.
struct AbsenceCheck {
    private let policy: Policy
    private let absent: Set<String>

    init(_ policy: Policy) {
        self.policy = policy
        absent = Set(policy.roles.filter { $0.retirement != nil }.map(\.name))
    }

    func run() throws(PolicyProblem) {
        guard !absent.isEmpty else { return }
        for role in policy.roles {
            for (index, membership) in role.memberOf.enumerated() {
                try check(membership.role, at: "\(role.place).memberOf[\(index)]")
            }
            if case .reassigning(let heir) = role.retirement { try check(heir, at: "\(role.place).reassignTo") }
        }
        for (index, grant) in policy.grants.enumerated() {
            try check(grant.grantees, at: "grants[\(index)].to")
            for (position, creator) in grant.futureCreators.enumerated() {
                try check(creator, at: "grants[\(index)].future.createdBy[\(position)]")
            }
        }
        for (index, declared) in policy.owners.enumerated() {
            try check(declared.owner, at: "owners[\(index)].owner")
        }
        for (index, declared) in policy.defaultPrivileges.enumerated() {
            try check(declared.grantees, at: "defaultPrivileges[\(index)].to")
            for (position, creator) in declared.creators.enumerated() {
                try check(creator, at: "defaultPrivileges[\(index)].createdBy[\(position)]")
            }
        }
        for table in policy.rowSecurity {
            for (index, policy) in table.policies.enumerated() {
                try check(policy.grantees, at: "\(table.place).policies[\(index)].to")
            }
        }
        for (index, test) in policy.tests.enumerated() { try check(test.role, at: "tests[\(index)].as") }
    }

    private func check(_ grantees: [Grantee], at place: String) throws(PolicyProblem) {
        for (index, grantee) in grantees.enumerated() {
            if let name = grantee.roleName { try check(name, at: "\(place)[\(index)]") }
        }
    }

    private func check(_ name: String, at place: String) throws(PolicyProblem) {
        guard absent.contains(name) else { return }
        throw PolicyProblem(place, "role \"\(name)\" is declared absent")
    }
}
