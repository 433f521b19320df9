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
        guard let policy = facts.policy else { return [] }
        return facts.tables.compactMap { table in
            guard !table.isSecured,
                let declared = policy.rowSecurity.first(where: { $0.table == table.name && $0.enable })
            else { return nil }
            return LintRule.Hit(
                table.object, "\(declared.place) is not applied", fix: "-- dbsec apply-roles",
                "ALTER TABLE \(table.sql) ENABLE ROW LEVEL SECURITY")
        }
    }

    static let truncate = LintRule(
        "document-grants-truncate", .warning, "The document grants TRUNCATE on a table that it secures",
        source: LintSource.rowSecurity
    ) { facts in
        guard let policy = facts.policy else { return [] }
        return policy.rowSecurity.filter(\.enable).flatMap { declared -> [LintRule.Hit] in
            policy.grants.enumerated().compactMap { index, grant in
                guard case .tables(let selectors) = grant.target,
                    selectors.contains(.one(declared.table)) || selectors.contains(.all(schema: declared.table.schema)),
                    grant.privileges.expanded(for: .table, version: facts.catalog.version).contains(.truncate)
                else { return nil }
                let held = grant.grantees.filter { grantee in
                    !declared.policies.contains { policy in
                        policy.command == .all && !policy.isRestrictive && policy.grantees.contains(grantee)
                            && policy.using.map { PolicyExpression($0, table: "").constant == .always } == true
                    }
                }
                guard !held.isEmpty else { return nil }
                return LintRule.Hit(
                    .relation("table", declared.table),
                    "grants[\(index)] gives it to \(held.map(\.description).joined(separator: ", ")), "
                        + "whose rows \(declared.place) filters",
                    fix: "-- list SELECT, INSERT, UPDATE, DELETE instead of ALL or TRUNCATE")
            }
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
