import Platform
import PostgresClient

/// The grants and revokes that lead from one state back to an earlier one, and the order in which PostgreSQL takes them.
struct PrivilegeReversal {
    private(set) var statements: [String] = []
    /// What is taken and given again though it stays the same: it must still be so when the statements run.
    private(set) var kept = StateFacts()
    private var old: Snapshot
    private var new: Snapshot
    /// Objects, tables with their columns, on which others than the owner have granted, and something differs.
    private let delegated: Set<ObjectID>
    private let oldOrder: GrantOrder
    private let newOrder: GrantOrder
    private var revokes = Batches()
    private var grants = Batches()

    /// - Parameter later: The whole state as it is: what schemas let in while others act in them.
    /// - Parameter earlier: The whole state as it shall be again.
    init(from new: Snapshot, backTo old: Snapshot, later: Snapshot, earlier: Snapshot) throws(PlainFailure) {
        delegated = Self.delegated(new, old)
        (self.new, self.old) = (new, old)
        // What rests on these grants belongs to them, whomever the apply was about; a change of owner is about everybody.
        if !delegated.isEmpty {
            for (holding, rows) in later.privileges
            where delegated.contains(holding.object.owned) && new.privileges[holding] == nil
                && old.privileges[holding] == nil
                && later.objects[holding.object.owned]?.owner == new.objects[holding.object.owned]?.owner
            {
                (self.new.privileges[holding], self.old.privileges[holding]) = (rows, rows)
            }
        }
        oldOrder = GrantOrder(self.old, of: delegated)
        newOrder = GrantOrder(self.new, of: delegated)
        compare()
        keepDelegated()
        let procedures = Set(new.objects.lazy.filter { $0.value.form == .procedure }.map(\.key))
        // What was passed on is taken first, and given last; schemas are open while somebody acts in them.
        for batch in revokes.sorted(delegatedFirst: true) {
            try add(batch, in: later) { objects, grantee in
                GrantStatements.revoke(
                    batch.key.privileges, on: objects, procedures: procedures.intersection(objects), from: [grantee],
                    onlyGrantOption: batch.key.isAboutOption)
            }
        }
        for batch in grants.sorted(delegatedFirst: false) {
            try add(batch, in: earlier) { objects, grantee in
                GrantStatements.grant(
                    .these(batch.key.privileges), on: .these(objects, procedures: procedures.intersection(objects)),
                    to: [grantee], withGrantOption: batch.key.isAboutOption)
            }
        }
    }

    private static func delegated(_ new: Snapshot, _ old: Snapshot) -> Set<ObjectID> {
        var found: Set<ObjectID> = []
        for state in [new, old] {
            for (holding, rows) in state.privileges {
                let owner = new.objects[holding.object.owned]?.owner
                if rows.contains(where: { $0.grantor != owner }) { found.insert(holding.object.owned) }
            }
        }
        guard !found.isEmpty else { return [] }
        func differs(_ one: Snapshot, _ other: Snapshot) -> Set<ObjectID> {
            Set(
                one.privileges.lazy.filter { holding, rows in
                    found.contains(holding.object.owned) && Set(rows) != Set(other.privileges[holding] ?? [])
                }.map(\.key.object.owned))
        }
        return differs(new, old).union(differs(old, new))
    }

    private mutating func keepDelegated() {
        var part = Snapshot(server: new.server)
        for (holding, rows) in new.privileges where delegated.contains(holding.object.owned) {
            let owner = new.objects[holding.object.owned]?.owner ?? ""
            guard holding.grantee != .role(owner) else { continue }
            part.privileges[holding] = rows.filter { row in
                row.grantor != owner && old.privileges[holding]?.contains(row) == true
            }
        }
        kept = StateFacts(part)
    }

