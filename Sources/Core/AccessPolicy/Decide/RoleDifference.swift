import Platform
import PostgresClient

extension Planner {
    mutating func planRoles() throws {
        for role in policy.roles {
            if role.retirement != nil {
                if let state = snapshot.roles[role.name] { try planLastLogin(of: role, now: state) }
                continue
            }
            if let state = snapshot.roles[role.name] {
                try planAttributes(of: role, now: state)
            } else {
                try create(role)
            }
            try planSettings(of: role)
            try planPassword(of: role)
        }
        let declared = Set(policy.roles.map(\.name))
        for name in snapshot.roles.keys.sorted()
        where !declared.contains(name) && policy.manages?.covers(.role(name)) == true
            && snapshot.protection(of: name) == nil
        {
            plan.undeclared.append("role \(spelled(name))")
        }
    }

    private mutating func create(_ role: RoleDeclaration) throws {
        let options = RoleStatements.options(role.attributes, validUntil: role.validUntil)
        try add(
            Change(
                .createRole, .widens, [RoleStatements.create(role.name, options)],
                reason: "\(role.place): there is no such role",
                requires: needs(of: role.attributes, isNew: true).union([.create(role: role.name)])),
            role: role.name, at: role.place)
    }

    private mutating func planAttributes(of role: RoleDeclaration, now state: RoleState) throws {
        let wanted = attributes(of: role)
        var difference = RoleAttributes()
        var effects: Set<Change.Effect> = []
        func compare(_ path: WritableKeyPath<RoleAttributes, Bool?>, _ now: Bool) {
            guard let value = wanted[keyPath: path], value != now else { return }
            difference[keyPath: path] = value
            effects.insert(path == \.inherit ? .changes : value ? .widens : .narrows)
        }
        compare(\.login, state.login)
        compare(\.createdb, state.createdb)
        compare(\.createrole, state.createrole)
        compare(\.inherit, state.inherit)
        compare(\.replication, state.replication)
        compare(\.bypassRls, state.bypassRls)
        if let limit = wanted.connectionLimit, limit != state.connectionLimit {
            difference.connectionLimit = limit
            let isWider = limit == -1 || (state.connectionLimit != -1 && limit > state.connectionLimit)
            effects.insert(isWider ? .widens : .narrows)
        }
        let expiry = role.validUntil.flatMap { $0 == state.validUntil ? nil : $0 }
        if let expiry { effects.insert(isLater(expiry, than: state.validUntil) ? .widens : .narrows) }

        let options = RoleStatements.options(difference, validUntil: expiry)
        guard !options.isEmpty else { return }
        let words = try options.map { try $0.text() }.joined(separator: ", ")
        try add(
            Change(
                .alterRole, effects.count == 1 ? effects.first ?? .changes : .changes,
                [RoleStatements.alter(role.name, options)],
                reason: "\(role.place): the role is not \(words)",
                requires: needs(of: difference, isNew: false).union([.alter(role: role.name)])),
            role: role.name, at: role.place)
    }

    /// An attribute is given only by who has it; from PostgreSQL 16 on it is taken only by who has it, too.
    private func needs(of attributes: RoleAttributes, isNew: Bool) -> Set<Requirement> {
        var needs: Set<Requirement> = []
        for (value, attribute) in [
            (attributes.createdb, Requirement.Attribute.createdb), (attributes.replication, .replication),
            (attributes.bypassRls, .bypassRls),
        ] {
            if value == true || (value == false && !isNew) { needs.insert(.attribute(attribute)) }
        }
        return needs
    }

    /// In authoritative mode a right of a managed role that is not written is a right it does not have; limits and
    /// expiry are left, since taking them away would widen.
    private func attributes(of role: RoleDeclaration) -> RoleAttributes {
        var attributes = role.attributes
        guard scope.manages(role: role.name) else { return attributes }
        attributes.login = attributes.login ?? false
        attributes.createdb = attributes.createdb ?? false
        attributes.createrole = attributes.createrole ?? false
        attributes.replication = attributes.replication ?? false
        attributes.bypassRls = attributes.bypassRls ?? false
        return attributes
    }

    private func isLater(_ left: Expiry, than right: Expiry) -> Bool {
        switch (left, right) {
        case (.never, _): true
        case (_, .never): false
        case (.at(let left), .at(let right)): left > right
        }
    }

    private mutating func planSettings(of role: RoleDeclaration) throws {
        let state = snapshot.roles[role.name]
        try planSettings(role.settings, now: state?.settings ?? [:], of: role, key: "settings", in: nil)
        try planSettings(
            role.settingsInDatabase, now: state?.settingsInDatabase ?? [:], of: role, key: "settingsInDatabase",
            in: snapshot.server.database)
    }

