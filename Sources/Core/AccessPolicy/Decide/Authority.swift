package import Platform

/// What the connected role may do, as far as the catalog tells.
struct Authority {
    private let snapshot: Snapshot
    private let user: String
    /// The roles whose rights it has at once, itself included.
    private let inherited: Set<String>
    /// The roles it is a member of in any way, itself included.
    private let joined: Set<String>
    /// The roles it may SET ROLE to, itself included.
    private let settable: Set<String>

    init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        user = snapshot.server.user
        let owner = snapshot.objects[.database(snapshot.server.database)]?.owner
        let isNew = snapshot.server.version >= 160_000
        func reach(_ follows: (MembershipState) -> Bool) -> Set<String> {
            var found: Set = [snapshot.server.user]
            var rest = [snapshot.server.user]
            while let member = rest.popLast() {
                var next = snapshot.memberships.filter { $0.member == member && follows($0) }.map(\.role)
                // The owner of a database is its only member of this role.
                if member == owner { next.append("pg_database_owner") }
                for role in next where found.insert(role).inserted { rest.append(role) }
            }
            return found
        }
        inherited = reach { isNew ? $0.inherit == true : snapshot.roles[$0.member]?.inherit == true }
        joined = reach { _ in true }
        settable = reach { isNew ? $0.set == true : true }
    }

    func has(rightsOf role: String) -> Bool {
        snapshot.server.isSuperuser || inherited.contains(role)
    }

    /// One sentence for each right that is missing; nothing when all of this may be done.
    func missing(for changes: [Change], tests: [AccessTest] = []) -> [String] {
        guard !snapshot.server.isSuperuser else { return [] }
        var needs = changes.reduce(into: Set<Requirement>()) { $0.formUnion($1.requires) }
        needs.formUnion(tests.map { .join($0.role) })
        let created = Set(
            needs.compactMap { need -> String? in
                if case .create(let role) = need { role } else { nil }
            })
        var missing: [String: [String]] = [:]
        for need in needs {
            if let (what, of) = lack(of: need, created) { missing[what, default: []].append(of) }
        }
        return missing.map { what, of in
            let names = Set(of).subtracting([""]).sorted()
            return names.isEmpty ? what : "\(what) \(names.brief(8))"
        }.sorted()
    }

    /// What is missing, and of what; nil when nothing is.
    private func lack(of need: Requirement, _ created: Set<String>) -> (what: String, of: String)? {
        let isNew = snapshot.server.version >= 160_000
        let mayMakeRoles = snapshot.roles[user]?.createrole == true
        func mayAdmit(_ role: String) -> Bool {
            created.contains(role) || isAdmin(of: role) || (!isNew && mayMakeRoles && !isSuperuser(role))
        }
        switch need {
        case .create(let role):
            return mayMakeRoles ? nil : ("CREATEROLE, to make role", spelled(role))
        case .alter(let role):
            guard mayMakeRoles else { return ("CREATEROLE, to change role", spelled(role)) }
            return !isNew || created.contains(role) || isAdmin(of: role) ? nil : ("ADMIN OPTION on role", spelled(role))
        case .admit(let role):
            return mayAdmit(role) ? nil : ("ADMIN OPTION on role", spelled(role))
        case .join(let role):
            return inherited.contains(role) || mayAdmit(role) ? nil : ("ADMIN OPTION, to act as role", spelled(role))
        case .attribute(let attribute):
            return mayGive(attribute, isNew: isNew)
                ? nil
                : (
                    isNew ? "the attribute \(attribute.rawValue) itself" : "superuser, to give \(attribute.rawValue)",
                    ""
                )
        case .touch, .concern: return nil
        case .own(let object):
            return owns(object) ? nil : ("ownership of \(object.kind.rawValue)", object.owned.description)
        case .grant(let privileges, let object):
            return owns(object) || mayPassOn(privileges, on: object)
                ? nil : ("the right to grant \(privileges) on \(object.kind.rawValue)", object.description)
        case .become(let role):
            return settable.contains(role) ? nil : ("SET ROLE to role", spelled(role))
        case .inherit(let role):
            return (isNew ? inherited : joined).contains(role) || created.contains(role)
                ? nil : ("membership in role", spelled(role))
        }
    }

    private func isSuperuser(_ role: String) -> Bool { snapshot.roles[role]?.isSuperuser == true }

    private func isAdmin(of role: String) -> Bool {
        snapshot.memberships.contains { $0.role == role && $0.admin && joined.contains($0.member) }
    }

    private func mayGive(_ attribute: Requirement.Attribute, isNew: Bool) -> Bool {
        guard isNew else { return attribute == .createdb }
        let own = snapshot.roles[user] ?? RoleState()
        return switch attribute {
        case .createdb: own.createdb
        case .replication: own.replication
        case .bypassRls: own.bypassRls
        }
    }

    private func owns(_ object: ObjectID) -> Bool {
        snapshot.objects[object.owned].map { inherited.contains($0.owner) } == true
    }

    /// The grant option, for a column also that of its table.
    private func mayPassOn(_ privileges: PrivilegeSet, on object: ObjectID) -> Bool {
        let held = snapshot.grantable(on: object, by: inherited)
        return held.union(object == object.owned ? [] : snapshot.grantable(on: object.owned, by: inherited))
            .isSuperset(of: privileges)
    }
}

extension Snapshot {
    fileprivate func grantable(on object: ObjectID, by roles: Set<String>) -> PrivilegeSet {
        roles.reduce(into: []) { all, role in
            for row in privileges[Holding(object, .role(role))] ?? [] { all.formUnion(row.grantable) }
        }
    }
}

/// The connected role lacks rights that the plan needs; nothing was done.
package struct AuthorityFailure: Failure, Equatable {
    package let role: String
    /// Everything that is missing.
    package let missing: [String]

    package var status: ExitStatus { .permission }

    package var sentence: String {
        "nothing was done: role \"\(role)\" lacks what this needs: \(missing.joined(separator: "; "))"
    }

    package var hint: String? { "let a superuser grant it, or connect as a role that has it" }
}
