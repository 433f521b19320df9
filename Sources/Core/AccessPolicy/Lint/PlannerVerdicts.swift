/// What the planner said it would enforce.
struct PlannerVerdicts: Sendable {
    struct Key: Hashable, Sendable {
        let relation: UInt32
        let policy: String
        let clause: String

        init(_ clause: PolicyClause) {
            relation = clause.policy.relation
            policy = clause.policy.name
            self.clause = clause.kind.rawValue
        }
    }

    struct Access: Hashable, Sendable {
        let relation: UInt32
        let role: UInt32
    }

    enum Verdict: Sendable, Equatable {
        /// No filter is left: every row.
        case always
        /// No row is ever looked at.
        case never
        /// What is asked of each row, or of an index, as EXPLAIN prints it.
        case filtered(rows: String, index: String)
    }

    enum Answer: Sendable, Equatable {
        case plan(Verdict)
        /// The statement fails for this role: SQLSTATE and the server's sentence.
        case failed(code: String, message: String)
    }

    /// Of each policy's expression by itself.
    var clauses: [Key: Verdict] = [:]
    /// Of all policies together, for a role that reads the table.
    var access: [Access: Answer] = [:]
    /// Tables that were not asked about, with the reason.
    var undecided: [UInt32: String] = [:]
    /// Tables at which an answer took longer than it may.
    var slow: Set<UInt32> = []
}