    private mutating func planSettings(
        _ wanted: [RoleSetting], now: [String: String], of role: RoleDeclaration, key: String, in database: String?
    ) throws {
        for setting in wanted {
            let stored = now.first { $0.key.lowercased() == setting.name.lowercased() }?.value
            guard stored != setting.stored else { continue }
            try add(
                Change(
                    database == nil ? .setSetting : .setSettingInDatabase, .changes,
                    [RoleStatements.set(setting, of: role.name, in: database)],
                    reason: "\(role.place).\(key): \(setting.name) is \(stored.map { "\"\($0)\"" } ?? "not set")",
                    requires: [.alter(role: role.name)]),
                role: role.name, at: role.place)
        }
        let place = database.map { " in database \(spelled($0))" } ?? ""
        for name in now.keys.sorted() where !wanted.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            plan.undeclared.append("setting \(name) of role \(spelled(role.name))\(place)")
        }
    }

    private mutating func planPassword(of role: RoleDeclaration) throws {
        guard role.password != nil else { return }
        let reason: String
        switch snapshot.passwords[role.name] {
        case .same: return
        case .unknown(let why):
            plan.notes.append("the password of role \(spelled(role.name)) was not compared: \(why)")
            return
        case .different: reason = "\(role.place).password: the stored verifier is not of this password"
        case nil: reason = "\(role.place).password: the role has none"
        }
        try add(
            Change(
                .setPassword, .changes, [RoleStatements.password(of: role.name)], reason: reason,
                passwordOf: role.name, requires: [.alter(role: role.name)]),
            role: role.name, at: role.place)
    }

    mutating func planMemberships() throws {
        try planUndeclaredMemberships()
        for role in policy.roles {
            for (index, membership) in role.memberOf.enumerated() where !moment.hasEnded(membership) {
                try plan(membership, of: role.name, at: "\(role.place).memberOf[\(index)]")
            }
        }
    }

    private mutating func plan(_ wanted: MembershipDeclaration, of member: String, at place: String) throws {
        let version = snapshot.server.version
        let rows = snapshot.memberships.filter { $0.role == wanted.role && $0.member == member }
        // From 16 on a membership may carry neither INHERIT nor SET: it then lets its holder do nothing.
        let isEffective = rows.contains { $0.inherit != false || $0.set != false }
        let lacks =
            (wanted.admin == true && !rows.contains(where: \.admin))
            || (wanted.inherit == true && !rows.contains { $0.inherit == true })
            || (wanted.set == true && !rows.contains { $0.set == true })
        let wantsNone = wanted.inherit == false && wanted.set == false
        if rows.isEmpty || lacks || (!isEffective && !wantsNone) {
            let what = rows.isEmpty ? "is not a member of" : "has not all of this membership in"
            // A second grant by the same grantor changes only what is written.
            var wanted = wanted
            if !rows.isEmpty, !isEffective, !wantsNone {
                wanted.inherit = wanted.inherit ?? inheritsByDefault(member)
                wanted.set = wanted.set ?? true
            }
            try add(
                Change(
                    .grantMembership, .widens,
                    [RoleStatements.grantMembership(wanted, to: member, version: version)],
                    reason: "\(place): \(spelled(member)) \(what) \(spelled(wanted.role))",
                    requires: [.admit(to: wanted.role)]),
                role: member, at: place)
        }
        for row in rows {
            try narrow(row, to: wanted, at: place)
        }
    }

    /// A membership that says nothing of it is inherited or not as the role itself is.
    private func inheritsByDefault(_ member: String) -> Bool {
        policy.roles.first { $0.name == member }?.attributes.inherit ?? snapshot.roles[member]?.inherit ?? true
    }

    /// An option that is declared false is taken from every grantor's row.
    private mutating func narrow(
        _ row: MembershipState, to wanted: MembershipDeclaration, at place: String
    ) throws {
        var excess = MembershipDeclaration(role: wanted.role)
        if wanted.admin == false, row.admin { excess.admin = false }
        if wanted.inherit == false, row.inherit == true { excess.inherit = false }
        if wanted.set == false, row.set == true { excess.set = false }
        guard excess != MembershipDeclaration(role: wanted.role) else { return }
        let version = snapshot.server.version
        let statement =
            version >= 160_000
            ? RoleStatements.grantMembership(excess, to: row.member, version: version, by: row.grantor)
            : RoleStatements.revokeAdmin(row)
        try add(
            Change(
                .revokeMembership, .narrows, [statement],
                reason: "\(place): \(spelled(row.member)) has more of this membership than declared",
                requires: needs(of: row)),
            role: row.member, at: place)
    }

    /// From PostgreSQL 16 on a membership is taken back in the name of who granted it.
    func needs(of row: MembershipState) -> Set<Requirement> {
        let isAnothers = snapshot.server.version >= 160_000 && row.grantor != snapshot.server.user
        return isAnothers ? [.admit(to: row.role), .inherit(row.grantor)] : [.admit(to: row.role)]
    }
}
