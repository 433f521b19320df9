import PostgresClient

/// Policies that look into other tables.
enum PolicySubqueryRules {
    static let all = [ignoresCaller, scalar, readsWritable, needsPrivilege, recursion]

    static let ignoresCaller = LintRule(
        "policy-subquery-ignores-caller", .warning,
        "A policy asks another table, but neither about the row nor the caller",
        source: LintSource.rowSecurity
    ) { facts in
        facts.clauses.compactMap { clause in
            let expression = clause.expression
            let columns = facts.catalog.columns[clause.policy.relation].map { Set($0.keys) } ?? []
            guard !expression.asksCaller(), clause.policy.functions.isEmpty else { return nil }
            let isBlind = expression.subqueries.contains { subquery in
                subquery.before?.isWord("exists") == true
                    && expression.ownColumns(in: subquery.content, known: columns).isEmpty
                    && expression.tokens[subquery.content].contains { $0.isWord("from") }
            }
            guard isBlind else { return nil }
            return LintRule.Hit(
                clause.policy.object, "\(clause.words): the same answer for every row and everybody",
                fix: "-- bind the sub-select: WHERE m.user_id = ... AND m.tenant_id = <this table>.tenant_id")
        }
    }

    private static let aggregates: Set<String> = [
        "count", "max", "min", "sum", "avg", "bool_or", "bool_and", "every", "array_agg", "string_agg", "any_value",
        "coalesce",
    ]

    static let scalar = LintRule(
        "policy-scalar-subquery", .warning,
        "A sub-select is compared by =: with a second row every query on the table fails (21000)",
        source: "PostgreSQL, 4.2.11 Scalar Subqueries"
    ) { facts in
        facts.clauses.compactMap { clause in
            let expression = clause.expression
            let isOpen = expression.subqueries.contains { subquery in
                guard let before = subquery.before, before.kind == .symbol,
                    ["=", "<>", "<", ">", "<=", ">="].contains(before.text)
                else { return false }
                let content = expression.tokens[subquery.content]
                guard content.contains(where: { $0.isWord("from") }), !content.contains(where: { $0.isWord("limit") })
                else { return false }
                let isAggregate = expression.calls.contains {
                    subquery.content.contains($0.arguments.lowerBound) && aggregates.contains($0.name)
                }
                return !isAggregate && !isUnique(subquery, of: clause, facts)
            }
            guard isOpen else { return nil }
            return LintRule.Hit(
                clause.policy.object, "\(clause.words): nothing makes the sub-select give one row",
                fix: "-- write IN (SELECT ...) or = ANY (ARRAY(SELECT ...))")
        }
    }

    /// Whether the WHERE names every column of a unique constraint of a table that it reads.
    private static func isUnique(
        _ subquery: PolicyExpression.Subquery, of clause: PolicyClause, _ facts: LintFacts
    ) -> Bool {
        let tokens = clause.expression.tokens
        guard let start = subquery.content.first(where: { tokens[$0].isWord("where") }) else { return false }
        let named = Set(
            tokens.indices[start..<subquery.content.upperBound].filter { index in
                index + 1 < tokens.count && tokens[index + 1].isSymbol("=")
                    || index > 2 && (tokens[index - 1].isSymbol("=") || tokens[index - 3].isSymbol("="))
            }.map { tokens[$0].text })
        return clause.policy.relations.contains { relation in
            (facts.catalog.uniqueKeys[relation] ?? []).contains { named.isSuperset(of: $0.columns) }
        }
    }

    static let readsWritable = LintRule(
        "policy-reads-writable-table", .error, "A policy trusts a table that those under it can write",
        source: LintSource.rowSecurity
    ) { facts in
        facts.policies.values.flatMap { $0 }.compactMap { policy in
            guard policy.isPermissive else { return nil }
            let writable = policy.relations.compactMap { facts.catalog.relations[$0] }.filter { target in
                guard !target.isSecured, target.isTable else { return false }
                return facts.exposures(of: target, ["INSERT", "UPDATE"]).contains { exposure in
                    exposure.roles.contains { facts.applies(policy, to: $0) }
                }
            }.sorted { $0.name < $1.name }
            guard let target = writable.first else { return nil }
            return LintRule.Hit(
                policy.object,
                "\(policy.prefix)it reads \(target.name), which has no row security; "
                    + facts.described(facts.exposures(of: target, ["INSERT", "UPDATE"])),
                fix: facts.revoke(facts.exposures(of: target, ["INSERT", "UPDATE"]), on: target.sql),
                "ALTER TABLE \(target.sql) ENABLE ROW LEVEL SECURITY")
        }
    }

