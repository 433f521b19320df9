import Cryptography

/// What a snapshot says, one line for each thing: the same text every time, for comparing two moments and naming what
/// has moved between them.
package struct StateFacts: Sendable, Equatable {
    /// What is spoken of, and what is so of it: `role reader` is `LOGIN, INHERIT`.
    package private(set) var values: [String: String] = [:]

    package init(values: [String: String] = [:]) {
        self.values = values
    }

    /// Everything that the snapshot says about access.
    package init(_ snapshot: Snapshot) {
        self.init(snapshot, of: nil)
    }

    /// What some changes may have altered.
    init(_ snapshot: Snapshot, of touched: Touched) {
        self.init(touched.part(of: snapshot), of: nil, touched)
    }

    /// What a plan rests on: the roles that the policy speaks of, with all who are members of them, the objects it
    /// selects, and all that these roles hold.
    package init(_ snapshot: Snapshot, for policy: Policy) {
        self.init(snapshot, of: PolicyReach(policy, snapshot))
    }

    private init(_ snapshot: Snapshot, of reach: PolicyReach?, _ touched: Touched? = nil) {
        for (name, state) in snapshot.roles where reach?.roles.contains(name) != false { add(name, state) }
        for row in snapshot.memberships where reach?.roles.contains(row.role) != false || reach?.declares(row) == true {
            let by = row.grantor.isEmpty ? "" : ", granted by \(spelled(row.grantor))"
            let options = [("ADMIN", row.admin), ("INHERIT", row.inherit == true), ("SET", row.set == true)]
            values["membership of \(spelled(row.member)) in \(spelled(row.role))\(by)"] =
                options.filter(\.1).map(\.0).joined(separator: ", ")
        }
        // Large objects and parameters are there as soon as somebody has touched their privileges.
        for (object, state) in snapshot.objects
        where object.kind != .largeObject && object.kind != .parameter && reach?.objects.contains(object) != false
            && touched?.mayChangeOwner(of: object, state) != false
        {
            values["owner of \(object.kind.rawValue) \(object)"] = state.owner
        }
        for (holding, rows) in snapshot.privileges where reach?.covers(holding) != false {
            // An owner's own rights are written down or not: that says nothing.
            guard holding.grantee != snapshot.objects[holding.object.owned].map({ .role($0.owner) }) else { continue }
            for row in rows { values[Self.key(holding, row)] = words(row) }
        }
        for (holding, held) in snapshot.allDefaults where reach?.covers(holding) != false {
            let place = holding.schema.map { "in schema \(spelled($0))" } ?? "everywhere"
            values[
                "default privileges on \(holding.kind.rawValue)s of \(spelled(holding.creator)) \(place) to "
                    + name(holding.grantee)] = words(held)
        }
        for (table, state) in snapshot.security where reach?.objects.contains(.table(table)) != false {
            values["row security of table \(table)"] =
                "\(state.isEnabled ? "enabled" : "disabled")\(state.isForced ? ", forced" : "")"
        }
        for (name, state) in snapshot.retirements {
            for dependency in state.dependencies {
                values["dependencies of role \(spelled(name)), \(dependency.place)"] = dependency.description
            }
        }
        for policy in snapshot.policies where reach?.objects.contains(.table(policy.table)) != false {
            values["policy \(spelled(policy.name)) on table \(policy.table)"] = words(policy)
        }
    }

    private mutating func add(_ name: String, _ state: RoleState) {
        let attributes = [
            ("SUPERUSER", state.isSuperuser), ("LOGIN", state.login), ("CREATEDB", state.createdb),
            ("CREATEROLE", state.createrole), ("INHERIT", state.inherit), ("REPLICATION", state.replication),
            ("BYPASSRLS", state.bypassRls),
        ].filter(\.1).map(\.0)
        values["role \(spelled(name))"] =
            (attributes + ["CONNECTION LIMIT \(state.connectionLimit)", "VALID UNTIL \(state.validUntil.text)"])
            .joined(separator: ", ")
        for (setting, value) in state.settings { values["setting \(setting) of role \(spelled(name))"] = value }
        for (setting, value) in state.settingsInDatabase {
            values["setting \(setting) of role \(spelled(name)) in this database"] = value
        }
    }

    private func name(_ grantee: Grantee) -> String { spelled(grantee.description) }

    private static func key(_ holding: Holding, _ row: HeldPrivileges) -> String {
        "privileges on \(holding.object.kind.rawValue) \(holding.object.description) to "
            + "\(spelled(holding.grantee.description)), granted by \(spelled(row.grantor))"
    }

    private func words(_ held: HeldPrivileges) -> String {
        if held.grantable.isEmpty { return held.privileges.description }
        return held.privileges.names.map { name in
            let mayPassOn = PrivilegeSet(named: name).map(held.grantable.contains) == true
            return mayPassOn ? "\(name) WITH GRANT OPTION" : name
        }.joined(separator: ", ")
    }

    private func words(_ policy: PolicyState) -> String {
        let to = policy.grantees.map(name).sorted().joined(separator: ", ")
        return "\(policy.isRestrictive ? "restrictive" : "permissive") for \(policy.command.rawValue) to \(to)"
            + (policy.using.map { " using \($0)" } ?? "") + (policy.check.map { " check \($0)" } ?? "")
    }

    /// SHA-256 over all lines, sorted.
    package var fingerprint: String {
        var text: [UInt8] = []
        for key in values.keys.sorted() {
            // Lengths, so that no text can be read as another one.
            let value = values[key] ?? ""
            text += "\(key.utf8.count) \(key) \(value.utf8.count) \(value)\n".utf8
        }
        return SHA256.hash(text).hex
    }

    /// The lines that are not the same in both, one sentence each, sorted.
    package func moved(since earlier: StateFacts) -> [String] {
        Set(values.keys).union(earlier.values.keys).sorted().compactMap { key in
            switch (earlier.values[key], values[key]) {
            case (let old?, let new?): old == new ? nil : "\(key): was \(Self.shown(old)), is \(Self.shown(new))"
            case (let old?, nil): "\(key): was \(Self.shown(old)), is gone"
            case (nil, let new?): "\(key): is new\(new.isEmpty ? "" : ", \(new)")"
            case (nil, nil): nil
            }
        }
    }

    /// A membership before PostgreSQL 16 has nothing more to say of itself.
    private static func shown(_ value: String) -> String {
        value.isEmpty ? "there" : value
    }

    /// More lines, where none are of the same.
    mutating func add(_ more: StateFacts) {
        values.merge(more.values) { mine, _ in mine }
    }

    /// These lines and no others, as far as they are there.
    package func about(_ keys: some Collection<String>) -> StateFacts {
        StateFacts(values: Dictionary(uniqueKeysWithValues: keys.compactMap { key in values[key].map { (key, $0) } }))
    }

    /// The lines in which two moments differ, as each of them has it.
    package static func difference(_ before: StateFacts, _ after: StateFacts) -> (before: StateFacts, after: StateFacts)
    {
        (
            StateFacts(values: before.values.filter { after.values[$0.key] != $0.value }),
            StateFacts(values: after.values.filter { before.values[$0.key] != $0.value })
        )
    }
}

