import PostgresClient

/// What a policy's expression says of rows and callers.
enum PolicyExpressionRules {
    static let all = [
        alwaysTrue, trueForRole, restrictiveTrue, alwaysFalse, noOwnColumn, nullOpens, hardcoded, pattern,
        userMetadata, unknownRole, oneRoleForAll, sessionUser, volatileFunction, perRow,
    ]

    /// `TO admin USING (true)`, the plain word, and no other policy for that role: written on purpose.
    private static func isDeliberate(_ clause: PolicyClause, _ facts: LintFacts) -> Bool {
        let policy = clause.policy
        let word = clause.expression.tokens.filter { !$0.isSymbol("(") && !$0.isSymbol(")") }
        guard word.count == 1, word[0].isWord("true"), !policy.roles.contains(0) else { return false }
        let others = (facts.policies[policy.relation] ?? []).filter { other in
            other.name != policy.name && other.isPermissive && !Set(other.roles).isDisjoint(with: policy.roles)
                && (other.command == .all || policy.command == .all || other.command == policy.command)
                && other.clauses.contains { facts.constant($0) == nil }
        }
        return others.isEmpty
    }

    private static func constants(_ facts: LintFacts, _ value: PolicyExpression.Constant) -> [PolicyClause] {
        facts.clauses.filter { facts.constant($0) == value }
    }

    static let alwaysTrue = LintRule(
        "policy-always-true", .error, "A permissive policy lets every row through, whoever asks",
        source: LintSource.measured
    ) { facts in
        constants(facts, .always).filter { $0.policy.isPermissive && !isDeliberate($0, facts) }.map { clause in
            LintRule.Hit(
                clause.policy.object,
                "\(clause.words) is always true, \(facts.reason(clause)); TO \(facts.names(clause.policy.roles))",
                fix: "ALTER POLICY \(clause.policy.sql) \(raw: clause.kind.rawValue) (...)")
        }
    }

    static let trueForRole = LintRule(
        "policy-true-for-role", .info, "A policy shows a named role everything, as it seems on purpose",
        source: LintSource.createPolicy
    ) { facts in
        constants(facts, .always).filter { $0.policy.isPermissive && isDeliberate($0, facts) }.map { clause in
            LintRule.Hit(
                clause.policy.object, "\(clause.words) TO \(facts.names(clause.policy.roles))",
                fix: "-- nothing, if that role is meant to see every row")
        }
    }

    static let restrictiveTrue = LintRule(
        "policy-restrictive-true", .warning, "A restrictive policy restricts nothing", source: LintSource.createPolicy
    ) { facts in
        constants(facts, .always).filter { !$0.policy.isPermissive }.map { clause in
            LintRule.Hit(
                clause.policy.object, "\(clause.words) is always true, \(facts.reason(clause))",
                fix: "DROP POLICY \(clause.policy.sql)")
        }
    }

    static let alwaysFalse = LintRule(
        "policy-always-false", .info, "A policy lets no row through", source: LintSource.createPolicy
    ) { facts in
        constants(facts, .never).filter(\.policy.isPermissive).map { clause in
            LintRule.Hit(
                clause.policy.object,
                "\(clause.words) is never true, \(facts.reason(clause)): a permissive policy that permits nothing",
                fix: "DROP POLICY \(clause.policy.sql)")
        }
    }

    static let noOwnColumn = LintRule(
        "policy-no-own-column", .info, "A permissive policy decides the same for every row of the table",
        source: LintSource.rowSecurity
    ) { facts in
        facts.clauses.filter { clause in
            guard clause.policy.isPermissive, facts.constant(clause) == nil else { return false }
            let columns = facts.catalog.columns[clause.policy.relation].map { Set($0.keys) } ?? []
            return clause.expression.ownColumns(known: columns).isEmpty && !clause.expression.namesRow
        }.map { clause in
            LintRule.Hit(
                clause.policy.object, "\(clause.words) names no column of the table: all rows or none",
                fix: "ALTER POLICY \(clause.policy.sql) \(raw: clause.kind.rawValue) (...)")
        }
    }

