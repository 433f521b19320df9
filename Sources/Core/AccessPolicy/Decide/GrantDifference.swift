import Platform
import PostgresClient

extension Planner {
    mutating func planPrivileges() throws {
        let owners = wantedOwners()
        // Of each grant; no owner and no privilege changes them.
        let targets = policy.grants.map { snapshot.objects(of: $0.target) }
        let moved = try planRevokes(wantedPrivileges(targets), orders: orderedNothing(targets), owners)
        snapshot.transfer(owners.mapValues(\.owner))
        let grants = missingGrants(targets, moved)
        // Who shall own a table must first be able to create one in its schema.
        for isContainer in [true, false] {
            try planOwners(owners.filter { $0.key.kind.isContainer == isContainer })
            for batch in grants.batches where batch.group.kind.isContainer == isContainer {
                try planGrant(batch.group, batch.objects, batch.grantees)
            }
        }
    }

    private func wantedPrivileges(_ targets: [[ObjectID]]) -> [Holding: Wanted] {
        var wanted: [Holding: Wanted] = [:]
        wanted.reserveCapacity(targets.reduce(0) { $0 + $1.count })
        for (grant, objects) in zip(policy.grants, targets) {
            let privileges = grant.privileges.expanded(for: grant.target.kind, version: snapshot.server.version)
            for object in objects {
                for grantee in grant.grantees {
                    wanted[Holding(object, grantee), default: Wanted()].add(
                        privileges, withOption: grant.withGrantOption)
                }
            }
        }
        return wanted
    }

    /// The holdings that shall have nothing, with the declaration that says so.
    private func orderedNothing(_ targets: [[ObjectID]]) -> [Holding: Int] {
        var orders: [Holding: Int] = [:]
        for (source, grant) in policy.grants.enumerated() where grant.isNone {
            for object in targets[source] {
                for grantee in grant.grantees { orders[Holding(object, grantee)] = source }
            }
        }
        return orders
    }

    /// What is declared and not held after the revokes and with the new owners, and what is to be granted anew.
    private func missingGrants(_ targets: [[ObjectID]], _ moved: [Holding: Wanted]) -> Grouping {
        var grants = Grouping()
        var planned: [Holding: Wanted] = [:]
        for (source, grant) in policy.grants.enumerated() where !grant.isNone {
            let kind = grant.target.kind
            let privileges = grant.privileges.expanded(for: kind, version: snapshot.server.version)
            for object in targets[source] {
                for grantee in grant.grantees {
                    let holding = Holding(object, grantee)
                    let held = held(holding)
                    let soFar = planned[holding] ?? Wanted()
                    let option =
                        grant.withGrantOption
                        ? privileges.subtracting(held.grantable).subtracting(soFar.grantable) : []
                    let plain = privileges.subtracting(held.privileges).subtracting(soFar.privileges)
                        .subtracting(option)
                    grants.add(holding, plain, option: option, source: source)
                    if plain.isEmpty, option.isEmpty { continue }
                    planned[holding] = Wanted(
                        privileges: soFar.privileges.union(plain).union(option),
                        grantable: soFar.grantable.union(option))
                }
            }
        }
        for (holding, rights) in moved {
            let held = held(holding)
            let soFar = planned[holding] ?? Wanted()
            let option = rights.grantable.subtracting(held.grantable).subtracting(soFar.grantable)
            let plain = rights.privileges.subtracting(held.privileges).subtracting(soFar.privileges)
            grants.add(holding, plain.subtracting(option), option: option, source: nil)
        }
        return grants
    }

    private mutating func planGrant(_ group: Group, _ objects: [ObjectID], _ grantees: [Grantee]) throws {
        let statement = GrantStatements.grant(
            .these(group.privileges), on: .these(objects, procedures: procedures(among: objects)), to: grantees,
            withGrantOption: group.isAboutOption)
        let noun = objects.count == 1 ? group.kind.rawValue : "\(objects.count) \(group.kind.plural)"
        let names = grantees.map { spelled($0.description) }.brief()
        guard let source = group.source else {
            plan.changes.append(
                try Change(
                    .grant, .changes, [statement],
                    reason: "\(names) had it on \(noun) from a role that may no longer grant it",
                    requires: needs(of: group.privileges, on: objects, for: grantees)))
            return
        }
        let place = "grants[\(source)]"
        try add(
            Change(
                .grant, .widens, [statement], reason: "\(place): not yet held by \(names) on \(noun)",
                requires: needs(of: group.privileges, on: objects, for: grantees)),
            grantees: grantees, at: place)
    }

    func procedures(among objects: [ObjectID]) -> Set<ObjectID> {
        guard objects.first?.kind == .function else { return [] }
        return Set(objects.filter { snapshot.objects[$0]?.form == .procedure })
    }

    /// The owner of an object on which nobody ever changed a privilege holds all of them, and may always grant them all,
    /// which PostgreSQL records nowhere.
    private func held(_ holding: Holding) -> Wanted {
        var held = Wanted()
        if case .role(let name) = holding.grantee, let object = snapshot.objects[holding.object.owned],
            name == object.owner
        {
            let all = holding.object.kind.privileges
            // What is granted on a column stands beside what the owner holds on the table.
            let holdsAll = object.hasDefaultPrivileges && holding.object.kind != .column
            held = Wanted(privileges: holdsAll ? all : [], grantable: all)
        }
        for row in snapshot.privileges[holding] ?? [] {
            held.privileges.formUnion(row.privileges)
            held.grantable.formUnion(row.grantable)
        }
        return held
    }
}

extension Grouping {
    fileprivate mutating func add(_ holding: Holding, _ plain: PrivilegeSet, option: PrivilegeSet, source: Int?) {
        for (missing, isAboutOption) in [(plain, false), (option, true)] where !missing.isEmpty {
            add(
                holding,
                to: Group(
                    kind: holding.object.kind, table: holding.object.columnTable, privileges: missing,
                    isAboutOption: isAboutOption, source: source))
        }
    }
}
