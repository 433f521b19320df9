import Platform
import PostgresClient

/// What is taken from one row of an object's list of privileges.
private struct Taken {
    var privileges: PrivilegeSet = []
    /// Of the others, the options that go.
    var options: PrivilegeSet = []
    /// Granted again by the owner, since the grantor may no longer grant it.
    var moved: PrivilegeSet = []
    /// The declaration that says that there shall be nothing.
    var order: Int?
    /// Of `privileges`, those whose grant has ended, by which declaration.
    var ended: PrivilegeSet = []
    var end: Int?
}

/// Why something is revoked.
private enum Cause {
    case undeclared
    case moved
    case ordered
    case ended
}

/// One row: who granted what to whom.
private struct Row: Hashable {
    let holding: Holding
    let grantor: String
}

extension Planner {
    /// Takes away, or reports, what is held and not declared; `snapshot` is then without it.
    ///
    /// - Returns: what the owner must grant again, since it was granted by a role that loses the right to grant it.
    mutating func planRevokes(
        _ wanted: [Holding: Wanted], orders: [Holding: Int], _ owners: [ObjectID: WantedOwner]
    ) throws -> [Holding: Wanted] {
        var taken: [Row: Taken] = [:]
        var reports = Grouping()
        let ends = endedHoldings()
        for (holding, rows) in snapshot.privileges {
            let order = orders[holding]
            guard let object = snapshot.objects[holding.object.owned], order != nil || !object.isExtensionMember,
                holding.grantee != .role(object.owner),
                holding.grantee != newOwner(of: holding.object, object, owners),
                order != nil || holding.grantee.roleName.map(snapshot.protection(of:)) ?? nil == nil
            else { continue }
            let isManaged = order != nil || scope.manages(holding.object, holding.grantee)
            let end = ends[holding]
            guard isManaged || end != nil || scope.reports(holding.grantee) else { continue }
            let declared = wanted[holding] ?? Wanted()
            for row in rows {
                let excess = row.privileges.subtracting(declared.privileges).subtracting(
                    order == nil ? holding.neverTakenByOmission : [])
                let option = row.grantable.subtracting(declared.grantable).subtracting(excess)
                guard !excess.isEmpty || !option.isEmpty else { continue }
                if isManaged {
                    taken[Row(holding: holding, grantor: row.grantor)] = Taken(
                        privileges: excess, options: option, order: order,
                        ended: order == nil ? excess.intersection(end?.privileges ?? []) : [], end: end?.source)
                } else if let end {
                    // Whatever the mode is and whatever is managed: the policy itself says that it goes.
                    let (over, optionOver) = (excess.intersection(end.privileges), option.intersection(end.options))
                    guard !over.isEmpty || !optionOver.isEmpty else { continue }
                    taken[Row(holding: holding, grantor: row.grantor)] = Taken(
                        privileges: over, options: optionOver, ended: over, end: end.source)
                } else {
                    let grantor = row.grantor == object.owner ? nil : row.grantor
                    reports.add(holding, excess, option: option, grantor: grantor, depth: 0)
                }
            }
        }
        plan.undeclared += reports.batches.map { describe($0.group, $0.objects, $0.grantees) }
        guard !taken.isEmpty else { return [:] }
        let delegations = Delegations(snapshot, of: Set(taken.keys.map(\.holding.object)))
        delegations.takeWhatRests(on: &taken)
        try planRevokes(of: taken, delegations)
        return remove(taken)
    }

    private func newOwner(
        of id: ObjectID, _ object: ObjectState, _ owners: [ObjectID: WantedOwner]
    ) -> Grantee? {
        (owners[id.owned] ?? object.table.flatMap { owners[.table($0)] }).map { .role($0.owner) }
    }