    static let nullOpens = LintRule(
        "policy-null-opens", .error, "A caller without an identity is let through", source: LintSource.measured
    ) { facts in
        facts.clauses.filter(\.policy.isPermissive).compactMap { clause in
            let expression = clause.expression
            let columns = facts.catalog.columns[clause.policy.relation].map { Set($0.keys) } ?? []
            let opening = expression.alternatives.first { range in
                let range = expression.trimmed(range)
                guard range.count > 3, expression.tokens[range.upperBound - 1].isWord("null"),
                    expression.tokens[range.upperBound - 2].isWord("is")
                else { return false }
                return expression.asksCaller(in: range) && expression.ownColumns(in: range, known: columns).isEmpty
            }
            guard opening != nil else { return nil }
            return LintRule.Hit(
                clause.policy.object, "\(clause.words): when the caller's setting is NULL, every row passes",
                fix: "ALTER POLICY \(clause.policy.sql) \(raw: clause.kind.rawValue) (...) -- without IS NULL OR")
        }
    }

    static let hardcoded = LintRule(
        "policy-hardcoded-id", .warning, "A policy compares an identifier with a constant", source: LintSource.measured
    ) { facts in
        facts.clauses.compactMap { clause in
            let tokens = clause.expression.tokens
            let columns = facts.catalog.columns[clause.policy.relation] ?? [:]
            let found = tokens.indices.first { index in
                guard let column = columns[tokens[index].text], tokens[index].isName, isIdentifier(column),
                    index + 2 < tokens.count, tokens[index + 1].isSymbol("=")
                else { return false }
                return tokens[index + 2].kind == .constant || tokens[index + 2].text.first?.isNumber == true
            }
            guard let found else { return nil }
            return LintRule.Hit(
                clause.policy.object,
                "\(clause.words): \(spelled(tokens[found].text)) is compared with '\(tokens[found + 2].text)'",
                fix: "-- ask who the caller is, or hold such rows in a table")
        }
    }

    private static func isIdentifier(_ column: LintColumn) -> Bool {
        let isNumber = ["uuid", "bigint", "integer", "smallint"].contains(column.type)
        return isNumber && (column.type == "uuid" || column.name == "id" || column.name.hasSuffix("_id"))
    }

    static let pattern = LintRule(
        "policy-pattern-from-caller", .warning, "A value of the caller is used as a pattern: % matches everything",
        source: "PostgreSQL, 9.7 Pattern Matching"
    ) { facts in
        facts.clauses.compactMap { clause in
            let expression = clause.expression
            let isPattern = expression.tokens.indices.contains { index in
                let token = expression.tokens[index]
                guard
                    ["~~", "~~*", "~", "~*"].contains(token.text) && token.kind == .symbol
                        || token.isWord("like") || token.isWord("ilike")
                else { return false }
                let end = expression.tokens[(index + 1)...].firstIndex { $0.isWord("and") || $0.isWord("or") }
                return expression.asksCaller(in: index + 1..<(end ?? expression.tokens.count))
            }
            guard isPattern else { return nil }
            return LintRule.Hit(
                clause.policy.object, clause.words,
                fix: "-- compare with =, or pg_catalog.starts_with(column, value)")
        }
    }

    static let userMetadata = LintRule(
        "policy-user-metadata", .error, "A policy trusts a claim that users may edit themselves",
        source: "Supabase, Row Level Security, raw_user_meta_data"
    ) { facts in
        facts.clauses.filter { clause in
            clause.expression.tokens.contains {
                $0.kind == .constant && ["user_metadata", "raw_user_meta_data"].contains($0.text)
                    || $0.isName && $0.text == "raw_user_meta_data"
            }
        }.map { clause in
            LintRule.Hit(
                clause.policy.object, clause.words, fix: "-- use app_metadata, which only the server writes")
        }
    }

    static let unknownRole = LintRule(
        "policy-unknown-role", .warning, "A policy compares the caller with a role that does not exist",
        source: LintSource.createPolicy
    ) { facts in
        let known = Set(facts.catalog.roles.values.map(\.name))
        return facts.clauses.compactMap { clause in
            let tokens = clause.expression.tokens
            let unknown = clause.expression.callerWords.compactMap { index -> String? in
                guard index + 2 < tokens.count, tokens[index + 1].isSymbol("="), tokens[index + 2].kind == .constant,
                    !known.contains(tokens[index + 2].text)
                else { return nil }
                return tokens[index + 2].text
            }
            guard let name = unknown.first else { return nil }
            return LintRule.Hit(
                clause.policy.object, "\(clause.words): there is no role \"\(name)\"",
                fix: "-- name an existing role, better in TO than in the expression")
        }
    }

