import Platform
import PostgresClient

/// What grants declare for one holding.
private struct Wanted {
    var privileges: PrivilegeSet = []
    var grantable: PrivilegeSet = []
}

/// Holdings that one statement can serve.
private struct Group: Hashable {
    var kind: ObjectKind
    /// Columns of different tables never share a statement.
    var table: ObjectName?
    var privileges: PrivilegeSet
    /// A grant with its option, or the revoke of the option alone.
    var isAboutOption: Bool
    /// The role to act as; nil for the owner.
    var grantor: String?
    /// The declaration that asks for it.
    var source: Int?
}

private struct Grouping {
    private var groups: [Group: [Grantee: [ObjectID]]] = [:]

    mutating func add(_ holding: Holding, to group: Group) {
        groups[group, default: [:]][holding.grantee, default: []].append(holding.object)
    }

    /// Grantees with the same objects joined, in an order that depends on nothing but the content.
    var batches: [(group: Group, objects: [ObjectID], grantees: [Grantee])] {
        var batches: [(group: Group, objects: [ObjectID], grantees: [Grantee])] = []
        for (group, holders) in groups {
            var joined: [[ObjectID]: [Grantee]] = [:]
            for (grantee, objects) in holders { joined[objects.sorted(), default: []].append(grantee) }
            for (objects, grantees) in joined {
                for chunk in objects.chunks(of: GrantStatements.objectsPerStatement) {
                    batches.append((group, chunk, grantees.sorted()))
                }
            }
        }
        return batches.sorted { left, right in
            let (one, other) = (left.group, right.group)
            return (one.source ?? -1, left.objects[0], left.grantees[0], one.privileges.rawValue)
                < (other.source ?? -1, right.objects[0], right.grantees[0], other.privileges.rawValue)
        }
    }
}

extension Planner {
    mutating func planPrivileges() throws {
        let wanted = wantedPrivileges()
        let revoked = try planRevokes(wanted).merging(try planEndedGrants()) { $0.union($1) }
        try planGrants(losing: revoked)
    }

    private func wantedPrivileges() -> [Holding: Wanted] {
        var wanted: [Holding: Wanted] = [:]
        for grant in policy.grants {
            let privileges = grant.privileges.expanded(for: grant.target.kind, version: snapshot.server.version)
            for object in snapshot.objects(of: grant.target) {
                for grantee in grant.grantees {
                    wanted[Holding(object, grantee), default: Wanted()].privileges.formUnion(privileges)
                    if grant.withGrantOption {
                        wanted[Holding(object, grantee), default: Wanted()].grantable.formUnion(privileges)
                    }
                }
            }
        }
        return wanted
    }

    /// Takes away, or reports, what is held and not declared.
    ///
    /// - Returns: what was revoked, since PostgreSQL revokes a table's privilege on its columns too.
    private mutating func planRevokes(_ wanted: [Holding: Wanted]) throws -> [Holding: PrivilegeSet] {
        var revokes = Grouping()
        var reports = Grouping()
        var revoked: [Holding: PrivilegeSet] = [:]
        for (holding, rows) in snapshot.privileges {
            guard let object = snapshot.objects[holding.object.owned], holding.grantee != .role(object.owner),
                holding.grantee.roleName.map(snapshot.protection(of:)) ?? nil == nil
            else { continue }
            let isManaged = scope.manages(holding.object, holding.grantee) && !object.isExtensionMember
            guard isManaged || (scope.reports(holding.grantee) && !object.isExtensionMember) else { continue }
            let declared = wanted[holding] ?? Wanted()
            for row in rows {
                let excess = row.privileges.subtracting(declared.privileges)
                let option = row.grantable.subtracting(declared.grantable).subtracting(excess)
                for (privileges, isAboutOption) in [(excess, false), (option, true)] where !privileges.isEmpty {
                    let group = Group(
                        kind: holding.object.kind, table: holding.object.columnTable, privileges: privileges,
                        isAboutOption: isAboutOption, grantor: row.grantor == object.owner ? nil : row.grantor)
                    if isManaged { revokes.add(holding, to: group) } else { reports.add(holding, to: group) }
                }
                if isManaged { revoked[holding, default: []].formUnion(excess) }
            }
        }
        // Delegated rights first: PostgreSQL refuses to take a right away while others depend on it.
        let batches = revokes.batches
        for batch in batches.filter({ $0.group.grantor != nil }) + batches.filter({ $0.group.grantor == nil }) {
            try planRevoke(batch.group, batch.objects, batch.grantees)
        }
        plan.undeclared += reports.batches.map { describe($0.group, $0.objects, $0.grantees) }
        return revoked
    }

    private mutating func planRevoke(_ group: Group, _ objects: [ObjectID], _ grantees: [Grantee]) throws {
        let revoke = GrantStatements.revoke(
            group.privileges, on: objects, from: grantees, onlyGrantOption: group.isAboutOption)
        let statements: [SQL] =
            group.grantor.map { ["SET LOCAL ROLE \(identifier: $0)", revoke, "RESET ROLE"] } ?? [revoke]
        plan.changes.append(
            try Change(
                .revoke, .narrows, statements,
                reason: "\(describe(group, objects, grantees)) is not declared",
                revokes: objects.count * grantees.count,
                requires: needs(of: group.privileges, on: objects, by: group.grantor)))
    }

