/// Which rows of a table a command of a role reaches.
package struct RowFilter: Hashable, Sendable {
    package enum Rows: Hashable, Sendable {
        /// Every row, and why.
        case all(String)
        /// None: row security is on, and no policy lets any in.
        case none
        /// Those for which the expression holds, and the policies that say so.
        case matching(String, policies: [String])
    }

    /// The rows that are found; nil for INSERT, which looks for none.
    package let seen: Rows?
    /// The rows that may be written; nil for SELECT and DELETE, which write none.
    package let written: Rows?

    /// As the end of a sentence: `rows where ...`.
    package var text: String {
        switch (seen, written) {
        case (let seen?, let written?) where seen != written:
            "\(Self.words(seen, "rows")); \(Self.words(written, "new rows"))"
        case (let rows?, _): Self.words(rows, "rows")
        case (nil, let rows?): Self.words(rows, "new rows")
        case (nil, nil): ""
        }
    }

    private static func words(_ rows: Rows, _ noun: String) -> String {
        switch rows {
        case .all(let reason): "all \(noun) (\(reason))"
        case .none: "no \(noun) (row security is on and no policy lets any in)"
        case .matching(let expression, let policies):
            "\(noun) where \(expression) (\(policies.count == 1 ? "policy" : "policies") "
                + "\(policies.map(spelled).joined(separator: ", ")))"
        }
    }
}

extension EffectiveAccess {
    /// What row security leaves of a table for a command in the name of `acting`; nil where there is none to ask.
    ///
    /// TRUNCATE, REFERENCES, TRIGGER and MAINTAIN know no rows: they are not filtered.
    package func rows(of acting: String, for command: PolicyCommand, on table: ObjectName) -> RowFilter? {
        guard command != .all, let security = snapshot.security[table], security.isEnabled else { return nil }
        if let reason = bypass(acting, table, security) {
            return RowFilter(
                seen: command.hasUsing ? .all(reason) : nil, written: command.hasCheck ? .all(reason) : nil)
        }
        let policies = (policies[table] ?? []).filter { policy in
            (policy.command == command || policy.command == .all)
                && policy.grantees.contains { graph.inherited(by: acting).contains($0) }
        }
        return RowFilter(
            seen: command.hasUsing ? combined(policies) { $0.using } : nil,
            // Where no WITH CHECK is written, USING holds for new rows too.
            written: command.hasCheck ? combined(policies) { $0.check ?? $0.using } : nil)
    }

    /// Why row security does not hold for this role.
    private func bypass(_ acting: String, _ table: ObjectName, _ security: SecurityState) -> String? {
        if isSuperuser(acting) { return "superuser" }
        if snapshot.roles[acting]?.bypassRls == true { return "BYPASSRLS" }
        guard !security.isForced, let owner = owner(of: .table(table)),
            graph.inherited(by: acting).contains(owner)
        else { return nil }
        return acting == owner ? "owner, and not FORCE" : "has the privileges of the owner, and not FORCE"
    }

    /// Permissive policies are joined by OR, restrictive ones by AND; without a permissive one no row is left.
    private func combined(_ policies: [PolicyState], _ clause: (PolicyState) -> String?) -> RowFilter.Rows {
        let used = policies.filter { clause($0) != nil }
        let permissive = used.filter { !$0.isRestrictive }
        let restrictive = used.filter(\.isRestrictive)
        guard !permissive.isEmpty else { return .none }
        let open = permissive.first { clause($0) == "true" }
        if let open, restrictive.isEmpty { return .all("policy \(spelled(open.name))") }
        let some = open == nil ? permissive : []
        let alternatives = some.compactMap(clause).map(parenthesized).joined(separator: " OR ")
        let allowed = some.count > 1 && !restrictive.isEmpty ? "(\(alternatives))" : alternatives
        let parts = [allowed].filter { !$0.isEmpty } + restrictive.compactMap(clause).map(parenthesized)
        return .matching(parts.joined(separator: " AND "), policies: (permissive + restrictive).map(\.name))
    }

    /// In parentheses, unless the server has printed one pair around it all.
    private func parenthesized(_ expression: String) -> String {
        var depth = 0
        var quote: Unicode.Scalar?
        let scalars = expression.unicodeScalars
        for index in scalars.indices {
            let scalar = scalars[index]
            if scalar == "'" || scalar == "\"" {
                quote = quote == nil ? scalar : quote == scalar ? nil : quote
            } else if quote == nil {
                depth += scalar == "(" ? 1 : scalar == ")" ? -1 : 0
            }
            if depth == 0 { return scalars.index(after: index) == scalars.endIndex ? expression : "(\(expression))" }
        }
        return "(\(expression))"
    }
}
