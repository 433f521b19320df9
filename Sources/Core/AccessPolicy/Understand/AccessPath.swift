/// One way in which a role comes to a privilege.
package struct AccessPath: Hashable, Sendable {
    /// Where a privilege comes from at last.
    package enum Source: Hashable, Sendable {
        case superuser
        case owner
        case grant(by: String, isGrantable: Bool)
        /// Granted to PUBLIC.
        case everyone(by: String)
        /// One of PostgreSQL's own roles that may do something everywhere.
        case predefined(String)
    }

    package let role: String
    /// The role in whose name it happens: `role` itself, or one that it has to SET first.
    package let acting: String
    /// The memberships that lead to `acting`, that one last; none when it is `role`.
    package let setThrough: [String]
    /// The memberships whose privileges `acting` has at once, on the way to the source.
    package private(set) var inherited: [String] = []
    package private(set) var source = Source.superuser
    /// Why this way ends before the object all the same.
    package let missing: String?

    init(role: String, acting: String, setThrough: [String], missing: String?) {
        self.role = role
        self.acting = acting
        self.setThrough = setThrough
        self.missing = missing
    }

    func extended(by inherited: [String], _ source: Source) -> AccessPath {
        var path = self
        path.inherited = inherited
        path.source = source
        return path
    }

    package var isUsable: Bool { missing == nil }
    package var needsSetRole: Bool { acting != role }

    /// The way without the role it starts from, so that roles on the same way share their words.
    ///
    /// Without `privileges` they are not named.
    package func steps(_ privileges: PrivilegeSet? = nil) -> [String] {
        var steps: [String] = []
        if needsSetRole {
            let through = setThrough.dropLast().map(spelled)
            steps.append(
                "may SET ROLE \(spelled(acting))"
                    + (through.isEmpty ? "" : " (through \(through.joined(separator: ", ")))"))
        }
        for name in inherited {
            steps.append(
                name == RoleGraph.databaseOwner
                    ? "owner of the database, so member of \(name)" : "member of \(spelled(name)) (inherits)")
        }
        steps.append(words(for: privileges))
        return steps
    }

    /// `app_user -> member of db_application (inherits) -> granted SELECT by postgres`.
    package func text(_ privileges: PrivilegeSet) -> String {
        ([spelled(role)] + steps(privileges)).joined(separator: " -> ")
    }

    private func words(for privileges: PrivilegeSet?) -> String {
        let what = privileges.map { " \($0)" } ?? ""
        return switch source {
        case .superuser: "superuser"
        case .owner: inherited.isEmpty && !needsSetRole ? "owns it" : "which owns it"
        case .grant(let grantor, let isGrantable):
            "granted\(what) by \(spelled(grantor))" + (isGrantable ? ", and may grant it on" : "")
        case .everyone(let grantor): "granted\(what) to PUBLIC by \(spelled(grantor))"
        case .predefined(let name): "\(name) may do this everywhere"
        }
    }
}
