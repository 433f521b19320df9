import Platform
import PostgresClient

/// Default privileges that one statement can serve.
private struct FutureGroup: Hashable {
    var creator: String
    /// nil: in every schema.
    var schema: String?
    var kind: ObjectKind
    var privileges: PrivilegeSet
    var isAboutOption: Bool
    /// The place of the declaration that asks for it, and its position among all.
    var place = ""
    var source = -1
}

extension Planner {
    mutating func planDefaults() throws {
        var wanted: [DefaultHolding: HeldPrivileges] = [:]
        var missing: [FutureGroup: [Grantee]] = [:]
        var ordered: [FutureGroup: [Grantee]] = [:]
        for (source, (place, declared)) in policy.futures.enumerated() {
            let privileges = declared.privileges.expanded(for: declared.kind, version: snapshot.server.version)
            for holding in declared.holdings {
                let held = snapshot.heldByDefault(holding)
                let soFar = wanted[holding] ?? HeldPrivileges(grantor: holding.creator, [])
                wanted[holding, default: soFar].privileges.formUnion(privileges)
                if declared.withGrantOption { wanted[holding, default: soFar].grantable.formUnion(privileges) }
                var group = FutureGroup(
                    creator: holding.creator, schema: holding.schema, kind: holding.kind, privileges: [],
                    isAboutOption: false, place: place, source: source)
                if declared.isNone, !held.privileges.isEmpty {
                    group.privileges = held.privileges
                    ordered[group, default: []].append(holding.grantee)
                }
                let option =
                    declared.withGrantOption
                    ? privileges.subtracting(held.grantable).subtracting(soFar.grantable) : []
                let plain = privileges.subtracting(held.privileges).subtracting(soFar.privileges).subtracting(option)
                for (set, isAboutOption) in [(plain, false), (option, true)] where !set.isEmpty {
                    group.privileges = set
                    group.isAboutOption = isAboutOption
                    missing[group, default: []].append(holding.grantee)
                }
            }
        }
        try planUndeclaredDefaults(wanted)
        try planEndedDefaults()
        for (group, grantees) in sorted(ordered) { try planRevokeDefault(group, from: grantees) }
        for (group, grantees) in sorted(missing) { try planGrantDefault(group, to: grantees) }
    }

    private mutating func planGrantDefault(_ group: FutureGroup, to grantees: [Grantee]) throws {
        let statement = GrantStatements.grantDefault(
            .these(group.privileges), group.kind, creator: group.creator, schema: group.schema, to: grantees,
            withGrantOption: group.isAboutOption)
        let what = "future \(group.kind.plural) of \(spelled(group.creator)) in \(place(group.schema))"
        try add(
            Change(
                .grantDefault, .widens, [statement], reason: "\(group.place): \(what) would not let them in",
                requires: [.inherit(group.creator)]),
            grantees: grantees, at: group.place)
    }

    /// What the policy says shall be nothing.
    private mutating func planRevokeDefault(_ group: FutureGroup, from grantees: [Grantee]) throws {
        let what = "future \(group.kind.plural) of \(spelled(group.creator)) in \(place(group.schema))"
        try add(
            Change(
                .revokeDefault, .narrows, revokes(group, from: grantees),
                reason: "\(group.place): \(what) would let \(grantees.map { spelled($0.description) }.brief()) in",
                requires: [.inherit(group.creator)]),
            grantees: grantees, at: group.place)
    }

