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

    package enum PublicReach: String, Sendable, Encodable {
        case nobody
        /// The schema is closed to PUBLIC: only those who hold USAGE on it themselves, who are listed.
        case someRoles
        case everyRole
    }

    package let object: ObjectID
    package let privilege: PrivilegeSet
    /// Superusers may do anything, so they are only named.
    package let superusers: [String]
    /// Who granted it to PUBLIC, when somebody did; those who hold it only so are not listed.
    package let everyone: [String]
    /// Who has use of what PUBLIC holds.
    package let publicReach: PublicReach
    package let holders: [Holder]

    /// Somebody other than a superuser can open a session and do it.
    package var isAnybody: Bool { publicReach == .everyRole || holders.contains { $0.canConnect && $0.canUse } }
}

extension EffectiveAccess {
    /// Every role that comes to the privilege, superusers and PostgreSQL's own roles aside.
    package func holders(of privilege: PrivilegeSet, on object: ObjectID) -> Holders {
        let roles = snapshot.roles.keys.sorted().filter { !isSuperuser($0) && !$0.hasPrefix("pg_") }
        let granted = entries(on: object).filter { $0.held.privileges.contains(privilege) }
        let open = granted.filter { $0.grantee == .everyone }.map(\.held.grantor)
        let isOpen = missing(for: Self.nobody, on: object) == nil
        var holders: [Holders.Holder] = []
        for role in roles {
            let explanation = explain(role, on: object, only: privilege)
            guard let answer = explanation.answers.first else { continue }
            let ways = answer.ways.filter { way in
                guard case .everyone = way.path.source else { return true }
                return !isOpen && way.path.isUsable
            }
            let columns = answer.columns.filter { $0.value.contains(where: \.path.isUsable) }.keys.sorted()
            let columnWays = columns.first.flatMap { answer.columns[$0] } ?? []
            guard !ways.isEmpty || !columns.isEmpty else { continue }
            holders.append(
                Holders.Holder(
                    role: role, canConnect: explanation.cannotConnect == nil, ways: ways + columnWays,
                    columns: columns))
        }
        let usesPublic = holders.contains { holder in
            holder.ways.contains { if case .everyone = $0.path.source { true } else { false } }
        }
        let reach: Holders.PublicReach =
            open.isEmpty ? .nobody : isOpen ? .everyRole : usesPublic ? .someRoles : .nobody
        return Holders(
            object: object, privilege: privilege,
            superusers: snapshot.roles.keys.filter(isSuperuser).sorted(), everyone: open,
            publicReach: reach, holders: holders)
    }
}
