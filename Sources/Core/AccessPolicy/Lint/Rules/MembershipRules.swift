import PostgresClient

/// Memberships that give more than they seem to.
enum MembershipRules {
    static let all = [predefined, adminOption, severalGrantors, wider]

    private static let files: Set<String> = [
        "pg_execute_server_program", "pg_read_server_files", "pg_write_server_files",
    ]
    private static let data: Set<String> = [
        "pg_read_all_data", "pg_write_all_data", "pg_maintain", "pg_signal_backend", "pg_create_subscription",
    ]

    static let predefined = LintRule(
        "master-key-membership", .warning, "A role holds a master key: a predefined role that passes every grant",
        source: LintSource.predefined + "; CIS PostgreSQL Benchmark 4.9"
    ) { facts in
        facts.catalog.memberships.compactMap { edge in
            guard let role = facts.catalog.roles[edge.role], let member = facts.catalog.roles[edge.member],
                !member.isSuperuser, !member.isPredefined, files.contains(role.name) || data.contains(role.name)
            else { return nil }
            let isFile = files.contains(role.name)
            return LintRule.Hit(
                .role(member.name),
                "member of \(role.name)"
                    + (isFile ? ": it reads, writes or runs on the server as its operating system account" : ""),
                fix: "REVOKE \(identifier: role.name) FROM \(identifier: member.name)",
                severity: isFile ? .error : nil)
        }
    }

    static let adminOption = LintRule(
        "admin-option", .warning, "A low-trust role may give a role to others, and to itself",
        source: "PostgreSQL, GRANT, GRANT on Roles"
    ) { facts in
        facts.catalog.memberships.compactMap { edge in
            guard edge.admin, facts.trust.low[edge.member] != nil, let role = facts.catalog.roles[edge.role] else {
                return nil
            }
            return LintRule.Hit(
                .role(facts.name(edge.member)),
                "\(facts.described(edge.member)) has ADMIN OPTION on \(spelled(role.name))",
                fix: "REVOKE ADMIN OPTION FOR \(identifier: role.name) FROM \(facts.sql(edge.member))")
        }
    }

    static let severalGrantors = LintRule(
        "membership-several-grantors", .info, "A membership was granted by several roles: one REVOKE does not end it",
        source: "PostgreSQL, REVOKE"
    ) { facts in
        struct Edge: Hashable {
            let role: UInt32
            let member: UInt32
        }
        let edges = Dictionary(grouping: facts.catalog.memberships) { Edge(role: $0.role, member: $0.member) }
        return edges.filter { $0.value.count > 1 }.map { edge, rows in
            let grantors = rows.map { spelled(facts.name($0.grantor)) }.sorted()
            return LintRule.Hit(
                .role(facts.name(edge.member)),
                "member of \(spelled(facts.name(edge.role))) by \(grantors.joined(separator: ", "))",
                fix: "-- REVOKE \(facts.sql(edge.role)) FROM \(facts.sql(edge.member)) GRANTED BY each of them")
        }
    }

    static let wider = LintRule(
        "membership-wider", .error, "A membership gives more than the document says",
        source: "PostgreSQL, GRANT, GRANT on Roles"
    ) { facts in
        guard let policy = facts.policy else { return [] }
        return facts.catalog.memberships.compactMap { edge in
            let role = facts.name(edge.role)
            guard let member = policy.roles.first(where: { $0.name == facts.name(edge.member) }),
                let declared = member.memberOf.first(where: { $0.role == role })
            else { return nil }
            var wider: [String] = []
            if edge.admin, declared.admin != true { wider.append("ADMIN") }
            if edge.inherit == true, declared.inherit == false { wider.append("INHERIT") }
            if edge.set == true, declared.set == false { wider.append("SET") }
            guard !wider.isEmpty else { return nil }
            return LintRule.Hit(
                .role(member.name),
                "member of \(spelled(role)) with \(wider.joined(separator: ", ")), against \(member.place)",
                fix: wider.map { option -> SQL in
                    """
                    REVOKE \(raw: option) OPTION FOR \(identifier: role) FROM \(identifier: member.name) \
                    GRANTED BY \(facts.sql(edge.grantor))
                    """
                }.joined(separator: "; "))
        }
    }
}
