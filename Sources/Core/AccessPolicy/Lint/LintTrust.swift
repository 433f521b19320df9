/// Who is not trusted with everything, and with whose rights each of them can act.
///
/// With a policy: the roles that it names, but for those that it retires. Without one: every role that can log in. Never superusers and the database's
/// owner; an object's own owner is left out where that object is judged. PUBLIC, 0, always belongs to them.
struct LintTrust: Sendable {
    /// Why each role counts.
    let low: [UInt32: String]
    /// The low-trust roles that can act with a role's rights, itself included; of PUBLIC all of them.
    let reach: [UInt32: Set<UInt32>]
    /// The roles whose rights, and whose policies, a low-trust role has without doing anything.
    let inherited: [UInt32: Set<UInt32>]
    /// Those and the roles that it can become with SET ROLE.
    let reachable: [UInt32: Set<UInt32>]

    init(_ catalog: LintCatalog, _ policy: Policy?) {
        let named = policy.map(Self.names)
        var low: [UInt32: String] = [:]
        for role in catalog.roles.values where !role.isSuperuser && !role.isPredefined {
            guard role.oid != catalog.databaseOwner else { continue }
            if let named {
                if named.contains(role.name) { low[role.oid] = "in the policy" }
            } else if role.login {
                low[role.oid] = "login role"
            }
        }
        self.low = low
        var inheriting: [UInt32: [UInt32]] = [:]
        var acting: [UInt32: [UInt32]] = [:]
        for edge in catalog.memberships {
            let inherits = edge.inherit ?? catalog.roles[edge.member]?.inherit ?? true
            if inherits { inheriting[edge.member, default: []].append(edge.role) }
            if inherits || edge.set ?? true { acting[edge.member, default: []].append(edge.role) }
        }
        inherited = low.keys.reduce(into: [:]) { $0[$1] = Self.closure(of: $1, inheriting) }
        reachable = low.keys.reduce(into: [:]) { $0[$1] = Self.closure(of: $1, acting) }
        var reach: [UInt32: Set<UInt32>] = [0: Set(low.keys).union([0])]
        for (role, groups) in reachable {
            for group in groups { reach[group, default: []].insert(role) }
        }
        self.reach = reach
    }

    private static func names(in policy: Policy) -> Set<String> {
        Set(policy.roles.filter { $0.retirement == nil }.map(\.name))
            .union(policy.grants.flatMap { $0.grantees.compactMap(\.roleName) })
            .union(policy.rowSecurity.flatMap { $0.policies.flatMap { $0.grantees.compactMap(\.roleName) } })
            .union(policy.tests.map(\.role))
    }

    private static func closure(of role: UInt32, _ edges: [UInt32: [UInt32]]) -> Set<UInt32> {
        var seen: Set<UInt32> = [role]
        var rest = [role]
        while let next = rest.popLast() {
            for group in edges[next] ?? [] where seen.insert(group).inserted { rest.append(group) }
        }
        return seen
    }
}

/// A privilege that low-trust roles can use: who was given it, and who can act with it.
struct Exposure: Sendable {
    let grantee: UInt32
    let privileges: Set<String>
    /// 0 among them where everybody can.
    let roles: Set<UInt32>
    let column: String?
}
