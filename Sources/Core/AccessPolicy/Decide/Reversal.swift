import Platform
import PostgresClient

/// The statements that lead from one state of a database back to an earlier one, decided from both as values.
///
/// Passwords and what was dropped with a role do not come back.
package struct Reversal: Sendable {
    /// To be run in this order in one transaction.
    package private(set) var statements: [String] = []
    /// The lines in which the two states differ, as they were and shall be again.
    package private(set) var before: StateFacts
    /// The same lines as they are: if they are something else, this reversal no longer fits.
    package private(set) var after: StateFacts

    /// Roles that are gone, which no script brings back with all they were.
    package let gone: [String]

    /// What hung on roles that an apply was to retire, and is no longer so: one sentence each.
    private let lost: [String]
    private let touched: Touched
    private let old: Snapshot
    /// As it will be after the statements so far.
    private var new: Snapshot

    /// - Parameter touched: Whatever else differs was done by others meanwhile, and is left to them.
    /// - Parameter retired: Roles whose goods were given away or dropped.
    /// - Throws: for a name that PostgreSQL cannot hold.
    init(from later: Snapshot, backTo earlier: Snapshot, _ touched: Touched, retired: Set<String> = [])
        throws(PlainFailure)
    {
        var new = touched.part(of: later)
        // These are in the catalog only while somebody holds a privilege on them.
        for (object, state) in earlier.objects
        where [.parameter, .largeObject].contains(object.kind) && new.objects[object] == nil {
            new.objects[object] = state
        }
        let old = touched.part(of: earlier).reachable(from: new)
        (before, after) = StateFacts.difference(StateFacts(old, of: touched), StateFacts(new, of: touched))
        gone = Set(touched.part(of: earlier).roles.keys).subtracting(new.roles.keys).sorted()
        lost = Self.lost(of: retired.union(gone), earlier, later)
        self.touched = touched
        self.old = old
        self.new = new
        try addRowSecurity()
        try addOwners()
        try addDefaults()
        let privileges = try PrivilegeReversal(from: self.new, backTo: old, later: later, earlier: earlier)
        statements += privileges.statements
        before.add(privileges.kept)
        after.add(privileges.kept)
        try addMemberships()
        try addRoles()
    }

    package var isEmpty: Bool { statements.isEmpty }

    /// What some changes did that the statements do not take back: the changes, and what was so of roles that go.
    func left(of changes: [Change]) -> [String] {
        changes.filter { !$0.kind.isUndoable }.map { $0.sql.joined(separator: "; ") } + lost
    }

    private static func lost(of roles: Set<String>, _ earlier: Snapshot, _ later: Snapshot) -> [String] {
        guard !roles.isEmpty else { return [] }
        let (was, isNow) = StateFacts.difference(
            StateFacts(earlier.part(about: roles)), StateFacts(later.part(about: roles)))
        return was.values.sorted { $0.key < $1.key }.map { what, value in
            let now = isNow.values[what].map { ", is \($0.isEmpty ? "there" : $0)" } ?? ", is gone"
            return "\(what): was \(value.isEmpty ? "there" : value)\(now)"
        }
    }

    private mutating func add(_ sql: SQL) throws(PlainFailure) {
        statements.append(try sql.text())
    }

    private mutating func addRowSecurity() throws(PlainFailure) {
        let (was, isNow) = (Set(old.policies), Set(new.policies))
        func sorted(_ policies: Set<PolicyState>) -> [PolicyState] {
            policies.sorted { ($0.table, $0.name) < ($1.table, $1.name) }
        }
        for state in sorted(isNow.subtracting(was)) { try add(SecurityStatements.drop(state.name, on: state.table)) }
        for state in sorted(was.subtracting(isNow)) {
            let policy = PolicyDeclaration(
                name: state.name, to: state.grantees, for: state.command, isRestrictive: state.isRestrictive,
                using: state.using, check: state.check)
            try add(SecurityStatements.create(policy, on: state.table))
        }
        for (table, state) in old.security.sorted(by: { $0.key < $1.key }) {
            guard let now = new.security[table] else { continue }
            if now.isEnabled != state.isEnabled { try add(SecurityStatements.enable(table, state.isEnabled)) }
            if now.isForced != state.isForced { try add(SecurityStatements.force(table, state.isForced)) }
        }
    }

    /// Owners first, since they decide who grants; what changes hands takes its privileges along.
    private mutating func addOwners() throws(PlainFailure) {
        var owners: [ObjectID: String] = [:]
        for (object, state) in old.objects {
            guard let now = new.objects[object], now.owner != state.owner, now.table == nil,
                touched.mayChangeOwner(of: object, now)
            else { continue }
            owners[object] = state.owner
        }
        for (object, owner) in owners.sorted(by: { $0.key < $1.key }) {
            try add(OwnerStatements.alter(object, new.objects[object]?.form ?? .plain, owner: owner))
        }
        new.transfer(owners)
    }

    private mutating func addDefaults() throws(PlainFailure) {
        for holding in Set(old.allDefaults.keys).union(new.allDefaults.keys).sorted() {
            let step = Step(from: new.heldByDefault(holding), to: old.heldByDefault(holding))
            for (privileges, onlyOption) in step.revokes {
                try add(
                    GrantStatements.revokeDefault(
                        privileges, holding.kind, creator: holding.creator, schema: holding.schema,
                        from: [holding.grantee], onlyGrantOption: onlyOption))
            }
            for (privileges, withOption) in step.grants {
                try add(
                    GrantStatements.grantDefault(
                        .these(privileges), holding.kind, creator: holding.creator, schema: holding.schema,
                        to: [holding.grantee], withGrantOption: withOption))
            }
        }
    }

    private mutating func addMemberships() throws(PlainFailure) {
        let version = new.server.version
        func key(_ row: MembershipState) -> [String] { [row.role, row.member, row.grantor] }
        let created = Set(new.roles.keys).subtracting(old.roles.keys)
        func isKept(_ row: MembershipState) -> Bool { !created.contains(row.role) && !created.contains(row.member) }
        let was = Dictionary(old.memberships.map { (key($0), $0) }) { first, _ in first }
        // What a role that goes is a member of, and who is a member of it, goes with it.
        let isNow = Dictionary(new.memberships.filter(isKept).map { (key($0), $0) }) { first, _ in first }
        func order(_ one: [String], _ other: [String]) -> Bool { one.lexicographicallyPrecedes(other) }
        // A membership rests on its grantor's right to administer the role: what rests on others goes first and comes last.
        func depths(_ rows: [[String]: MembershipState], _ state: Snapshot) -> [(depth: Int, place: [String])] {
            rows.keys.sorted(by: order).map { (state.depth(of: rows[$0]), $0) }
        }
        for (_, place) in depths(isNow, new).sorted(by: { $0.depth > $1.depth }) {
            guard let row = isNow[place], was[place] == nil else { continue }
            try add(RoleStatements.revokeMembership(row))
        }
        for (_, place) in depths(was, old).sorted(by: { $0.depth < $1.depth }) {
            guard let row = was[place], row != isNow[place] else { continue }
            if version < 160_000, !row.admin, let now = isNow[place] {
                try add(RoleStatements.revokeAdmin(now))
                continue
            }
            let membership = MembershipDeclaration(role: row.role, admin: row.admin, inherit: row.inherit, set: row.set)
            try add(
                RoleStatements.grantMembership(
                    membership, to: row.member, version: version, by: row.grantor.isEmpty ? nil : row.grantor))
        }
    }

    private mutating func addRoles() throws(PlainFailure) {
        for (name, now) in new.roles.sorted(by: { $0.key < $1.key }) {
            guard let was = old.roles[name] else {
                try add(RoleStatements.drop(name))
                continue
            }
            let options = RoleStatements.options(
                now.attributes(leadingTo: was), validUntil: now.validUntil == was.validUntil ? nil : was.validUntil)
            if !options.isEmpty { try add(RoleStatements.alter(name, options)) }
            try addSettings(of: name, was.settings, now.settings, in: nil)
            try addSettings(of: name, was.settingsInDatabase, now.settingsInDatabase, in: new.server.database)
        }
    }

    private mutating func addSettings(
        of role: String, _ was: [String: String], _ now: [String: String], in database: String?
    ) throws(PlainFailure) {
        for setting in Set(was.keys).union(now.keys).sorted() where was[setting] != now[setting] {
            if let stored = was[setting] {
                try add(RoleStatements.set(RoleSetting(name: setting, stored: stored), of: role, in: database))
            } else {
                try add(RoleStatements.reset(setting, of: role, in: database))
            }
        }
    }
}

