import PostgresClient

/// Lets the server judge whether two policy expressions mean the same.
///
/// Each stands in the WHERE of a temporary view over the real table, so that whole rows, `tableoid` and references to the
/// table itself are read as in the policy; then the server prints both. The views are undone at once: nothing is
/// written, and the table is only locked ACCESS SHARE.
struct ExpressionComparison {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// - Throws: `PolicyProblem` for an expression of the document that the server cannot read.
    func equal(_ policy: Policy, _ snapshot: Snapshot) async throws -> Set<ExpressionPair> {
        var equal: Set<ExpressionPair> = []
        let stored = Dictionary(grouping: snapshot.policies, by: \.table)
        for declared in policy.rowSecurity where snapshot.security[declared.table] != nil {
            // A savepoint for each table: its end frees the locks on the views.
            let found = try await connection.undoing {
                try await self.equal(declared, stored[declared.table] ?? [])
            }
            equal.formUnion(found)
        }
        return equal
    }

    private func equal(_ declared: TableSecurity, _ stored: [PolicyState]) async throws -> Set<ExpressionPair> {
        var equal: Set<ExpressionPair> = []
        var number = 0
        for (index, policy) in declared.policies.enumerated() {
            let now = stored.first { $0.name == policy.name }
            let clauses = [("using", policy.using, now?.using), ("check", policy.check, now?.check)]
            for (key, expression, counterpart) in clauses {
                guard let expression else { continue }
                let place = "\(declared.place).policies[\(index)].\(policy.match == nil ? key : "match")"
                number += 2
                let printed = try await print(expression, on: declared.table, view: number, at: place)
                guard let counterpart else { continue }
                let other = try await print(counterpart, on: declared.table, view: number + 1, at: place)
                if printed == other {
                    equal.insert(
                        ExpressionPair(table: declared.table, declared: expression, stored: counterpart))
                }
            }
        }
        return equal
    }

    private func print(
        _ expression: String, on table: ObjectName, view number: Int, at place: String
    ) async throws -> String {
        let view = "dbsec_expression_\(number)"
        let body = SecurityStatements.expression(expression)
        do {
            try await connection.execute(
                """
                CREATE TEMPORARY VIEW \(identifier: view) AS
                SELECT 1 AS one FROM \(GrantStatements.qualified(table)) WHERE (\(body))
                """)
        } catch let error as PostgresError
            where error.code.map({ ["42", "22", "0A"].contains($0.prefix(2)) }) == true
            && error.code != "42501"
        {
            throw PolicyProblem(place, error.message)
        }
        let row = try await connection.query(
            "SELECT pg_catalog.pg_get_viewdef(('pg_temp.' || pg_catalog.quote_ident(\(view)))::pg_catalog.regclass)"
        ).one()
        return try row[0]
    }
}
