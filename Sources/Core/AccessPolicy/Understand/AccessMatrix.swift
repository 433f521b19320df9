/// Who may do what on everything in a database, as an auditor reads it: what is equal is told once.
///
/// Superusers stand among the roles only, since they may do anything; what PUBLIC has is told of PUBLIC alone.
package struct AccessMatrix: Sendable, Encodable {
    /// Objects on which everybody has the same access.
    package struct Group: Sendable, Encodable {
        package let kind: ObjectKind
        /// What it is where the kind does not tell: a view, a procedure, a domain.
        package let form: String?
        package let owner: String
        package let objects: [Place]
        /// `on` or `forced`; nil where there is none.
        package let rowSecurity: String?
        package let access: [Access]
    }

    /// Some or all objects of one schema, or columns of one table.
    package struct Place: Sendable, Encodable {
        /// The schema, or the table of columns; empty for what is in no schema.
        package let container: String
        package let names: [String]
        /// Whether that is every object of this kind there.
        package let isAll: Bool

        private enum CodingKeys: String, CodingKey {
            case container = "in"
            case names
            case isAll = "all"
        }
    }

    /// Roles that come to the same privileges in the same way.
    package struct Access: Sendable, Encodable {
        package var roles: [String]
        package let privileges: [String]
        /// The way there, from memberships to the grant.
        package let how: [String]
        /// The role that has to be SET first; nil for privileges that are held at once.
        package let setRole: String?
        /// What row security leaves, by privilege.
        package let rows: [String: String]
        /// Why it is of no use all the same.
        package let missing: String?
    }

    package let roles: [RoleFacts]
    package let groups: [Group]
}

extension AccessMatrix {
    package init(_ access: EffectiveAccess) {
        let holders = access.graph.holders
        let counts = Self.counts(in: access.snapshot)
        let groups = GroupKey.groups(in: access).map { key, objects -> Group in
            Group(
                kind: key.kind, form: key.form == .plain ? nil : key.form.rawValue, owner: key.owner,
                objects: Self.places(of: objects, form: key.form, counts),
                rowSecurity: key.security.flatMap { $0.isEnabled ? ($0.isForced ? "forced" : "on") : nil },
                access: MatrixRows(access, objects[0], holders: holders).rows)
        }
        self.groups = groups.filter { !$0.access.isEmpty }.sorted { left, right in
            let (one, other) = (left.kind.position, right.kind.position)
            guard one == other else { return one < other }
            return left.objects.sortKey < right.objects.sortKey
        }
        roles = RoleFacts.all(access)
    }

    private struct Space: Hashable {
        let kind: ObjectKind
        let form: ObjectForm
        let container: String
    }

    /// How many objects of each kind there are in each schema.
    private static func counts(in snapshot: Snapshot) -> [Space: Int] {
        var counts: [Space: Int] = [:]
        for (object, state) in snapshot.objects where !state.isExtensionMember && !object.container.isEmpty {
            counts[Space(kind: object.kind, form: state.form, container: object.container), default: 0] += 1
        }
        return counts
    }

    private static func places(of objects: [ObjectID], form: ObjectForm, _ counts: [Space: Int]) -> [Place] {
        Dictionary(grouping: objects, by: \.container).sorted { $0.key < $1.key }.map { container, objects in
            let all = counts[Space(kind: objects[0].kind, form: form, container: container)]
            return Place(
                container: container, names: objects.map { $0.name(in: container) }.sorted(),
                isAll: all == objects.count)
        }
    }
}

/// All that decides who may do what on an object: equal keys, equal access.
private struct GroupKey: Hashable {
    let kind: ObjectKind
    let form: ObjectForm
    let owner: String
    let entries: [EffectiveAccess.Entry]
    let schema: [EffectiveAccess.Entry]
    let security: SecurityState?
    let policies: [PolicyState]

    init(_ object: ObjectID, _ access: EffectiveAccess) {
        kind = object.kind
        form = access.snapshot.objects[object]?.form ?? .plain
        owner = access.owner(of: object) ?? ""
        entries = access.entries(on: object)
        let space = kind == .schema ? nil : object.schema
        schema = space.map { access.entries(on: .schema($0)) } ?? []
        if case .table(let table) = object.owned, access.snapshot.security[table]?.isEnabled == true {
            security = access.snapshot.security[table]
            // The table's own name does not matter: the same policies on two tables are the same.
            policies = (access.policies[table] ?? []).map { policy in
                var policy = policy
                policy.table = ObjectName("", "")
                return policy
            }
        } else {
            (security, policies) = (nil, [])
        }
    }

