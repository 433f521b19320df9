import PostgresClient

/// How rules spell things in remedies and evidence.
extension LintRelation {
    var sql: SQL { "\(identifier: [name.schema, name.name])" }
}

extension LintFunction {
    /// `FUNCTION s.f(integer)`, as GRANT and ALTER take it; the types are the server's own words.
    var sql: SQL {
        "\(raw: kind == "p" ? "PROCEDURE" : "FUNCTION") \(identifier: [name.schema, name.name])(\(raw: arguments))"
    }
}

extension LintPolicy {
    /// `p ON s.t`, as ALTER and DROP POLICY take it.
    var sql: SQL { "\(identifier: name) ON \(identifier: [table.schema, table.name])" }
}

extension LintFacts {
    func sql(_ role: UInt32) -> SQL { role == 0 ? "PUBLIC" : "\(identifier: name(role))" }

    /// One REVOKE for each grantee.
    func revoke(_ exposures: [Exposure], on object: SQL) -> SQL {
        exposures.map { exposure -> SQL in
            let column: SQL = exposure.column.map { " (\(identifier: $0))" } ?? ""
            let words = exposure.privileges.sorted().map { privilege -> SQL in "\(raw: privilege)\(column)" }
            return "REVOKE \(words.joined()) ON \(object) FROM \(sql(exposure.grantee))"
        }.joined(separator: "; ")
    }

    func names(_ roles: some Sequence<UInt32>) -> String {
        let words = roles.map(described).sorted()
        return words.count > 4
            ? words.prefix(4).joined(separator: ", ") + " and \(words.count - 4) more" : words.joined(separator: ", ")
    }
}

/// `1 policy`, `3 policies`.
func counted(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