    static let oneRoleForAll = LintRule(
        "policy-one-role-for-all", .warning,
        "Rows are told apart by current_user, but only one login role is under the policy",
        source: LintSource.rowSecurity
    ) { facts in
        facts.clauses.compactMap { clause in
            let tokens = clause.expression.tokens
            let columns = facts.catalog.columns[clause.policy.relation].map { Set($0.keys) } ?? []
            guard let table = facts.catalog.relations[clause.policy.relation], table.isSecured,
                clause.expression.callerWords.contains(where: { index in
                    index + 2 < tokens.count && tokens[index + 1].isSymbol("=") && tokens[index + 2].kind != .constant
                        || index > 1 && tokens[index - 1].isSymbol("=") && columns.contains(tokens[index - 2].text)
                })
            else { return nil }
            let logins = facts.subjects(of: table, ["SELECT", "INSERT", "UPDATE", "DELETE"]).filter {
                facts.catalog.roles[$0]?.login == true && facts.applies(clause.policy, to: $0)
            }
            guard logins.count == 1, let only = logins.first else { return nil }
            return LintRule.Hit(
                clause.policy.object,
                "\(clause.words): \(facts.described(only)) is the only login under it; behind a pool all users are that role",
                fix:
                    "-- a role for each user, or a setting: column = (SELECT nullif(current_setting('app.user', true), ''))"
            )
        }
    }

    static let sessionUser = LintRule(
        "policy-session-user", .info, "A policy asks session_user, which SET ROLE does not change",
        source: "PostgreSQL, 9.26 System Information Functions"
    ) { facts in
        facts.clauses.filter { clause in
            clause.expression.callerWords.contains { clause.expression.tokens[$0].isWord("session_user") }
        }.map { clause in
            LintRule.Hit(
                clause.policy.object, "\(clause.words): behind a pool it is the pool's login role",
                fix: "-- current_user, or a setting of the application's own")
        }
    }

    static let volatileFunction = LintRule(
        "policy-volatile-function", .warning, "A policy calls a volatile function for every row",
        source: LintSource.volatility
    ) { facts in
        facts.policies.values.flatMap { $0 }.compactMap { policy in
            let functions = policy.functions.compactMap { facts.catalog.functions[$0] }.filter { $0.volatility == "v" }
            guard !functions.isEmpty else { return nil }
            return LintRule.Hit(
                policy.object, functions.map { "\($0.name)(\($0.arguments))" }.sorted().joined(separator: ", "),
                fix: "-- if it changes nothing: ALTER FUNCTION ... STABLE")
        }
    }

    static let perRow = LintRule(
        "policy-per-row-function", .warning, "A function that does not look at the row is called for every row",
        source: LintSource.measured
    ) { facts in
        facts.clauses.compactMap { clause in
            let columns = facts.catalog.columns[clause.policy.relation].map { Set($0.keys) } ?? []
            let own = Set(clause.policy.functions.compactMap { facts.catalog.functions[$0]?.name.name })
            let calls = clause.expression.calls.filter { call in
                !call.isInSelect && (call.name == "current_setting" || own.contains(call.name))
                    && clause.expression.ownColumns(in: call.arguments, known: columns).isEmpty
                    && !columns.isEmpty
            }
            guard let call = calls.first, clause.kind == .using else { return nil }
            var proof = "by its text; the planner was not asked"
            if let verdict = facts.verdicts.clauses[PlannerVerdicts.Key(clause)] {
                // In an index condition it is computed once.
                guard case .filtered(let rows, _) = verdict,
                    PolicyExpression(rows, table: "").calls.contains(where: { $0.name == call.name })
                else { return nil }
                proof = "the plan has it in its filter: \(rows.prefix(120))"
            }
            return LintRule.Hit(
                clause.policy.object, "\(clause.words) calls \(call.name) for each row; \(proof)",
                fix: "-- (SELECT \(raw: call.name)(...)) is computed once for a statement",
                severity: call.name == "current_setting" ? .info : nil)
        }
    }
}