    static func groups(in access: EffectiveAccess) -> [GroupKey: [ObjectID]] {
        let objects = access.snapshot.objects.filter { !$0.value.isExtensionMember }.keys
        let columns = access.grantedColumns.filter {
            access.snapshot.objects[$0.owned]?.isExtensionMember == false
        }
        var groups: [GroupKey: [ObjectID]] = [:]
        for object in objects.sorted() + columns.sorted() {
            groups[GroupKey(object, access), default: []].append(object)
        }
        return groups
    }
}

/// The rows of one group, worked out on one of its objects.
private struct MatrixRows {
    private let access: EffectiveAccess
    private let object: ObjectID
    private let holders: [String: Set<String>]

    init(_ access: EffectiveAccess, _ object: ObjectID, holders: [String: Set<String>]) {
        self.access = access
        self.object = object
        self.holders = holders
    }

    private struct Way: Hashable {
        let how: [String]
        let acting: String?
        let missing: String?
        let privileges: PrivilegeSet
        let rows: [String: String]
    }

    var rows: [AccessMatrix.Access] {
        var roles: [Way: [String]] = [:]
        for role in candidates { for way in ways(of: role) { roles[way, default: []].append(role) } }
        for way in publicWays { roles[way, default: []].append("PUBLIC") }
        return roles.map { way, roles in
            AccessMatrix.Access(
                roles: roles.sorted(), privileges: way.privileges.names, how: way.how, setRole: way.acting,
                rows: way.rows, missing: way.missing)
        }.sorted { ($0.roles[0], $0.how.count, $0.how.joined()) < ($1.roles[0], $1.how.count, $1.how.joined()) }
    }

    /// Whoever could hold anything here, superusers and PostgreSQL's own roles aside.
    private var candidates: [String] {
        var grantees = Set(access.entries(on: object).compactMap(\.grantee.roleName))
        grantees.formUnion(["pg_read_all_data", "pg_write_all_data", "pg_maintain"])
        var roles = grantees.reduce(into: Set<String>()) { $0.formUnion(holders[$1] ?? []) }
        // A closed schema does not stop whoever holds USAGE on it by name.
        if !isPublicUsable, isPublic { roles.formUnion(access.snapshot.roles.keys) }
        return roles.filter { !access.isSuperuser($0) && !$0.hasPrefix("pg_") }.sorted()
    }

    private var isPublic: Bool { access.entries(on: object).contains { $0.grantee == .everyone } }
    private var isPublicUsable: Bool { access.missing(for: EffectiveAccess.nobody, on: object) == nil }

    private struct Key: Hashable {
        let how: [String]
        let acting: String
        let missing: String?
    }

    private func ways(of role: String) -> [Way] {
        var found: [Key: PrivilegeSet] = [:]
        for privilege in object.kind.privileges(onVersion: access.snapshot.server.version).single {
            for path in access.paths(of: role, to: privilege, on: object, onlyOwn: true) {
                switch path.source {
                case .superuser: continue
                case .everyone where isPublicUsable || !path.isUsable: continue
                default: break
                }
                let key = Key(how: path.steps(), acting: path.acting, missing: path.missing)
                found[key, default: []].formUnion(privilege)
            }
        }
        return found.map { key, privileges in
            way(key, privileges, setRole: key.acting == role ? nil : key.acting)
        }
    }

    private var publicWays: [Way] {
        var found: [Key: PrivilegeSet] = [:]
        for entry in access.entries(on: object) where entry.grantee == .everyone {
            let key = Key(
                how: ["granted to PUBLIC by \(spelled(entry.held.grantor))"], acting: EffectiveAccess.nobody,
                missing: access.missing(for: EffectiveAccess.nobody, on: object))
            found[key, default: []].formUnion(entry.held.privileges)
        }
        return found.map { way($0, $1, setRole: nil) }
    }

    private func way(_ key: Key, _ privileges: PrivilegeSet, setRole: String?) -> Way {
        var rows: [String: String] = [:]
        for privilege in privileges.single {
            if let filter = access.rows(of: key.acting, to: privilege, on: object) {
                rows[privilege.description] = filter.text
            }
        }
        // Whose schema is closed is the acting role's own matter: without its name equal ways are equal.
        let missing = key.missing.map { _ in "no USAGE on the schema" }
        return Way(how: key.how, acting: setRole, missing: missing, privileges: privileges, rows: rows)
    }
}

extension [AccessMatrix.Place] {
    fileprivate var sortKey: String { first.map { $0.container + "\u{0}" + ($0.names.first ?? "") } ?? "" }
}

extension ObjectKind {
    /// The order in which kinds are told.
    var position: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension ObjectID {
    /// The schema, or a column's table; empty for what is in none.
    fileprivate var container: String {
        if owned != self { return owned.description }
        return kind == .schema ? "" : schema.map(spelled) ?? ""
    }

    fileprivate func name(in container: String) -> String {
        container.isEmpty ? description : String(description.dropFirst(container.count + 1))
    }
}