extension Snapshot {
    /// What future objects will let others do, where it is recorded: also that PUBLIC has nothing of what is built in.
    var allDefaults: [DefaultHolding: HeldPrivileges] {
        var all = defaults.filter { $0.key.schema != nil || $0.key.grantee != .role($0.key.creator) }
        for changed in changedDefaults {
            let holding = DefaultHolding(creator: changed.creator, schema: nil, kind: changed.kind, grantee: .everyone)
            all[holding] = heldByDefault(holding)
        }
        return all
    }
}

/// What a policy speaks of in one database.
private struct PolicyReach {
    let roles: Set<String>
    let objects: Set<ObjectID>
    private let declared: Set<String>

    init(_ policy: Policy, _ snapshot: Snapshot) {
        var roles = Set(policy.roles.map(\.name))
        var objects: Set<ObjectID> = []
        for role in policy.roles { roles.formUnion(role.memberOf.map(\.role)) }
        for declared in policy.owners {
            roles.insert(declared.owner)
            objects.formUnion(snapshot.objects(of: declared.target))
        }
        for declared in policy.defaultPrivileges {
            roles.formUnion(declared.creators)
            roles.formUnion(declared.grantees.compactMap(\.roleName))
        }
        for grant in policy.grants {
            roles.formUnion(grant.grantees.compactMap(\.roleName))
            roles.formUnion(grant.futureCreators)
            objects.formUnion(snapshot.objects(of: grant.target).map(\.owned))
        }
        for table in policy.rowSecurity {
            objects.insert(.table(table.table))
            roles.formUnion(table.policies.flatMap(\.grantees).compactMap(\.roleName))
        }
        declared = Set(policy.roles.map(\.name))
        // Whoever is a member gets what is granted.
        var isGrowing = true
        while isGrowing {
            let members = snapshot.memberships.filter { roles.contains($0.role) }.map(\.member)
            isGrowing = !roles.isSuperset(of: members)
            roles.formUnion(members)
        }
        self.roles = roles
        self.objects = objects
    }

    func declares(_ row: MembershipState) -> Bool { declared.contains(row.member) }

    func covers(_ holding: Holding) -> Bool {
        objects.contains(holding.object.owned) || holding.grantee.roleName.map(roles.contains) == true
    }

    func covers(_ holding: DefaultHolding) -> Bool {
        roles.contains(holding.creator) || holding.grantee.roleName.map(roles.contains) == true
    }
}
