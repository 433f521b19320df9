import PostgresClient

/// Policies that learn from a setting who the caller is.
enum PolicySettingRules {
    static let all = [raises, emptyValue, unqualified, anyoneSets, preset, keptForSession]

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

    /// The settings by which policies tell who asks, also by way of the functions that they call, with those policies.
    private static func deciding(_ facts: LintFacts) -> [String: [LintPolicy]] {
        var settings: [String: [LintPolicy]] = [:]
        for reading in readings(facts) {
            if let setting = reading.setting?.lowercased(), setting.contains(".") {
                settings[setting, default: []].append(reading.clause.policy)
            }
        }
        for policy in facts.policies.values.flatMap({ $0 }).sorted(by: { $0.object < $1.object }) {
            for body in policy.functions.sorted().compactMap({ facts.catalog.functions[$0]?.body }) {
                let expression = PolicyExpression(body, table: "")
                for call in expression.calls where call.name == "current_setting" && !call.arguments.isEmpty {
                    let name = expression.tokens[call.arguments.lowerBound]
                    guard name.kind == .constant, name.text.contains(".") else { continue }
                    settings[name.text.lowercased(), default: []].append(policy)
                }
            }
        }
        return settings
    }

    static let preset = LintRule(
        "policy-setting-preset", .warning, "Sessions begin with an identity that nobody has shown",
        source: "PostgreSQL, ALTER ROLE; PostgreSQL, ALTER DATABASE"
    ) { facts in
        let deciding = deciding(facts)
        return facts.catalog.settings.compactMap { setting in
            let policy = deciding[setting.name]?.first { setting.role == 0 || facts.applies($0, to: setting.role) }
            guard !setting.value.isEmpty, let policy else { return nil }
            let place = setting.isInDatabase ? " in this database" : ""
            let who = setting.role == 0 ? "every role" : spelled(facts.name(setting.role))
            let database: SQL = "DATABASE \(identifier: facts.catalog.database)"
            let target: SQL =
                setting.role == 0
                ? setting.isInDatabase ? database : "ROLE ALL"
                : setting.isInDatabase
                    ? "ROLE \(facts.sql(setting.role)) IN \(database)" : "ROLE \(facts.sql(setting.role))"
            return LintRule.Hit(
                LintObject("setting", setting.name, schema: policy.table.schema),
                "set for sessions of \(who)\(place): one that sets nothing of its own is let in by \(policy.object)",
                fix: "ALTER \(target) RESET \(identifier: setting.name.split(separator: ".").map(String.init))",
                severity: setting.role == 0 ? nil : .info)
        }
    }

    static let keptForSession = LintRule(
        "policy-setting-session", .warning,
        "A function sets who asks for the whole session: behind a pool the next user inherits it",
        source: "PostgreSQL, SET, LOCAL"
    ) { facts in
        let deciding = deciding(facts)
        guard !deciding.isEmpty else { return [] }
        return facts.catalog.functions.values.compactMap { function in
            guard let body = function.body else { return nil }
            let kept = settingsKept(by: PolicyExpression(body, table: "")).filter { deciding[$0] != nil }
            guard let setting = kept.sorted().first, let policy = deciding[setting]?.first else { return nil }
            return LintRule.Hit(
                function.object,
                "it sets \(setting), by which \(policy.object) decides, and not for its transaction only",
                fix: "-- set_config('\(raw: setting)', ..., true), or SET LOCAL")
        }
    }

    /// `set_config('app.user', ..., false)` and `SET app.user = ...`, without LOCAL.
    private static func settingsKept(by body: PolicyExpression) -> Set<String> {
        let tokens = body.tokens
        var names: Set<String> = []
        for call in body.calls where call.name == "set_config" && call.arguments.count > 2 {
            let name = tokens[call.arguments.lowerBound]
            if name.kind == .constant, tokens[call.arguments.upperBound - 1].isWord("false") {
                names.insert(name.text.lowercased())
            }
        }
        for index in tokens.indices where tokens[index].isWord("set") {
            var start = index + 1
            if start < tokens.count, tokens[start].isWord("session") { start += 1 }
            guard start + 3 < tokens.count, tokens[start].isName, tokens[start + 1].isSymbol("."),
                tokens[start + 2].isName, tokens[start + 3].isSymbol("=") || tokens[start + 3].isWord("to")
            else { continue }
            names.insert("\(tokens[start].text).\(tokens[start + 2].text)".lowercased())
        }
        return names
    }
}
