import Platform

extension Planner {
    /// Takes away, or reports, memberships that are not declared; `snapshot` is then without them.
    ///
    /// From PostgreSQL 16 on a membership rests on its grantor's right to administer the role. What rests on one that goes
    /// has to go before it, and is granted anew.
    mutating func planUndeclaredMemberships() throws {
        let declared = Set(policy.roles.flatMap { role in role.memberOf.map { [role.name, $0.role] } })
        var taken: Set<MembershipState> = []
        for row in snapshot.memberships.sorted(by: Self.isBefore)
        where
            !declared.contains([row.member, row.role])
        {
            // What roles that shall go are members of goes with them.
            if policy.roles.contains(where: { $0.retirement != nil && [row.member, row.role].contains($0.name) }) {
                continue
            }
            guard snapshot.protection(of: row.member) == nil, scope.reports(.role(row.member)), !row.isAutomatic
            else { continue }
            if scope.manages(role: row.member), scope.manages(role: row.role) {
                taken.insert(row)
            } else {
                plan.undeclared.append(describe(row))
            }
        }
        // A membership that came to its end is taken away whatever the mode is: the policy itself says so.
        for row in snapshot.memberships where moment.end(of: row) != nil {
            if let protection = snapshot.protection(of: row.member) {
                throw PolicyProblem(moment.end(of: row)?.place ?? "roles", protection)
            }
            taken.insert(row)
        }
        let moved = restingMemberships(on: taken)
        let gone = taken.union(moved)
        guard !gone.isEmpty else { return }
        let depths = Dictionary(uniqueKeysWithValues: gone.map { ($0, depth(of: $0)) })
        for row in gone.sorted(by: Self.isBefore).sorted(by: { depths[$0, default: 0] > depths[$1, default: 0] }) {
            try planRevoke(row, isMove: !taken.contains(row))
        }
        snapshot.memberships.removeAll(where: gone.contains)
        try planAgain(moved)
    }

    private static func isBefore(_ left: MembershipState, _ right: MembershipState) -> Bool {
        (left.member, left.role, left.grantor) < (right.member, right.role, right.grantor)
    }

    private func describe(_ row: MembershipState) -> String {
        "membership of \(spelled(row.member)) in \(spelled(row.role))"
    }

    private mutating func planRevoke(_ row: MembershipState, isMove: Bool) throws {
        let end = isMove ? nil : moment.end(of: row)
        let reason =
            end.map { "\($0.place): ended at \($0.membership.until?.brief ?? "")" }
            ?? (isMove
                ? "\(describe(row)) was granted by \(spelled(row.grantor)), who may no longer grant it: it is granted anew"
                : "\(describe(row)) is not declared")
        plan.changes.append(
            try Change(
                .revokeMembership, isMove ? .changes : .narrows, [RoleStatements.revokeMembership(row)],
                reason: reason, revokes: isMove || end != nil ? 0 : 1, requires: needs(of: row)))
    }

    /// What rests on memberships that go, or that lose the right to administer.
    private func restingMemberships(on taken: Set<MembershipState>) -> Set<MembershipState> {
        guard snapshot.server.version >= 160_000 else { return [] }
        let narrowed = snapshot.memberships.filter { $0.admin && wanted($0)?.admin == false }
        let roles = Set((taken + narrowed).map(\.role))
        var gone = taken.union(narrowed)
        var moved: Set<MembershipState> = []
        var isComplete = false
        while !isComplete {
            isComplete = true
            for row in snapshot.memberships where roles.contains(row.role) && !taken.contains(row) {
                guard !moved.contains(row), snapshot.roles[row.grantor]?.isSuperuser != true,
                    !administrators(above: row).contains(where: { !gone.contains($0) })
                else { continue }
                moved.insert(row)
                gone.insert(row)
                isComplete = false
            }
        }
        return moved
    }

    private func wanted(_ row: MembershipState) -> MembershipDeclaration? {
        policy.roles.first { $0.name == row.member }?.memberOf.first { $0.role == row.role }
    }

    private func administrators(above row: MembershipState) -> [MembershipState] {
        snapshot.memberships.filter { $0.role == row.role && $0.member == row.grantor && $0.admin }
    }

    private func depth(of row: MembershipState, limit: Int = 100) -> Int {
        guard snapshot.server.version >= 160_000, limit > 0, snapshot.roles[row.grantor]?.isSuperuser != true
        else { return 0 }
        return 1 + (administrators(above: row).map { depth(of: $0, limit: limit - 1) }.max() ?? 0)
    }

    /// With the options that it had, but those that the policy says it has not.
    private mutating func planAgain(_ moved: Set<MembershipState>) throws {
        for (edge, rows) in Dictionary(grouping: moved, by: { [$0.member, $0.role] }).sorted(by: {
            $0.key[0] < $1.key[0]
        }) {
            guard let row = rows.first else { continue }
            let all = rows + snapshot.memberships.filter { [$0.member, $0.role] == edge }
            let limits = wanted(row) ?? MembershipDeclaration(role: row.role)
            let again = MembershipDeclaration(
                role: row.role, admin: limits.admin != false && all.contains(where: \.admin),
                inherit: limits.inherit != false && all.contains { $0.inherit == true },
                set: limits.set != false && all.contains { $0.set == true })
            plan.changes.append(
                try Change(
                    .grantMembership, .changes,
                    [RoleStatements.grantMembership(again, to: row.member, version: snapshot.server.version)],
                    reason: "\(describe(row)) had another grantor", requires: [.admit(to: row.role)]))
            snapshot.memberships.append(
                MembershipState(
                    role: row.role, member: row.member, grantor: snapshot.server.user, admin: again.admin == true,
                    inherit: again.inherit, set: again.set))
        }
    }
}
