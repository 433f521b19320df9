import Platform

/// The mistakes that a policy shows by itself: names that cannot be, and things said twice.
struct DocumentCheck {
    private let policy: Policy

    init(_ policy: Policy) {
        self.policy = policy
    }

    func run() throws(PolicyProblem) {
        try checkNames()
        try checkTablesOnce()
        try checkGrantsOnce()
        try AbsenceCheck(policy).run()
    }

    private func checkNames() throws(PolicyProblem) {
        for (index, grant) in policy.grants.enumerated() {
            for (position, grantee) in grant.grantees.enumerated() {
                if let role = grantee.roleName, role.hasPrefix("pg_") {
                    throw PolicyProblem(
                        "grants[\(index)].to[\(position)]", "role \"\(role)\" is PostgreSQL's own, and is never changed"
                    )
                }
            }
        }
    }

    /// Two spellings of one table are two keys for JSON.
    private func checkTablesOnce() throws(PolicyProblem) {
        for (left, right) in zip(policy.rowSecurity, policy.rowSecurity.dropFirst()) where left.table == right.table {
            throw PolicyProblem(right.place, "table \(right.table) is declared twice")
        }
    }

    private struct Said: Hashable {
        let object: String
        let grantee: Grantee
        let privilege: String
    }

    /// The same privilege, on the same words, to the same role.
    ///
    /// That `public.*` and `public.users` overlap is no mistake.
    private func checkGrantsOnce() throws(PolicyProblem) {
        var seen: [Said: Int] = [:]
        for (index, grant) in policy.grants.enumerated() {
            for (object, grantee) in objects(of: grant.target).flatMap({ object in grant.grantees.map { (object, $0) } }
            ) {
                for privilege in words(grant.privileges) {
                    let said = Said(object: object, grantee: grantee, privilege: privilege)
                    if let first = seen.updateValue(index, forKey: said) {
                        throw PolicyProblem(
                            "grants[\(index)]",
                            "\(privilege) on \(object) to \"\(grantee)\" is declared twice: see grants[\(first)]")
                    }
                }
            }
        }
    }

    private func words(_ privileges: PrivilegeList) -> [String] {
        switch privileges {
        case .all: ["ALL"]
        case .these(let set): set.names
        }
    }

    private func objects(of target: GrantDeclaration.Target) -> [String] {
        switch target {
        case .database: ["the database"]
        case .schemas(let names): names.map { "schema \(spelled($0))" }
        case .tables(let list): list.map { "table \(text($0))" }
        case .sequences(let list): list.map { "sequence \(text($0))" }
        case .functions(let list): list.map { "function \(text($0))" }
        case .columns(let lists): lists.flatMap { list in list.columns.map { "column \(list.table).\(spelled($0))" } }
        }
    }

    private func text<Name: CustomStringConvertible>(_ selector: Selector<Name>) -> String {
        switch selector {
        case .one(let name): name.description
        case .all(let schema): "\(spelled(schema)).*"
        }
    }
}