    static let needsPrivilege = LintRule(
        "policy-needs-privilege", .warning,
        "A policy reads a table that those under it may not read: their queries fail",
        source: LintSource.createPolicy
    ) { facts in
        var hits = facts.securedTables.flatMap { table -> [LintRule.Hit] in
            (facts.policies[table.oid] ?? []).flatMap { policy -> [LintRule.Hit] in
                let roles = facts.subjects(of: table, ["SELECT", "INSERT", "UPDATE", "DELETE"]).filter {
                    $0 != 0 && facts.applies(policy, to: $0)
                }
                return policy.relations.compactMap { facts.catalog.relations[$0] }.compactMap { target in
                    let readers = facts.exposures(of: target, ["SELECT"]).reduce(into: Set<UInt32>()) {
                        $0.formUnion($1.roles)
                    }
                    let blind = roles.filter { role in
                        !readers.contains(role) && role != target.owner
                            && facts.trust.inherited[role]?.contains(target.owner) != true
                    }
                    guard !blind.isEmpty else { return nil }
                    return LintRule.Hit(
                        policy.object, "\(policy.prefix)it reads \(target.name), which \(facts.names(blind)) may not",
                        fix: "GRANT SELECT ON \(target.sql) TO \(blind.sorted().map(facts.sql).joined())",
                        "-- or ask a SECURITY DEFINER function with a fixed search_path")
                }
            }
        }
        hits += failed(facts, code: "42501")
        return hits
    }

    static let recursion = LintRule(
        "policy-recursion", .error, "Policies read one another's tables in a circle: every query fails (42P17)",
        source: LintSource.measured
    ) { facts in
        let edges = facts.policies.mapValues { policies in
            policies.reduce(into: Set<UInt32>()) { targets, policy in
                targets.formUnion(policy.relations.filter(facts.isSecured))
                // The catalog does not record a table's own policies as reading it.
                if policy.clauses.contains(where: { reads($0, policy.table) }) { targets.insert(policy.relation) }
            }
        }
        let circles = facts.securedTables.filter { table in
            var seen: Set<UInt32> = []
            var rest = Array(edges[table.oid] ?? [])
            while let next = rest.popLast() {
                if next == table.oid { return true }
                if seen.insert(next).inserted { rest += edges[next] ?? [] }
            }
            return false
        }
        let hits = circles.map { table in
            LintRule.Hit(
                table.object, "its policies lead back to itself",
                fix: "-- put the sub-select into a SECURITY DEFINER function of an owner who bypasses row security")
        }
        return hits + failed(facts, code: "42P17")
    }

    /// Whether a sub-select has the table in a FROM or JOIN of its own.
    private static func reads(_ clause: PolicyClause, _ table: ObjectName) -> Bool {
        let tokens = clause.expression.tokens
        return clause.expression.subqueries.contains { subquery in
            subquery.content.contains { index in
                guard tokens[index].isName, tokens[index].text == table.name, index > 2 else { return false }
                let isQualified = tokens[index - 1].isSymbol(".") && tokens[index - 2].text == table.schema
                let before = isQualified ? tokens[index - 3] : tokens[index - 1]
                return isQualified
                    && (before.isWord("from") || before.isWord("join") || before.isSymbol(",") || before.isSymbol("("))
                    && !(index + 1 < tokens.count && tokens[index + 1].isSymbol("."))
            }
        }
    }

    /// What EXPLAIN said as a role.
    private static func failed(_ facts: LintFacts, code: String) -> [LintRule.Hit] {
        facts.verdicts.access.compactMap { access, answer in
            guard case .failed(code, let message) = answer, let table = facts.catalog.relations[access.relation] else {
                return nil
            }
            return LintRule.Hit(
                table.object, "EXPLAIN as \(facts.described(access.role)): \(message)",
                fix: "-- look at the policies that apply to the role")
        }
    }
}
