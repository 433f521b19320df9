/// Policies of a document that hold nobody, since another one is `true` for all of their roles: permissive policies are
/// ORed.
enum VoidPolicies {
    static func findings(in tables: [TableSecurity]) -> [ProofFinding] {
        tables.flatMap { table in
            table.policies.enumerated().flatMap { index, policy in
                findings(of: policy, among: table, at: "\(table.place).policies[\(index)]")
            }
        }
    }

    private static func findings(
        of policy: PolicyDeclaration, among table: TableSecurity, at place: String
    ) -> [ProofFinding] {
        guard !policy.isRestrictive else { return [] }
        return Clause.allCases.compactMap { clause in
            guard let own = clause.text(of: policy), !own.isTrue else { return nil }
            let open = table.policies.first { other in
                !other.isRestrictive && clause.text(of: other)?.isTrue == true && other.reaches(policy.grantees)
                    && !clause.commands(of: other).isDisjoint(with: clause.commands(of: policy))
            }
            guard let open else { return nil }
            let commands = clause.commands(of: policy).intersection(clause.commands(of: open)).sorted()
            let what = clause == .using ? "hides no row from" : "refuses no row at"
            return ProofFinding(
                .void, .leak, on: table.table, at: "\(place).\(policy.check == nil ? "using" : clause.rawValue)",
                "policy \(spelled(policy.name)) \(what) \(commands.joined(separator: ", ")): policy "
                    + "\(spelled(open.name)) is true for the same roles, and one of them is enough")
        }
    }

    private enum Clause: String, CaseIterable {
        case using
        case check

        /// Without WITH CHECK a policy's USING is for new rows too.
        func text(of policy: PolicyDeclaration) -> Expression? {
            switch self {
            case .using: policy.using.map(Expression.init)
            case .check: (policy.check ?? policy.using).map(Expression.init)
            }
        }

        func commands(of policy: PolicyDeclaration) -> Set<String> {
            let own: Set<String> = self == .using ? ["SELECT", "UPDATE", "DELETE"] : ["INSERT", "UPDATE"]
            return policy.command == .all ? own : own.intersection([policy.command.rawValue])
        }
    }

    private struct Expression {
        let text: String
        var isTrue: Bool { PlannerOracle.isLiteral(text, "true") }
    }
}

extension PolicyDeclaration {
    /// Whether it is for all of these.
    fileprivate func reaches(_ others: [Grantee]) -> Bool {
        grantees.contains(.everyone) || Set(others).isSubset(of: grantees)
    }
}