    /// What rests on a grant goes before it: PostgreSQL refuses to take a right away while others depend on it.
    private mutating func planRevokes(of taken: [Row: Taken], _ delegations: Delegations) throws {
        var revokes = Grouping()
        var moves = Grouping()
        var ends = Grouping()
        for (row, taken) in taken {
            let depth = delegations.depth(of: row.grantor, on: row.holding.object)
            let grantor = depth == 0 ? nil : row.grantor
            let option = taken.options.subtracting(taken.moved)
            ends.add(
                row.holding, taken.ended, option: taken.end == nil ? [] : option, grantor: grantor, depth: depth,
                order: taken.end)
            revokes.add(
                row.holding, taken.privileges.subtracting(taken.ended), option: taken.end == nil ? option : [],
                grantor: grantor, depth: depth, order: taken.order)
            moves.add(row.holding, taken.moved, option: [], grantor: grantor, depth: depth)
        }
        let batches =
            revokes.batches.map { ($0, $0.group.source == nil ? Cause.undeclared : .ordered) }
            + moves.batches.map { ($0, .moved) } + ends.batches.map { ($0, .ended) }
        let depths = Set(batches.map { $0.0.group.depth }).sorted(by: >)
        // Schemas last, since whoever revokes in one must be able to use it.
        for isContainer in [false, true] {
            for depth in depths {
                for (batch, cause) in batches
                where batch.group.depth == depth && batch.group.kind.isContainer == isContainer {
                    try planRevoke(batch.group, batch.objects, batch.grantees, cause)
                }
            }
        }
    }

    private mutating func planRevoke(
        _ group: Group, _ objects: [ObjectID], _ grantees: [Grantee], _ cause: Cause
    ) throws {
        let revoke = GrantStatements.revoke(
            group.privileges, on: objects, procedures: procedures(among: objects), from: grantees,
            onlyGrantOption: group.isAboutOption)
        let statements = group.grantor.map { snapshot.acting(as: $0, on: objects, revoke) } ?? [revoke]
        let what = describe(group, objects, grantees)
        let place = "grants[\(group.source ?? 0)]"
        let reason =
            switch cause {
            case .undeclared: "\(what) is not declared"
            case .moved: "\(what), who may no longer grant it: the owner grants it instead"
            case .ordered: "\(place): \(what) shall not be"
            case .ended: "\(place): ended at \(policy.grants[group.source ?? 0].until?.brief ?? "")"
            }
        let change = try Change(
            .revoke, cause == .moved ? .changes : .narrows, statements, reason: reason,
            revokes: cause == .undeclared ? objects.count * grantees.count : 0,
            requires: needs(of: group.privileges, on: objects, for: grantees, by: group.grantor))
        if cause == .ordered || cause == .ended { return try add(change, grantees: grantees, at: place) }
        plan.changes.append(change)
    }

    private func describe(_ group: Group, _ objects: [ObjectID], _ grantees: [Grantee]) -> String {
        let noun = objects.count == 1 ? group.kind.rawValue : group.kind.plural
        let option = group.isAboutOption ? "the grant option for " : ""
        let by = group.grantor.map { ", granted by \(spelled($0))" } ?? ""
        return "\(option)\(group.privileges) on \(noun) \(objects.map(\.description).brief()) "
            + "to \(grantees.map { spelled($0.description) }.brief())\(by)"
    }

    /// The snapshot without what is taken, where PostgreSQL takes a table's privilege from its columns too.
    private mutating func remove(_ taken: [Row: Taken]) -> [Holding: Wanted] {
        var moved: [Holding: Wanted] = [:]
        var lostOfTables: [Row: PrivilegeSet] = [:]
        for (row, taken) in taken {
            let lost = taken.privileges.union(taken.moved)
            if case .table = row.holding.object { lostOfTables[row] = lost }
            for index in (snapshot.privileges[row.holding] ?? []).indices
            where snapshot.privileges[row.holding]?[index].grantor == row.grantor {
                let grantable =
                    snapshot.privileges[row.holding]?[index].grantable.intersection(taken.moved)
                    .subtracting(taken.options) ?? []
                snapshot.privileges[row.holding]?[index].privileges.subtract(lost)
                snapshot.privileges[row.holding]?[index].grantable.subtract(lost.union(taken.options))
                guard !taken.moved.isEmpty else { continue }
                moved[row.holding, default: Wanted()].privileges.formUnion(taken.moved)
                moved[row.holding, default: Wanted()].grantable.formUnion(grantable)
            }
        }
        guard !lostOfTables.isEmpty else { return moved }
        for (holding, rows) in snapshot.privileges {
            guard let table = holding.object.columnTable else { continue }
            for (index, row) in rows.enumerated() {
                let ofTable = Row(holding: Holding(.table(table), holding.grantee), grantor: row.grantor)
                guard let lost = lostOfTables[ofTable] else { continue }
                snapshot.privileges[holding]?[index].privileges.subtract(lost)
                snapshot.privileges[holding]?[index].grantable.subtract(lost)
            }
        }
        return moved
    }
}

