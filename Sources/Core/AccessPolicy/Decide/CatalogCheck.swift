import Platform

/// Holds every name in a policy against the database, and answers an unknown one with the nearest that is there.
struct CatalogCheck {
    private let policy: Policy
    private let snapshot: Snapshot
    private let roles: Set<String>

    init(_ policy: Policy, _ snapshot: Snapshot) {
        self.policy = policy
        self.snapshot = snapshot
        self.roles = Set(snapshot.roles.keys).union(policy.roles.map(\.name))
    }

    func run() throws(PolicyProblem) {
        for role in policy.roles { try check(role) }
        for (index, grant) in policy.grants.enumerated() { try check(grant, at: "grants[\(index)]") }
        for table in policy.rowSecurity { try check(table) }
        for (index, test) in policy.tests.enumerated() { try checkRole(test.role, at: "tests[\(index)].as") }
        for (index, owner) in policy.trustedOwners.enumerated() {
            try checkRole(owner, at: "trustedOwners[\(index)]")
        }
    }

    private func check(_ role: RoleDeclaration) throws(PolicyProblem) {
        for (index, membership) in role.memberOf.enumerated() {
            let place = "\(role.place).memberOf[\(index)]"
            try checkRole(membership.role, at: place)
            if snapshot.roles[membership.role]?.isSuperuser == true {
                throw PolicyProblem(place, "role \"\(membership.role)\" is a superuser: no policy makes members of it")
            }
            if snapshot.server.version < 160_000, membership.inherit != nil || membership.set != nil {
                throw PolicyProblem(
                    place, "memberships have inherit and set from PostgreSQL 16 on; this server is \(release)")
            }
        }
    }

    private func check(_ grant: GrantDeclaration, at place: String) throws(PolicyProblem) {
        for (index, grantee) in grant.grantees.enumerated() {
            if let role = grantee.roleName { try checkRole(role, at: "\(place).to[\(index)]") }
        }
        for (index, creator) in grant.futureCreators.enumerated() {
            try checkRole(creator, at: "\(place).future.createdBy[\(index)]")
        }
        if case .these(let set) = grant.privileges,
            !set.isSubset(of: grant.target.kind.privileges(onVersion: snapshot.server.version))
        {
            throw PolicyProblem(
                "\(place).privileges", "MAINTAIN is known from PostgreSQL 17 on; this server is \(release)")
        }
        switch grant.target {
        case .database: break
        case .schemas(let names):
            for (index, name) in names.enumerated() { try checkSchema(name, at: "\(place).on.schemas[\(index)]") }
        case .tables(let list): try check(list, .table, at: "\(place).on.tables") { .table($0) }
        case .sequences(let list): try check(list, .sequence, at: "\(place).on.sequences") { .sequence($0) }
        case .functions(let list): try check(list, .function, at: "\(place).on.functions") { snapshot.signatures[$0] }
        case .columns(let lists):
            for list in lists { try check(list, at: "\(place).on.columns") }
        }
    }

    private func check(_ list: GrantDeclaration.ColumnList, at place: String) throws(PolicyProblem) {
        try checkTable(list.table, at: place)
        let known = snapshot.columns[list.table] ?? []
        for column in list.columns where !known.contains(column) {
            throw PolicyProblem(place, "\(unknown("column", column, among: known)) of table \(list.table)")
        }
    }

    private func check<Name: CustomStringConvertible>(
        _ list: [Selector<Name>], _ kind: ObjectKind, at place: String, _ object: (Name) -> ObjectID?
    ) throws(PolicyProblem) {
        for (index, selector) in list.enumerated() {
            switch selector {
            case .all(let schema): try checkSchema(schema, at: "\(place)[\(index)]")
            case .one(let name):
                if let object = object(name), snapshot.objects[object] != nil { continue }
                throw unknownObject(name.description, kind, at: "\(place)[\(index)]")
            }
        }
    }

    private func check(_ declared: TableSecurity) throws(PolicyProblem) {
        try checkTable(declared.table, at: declared.place)
        guard snapshot.security[declared.table] != nil else {
            throw PolicyProblem(declared.place, "\(declared.table) is not a table: it has no row security")
        }
        for (index, policy) in declared.policies.enumerated() {
            for (position, grantee) in policy.grantees.enumerated() {
                if let role = grantee.roleName {
                    try checkRole(role, at: "\(declared.place).policies[\(index)].to[\(position)]")
                }
            }
        }
    }

    private func checkTable(_ table: ObjectName, at place: String) throws(PolicyProblem) {
        if snapshot.objects[.table(table)] == nil { throw unknownObject(table.description, .table, at: place) }
    }

    private func checkSchema(_ name: String, at place: String) throws(PolicyProblem) {
        if snapshot.objects[.schema(name)] == nil { throw unknownObject(name, .schema, at: place) }
    }

    private func unknownObject(_ name: String, _ kind: ObjectKind, at place: String) -> PolicyProblem {
        let known = snapshot.objects.keys.filter { $0.kind == kind }.map(\.description)
        return PolicyProblem(place, unknown(kind.rawValue, name, among: known))
    }

    /// A role must be declared here or be there already.
    private func checkRole(_ name: String, at place: String) throws(PolicyProblem) {
        if !roles.contains(name) { throw PolicyProblem(place, unknown("role", name, among: roles)) }
    }

    private var release: String { String(snapshot.server.version / 10000) }
}
