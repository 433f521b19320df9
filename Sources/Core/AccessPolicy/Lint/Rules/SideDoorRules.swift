import PostgresClient

/// What touches rows on somebody's behalf: constraints, triggers and rules.
enum SideDoorRules {
    static let all = [foreignKeyOracle, foreignKeyAction, uniqueOracle, definerTrigger, rewriteRule]

    private static let writes: Set<String> = ["INSERT", "UPDATE", "DELETE"]

    static let foreignKeyOracle = LintRule(
        "fk-oracle", .info, "A foreign key tells which rows of a table with row security exist",
        source: LintSource.rowSecurity
    ) { facts in
        facts.catalog.foreignKeys.compactMap { key in
            guard let table = facts.catalog.relations[key.relation],
                let target = facts.catalog.relations[key.target], target.isSecured, table.oid != target.oid
            else { return nil }
            let exposures = facts.exposures(of: table, ["INSERT", "UPDATE"]).filter { exposure in
                exposure.roles.contains { !facts.bypasses($0, target) && !facts.isUnrestricted($0, target, .select) }
            }
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object,
                "foreign key \(spelled(key.name)) checks \(target.name) past its row security; "
                    + facts.described(exposures),
                fix: "-- use keys that nobody can guess (uuid) in \(target.sql), or accept it")
        }
    }

    static let foreignKeyAction = LintRule(
        "fk-action-rewrites", .warning, "A foreign key's action changes rows that the role may not see",
        source: LintSource.rowSecurity
    ) { facts in
        let words = ["c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"]
        return facts.catalog.foreignKeys.flatMap { key -> [LintRule.Hit] in
            guard let child = facts.catalog.relations[key.relation], child.isSecured,
                let parent = facts.catalog.relations[key.target]
            else { return [] }
            return [("DELETE", key.onDelete), ("UPDATE", key.onUpdate)].compactMap { privilege, action in
                guard let word = words[action] else { return nil }
                let exposures = facts.exposures(of: parent, [privilege]).filter { exposure in
                    exposure.roles.contains {
                        !facts.bypasses($0, child) && !facts.isUnrestricted($0, child, .delete)
                    }
                }
                guard !exposures.isEmpty else { return nil }
                return LintRule.Hit(
                    child.object,
                    "ON \(privilege) \(word) of \(spelled(key.name)) runs as its owner and past row security; "
                        + "\(facts.described(exposures)) on \(parent.name)",
                    fix: "-- ON \(raw: privilege) RESTRICT, or policies on \(parent.sql) that are as narrow")
            }
        }
    }

    static let uniqueOracle = LintRule(
        "unique-oracle", .info, "A unique constraint tells which values others' rows have",
        source: LintSource.rowSecurity
    ) { facts in
        facts.securedTables.compactMap { table in
            let exposures = facts.exposures(of: table, ["INSERT", "UPDATE"]).filter { exposure in
                exposure.roles.contains { !facts.bypasses($0, table) && !facts.isUnrestricted($0, table, .select) }
            }
            guard !exposures.isEmpty else { return nil }
            let keys = (facts.catalog.uniqueKeys[table.oid] ?? []).filter { key in
                // With the column that policies filter by in it, a conflict is within one's own rows; an identity or
                // uuid alone gives nothing away that could be guessed.
                Set(key.columns).isDisjoint(with: facts.discriminators)
                    && !key.columns.allSatisfy { isSurrogate(facts.catalog.columns[table.oid]?[$0]) }
            }
            guard !keys.isEmpty else { return nil }
            let names = keys.map { "\(spelled($0.name)) (\($0.columns.joined(separator: ", ")))" }.sorted()
            return LintRule.Hit(
                table.object, "\(names.joined(separator: ", ")) spans rows of others; \(facts.described(exposures))",
                fix: "-- put the column that tells rows apart into the constraint, or accept it")
        }
    }

    private static func isSurrogate(_ column: LintColumn?) -> Bool {
        guard let column else { return false }
        return ["uuid", "bigint", "integer", "smallint"].contains(column.type)
    }

    static let definerTrigger = LintRule(
        "definer-trigger", .warning, "A mere write sets off a SECURITY DEFINER trigger of a strong owner",
        source: LintSource.functionSecurity
    ) { facts in
        facts.catalog.triggers.compactMap { trigger in
            guard let table = facts.catalog.relations[trigger.relation],
                let function = facts.catalog.functions[trigger.function],
                let owner = facts.catalog.roles[function.owner], owner.isSuperuser || owner.bypassRls
            else { return nil }
            let exposures = facts.exposures(of: table, trigger.events)
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object,
                "trigger \(spelled(trigger.name)) runs \(function.name) as \(spelled(owner.name)), "
                    + "\(owner.isSuperuser ? "a superuser" : "who bypasses row security"); \(facts.described(exposures))",
                fix: "ALTER \(function.sql) OWNER TO ... -- a role with just the rights it needs",
                "ALTER \(function.sql) SECURITY INVOKER")
        }
    }

    static let rewriteRule = LintRule(
        "rule-runs-as-owner", .warning, "A rewrite rule runs its commands as the relation's owner",
        source: LintSource.rules
    ) { facts in
        let events = ["2": "UPDATE", "3": "INSERT", "4": "DELETE"]
        return facts.catalog.rules.compactMap { rule in
            guard let relation = facts.catalog.relations[rule.relation], let event = events[rule.event] else {
                return nil
            }
            let exposures = facts.exposures(of: relation, [event])
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                relation.object,
                "rule \(spelled(rule.name)) ON \(event) acts as \(spelled(facts.name(relation.owner))); "
                    + facts.described(exposures),
                fix: "-- write a trigger instead: DROP RULE \(identifier: rule.name) ON \(relation.sql)")
        }
    }
}
