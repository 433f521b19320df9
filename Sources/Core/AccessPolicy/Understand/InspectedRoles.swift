import Platform

/// A part of the document that stands under names, and what could not be said in it.
struct InspectedMembers {
    var members: [JSONText.Member] = []
    var notes: [String] = []
    var roles: Set<String> = []
}

extension InspectedPolicy {
    /// The roles and their memberships; only those that have to do with `mentioned` where that is given.
    func inspectedRoles(_ mentioned: Set<String>?) -> InspectedMembers {
        let memberships = Dictionary(grouping: snapshot.memberships.filter { !$0.isAutomatic }, by: \.member)
        let graph = RoleGraph(snapshot)
        var result = InspectedMembers()
        for (name, state) in snapshot.roles.sorted(by: { $0.key < $1.key }) {
            if name == "PUBLIC" { result.notes.append("the role that is really named \"PUBLIC\"") }
            guard isDeclarable(name) else { continue }
            if let mentioned, !graph.settable(by: name).order.contains(where: mentioned.contains),
                !graph.inherited(by: name).order.contains(where: mentioned.contains)
            {
                continue
            }
            var members = attributes(state, of: name, notes: &result.notes)
            let rows = memberships[name] ?? []
            for role in Set(rows.map(\.role)).sorted() where snapshot.roles[role]?.isSuperuser != false {
                result.notes.append("the membership of \(spelled(name)) in \(spelled(role)), which is a superuser")
            }
            let memberOf = self.memberships(rows, inherits: state.inherit)
            if !memberOf.isEmpty { members.append(.init("memberOf", .array(memberOf))) }
            result.members.append(.init(name, .object(members)))
        }
        return result
    }

    private func attributes(_ state: RoleState, of name: String, notes: inout [String]) -> [JSONText.Member] {
        var members: [JSONText.Member] = []
        let switches: [(String, Bool, Bool)] = [
            ("login", state.login, false), ("createdb", state.createdb, false), ("createrole", state.createrole, false),
            ("inherit", state.inherit, true), ("replication", state.replication, false),
            ("bypassRls", state.bypassRls, false),
        ]
        for (key, value, usual) in switches where value != usual { members.append(.init(key, .bool(value))) }
        if state.connectionLimit != -1 { members.append(.init("connectionLimit", .number(state.connectionLimit))) }
        if case .at(let time) = state.validUntil {
            let text = time.microseconds % 1_000_000 == 0 ? time.brief : time.description
            if Timestamp(text) == time {
                members.append(.init("validUntil", .string(text)))
            } else {
                notes.append("until when role \(spelled(name)) is valid")
            }
        }
        for (key, settings) in [("settings", state.settings), ("settingsInDatabase", state.settingsInDatabase)] {
            let written = self.settings(settings, of: name, notes: &notes)
            if !written.isEmpty { members.append(.init(key, .object(written))) }
        }
        return members
    }

    private func settings(
        _ settings: [String: String], of role: String, notes: inout [String]
    ) -> [JSONText.Member] {
        settings.sorted { $0.key < $1.key }.compactMap { name, value in
            guard RoleSetting.lists.contains(name.lowercased()) else { return .init(name, .string(value)) }
            let setting = RoleSetting(name: name, stored: value)
            guard setting.stored == value else {
                notes.append("setting \(name) of role \(spelled(role))")
                return nil
            }
            return .init(name, .strings(setting.values))
        }
    }

    /// One entry for each role, whoever granted it how often.
    private func memberships(_ rows: [MembershipState], inherits: Bool) -> [JSONText] {
        Dictionary(grouping: rows, by: \.role).sorted { $0.key < $1.key }.compactMap { role, rows in
            // No policy makes members of a superuser.
            guard snapshot.roles[role]?.isSuperuser == false else { return nil }
            var options: [JSONText.Member] = []
            if rows.contains(where: \.admin) { options.append(.init("admin", .bool(true))) }
            if snapshot.server.version >= 160_000 {
                let isInherited = rows.contains { $0.inherit == true }
                let isSet = rows.contains { $0.set == true }
                // One that lets its holder do nothing has to say both.
                let isNothing = !isInherited && !isSet
                if isInherited != inherits || isNothing { options.append(.init("inherit", .bool(isInherited))) }
                if !isSet { options.append(.init("set", .bool(false))) }
            }
            return options.isEmpty ? .string(role) : .object([.init("role", .string(role))] + options)
        }
    }
}
