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
        try checkOwnersOnce()
        try checkDefaultsOnce()
    }

    private func checkNames() throws(PolicyProblem) {
        for (index, grant) in policy.grants.enumerated() {
            try checkNames(grant.grantees, at: "grants[\(index)].to")
        }
        for (index, declared) in policy.defaultPrivileges.enumerated() {
            try checkNames(declared.grantees, at: "defaultPrivileges[\(index)].to")
        }
    }

    private func checkNames(_ grantees: [Grantee], at place: String) throws(PolicyProblem) {
        for (position, grantee) in grantees.enumerated() {
            guard let role = grantee.roleName, role.hasPrefix("pg_") else { continue }
            throw PolicyProblem("\(place)[\(position)]", "role \"\(role)\" is PostgreSQL's own, and is never changed")
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
        var whole: [Said: (index: Int, isNone: Bool)] = [:]
        for (index, grant) in policy.grants.enumerated() {
            for (object, grantee) in grant.target.words.flatMap({ object in grant.grantees.map { (object, $0) } }) {
                let both = Said(object: object, grantee: grantee, privilege: "")
                if let first = whole[both], first.isNone || grant.isNone {
                    throw PolicyProblem(
                        "grants[\(index)]",
                        "nothing on \(object) to \"\(grantee)\" is declared, and something too: see grants[\(first.index)]"
                    )
                }
                whole[both] = (index, grant.isNone)
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

    /// An object has one owner; `public.users` may have another than `public.*`.
    private func checkOwnersOnce() throws(PolicyProblem) {
        var seen: [String: Int] = [:]
        for (index, owned) in policy.owners.enumerated() {
            for object in owned.target.words {
                guard let first = seen.updateValue(index, forKey: object) else { continue }
                throw PolicyProblem(
                    "owners[\(index)]", "the owner of \(object) is declared twice: see owners[\(first)]")
            }
        }
    }

    private struct SaidOfFuture: Hashable {
        let holding: DefaultHolding
        let privilege: String
    }

    private func checkDefaultsOnce() throws(PolicyProblem) {
        var seen: [SaidOfFuture: String] = [:]
        var places: [DefaultHolding: (place: String, isNone: Bool)] = [:]
        for (place, declared) in policy.futures {
            for holding in declared.holdings {
                let whom = "future \(holding.kind.plural) of \"\(holding.creator)\" to \"\(holding.grantee)\""
                if let first = places[holding], first.isNone || declared.isNone {
                    throw PolicyProblem(
                        place, "nothing on \(whom) is declared, and something too: see \(first.place)")
                }
                places[holding] = (place, declared.isNone)
                for privilege in words(declared.privileges) {
                    let said = SaidOfFuture(holding: holding, privilege: privilege)
                    guard let first = seen.updateValue(place, forKey: said) else { continue }
                    throw PolicyProblem(place, "\(privilege) on \(whom) is declared twice: see \(first)")
                }
            }
        }
    }
}
