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
        for (index, owned) in policy.owners.enumerated() { try check(owned, at: "owners[\(index)]") }
        for (index, grant) in policy.grants.enumerated() { try check(grant, at: "grants[\(index)]") }
        for (index, declared) in policy.defaultPrivileges.enumerated() {
            try check(declared, at: "defaultPrivileges[\(index)]")
        }
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
        try check(grant.privileges, of: grant.target.kind, at: "\(place).privileges")
        try check(grant.target, at: "\(place).on.\(grant.target.kind.key)")
        if case .named(.language, let names) = grant.target {
            for (index, name) in names.enumerated()
            where snapshot.objects[.language(name)]?.form == .untrustedLanguage {
                throw PolicyProblem(
                    "\(place).on.languages[\(index)]",
                    "language \(spelled(name)) is not trusted: only superusers use it, and nobody is granted that")
            }
        }
    }

    private func check(_ declared: DefaultDeclaration, at place: String) throws(PolicyProblem) {
        for (index, grantee) in declared.grantees.enumerated() {
            if let role = grantee.roleName { try checkRole(role, at: "\(place).to[\(index)]") }
        }
        for (index, creator) in declared.creators.enumerated() {
            try checkRole(creator, at: "\(place).createdBy[\(index)]")
        }
        for (index, schema) in (declared.schemas ?? []).enumerated() {
            try checkSchema(schema, at: "\(place).schemas[\(index)]")
        }
        try check(declared.privileges, of: declared.kind, at: "\(place).privileges")
        if declared.kind == .largeObject, snapshot.server.version < 180_000 {
            throw PolicyProblem(
                "\(place).on",
                "large objects have default privileges from PostgreSQL 18 on; this server is \(release)")
        }
    }

    private func check(
        _ privileges: PrivilegeList, of kind: ObjectKind, at place: String
    ) throws(PolicyProblem) {
        guard case .these(let set) = privileges,
            !set.isSubset(of: kind.privileges(onVersion: snapshot.server.version))
        else { return }
        throw PolicyProblem(place, "MAINTAIN is known from PostgreSQL 17 on; this server is \(release)")
    }

    private func check(_ owned: OwnerDeclaration, at place: String) throws(PolicyProblem) {
        try checkRole(owned.owner, at: "\(place).owner")
        try check(owned.target, at: "\(place).on.\(owned.target.kind.key)")
        guard case .sequences(let list) = owned.target else { return }
        for case (let index, .one(let name)) in list.enumerated() {
            if let table = snapshot.objects[.sequence(name)]?.table {
                throw PolicyProblem(
                    "\(place).on.sequences[\(index)]",
                    "sequence \(name) belongs to a column of table \(table), and follows that table's owner")
            }
        }
    }

    private func check(_ target: GrantDeclaration.Target, at place: String) throws(PolicyProblem) {
        switch target {
        case .database: break
        case .schemas(let names):
            for (index, name) in names.enumerated() { try checkSchema(name, at: "\(place)[\(index)]") }
        case .tables(let list): try check(list, .table, at: place) { .table($0) }
        case .sequences(let list): try check(list, .sequence, at: place) { .sequence($0) }
        case .functions(let list): try check(list, .function, at: place) { snapshot.signatures[$0] }
        case .types(let list): try check(list, .type, at: place) { .type($0) }
        case .columns(let lists):
            for list in lists { try check(list, at: place) }
        case .largeObjects(let numbers):
            for (index, number) in numbers.enumerated() where snapshot.objects[.largeObject(number)] == nil {
                throw PolicyProblem("\(place)[\(index)]", "there is no large object \(number)")
            }
        case .named(.parameter, let names):
            // Others than superusers do not see every parameter.
            for (index, name) in names.enumerated()
            where snapshot.server.isSuperuser && !snapshot.parameters.contains(name) {
                throw PolicyProblem("\(place)[\(index)]", unknown("parameter", name, among: snapshot.parameters))
            }
        case .named(let kind, let names):
            for (index, name) in names.enumerated() {
                guard ObjectID(kind, named: name).flatMap({ snapshot.objects[$0] }) == nil else { continue }
                throw unknownObject(name, kind, at: "\(place)[\(index)]")
            }
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