    private mutating func planUndeclaredDefaults(_ wanted: [DefaultHolding: HeldPrivileges]) throws {
        var excess: [FutureGroup: [Grantee]] = [:]
        for (holding, held) in snapshot.defaults {
            guard holding.grantee != .role(holding.creator), scope.reports(holding.grantee),
                holding.grantee.roleName.map(snapshot.protection(of:)) ?? nil == nil
            else { continue }
            let declared = wanted[holding]
            // Declared to be nothing: ordered already.
            if declared?.privileges == [] { continue }
            // That PUBLIC has what is built in was never anybody's grant: only an order takes it away.
            let builtIn = holding.schema == nil && holding.grantee == .everyone ? holding.kind.builtInForEveryone : []
            let privileges = held.privileges.subtracting(declared?.privileges ?? []).subtracting(builtIn)
            let option = held.grantable.subtracting(declared?.grantable ?? []).subtracting(privileges)
            for (set, isAboutOption) in [(privileges, false), (option, true)] where !set.isEmpty {
                guard manages(holding) else {
                    plan.undeclared.append(
                        "default \(set) on future \(holding.kind.plural) of \(spelled(holding.creator)) in "
                            + "\(place(holding.schema)) to \(spelled(holding.grantee.description))")
                    continue
                }
                let group = FutureGroup(
                    creator: holding.creator, schema: holding.schema, kind: holding.kind, privileges: set,
                    isAboutOption: isAboutOption)
                excess[group, default: []].append(holding.grantee)
            }
        }
        plan.undeclared.sort()
        for (group, grantees) in sorted(excess) {
            plan.changes.append(
                try Change(
                    .revokeDefault, .narrows, revokes(group, from: grantees),
                    reason: "default \(group.privileges) on future \(group.kind.plural) is not declared",
                    revokes: grantees.count, requires: [.inherit(group.creator)]))
        }
    }

    /// PostgreSQL takes an empty list for none, and lets in again whom it always does: the creator's own rights keep it
    /// from being empty.
    private func revokes(_ group: FutureGroup, from grantees: [Grantee]) -> [SQL] {
        let revoke = GrantStatements.revokeDefault(
            group.privileges, group.kind, creator: group.creator, schema: group.schema, from: grantees,
            onlyGrantOption: group.isAboutOption)
        let objects = FutureObjects(creator: group.creator, kind: group.kind)
        let own = DefaultHolding(
            creator: group.creator, schema: nil, kind: group.kind, grantee: .role(group.creator))
        let isChanged = snapshot.changedDefaults.contains(objects) || snapshot.emptiedDefaults.contains(objects)
        guard group.schema == nil, isChanged, snapshot.defaults[own] == nil else { return [revoke] }
        let grant = GrantStatements.grantDefault(
            .all, group.kind, creator: group.creator, schema: nil, to: [own.grantee])
        return [grant, revoke]
    }

    private func manages(_ holding: DefaultHolding) -> Bool {
        guard let schema = holding.schema else { return scope.managesEverySchema(holding.grantee) }
        return scope.manages(schema: schema, holding.grantee)
    }

    private func place(_ schema: String?) -> String {
        schema.map { "schema \(spelled($0))" } ?? "every schema"
    }

    private func sorted(_ groups: [FutureGroup: [Grantee]]) -> [(FutureGroup, [Grantee])] {
        groups.map { ($0.key, $0.value.sorted()) }.sorted { left, right in
            let leftKey = (left.0.source, left.0.schema ?? "", left.0.creator, left.0.kind.rawValue, left.1[0])
            let rightKey = (right.0.source, right.0.schema ?? "", right.0.creator, right.0.kind.rawValue, right.1[0])
            return leftKey == rightKey
                ? left.0.privileges.rawValue < right.0.privileges.rawValue : leftKey < rightKey
        }
    }
}

extension Snapshot {
    /// What future objects will let the grantee do: in one schema as recorded; in every schema as recorded or, where
    /// nothing is, as PostgreSQL has it built in.
    package func heldByDefault(_ holding: DefaultHolding) -> HeldPrivileges {
        var held = recordedByDefault(holding)
        // Whoever makes an object may grant all on it, and PostgreSQL records no option for that.
        if holding.grantee == .role(holding.creator) { held.grantable = holding.kind.privileges }
        return held
    }

    private func recordedByDefault(_ holding: DefaultHolding) -> HeldPrivileges {
        if let held = defaults[holding] { return held }
        let objects = FutureObjects(creator: holding.creator, kind: holding.kind)
        guard holding.schema == nil, !changedDefaults.contains(objects) else {
            return HeldPrivileges(grantor: holding.creator, [])
        }
        switch holding.grantee {
        case .everyone: return HeldPrivileges(grantor: holding.creator, holding.kind.builtInForEveryone)
        case .role(holding.creator):
            return HeldPrivileges(grantor: holding.creator, holding.kind.privileges(onVersion: server.version))
        case .role: return HeldPrivileges(grantor: holding.creator, [])
        }
    }
}
