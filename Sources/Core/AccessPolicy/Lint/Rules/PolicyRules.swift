import PostgresClient

/// How the policies of a table stand to one another.
enum PolicyRules {
    static let all = [
        toPublic, withoutExpression, checkDropsUsing, updateWithoutSelect, overlap, duplicate, soleRole, nullable,
        noIndex, toOwner,
    ]

    static let toPublic = LintRule(
        "policy-to-public", .info, "A permissive policy is for PUBLIC: every role there is and will be",
        source: LintSource.createPolicy
    ) { facts in
        all(facts).filter { $0.isPermissive && $0.roles.contains(0) }.map { policy in
            LintRule.Hit(
                policy.object, "\(policy.prefix)TO PUBLIC, which is also what a missing TO means",
                fix: "ALTER POLICY \(policy.sql) TO ... -- the roles that it is meant for")
        }
    }

    /// `TO CURRENT_USER` is a role's name from the moment on when the policy is made: mostly the owner's.
    static let toOwner = LintRule(
        "policy-to-owner", .warning, "A policy is for the table's owner alone, whom row security does not hold",
        source: LintSource.createPolicy
    ) { facts in
        all(facts).compactMap { policy in
            guard let table = facts.catalog.relations[policy.relation], !table.isForced, policy.roles == [table.owner],
                let owner = facts.catalog.roles[table.owner], !owner.isSuperuser, !owner.bypassRls
            else { return nil }
            return LintRule.Hit(
                policy.object,
                "\(policy.prefix)TO \(spelled(owner.name)), as TO CURRENT_USER becomes when the owner makes the policy: it does nothing",
                fix: "ALTER POLICY \(policy.sql) TO ... -- the roles that it is meant for")
        }
    }

    static let withoutExpression = LintRule(
        "policy-without-expression", .warning, "A policy without its expression lets nothing through",
        source: LintSource.measured
    ) { facts in
        all(facts).filter { policy in
            policy.command == .insert ? policy.check == nil : policy.using == nil && policy.check == nil
        }.map { policy in
            let clause = policy.command == .insert ? "WITH CHECK" : "USING"
            return LintRule.Hit(
                policy.object, "\(policy.prefix)FOR \(policy.command.rawValue) without \(clause)",
                fix: "ALTER POLICY \(policy.sql) \(raw: clause) (...)")
        }
    }

    /// Without WITH CHECK, UPDATE and ALL check new rows by USING: that is right, and not reported.
    static let checkDropsUsing = LintRule(
        "policy-check-drops-using", .error, "WITH CHECK does not hold new rows to the columns that USING filters by",
        source: LintSource.createPolicy
    ) { facts in
        all(facts).compactMap { policy in
            guard policy.isPermissive, policy.command == .update || policy.command == .all,
                let using = policy.clauses.first(where: { $0.kind == .using }),
                let check = policy.clauses.first(where: { $0.kind == .check }), using.expression.asksCaller()
            else { return nil }
            let known = facts.catalog.columns[policy.relation].map { Array($0.keys) } ?? []
            let filtered = using.expression.ownColumns(known: known)
            let dropped = filtered.subtracting(check.expression.ownColumns(known: known))
            guard !dropped.isEmpty, dropped == filtered, !check.expression.namesRow else { return nil }
            return LintRule.Hit(
                policy.object,
                "\(using.words), but \(check.words): a row can be given to others by changing "
                    + dropped.sorted().map(spelled).joined(separator: ", "),
                fix: "ALTER POLICY \(policy.sql) WITH CHECK (\(raw: using.text))")
        }
    }

    static let updateWithoutSelect = LintRule(
        "policy-update-without-select", .warning, "A role may UPDATE or DELETE by policy, but no policy shows it a row",
        source: LintSource.createPolicy
    ) { facts in
        facts.securedTables.flatMap { table -> [LintRule.Hit] in
            let policies = facts.policies[table.oid] ?? []
            return policies.filter { $0.isPermissive && ($0.command == .update || $0.command == .delete) }.compactMap {
                policy in
                let blind = facts.subjects(of: table, [policy.command.rawValue]).filter { role in
                    facts.applies(policy, to: role)
                        && !policies.contains {
                            $0.isPermissive && $0.applies(to: .select) && facts.applies($0, to: role)
                        }
                }
                guard !blind.isEmpty else { return nil }
                return LintRule.Hit(
                    policy.object,
                    "\(policy.prefix)FOR \(policy.command.rawValue), and no SELECT policy applies to "
                        + "\(facts.names(blind)): a WHERE that reads a column finds nothing",
                    fix: "-- CREATE POLICY ... ON \(table.sql) FOR SELECT TO ...")
            }
        }
    }

