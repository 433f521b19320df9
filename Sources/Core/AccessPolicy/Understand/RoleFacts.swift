/// What an auditor wants to know of a role besides its privileges.
package struct RoleFacts: Sendable, Encodable {
    package struct Membership: Sendable, Encodable {
        package let role: String
        /// May make others members.
        package let admin: Bool
        /// Its privileges are held at once.
        package let inherit: Bool
        /// It can be SET.
        package let set: Bool
    }

    package let name: String
    package let login: Bool
    /// It can open a session in this database.
    package let connects: Bool
    package let superuser: Bool
    package let bypassRls: Bool
    package let createrole: Bool
    package let createdb: Bool
    package let replication: Bool
    /// Until when its password works; nil for ever.
    package let validUntil: String?
    package let memberOf: [Membership]
    /// The superusers that it can become by SET ROLE.
    package let becomes: [String]

    /// Every role but PostgreSQL's own, sorted by name.
    static func all(_ access: EffectiveAccess) -> [RoleFacts] {
        let memberships = Dictionary(grouping: access.snapshot.memberships, by: \.member)
        return access.snapshot.roles.sorted { $0.key < $1.key }.filter { !$0.key.hasPrefix("pg_") }.map { name, state in
            let superusers = access.graph.settable(by: name).order.dropFirst().filter(access.isSuperuser)
            return RoleFacts(
                name: name, login: state.login, connects: access.canConnect(name), superuser: state.isSuperuser,
                bypassRls: state.bypassRls, createrole: state.createrole, createdb: state.createdb,
                replication: state.replication, validUntil: state.validUntil == .never ? nil : state.validUntil.text,
                memberOf: merged(memberships[name] ?? [], inherits: state.inherit),
                becomes: state.isSuperuser ? [] : superusers.sorted())
        }
    }

    /// One line for each role, whoever granted it how often.
    private static func merged(_ rows: [MembershipState], inherits: Bool) -> [Membership] {
        Dictionary(grouping: rows, by: \.role).sorted { $0.key < $1.key }.map { role, rows in
            Membership(
                role: role, admin: rows.contains(where: \.admin),
                inherit: rows.contains { $0.inherit ?? inherits }, set: rows.contains { $0.set ?? true })
        }
    }
}
