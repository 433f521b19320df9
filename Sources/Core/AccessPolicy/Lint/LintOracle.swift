import Platform
import PostgresClient

/// Asks the planner what it would enforce: EXPLAIN shows the filter that is left, and executes nothing.
///
/// Planning does evaluate immutable and stable functions, with the rights of this session. So a table is asked about
/// only if everything that planning may touch belongs to trusted owners: superusers, the connected role, and
/// `trustedOwners`.
struct LintOracle {
    private enum Question {
        case clause(PolicyClause, LintRelation)
        case access(LintRelation, UInt32)
    }

    /// Planning locks every table and index it looks at; the lock table holds some thousands.
    private static let chunk = 300

    private let connection: Connection
    private let facts: LintFacts
    private let trustedOwners: [String]

    init(_ connection: Connection, _ facts: LintFacts, trustedOwners: [String]) {
        self.connection = connection
        self.facts = facts
        self.trustedOwners = trustedOwners
    }

    /// Use it inside a read-only transaction; leaves no lock and no setting behind.
    func verdicts() async throws -> PlannerVerdicts {
        var verdicts = PlannerVerdicts()
        let tables = facts.securedTables.filter { facts.policies[$0.oid]?.contains { $0.place == nil } == true }
        guard !tables.isEmpty else { return verdicts }
        for row in try await connection.query(LintOracleQueries.untrusted(butOwnedBy: trustedOwners)) {
            let owner: String = try row["owner"]
            verdicts.undecided[try row["relation"]] =
                "planning it may run code of \(spelled(owner)), who is not trusted"
        }
        let decided = tables.filter { verdicts.undecided[$0.oid] == nil }
        for table in decided where !mayRead(table) {
            verdicts.undecided[table.oid] = "the connected role is held by its row security, or may not read it"
        }
        for chunk in questions(decided).chunked(Self.chunk, weight: { _ in 1 }) {
            try await connection.undoing { try await ask(chunk, &verdicts) }
        }
        return verdicts
    }

    /// Whether the session sees an expression alone in the plan: nothing else filters for it.
    private func mayRead(_ table: LintRelation) -> Bool {
        facts.catalog.isSuperuser || facts.catalog.user == table.owner && !table.isForced
    }

    private func questions(_ tables: [LintRelation]) -> [Question] {
        var clauses: [Question] = []
        var access: [Question] = []
        for table in tables {
            let policies = (facts.policies[table.oid] ?? []).filter { $0.place == nil }
            if mayRead(table) { clauses += policies.flatMap(\.clauses).map { .clause($0, table) } }
            // Roles under the same policies get the same plan: one speaks for them.
            var seen: Set<[String]> = []
            for role in facts.subjects(of: table, ["SELECT"]).sorted() where mayAct(as: role) {
                let names = policies.filter { facts.applies($0, to: role) }.map(\.name)
                if seen.insert(names).inserted { access.append(.access(table, role)) }
            }
        }
        // One SET ROLE for each role and chunk.
        return clauses + access.sorted { role(of: $0) < role(of: $1) }
    }

    private func mayAct(as role: UInt32) -> Bool {
        role != 0 && facts.catalog.roles[role]?.mayAct == true
    }

    private func role(of question: Question) -> UInt32 {
        if case .access(_, let role) = question { role } else { 0 }
    }

    private func ask(_ questions: [Question], _ verdicts: inout PlannerVerdicts) async throws {
        // An index that fits is taken even where the table is small, so that the answer does not depend on the data.
        try await connection.script(
            """
            SET LOCAL enable_seqscan = off; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'
            """)
        for (role, questions) in Dictionary(grouping: questions, by: role(of:)).sorted(by: { $0.key < $1.key }) {
            if role != 0 {
                do {
                    try await connection.savepoint {
                        try await connection.execute("SET LOCAL ROLE \(identifier: facts.name(role))")
                    }
                } catch let error as PostgresError where error.code != nil {
                    for question in questions { note(error, of: question, &verdicts) }
                    continue
                }
            }
            // A table that took all of its time once is not asked about again.
            let rest = questions.filter { !verdicts.slow.contains(table(of: $0).oid) }
            for batch in rest.chunked(ExplainedPlan.readsAtOnce, weight: { _ in 1 }) {
                try await ask(together: batch, &verdicts)
            }
        }
    }

    /// All in one EXPLAIN; where the server refuses that, each by itself.
    private func ask(together questions: [Question], _ verdicts: inout PlannerVerdicts) async throws {
        do {
            let plans: [ExplainedPlan] = try await connection.undoing { try await self.plans(for: questions) }
            for (question, plan) in zip(questions, plans) { record(plan, of: question, &verdicts) }
        } catch let error as PostgresError where error.code != nil {
            guard questions.count > 1 else { return note(error, of: questions[0], &verdicts) }
            for question in questions { try await ask(together: [question], &verdicts) }
        }
    }

    private func table(of question: Question) -> LintRelation {
        switch question {
        case .clause(_, let table), .access(let table, _): table
        }
    }

    private func plans(for questions: [Question]) async throws -> [ExplainedPlan] {
        let union = ExplainedPlan.union(of: questions.map(source))
        let row = try await connection.query("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) \(union)").one()
        return try ExplainedPlan.parts(json: row[0], count: questions.count)
    }

    private func source(of question: Question) -> SQL {
        switch question {
        case .clause(let clause, let table): "\(source(table)) WHERE (\(raw: clause.text))"
        case .access(let table, _): source(table)
        }
    }

    private func source(_ table: LintRelation) -> SQL {
        // ONLY leaves a partitioned table with nothing to plan.
        "FROM \(raw: table.kind == .partitioned ? "" : "ONLY ")\(table.sql)"
    }

    private func record(_ plan: ExplainedPlan, of question: Question, _ verdicts: inout PlannerVerdicts) {
        switch question {
        case .clause(let clause, let table):
            verdicts.clauses[PlannerVerdicts.Key(clause)] = verdict(plan, table, clause.expression)
        case .access(let table, let role):
            guard let verdict = verdict(plan, table, nil) else { return }
            verdicts.access[PlannerVerdicts.Access(relation: table.oid, role: role)] = .plan(verdict)
        }
    }

    /// What is left to be asked of rows; nil where a partitioned table without partitions has nothing to ask.
    private func verdict(
        _ plan: ExplainedPlan, _ table: LintRelation, _ expression: PolicyExpression?
    ) -> PlannerVerdicts.Verdict? {
        let filled = (facts.catalog.columns[table.oid] ?? [:]).values.filter(\.isNotNull).map(\.name)
        return switch plan.rows(filled: Set(filled), of: expression) {
        case .all: .always
        case .none: table.kind == .partitioned ? nil : .never
        case .some: .filtered(rows: plan.rowConditions, index: plan.indexConditions)
        }
    }

    private func note(_ error: PostgresError, of question: Question, _ verdicts: inout PlannerVerdicts) {
        if ["55P03", "57014"].contains(error.code) { verdicts.slow.insert(table(of: question).oid) }
        switch question {
        case .clause(_, let table):
            verdicts.undecided[table.oid] = "EXPLAIN failed: \(error.message)"
        case .access(let table, let role) where error.code != "55P03" && error.code != "57014":
            verdicts.access[PlannerVerdicts.Access(relation: table.oid, role: role)] = .failed(
                code: error.code ?? "", message: error.message)
        case .access(let table, _):
            verdicts.undecided[table.oid] = "EXPLAIN failed: \(error.message)"
        }
    }
}