    static let overlap = LintRule(
        "policy-permissive-overlap", .info, "Several permissive policies apply to one role and command: they are ORed",
        source: LintSource.createPolicy
    ) { facts in
        facts.securedTables.compactMap { table in
            let policies = (facts.policies[table.oid] ?? []).filter(\.isPermissive)
            guard policies.count > 1 else { return nil }
            var words: [String] = []
            for command in [PolicyCommand.select, .insert, .update, .delete] {
                for role in facts.subjects(of: table, [command.rawValue]).sorted() {
                    let names = policies.filter { $0.applies(to: command) && facts.applies($0, to: role) }.map(\.name)
                    guard names.count > 1 else { continue }
                    words.append(
                        "\(command.rawValue) by \(facts.described(role)): any of \(names.joined(separator: ", "))")
                }
            }
            guard !words.isEmpty else { return nil }
            let hasFloor = facts.policies[table.oid]?.contains { !$0.isPermissive } == true
            return LintRule.Hit(
                table.object,
                words.prefix(4).joined(separator: "; ") + (hasFloor ? "" : "; no restrictive policy narrows them"),
                fix: "-- one policy for each role and command, or AS RESTRICTIVE where both must hold")
        }
    }

    static let duplicate = LintRule(
        "policy-duplicate", .info, "Two policies of a table say the same", source: LintSource.createPolicy
    ) { facts in
        facts.policies.values.flatMap { policies -> [LintRule.Hit] in
            policies.enumerated().compactMap { index, policy in
                guard
                    let twin = policies[..<index].first(where: {
                        $0.command == policy.command && $0.isPermissive == policy.isPermissive
                            && $0.using == policy.using && $0.check == policy.check
                            && Set($0.roles) == Set(policy.roles)
                    })
                else { return nil }
                return LintRule.Hit(
                    policy.object, "\(policy.prefix)the same as \(spelled(twin.name))",
                    fix: "DROP POLICY \(policy.sql)")
            }
        }
    }

    static let soleRole = LintRule(
        "policy-restrictive-sole-role", .info,
        "A restrictive policy hangs on one role: DROP OWNED BY that role drops the policy too",
        source: LintSource.measured
    ) { facts in
        all(facts).filter { !$0.isPermissive && $0.roles.count == 1 && $0.roles != [0] }.map { policy in
            LintRule.Hit(
                policy.object,
                "\(policy.prefix)restrictive and only TO \(spelled(facts.name(policy.roles[0])))",
                fix: "ALTER POLICY \(policy.sql) TO PUBLIC -- if it is meant as a floor for everybody")
        }
    }

    static let nullable = LintRule(
        "policy-nullable-column", .info, "Rows are told apart by a column that may be NULL: such rows are nobody's",
        source: LintSource.rowSecurity
    ) { facts in
        facts.clauses.flatMap { clause -> [LintRule.Hit] in
            guard clause.expression.asksCaller() else { return [] }
            return compared(clause, facts).filter { !$0.isNotNull }.map { column in
                LintRule.Hit(
                    LintObject(
                        "column", "\(clause.policy.table).\(spelled(column.name))", schema: clause.policy.table.schema),
                    "nullable, and policy \(spelled(clause.policy.name)) compares it",
                    fix: """
                        ALTER TABLE \(identifier: [clause.policy.table.schema, clause.policy.table.name]) \
                        ALTER COLUMN \(identifier: column.name) SET NOT NULL
                        """)
            }
        }
    }

    static let noIndex = LintRule(
        "policy-no-index", .info, "A policy compares a column of a large table that leads no index",
        source: "PostgreSQL, 11.1 Indexes"
    ) { facts in
        facts.clauses.flatMap { clause -> [LintRule.Hit] in
            // 1,000 rows: below, an index changes nothing that could be felt.
            guard clause.kind == .using, clause.expression.asksCaller(),
                let table = facts.catalog.relations[clause.policy.relation], table.rows >= 1000
            else { return [] }
            let columns = compared(clause, facts)
            guard !columns.isEmpty, !columns.contains(where: \.leadsIndex) else { return [] }
            return columns.map { column in
                LintRule.Hit(
                    LintObject("column", "\(table.name).\(spelled(column.name))", schema: table.name.schema),
                    "about \(table.rows) rows are read to answer policy \(spelled(clause.policy.name))",
                    fix: "CREATE INDEX CONCURRENTLY ON \(table.sql) (\(identifier: column.name))")
            }
        }
    }

    /// The own columns that an expression compares by `=` or `IN`, outside of sub-selects.
    private static func compared(_ clause: PolicyClause, _ facts: LintFacts) -> [LintColumn] {
        let columns = facts.catalog.columns[clause.policy.relation] ?? [:]
        let tokens = clause.expression.tokens
        let names = tokens.indices.filter { index in
            guard tokens[index].isName, columns[tokens[index].text] != nil, !clause.expression.isInSelect(index) else {
                return false
            }
            let after = index + 1 < tokens.count ? tokens[index + 1] : nil
            let before = index > 0 ? tokens[index - 1] : nil
            return after?.isSymbol("=") == true || after?.isWord("in") == true || before?.isSymbol("=") == true
        }.map { tokens[$0].text }
        return Set(names).sorted().compactMap { columns[$0] }
    }

    private static func all(_ facts: LintFacts) -> [LintPolicy] { facts.policies.values.flatMap { $0 } }
}