    private func describe(_ group: Group, _ objects: [ObjectID], _ grantees: [Grantee]) -> String {
        let noun = objects.count == 1 ? group.kind.rawValue : group.kind.rawValue.plural
        let option = group.isAboutOption ? "the grant option for " : ""
        let by = group.grantor.map { ", granted by \(spelled($0))" } ?? ""
        return "\(option)\(group.privileges) on \(noun) \(objects.map(\.description).brief()) "
            + "to \(grantees.map { spelled($0.description) }.brief())\(by)"
    }

    private mutating func planGrants(losing revoked: [Holding: PrivilegeSet]) throws {
        var grants = Grouping()
        var planned: [Holding: Wanted] = [:]
        for (source, grant) in policy.grants.enumerated() {
            let kind = grant.target.kind
            let privileges = grant.privileges.expanded(for: kind, version: snapshot.server.version)
            for object in snapshot.objects(of: grant.target) {
                for grantee in grant.grantees {
                    let holding = Holding(object, grantee)
                    let held = held(holding, losing: revoked)
                    let soFar = planned[holding] ?? Wanted()
                    let option =
                        grant.withGrantOption
                        ? privileges.subtracting(held.grantable).subtracting(soFar.grantable) : []
                    let plain = privileges.subtracting(held.privileges).subtracting(soFar.privileges)
                        .subtracting(option)
                    for (missing, isAboutOption) in [(plain, false), (option, true)] where !missing.isEmpty {
                        grants.add(
                            holding,
                            to: Group(
                                kind: kind, table: object.columnTable, privileges: missing,
                                isAboutOption: isAboutOption, source: source))
                    }
                    planned[holding] = Wanted(
                        privileges: soFar.privileges.union(plain).union(option),
                        grantable: soFar.grantable.union(option))
                }
            }
        }
        for batch in grants.batches { try planGrant(batch.group, batch.objects, batch.grantees) }
    }

    private mutating func planGrant(_ group: Group, _ objects: [ObjectID], _ grantees: [Grantee]) throws {
        let place = "grants[\(group.source ?? 0)]"
        let noun = objects.count == 1 ? group.kind.rawValue : "\(objects.count) \(group.kind.rawValue.plural)"
        let names = grantees.map { spelled($0.description) }.brief()
        try add(
            Change(
                .grant, .widens,
                [
                    GrantStatements.grant(
                        .these(group.privileges), on: .these(objects), to: grantees,
                        withGrantOption: group.isAboutOption)
                ],
                reason: "\(place): not yet held by \(names) on \(noun)",
                requires: needs(of: group.privileges, on: objects)),
            grantees: grantees, at: place)
    }

    /// What is held after the planned revokes.
    ///
    /// The owner of an object on which nobody ever changed a privilege holds all of them.
    private func held(_ holding: Holding, losing revoked: [Holding: PrivilegeSet]) -> Wanted {
        if let object = snapshot.objects[holding.object.owned], holding.grantee == .role(object.owner),
            object.hasDefaultPrivileges
        {
            let all = holding.object.kind.privileges
            return Wanted(privileges: all, grantable: all)
        }
        var held = Wanted()
        for row in snapshot.privileges[holding] ?? [] {
            held.privileges.formUnion(row.privileges)
            held.grantable.formUnion(row.grantable)
        }
        if let table = holding.object.columnTable,
            let lost = revoked[Holding(.table(table), holding.grantee)]
        {
            held.privileges.subtract(lost)
            held.grantable.subtract(lost)
        }
        return held
    }
}

extension Snapshot {
    /// The objects that a declaration means, sorted; the members of extensions only where they are named.
    func objects(of target: GrantDeclaration.Target) -> [ObjectID] {
        switch target {
        case .database: [.database(server.database)]
        case .schemas(let names): names.map { .schema($0) }.sorted()
        case .tables(let selectors): select(selectors, .table) { .table($0) }
        case .sequences(let selectors): select(selectors, .sequence) { .sequence($0) }
        case .functions(let selectors): select(selectors, .function) { signatures[$0] }
        case .columns(let lists):
            lists.flatMap { list in list.columns.map { .column(list.table, $0) } }.sorted()
        }
    }

    private func select<Name>(
        _ selectors: [Selector<Name>], _ kind: ObjectKind, _ named: (Name) -> ObjectID?
    ) -> [ObjectID] {
        let schemas = Set(selectors.compactMap(\.schemaOfAll))
        var found: Set<ObjectID> = []
        for case .one(let name) in selectors {
            if let object = named(name) { found.insert(object) }
        }
        if !schemas.isEmpty {
            for (object, state) in objects
            where object.kind == kind && !state.isExtensionMember && schemas.contains(object.schema ?? "") {
                found.insert(object)
            }
        }
        return found.sorted()
    }
}

extension ObjectID {
    fileprivate var columnTable: ObjectName? {
        if case .column(let table, _) = self { table } else { nil }
    }
}

extension String {
    fileprivate var plural: String { self + "s" }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