extension Snapshot {
    /// What these roles are, hold, own and have granted.
    fileprivate func part(about roles: Set<String>) -> Snapshot {
        var part = Snapshot(server: server)
        func isOne(_ grantee: Grantee) -> Bool { grantee.roleName.map(roles.contains) == true }
        part.roles = self.roles.filter { roles.contains($0.key) }
        part.memberships = memberships.filter {
            roles.contains($0.role) || roles.contains($0.member) || roles.contains($0.grantor)
        }
        part.objects = objects.filter { roles.contains($0.value.owner) }
        for (holding, rows) in privileges {
            let theirs = isOne(holding.grantee) ? rows : rows.filter { roles.contains($0.grantor) }
            if !theirs.isEmpty { part.privileges[holding] = theirs }
        }
        part.defaults = defaults.filter { roles.contains($0.key.creator) || isOne($0.key.grantee) }
        part.policies = policies.filter { $0.grantees.contains(where: isOne) }
        return part
    }

    /// As much of this state as can be had again: without roles that were dropped, and what hung on them.
    fileprivate func reachable(from new: Snapshot) -> Snapshot {
        let gone = Set(roles.keys).subtracting(new.roles.keys)
        func isGone(_ grantee: Grantee) -> Bool { grantee.roleName.map(gone.contains) == true }
        var old = self
        old.roles = roles.filter { !gone.contains($0.key) }
        old.memberships = memberships.filter {
            !gone.contains($0.role) && !gone.contains($0.member) && !gone.contains($0.grantor)
        }
        for object in objects.keys {
            // Nothing here brings back an object, or what a role that is gone has owned.
            guard let state = new.objects[object] else {
                old.objects[object] = nil
                continue
            }
            if let owner = old.objects[object]?.owner, gone.contains(owner) { old.objects[object]?.owner = state.owner }
        }
        old.privileges = [:]
        for (holding, rows) in privileges where !isGone(holding.grantee) && new.objects[holding.object.owned] != nil {
            let owner = objects[holding.object.owned]?.owner
            old.privileges[holding] = rows.compactMap { row in
                guard gone.contains(row.grantor) else { return row }
                // What an owner granted is its successor's grant when the object has changed hands.
                guard row.grantor == owner, let heir = new.objects[holding.object.owned]?.owner else { return nil }
                return HeldPrivileges(grantor: heir, row.privileges, grantable: row.grantable)
            }
        }
        old.defaults = defaults.filter { !isGone($0.key.grantee) && !gone.contains($0.key.creator) }
        old.retirements = new.retirements
        old.changedDefaults = changedDefaults.filter { !gone.contains($0.creator) }
        old.security = security.filter { new.security[$0.key] != nil }
        old.policies = policies.filter { new.objects[.table($0.table)] != nil }.map { policy in
            var policy = policy
            policy.grantees.removeAll(where: isGone)
            return policy
        }.filter { !$0.grantees.isEmpty }
        return old
    }
}

extension RoleState {
    /// The attributes in which the goal differs.
    fileprivate func attributes(leadingTo goal: RoleState) -> RoleAttributes {
        func change(_ path: KeyPath<RoleState, Bool>) -> Bool? {
            self[keyPath: path] == goal[keyPath: path] ? nil : goal[keyPath: path]
        }
        var attributes = RoleAttributes()
        attributes.login = change(\.login)
        attributes.createdb = change(\.createdb)
        attributes.createrole = change(\.createrole)
        attributes.inherit = change(\.inherit)
        attributes.replication = change(\.replication)
        attributes.bypassRls = change(\.bypassRls)
        if connectionLimit != goal.connectionLimit { attributes.connectionLimit = goal.connectionLimit }
        return attributes
    }
}
