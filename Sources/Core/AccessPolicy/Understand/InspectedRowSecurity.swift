extension InspectedPolicy {
    /// Row security of every table that has any.
    var inspectedRowSecurity: InspectedMembers {
        let policies = Dictionary(grouping: snapshot.policies, by: \.table)
        var result = InspectedMembers()
        for (table, state) in snapshot.security.sorted(by: { $0.key < $1.key }) where isCovered(.table(table)) {
            let here = (policies[table] ?? []).sorted { $0.name < $1.name }
            guard state.isEnabled || state.isForced || !here.isEmpty else { continue }
            var members: [JSONText.Member] = []
            if !state.isEnabled { members.append(.init("enable", .bool(false))) }
            if state.isForced { members.append(.init("force", .bool(true))) }
            var written: [JSONText] = []
            for policy in here {
                if let reason = unspeakable(policy) {
                    result.notes.append("policy \(spelled(policy.name)) of table \(table), \(reason)")
                } else {
                    written.append(.object(self.members(policy)))
                    result.roles.formUnion(policy.grantees.compactMap(\.roleName))
                }
            }
            if !written.isEmpty { members.append(.init("policies", .array(written))) }
            result.members.append(.init(table.description, .object(members)))
        }
        return result
    }

    /// Why a document cannot hold this policy.
    private func unspeakable(_ policy: PolicyState) -> String? {
        if policy.command.hasUsing, policy.using == nil { return "which has no USING and lets no row be seen" }
        if policy.grantees.contains(.role("PUBLIC")) { return "which is for a role really named \"PUBLIC\"" }
        return nil
    }

    private func members(_ policy: PolicyState) -> [JSONText.Member] {
        var members: [JSONText.Member] = [
            .init("name", .string(policy.name)), .init("to", .strings(policy.grantees.sorted().map(\.description))),
        ]
        if policy.command != .all { members.append(.init("for", .string(policy.command.rawValue))) }
        if policy.isRestrictive { members.append(.init("restrictive", .bool(true))) }
        if let using = policy.using { members.append(.init("using", .string(using))) }
        if let check = policy.check { members.append(.init("check", .string(check))) }
        return members
    }
}
