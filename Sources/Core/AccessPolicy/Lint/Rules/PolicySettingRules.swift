import PostgresClient

/// Policies that learn from a setting who the caller is.
enum PolicySettingRules {
    static let all = [raises, emptyValue, unqualified, anyoneSets]

    /// A `current_setting` call with its setting's name, where that is a constant.
    private struct Reading {
        let clause: PolicyClause
        let call: PolicyExpression.Call
        let setting: String?
        let hasMissingOK: Bool
    }

    private static func readings(_ facts: LintFacts) -> [Reading] {
        facts.clauses.flatMap { clause -> [Reading] in
            let tokens = clause.expression.tokens
            return clause.expression.calls.filter { $0.name == "current_setting" && !$0.arguments.isEmpty }.map {
                call in
                let first = tokens[call.arguments.lowerBound]
                return Reading(
                    clause: clause, call: call, setting: first.kind == .constant ? first.text : nil,
                    hasMissingOK: tokens[call.arguments].contains { $0.isSymbol(",") })
            }
        }
    }

    static let raises = LintRule(
        "policy-setting-raises", .warning, "A policy fails while the setting is unset, instead of showing no row",
        source: "PostgreSQL, 9.27 System Administration Functions"
    ) { facts in
        readings(facts).filter { !$0.hasMissingOK && $0.setting?.contains(".") == true }.map { reading in
            LintRule.Hit(
                reading.clause.policy.object,
                "\(reading.clause.words): current_setting('\(reading.setting ?? "")') without missing_ok",
                fix: "-- nullif(current_setting('\(raw: reading.setting ?? "")', true), '')")
        }
    }

    static let emptyValue = LintRule(
        "policy-empty-setting", .warning, "A setting that was reset is '' and not NULL: the cast fails",
        source: LintSource.measured
    ) { facts in
        readings(facts).compactMap { reading in
            let tokens = reading.clause.expression.tokens
            var index = reading.call.end
            if index < tokens.count, tokens[index].isSymbol(")") { index += 1 }
            guard index + 1 < tokens.count, tokens[index].isSymbol("::") else { return nil }
            let type = tokens[index + 1].text
            guard !["text", "varchar", "character", "name", "citext"].contains(type) else { return nil }
            return LintRule.Hit(
                reading.clause.policy.object,
                "\(reading.clause.words): ''::\(type) raises once the setting was SET LOCAL and its transaction is over",
                fix: "-- nullif(current_setting('\(raw: reading.setting ?? "...")', true), '')::\(raw: type)")
        }
    }

    static let unqualified = LintRule(
        "policy-unqualified-setting", .error, "A policy reads a setting of its own without a dot in the name",
        source: "PostgreSQL, 20.16 Customized Options"
    ) { facts in
        readings(facts).compactMap { reading in
            guard let setting = reading.setting, !setting.contains("."), !known.contains(setting.lowercased()) else {
                return nil
            }
            return LintRule.Hit(
                reading.clause.policy.object,
                "\(reading.clause.words): \"\(setting)\" can never be set; such names need a dot",
                fix: "-- current_setting('app.\(raw: setting)', true)")
        }
    }

    /// PostgreSQL's own settings that a policy may sensibly read.
    private static let known: Set<String> = [
        "role", "is_superuser", "session_authorization", "application_name", "transaction_read_only", "timezone",
        "search_path", "in_hot_standby", "server_version_num", "default_transaction_read_only", "port", "lc_messages",
        "datestyle", "session_replication_role",
    ]

    static let anyoneSets = LintRule(
        "setting-is-no-secret", .info, "Row security rests on a setting that every session can set",
        source: "PostgreSQL, SET"
    ) { facts in
        let readings = readings(facts).filter { $0.setting?.contains(".") == true }
        return Dictionary(grouping: readings) { $0.setting ?? "" }.map { setting, readings in
            let tables = Set(readings.map(\.clause.policy.table.description)).sorted()
            let more = tables.count > 3 ? " and \(tables.count - 3) more" : ""
            return LintRule.Hit(
                LintObject("setting", setting, schema: readings.first?.clause.policy.table.schema),
                "it decides over \(tables.prefix(3).joined(separator: ", "))\(more)",
                fix:
                    "-- it separates users of an application, not of a database: give nobody SQL of their own as that role, "
                    + "and use SET LOCAL behind a pool")
        }
    }
}
