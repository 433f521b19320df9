/// Who may act with whose privileges: memberships followed as PostgreSQL follows them.
struct RoleGraph: Sendable {
    /// The database's owner is a member of it without a row in `pg_auth_members`.
    static let databaseOwner = "pg_database_owner"

    /// Where memberships lead from one role, nearest first, the role itself at the head.
    struct Reach: Sendable {
        fileprivate(set) var order: [String]
        private var previous: [String: String] = [:]

        fileprivate init(from role: String) {
            order = [role]
            previous[role] = role
        }

        func contains(_ role: String) -> Bool { previous[role] != nil }

        /// The roles on the shortest way, without the one it starts from; nil where no way leads there.
        func path(to role: String) -> [String]? {
            guard var before = previous[role] else { return nil }
            guard role != order[0] else { return [] }
            var path = [role]
            while before != order[0] {
                path.append(before)
                before = previous[before] ?? order[0]
            }
            return path.reversed()
        }

        fileprivate mutating func add(_ role: String, from before: String) {
            guard previous[role] == nil else { return }
            previous[role] = before
            order.append(role)
        }
    }

    private struct Edge {
        let role: String
        let inherits: Bool
        let sets: Bool
    }

    private var inherited: [String: Reach] = [:]
    private var settable: [String: Reach] = [:]

    init(_ snapshot: Snapshot) {
        let edges = Self.edges(of: snapshot)
        for role in snapshot.roles.keys {
            inherited[role] = Self.follow(edges, from: role) { $0.inherits }
            settable[role] = Self.follow(edges, from: role) { $0.sets }
        }
    }

    /// The roles whose privileges this one has at once (`pg_has_role(..., 'USAGE')`, superusers aside).
    func inherited(by role: String) -> Reach { inherited[role] ?? Reach(from: role) }

    /// The roles that it can become by SET ROLE (`pg_has_role(..., 'SET')`, superusers aside).
    func settable(by role: String) -> Reach { settable[role] ?? Reach(from: role) }

    /// For each role, those that get at its privileges in any way.
    var holders: [String: Set<String>] {
        var holders: [String: Set<String>] = [:]
        for (role, reach) in settable {
            for acting in reach.order {
                for other in inherited(by: acting).order { holders[other, default: []].insert(role) }
            }
        }
        return holders
    }

    private static func follow(_ edges: [String: [Edge]], from role: String, _ counts: (Edge) -> Bool) -> Reach {
        var reach = Reach(from: role)
        var next = 0
        while next < reach.order.count {
            let member = reach.order[next]
            for edge in edges[member] ?? [] where counts(edge) { reach.add(edge.role, from: member) }
            next += 1
        }
        return reach
    }

    private static func edges(of snapshot: Snapshot) -> [String: [Edge]] {
        var edges: [String: [Edge]] = [:]
        let order = snapshot.memberships.sorted { ($0.role, $0.grantor) < ($1.role, $1.grantor) }
        for row in order {
            // Before PostgreSQL 16 the member decides for all its memberships, and any of them can be SET.
            let inherits = row.inherit ?? snapshot.roles[row.member]?.inherit ?? true
            edges[row.member, default: []].append(Edge(role: row.role, inherits: inherits, sets: row.set ?? true))
        }
        if let owner = snapshot.objects[.database(snapshot.server.database)]?.owner {
            let inherits = snapshot.server.version >= 160_000 || snapshot.roles[owner]?.inherit != false
            edges[owner, default: []].append(Edge(role: databaseOwner, inherits: inherits, sets: true))
        }
        return edges
    }
}