/// Who could grant what on some objects, because others let them.
private struct Delegations {
    private let owners: [ObjectID: String]
    /// The rows of each object on which somebody but the owner has granted.
    private let rows: [ObjectID: [(row: Row, held: HeldPrivileges)]]
    private let snapshot: Snapshot

    init(_ snapshot: Snapshot, of objects: Set<ObjectID>) {
        var delegated: Set<ObjectID> = []
        var owners: [ObjectID: String] = [:]
        for object in objects { owners[object] = snapshot.objects[object.owned]?.owner }
        for (holding, rows) in snapshot.privileges where objects.contains(holding.object) {
            if rows.contains(where: { $0.grantor != owners[holding.object] }) { delegated.insert(holding.object) }
        }
        var all: [ObjectID: [(row: Row, held: HeldPrivileges)]] = [:]
        for (holding, rows) in snapshot.privileges where delegated.contains(holding.object) {
            for held in rows {
                all[holding.object, default: []].append((Row(holding: holding, grantor: held.grantor), held))
            }
        }
        self.owners = owners
        self.rows = all
        self.snapshot = snapshot
    }

    /// 0 for the owner, 1 for a role that the owner let grant, and so on.
    func depth(of grantor: String, on object: ObjectID) -> Int {
        guard grantor != owners[object], let rows = rows[object] else { return 0 }
        return depth(of: grantor, rows, owners[object] ?? "", limit: rows.count)
    }

    private func depth(
        of grantor: String, _ rows: [(row: Row, held: HeldPrivileges)], _ owner: String, limit: Int
    ) -> Int {
        guard grantor != owner, limit > 0 else { return 0 }
        let above = rows.filter { $0.row.holding.grantee == .role(grantor) && !$0.held.grantable.isEmpty }
            .map { depth(of: $0.row.grantor, rows, owner, limit: limit - 1) }
        return 1 + (above.max() ?? 0)
    }

    /// Adds to what is taken all that rests on it, to be granted again by the owner.
    func takeWhatRests(on taken: inout [Row: Taken]) {
        for (object, rows) in rows {
            var isComplete = false
            while !isComplete {
                isComplete = true
                for (row, held) in rows where row.grantor != owners[object] {
                    let soFar = taken[row] ?? Taken()
                    let rest = held.privileges.subtracting(soFar.privileges).subtracting(soFar.moved)
                    let lost = rest.subtracting(grantable(by: row.grantor, on: object, rows, without: taken))
                    guard !lost.isEmpty else { continue }
                    taken[row, default: Taken()].moved.formUnion(lost)
                    isComplete = false
                }
            }
        }
    }

    private func grantable(
        by role: String, on object: ObjectID, _ rows: [(row: Row, held: HeldPrivileges)], without taken: [Row: Taken]
    ) -> PrivilegeSet {
        // An option on the table lets grant on its columns, and PostgreSQL does not ask what became of it.
        let ofTable = object.columnTable.flatMap { snapshot.privileges[Holding(.table($0), .role(role))] } ?? []
        let start: PrivilegeSet = ofTable.reduce(into: []) { $0.formUnion($1.grantable) }
        return rows.filter { $0.row.holding.grantee == .role(role) }.reduce(into: start) { sum, next in
            let gone = taken[next.row] ?? Taken()
            sum.formUnion(
                next.held.grantable.subtracting(gone.privileges).subtracting(gone.options).subtracting(gone.moved))
        }
    }
}

extension Holding {
    /// That PUBLIC may use a language comes with PostgreSQL, and without it nobody could write a function in it.
    fileprivate var neverTakenByOmission: PrivilegeSet {
        object.kind == .language && grantee == .everyone ? object.kind.builtInForEveryone : []
    }
}

extension Grouping {
    fileprivate mutating func add(
        _ holding: Holding, _ privileges: PrivilegeSet, option: PrivilegeSet, grantor: String?, depth: Int,
        order: Int? = nil
    ) {
        for (set, isAboutOption) in [(privileges, false), (option, true)] where !set.isEmpty {
            add(
                holding,
                to: Group(
                    kind: holding.object.kind, table: holding.object.columnTable, privileges: set,
                    isAboutOption: isAboutOption, grantor: grantor, depth: depth, source: order))
        }
    }
}
