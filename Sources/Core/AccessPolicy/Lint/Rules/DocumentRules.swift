import PostgresClient

/// The policy document, as far as it can be judged beside the database.
enum DocumentRules {
    static let all = [untested, notInForce, truncate, strongRole]

    static let untested = LintRule(
        "document-untested", .info, "The document declares policies of a table that no test of it touches",
        source: "Documentation/policy.md, Tests"
    ) { facts in
        guard let policy = facts.policy else { return [] }
        let statements = policy.tests.map { test in
            Set(ExpressionToken.tokens(of: test.statement).filter(\.isName).map(\.text))
        }
        return policy.rowSecurity.compactMap { declared in
            guard declared.enable, !declared.policies.isEmpty,
                !statements.contains(where: { $0.contains(declared.table.name) })
            else { return nil }
            return LintRule.Hit(
                .relation("table", declared.table), "\(declared.place): no statement in tests names the table",
                fix: "-- add a test for each role: what it sees, and what is denied")
        }
    }

    static let notInForce = LintRule(
        "document-rls-not-in-force", .error, "The document secures a table on which row security is off",
        source: LintSource.rowSecurity
    ) { facts in
        let declared = Dictionary((facts.policy?.rowSecurity ?? []).filter(\.enable).map { ($0.table, $0.place) }) {
            first, _ in first
        }
        guard !declared.isEmpty else { return [] }
        return facts.tables.compactMap { table in
            guard !table.isSecured, let place = declared[table.name] else { return nil }
            return LintRule.Hit(
                table.object, "\(place) is not applied", fix: "-- dbsec apply-roles",
                "ALTER TABLE \(table.sql) ENABLE ROW LEVEL SECURITY")
        }
    }

    static let truncate = LintRule(
        "document-grants-truncate", .warning, "The document grants TRUNCATE on a table that it secures",
        source: LintSource.rowSecurity
    ) { facts in
        guard let policy = facts.policy else { return [] }
        var grants: [Selector<ObjectName>: [Int]] = [:]
        for (index, grant) in policy.grants.enumerated() {
            guard case .tables(let selectors) = grant.target,
                grant.privileges.expanded(for: .table, version: facts.catalog.version).contains(.truncate)
            else { continue }
            for selector in Set(selectors) { grants[selector, default: []].append(index) }
        }
        return policy.rowSecurity.filter(\.enable).flatMap { declared -> [LintRule.Hit] in
            let indices =
                (grants[.one(declared.table)] ?? []) + (grants[.all(schema: declared.table.schema)] ?? [])
            return Set(indices).sorted().compactMap { index in
                let held = policy.grants[index].grantees.filter { !isFree($0, in: declared) }
                guard !held.isEmpty else { return nil }
                return LintRule.Hit(
                    .relation("table", declared.table),
                    "grants[\(index)] gives it to \(held.map(\.description).joined(separator: ", ")), "
                        + "whose rows \(declared.place) filters",
                    fix: "-- list SELECT, INSERT, UPDATE, DELETE instead of ALL or TRUNCATE")
            }
        }
    }

    /// Whether a policy of the document lets the grantee change every row anyway.
    private static func isFree(_ grantee: Grantee, in declared: TableSecurity) -> Bool {
        declared.policies.contains { policy in
            policy.command == .all && !policy.isRestrictive && policy.grantees.contains(grantee)
                && policy.using.map { PolicyExpression($0, table: "").constant == .always } == true
        }
    }

    static let strongRole = LintRule(
        "document-strong-login", .warning, "The document makes a login role that row security or grants do not hold",
        source: LintSource.attributes
    ) { facts in
        guard let policy = facts.policy else { return [] }
        return policy.roles.compactMap { role in
            guard role.attributes.login == true else { return nil }
            var words: [String] = []
            if role.attributes.bypassRls == true { words.append("bypassRls") }
            if role.attributes.createrole == true { words.append("createrole") }
            if role.attributes.replication == true { words.append("replication") }
            guard !words.isEmpty else { return nil }
            return LintRule.Hit(
                .role(role.name), "\(role.place) has login and \(words.joined(separator: ", "))",
                fix: "-- give the attribute to a role of its own that nobody logs in as")
        }
    }
}
