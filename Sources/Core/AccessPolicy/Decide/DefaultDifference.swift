import Platform

/// Default privileges that one statement can serve.
private struct Group: Hashable {
    var creator: String
    var schema: String
    var kind: ObjectKind
    var privileges: PrivilegeSet
    var isAboutOption: Bool
    /// The declaration that asks for it.
    var source: Int?
}

extension Planner {
    mutating func planDefaults() throws {
        var wanted: [DefaultHolding: HeldPrivileges] = [:]
        var missing: [Group: [Grantee]] = [:]
        for (source, grant) in policy.grants.enumerated() where !grant.futureCreators.isEmpty {
            let kind = grant.target.kind
            let privileges = grant.privileges.expanded(for: kind, version: snapshot.server.version)
            for holding in grant.defaultHoldings {
                let held = snapshot.defaults[holding] ?? HeldPrivileges(grantor: holding.creator, [])
                let soFar = wanted[holding] ?? HeldPrivileges(grantor: holding.creator, [])
                let option =
                    grant.withGrantOption
                    ? privileges.subtracting(held.grantable).subtracting(soFar.grantable) : []
                let plain = privileges.subtracting(held.privileges).subtracting(soFar.privileges).subtracting(option)
                for (set, isAboutOption) in [(plain, false), (option, true)] where !set.isEmpty {
                    let group = Group(
                        creator: holding.creator, schema: holding.schema ?? "", kind: kind, privileges: set,
                        isAboutOption: isAboutOption, source: source)
                    missing[group, default: []].append(holding.grantee)
                }
                wanted[holding, default: soFar].privileges.formUnion(privileges)
                if grant.withGrantOption { wanted[holding, default: soFar].grantable.formUnion(privileges) }
            }
        }
        try planUndeclaredDefaults(wanted)
        try planEndedDefaults()
        for (group, grantees) in sorted(missing) { try planGrantDefault(group, to: grantees) }
    }

    private mutating func planGrantDefault(_ group: Group, to grantees: [Grantee]) throws {
        let place = "grants[\(group.source ?? 0)].future"
        let statement = GrantStatements.grantDefault(
            .these(group.privileges), group.kind, creator: group.creator, schema: group.schema, to: grantees,
            withGrantOption: group.isAboutOption)
        let what = "future \(group.kind.rawValue)s of \(spelled(group.creator)) in schema \(spelled(group.schema))"
        try add(
            Change(
                .grantDefault, .widens, [statement], reason: "\(place): \(what) would not let them in",
                requires: [.inherit(group.creator)]),
            grantees: grantees, at: place)
    }

    private mutating func planUndeclaredDefaults(_ wanted: [DefaultHolding: HeldPrivileges]) throws {
        var excess: [Group: [Grantee]] = [:]
        for (holding, held) in snapshot.defaults {
            guard holding.grantee != .role(holding.creator), scope.reports(holding.grantee),
                holding.grantee.roleName.map(snapshot.protection(of:)) ?? nil == nil
            else { continue }
            let privileges = held.privileges.subtracting(wanted[holding]?.privileges ?? [])
            let option = held.grantable.subtracting(wanted[holding]?.grantable ?? []).subtracting(privileges)
            for (set, isAboutOption) in [(privileges, false), (option, true)] where !set.isEmpty {
                guard let schema = holding.schema, scope.manages(schema: schema, holding.grantee) else {
                    let place = holding.schema.map { "schema \(spelled($0))" } ?? "every schema"
                    plan.undeclared.append(
                        "default \(set) on future \(holding.kind.rawValue)s of \(spelled(holding.creator)) in \(place) "
                            + "to \(spelled(holding.grantee.description))")
                    continue
                }
                let group = Group(
                    creator: holding.creator, schema: schema, kind: holding.kind, privileges: set,
                    isAboutOption: isAboutOption)
                excess[group, default: []].append(holding.grantee)
            }
        }
        plan.undeclared.sort()
        for (group, grantees) in sorted(excess) {
            let statement = GrantStatements.revokeDefault(
                group.privileges, group.kind, creator: group.creator, schema: group.schema, from: grantees,
                onlyGrantOption: group.isAboutOption)
            plan.changes.append(
                try Change(
                    .revokeDefault, .narrows, [statement],
                    reason: "default \(group.privileges) on future \(group.kind.rawValue)s is not declared",
                    revokes: grantees.count, requires: [.inherit(group.creator)]))
        }
    }

    private func sorted(_ groups: [Group: [Grantee]]) -> [(Group, [Grantee])] {
        groups.map { ($0.key, $0.value.sorted()) }.sorted { left, right in
            let leftKey = (left.0.source ?? -1, left.0.schema, left.0.creator, left.0.kind.rawValue, left.1[0])
            let rightKey = (right.0.source ?? -1, right.0.schema, right.0.creator, right.0.kind.rawValue, right.1[0])
            return leftKey == rightKey
                ? left.0.privileges.rawValue < right.0.privileges.rawValue : leftKey < rightKey
        }
    }
}

extension GrantDeclaration {
    /// Every creator, schema and grantee that `future` speaks of.
    fileprivate var defaultHoldings: [DefaultHolding] {
        futureCreators.flatMap { creator in
            (target.wholeSchemas ?? []).flatMap { schema in
                grantees.map { DefaultHolding(creator: creator, schema: schema, kind: target.kind, grantee: $0) }
            }
        }
    }
}
