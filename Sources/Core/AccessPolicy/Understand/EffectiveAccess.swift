/// Who effectively holds which privilege on what: the answers of `has_table_privilege` and its like, with the way there.
///
/// Pure: made of a snapshot, and as true as that was.
package struct EffectiveAccess: Sendable {
    package let snapshot: Snapshot
    let graph: RoleGraph
    /// By table, in the order of their names.
    let policies: [ObjectName: [PolicyState]]
    private let entries: [ObjectID: [Entry]]

    /// A role without any membership, to which only what PUBLIC has applies.
    static let nobody = ""

    /// One entry of an access control list.
    struct Entry: Hashable, Sendable {
        let grantee: Grantee
        let held: HeldPrivileges
    }

    package init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        graph = RoleGraph(snapshot)
        policies = Dictionary(grouping: snapshot.policies.sorted { $0.name < $1.name }, by: \.table)
        var entries: [ObjectID: [Entry]] = [:]
        for (holding, rows) in snapshot.privileges {
            entries[holding.object, default: []] += rows.map { Entry(grantee: holding.grantee, held: $0) }
        }
        for (object, state) in snapshot.objects where state.hasDefaultPrivileges && entries[object] == nil {
            let all = object.kind.privileges(onVersion: snapshot.server.version)
            let held = HeldPrivileges(grantor: state.owner, all, grantable: all)
            entries[object] = [Entry(grantee: .role(state.owner), held: held)]
        }
        self.entries = entries.mapValues { list in
            list.sorted { ($0.grantee, $0.held.grantor) < ($1.grantee, $1.held.grantor) }
        }
    }

    /// The access control list of one object, sorted; that of an untouched object written out.
    func entries(on object: ObjectID) -> [Entry] { entries[object] ?? [] }

    /// The columns on which privileges were granted.
    var grantedColumns: [ObjectID] { entries.keys.filter { $0.kind == .column } }

    /// What the role holds without SET ROLE.
    package func privileges(of role: String, on object: ObjectID) -> PrivilegeSet {
        let all = object.kind.privileges(onVersion: snapshot.server.version)
        if isSuperuser(role) { return all }
        let reach = graph.inherited(by: role)
        var privileges = predefined(reach, object).reduce(into: PrivilegeSet()) { $0.formUnion($1.privileges) }
        for entry in entries(on: object) where reach.contains(entry.grantee) {
            privileges.formUnion(entry.held.privileges)
        }
        if object.owned != object { privileges.formUnion(self.privileges(of: role, on: object.owned)) }
        return privileges.intersection(all)
    }

    /// What the role may pass on without SET ROLE: an owner everything, also what it does not hold itself.
    package func grantable(of role: String, on object: ObjectID) -> PrivilegeSet {
        let all = object.kind.privileges(onVersion: snapshot.server.version)
        let reach = graph.inherited(by: role)
        if isSuperuser(role) || owner(of: object).map(reach.contains) == true { return all }
        var privileges: PrivilegeSet = []
        for entry in entries(on: object) where reach.contains(entry.grantee) {
            privileges.formUnion(entry.held.grantable)
        }
        if object.owned != object { privileges.formUnion(grantable(of: role, on: object.owned)) }
        return privileges.intersection(all)
    }

    /// Every way in which the role comes to the privilege, the shortest first; SET ROLE only where that adds something.
    ///
    /// A column has its table's privileges too, unless `onlyOwn` leaves them out.
    package func paths(
        of role: String, to privilege: PrivilegeSet, on object: ObjectID, onlyOwn: Bool = false
    ) -> [AccessPath] {
        var paths: [AccessPath] = []
        var reached: Set<Grantee> = []
        var blocked: Set<Grantee> = []
        for acting in graph.settable(by: role).order {
            let start = AccessPath(
                role: role, acting: acting, setThrough: graph.settable(by: role).path(to: acting) ?? [],
                missing: missing(for: acting, on: object))
            let known = start.isUsable ? reached : reached.union(blocked)
            let found = sources(of: acting, privilege, object, onlyOwn: onlyOwn).filter { !known.contains($0.grantee) }
            paths += found.map { start.extended(by: $0.inherited, $0.source) }
            // A way that ends before a closed schema does not make another one superfluous.
            if start.isUsable {
                reached.formUnion(found.map(\.grantee))
            } else {
                blocked.formUnion(found.map(\.grantee))
            }
            if isSuperuser(acting) { break }
        }
        return paths
    }

    /// Whether the role can use the privilege, by SET ROLE or at once, schema included.
    package func can(_ role: String, _ privilege: PrivilegeSet, on object: ObjectID) -> Bool {
        paths(of: role, to: privilege, on: object).contains(where: \.isUsable)
    }

    /// Whether the role can open a session in this database by itself.
    package func canConnect(_ role: String) -> Bool {
        snapshot.roles[role]?.login == true
            && privileges(of: role, on: .database(snapshot.server.database)).contains(.connect)
    }

    func isSuperuser(_ role: String) -> Bool { snapshot.roles[role]?.isSuperuser == true }

    func owner(of object: ObjectID) -> String? { snapshot.objects[object.owned]?.owner }

    private struct Found {
        let grantee: Grantee
        let inherited: [String]
        let source: AccessPath.Source
    }

    private func sources(
        of acting: String, _ privilege: PrivilegeSet, _ object: ObjectID, onlyOwn: Bool
    ) -> [Found] {
        if isSuperuser(acting) { return [Found(grantee: .role(acting), inherited: [], source: .superuser)] }
        let reach = graph.inherited(by: acting)
        var found: [Found] = []
        for entry in entries(on: object) where entry.held.privileges.contains(privilege) {
            guard reach.contains(entry.grantee) else { continue }
            found.append(
                Found(
                    grantee: entry.grantee, inherited: entry.grantee.roleName.flatMap(reach.path) ?? [],
                    source: source(entry, privilege, object)))
        }
        for (name, privileges) in predefined(reach, object) where privileges.contains(privilege) {
            found.append(
                Found(grantee: .role(name), inherited: reach.path(to: name) ?? [], source: .predefined(name)))
        }
        if !onlyOwn, object.owned != object, object.owned.kind.privileges.contains(privilege) {
            found += sources(of: acting, privilege, object.owned, onlyOwn: true)
        }
        return found.sorted { $0.inherited.count < $1.inherited.count }
    }

    private func source(_ entry: Entry, _ privilege: PrivilegeSet, _ object: ObjectID) -> AccessPath.Source {
        switch entry.grantee {
        case .everyone: .everyone(by: entry.held.grantor)
        case .role(owner(of: object)): .owner
        case .role:
            .grant(by: entry.held.grantor, isGrantable: entry.held.grantable.contains(privilege))
        }
    }

    /// What roles that PostgreSQL brings with it may do everywhere.
    private func predefined(
        _ reach: RoleGraph.Reach, _ object: ObjectID
    ) -> [(name: String, privileges: PrivilegeSet)] {
        let reads: PrivilegeSet
        let writes: PrivilegeSet
        switch object.kind {
        case .table, .sequence: (reads, writes) = ([.select], [.insert, .update, .delete])
        case .schema: (reads, writes) = ([.usage], [.usage])
        default: return []
        }
        let roles: [(name: String, privileges: PrivilegeSet)] = [
            ("pg_read_all_data", reads), ("pg_write_all_data", writes),
            ("pg_maintain", object.kind == .table ? [.maintain] : []),
        ]
        let all = object.kind.privileges(onVersion: snapshot.server.version)
        return roles.filter { reach.contains($0.name) }.map { ($0.name, $0.privileges.intersection(all)) }
            .filter { !$0.privileges.isEmpty }
    }

    /// What the acting role lacks to get at the object at all.
    func missing(for acting: String, on object: ObjectID) -> String? {
        guard let schema = object.schema, object.kind != .schema,
            !privileges(of: acting, on: .schema(schema)).contains(.usage)
        else { return nil }
        return "\(acting == Self.nobody ? "PUBLIC" : spelled(acting)) has no USAGE on schema \(spelled(schema))"
    }
}

extension RoleGraph.Reach {
    func contains(_ grantee: Grantee) -> Bool {
        switch grantee {
        case .everyone: true
        case .role(let name): contains(name)
        }
    }
}
