/// Everybody who holds a privilege on an object.
package struct Holders: Sendable {
    package struct Holder: Sendable {
        package let role: String
        package let canConnect: Bool
        package let ways: [Explanation.Way]
        /// Of a table without the privilege as a whole: the columns that have it.
        package let columns: [String]

        package var canUse: Bool { ways.contains(where: \.path.isUsable) }
    }

    package let object: ObjectID
    package let privilege: PrivilegeSet
    /// Superusers may do anything, so they are only named.
    package let superusers: [String]
    /// Who granted it to PUBLIC, when somebody did; those who hold it only so are not listed.
    package let everyone: [String]
    /// Whether PUBLIC gets as far as the object.
    package let everyoneCanUse: Bool
    package let holders: [Holder]

    /// Somebody other than a superuser can open a session and do it.
    package var isAnybody: Bool { everyoneCanUse || holders.contains { $0.canConnect && $0.canUse } }
}

extension EffectiveAccess {
    /// Every role that comes to the privilege, superusers and PostgreSQL's own roles aside.
    package func holders(of privilege: PrivilegeSet, on object: ObjectID) -> Holders {
        let roles = snapshot.roles.keys.sorted().filter { !isSuperuser($0) && !$0.hasPrefix("pg_") }
        let granted = entries(on: object).filter { $0.held.privileges.contains(privilege) }
        let open = granted.filter { $0.grantee == .everyone }.map(\.held.grantor)
        var holders: [Holders.Holder] = []
        for role in roles {
            let explanation = explain(role, on: object, only: privilege)
            guard let answer = explanation.answers.first else { continue }
            let ways = answer.ways.filter { way in
                if case .everyone = way.path.source { false } else { true }
            }
            let columns = answer.columns.filter { $0.value.contains(where: \.path.isUsable) }.keys.sorted()
            let columnWays = columns.first.flatMap { answer.columns[$0] } ?? []
            guard !ways.isEmpty || !columns.isEmpty else { continue }
            holders.append(
                Holders.Holder(
                    role: role, canConnect: explanation.cannotConnect == nil, ways: ways + columnWays,
                    columns: columns))
        }
        let everyoneCanUse = !open.isEmpty && roles.contains { canConnect($0) && can($0, privilege, on: object) }
        return Holders(
            object: object, privilege: privilege,
            superusers: snapshot.roles.keys.filter(isSuperuser).sorted(), everyone: open,
            everyoneCanUse: everyoneCanUse, holders: holders)
    }
}