    private mutating func compare() {
        var lost: [Holding: PrivilegeSet] = [:]
        for (holding, rows) in new.privileges { compare(holding, rows, old.privileges[holding] ?? [], &lost) }
        for (holding, rows) in old.privileges where new.privileges[holding] == nil {
            compare(holding, [], rows, &lost)
        }
        guard lost.keys.contains(where: { if case .table = $0.object { true } else { false } }) else { return }
        // PostgreSQL takes a table's privilege from its columns too.
        for (holding, rows) in old.privileges {
            guard case .column(let table, _) = holding.object, let owner = new.objects[.table(table)]?.owner,
                let gone = lost[Holding(.table(table), holding.grantee)]
            else { continue }
            for row in rows {
                let option = row.grantable.intersection(gone)
                give(holding, row.privileges.intersection(gone).subtracting(option), option, by: row.grantor, owner)
            }
        }
    }

    private mutating func compare(
        _ holding: Holding, _ now: [HeldPrivileges], _ was: [HeldPrivileges], _ lost: inout [Holding: PrivilegeSet]
    ) {
        guard let object = new.objects[holding.object.owned], holding.grantee != .role(object.owner),
            now != was || delegated.contains(holding.object.owned)
        else { return }
        let gone = was.filter { row in !now.contains { $0.grantor == row.grantor } }
        for grantor in now.map(\.grantor) + gone.map(\.grantor) {
            let nothing = HeldPrivileges(grantor: grantor, [])
            let from = now.first { $0.grantor == grantor } ?? nothing
            let goal = was.first { $0.grantor == grantor } ?? nothing
            // Where grants rest on grants that change, all of them are taken and given again: nobody sees it before COMMIT.
            let isAnew = grantor != object.owner && delegated.contains(holding.object.owned)
            let step = isAnew ? Step(from: from, to: nothing) : Step(from: from, to: goal)
            for (privileges, onlyOption) in step.revokes {
                revokes.add(
                    holding, privileges, isAboutOption: onlyOption, by: grantor == object.owner ? nil : grantor,
                    depth: newOrder.round(of: holding, by: grantor))
                if !onlyOption { lost[holding, default: []].formUnion(privileges) }
            }
            let steps = isAnew ? Step(from: nothing, to: goal) : step
            for (privileges, withOption) in steps.grants {
                give(holding, withOption ? [] : privileges, withOption ? privileges : [], by: grantor, object.owner)
            }
        }
    }

    private mutating func give(
        _ holding: Holding, _ plain: PrivilegeSet, _ option: PrivilegeSet, by grantor: String, _ owner: String
    ) {
        for (privileges, isAboutOption) in [(plain, false), (option, true)] where !privileges.isEmpty {
            grants.add(
                holding, privileges, isAboutOption: isAboutOption, by: grantor == owner ? nil : grantor,
                depth: oldOrder.round(of: holding, by: grantor))
        }
    }

    /// - Parameter state: What schemas let in when the statements run.
    private mutating func add(
        _ batch: Batches.Batch, in state: Snapshot, _ statement: ([ObjectID], Grantee) -> SQL
    ) throws(PlainFailure) {
        for start in stride(from: 0, to: batch.objects.count, by: GrantStatements.objectsPerStatement) {
            let objects = Array(batch.objects[start...].prefix(GrantStatements.objectsPerStatement))
            let sql = statement(objects, batch.key.grantee)
            let steps = batch.key.grantor.map { state.acting(as: $0, on: objects, sql) } ?? [sql]
            for step in steps { statements.append(try step.text()) }
        }
    }
}

/// What leads from one set of privileges to another, with their grant options.
struct Step {
    /// Privileges to revoke, and whether only their grant option.
    let revokes: [(PrivilegeSet, Bool)]
    /// Privileges to grant, and whether with their grant option.
    let grants: [(PrivilegeSet, Bool)]

    init(from now: HeldPrivileges, to goal: HeldPrivileges) {
        let excess = now.privileges.subtracting(goal.privileges)
        let option = now.grantable.subtracting(goal.grantable).subtracting(excess)
        revokes = [(excess, false), (option, true)].filter { !$0.0.isEmpty }
        let passable = goal.grantable.subtracting(now.grantable)
        let plain = goal.privileges.subtracting(now.privileges).subtracting(passable)
        grants = [(plain, false), (passable, true)].filter { !$0.0.isEmpty }
    }
}
