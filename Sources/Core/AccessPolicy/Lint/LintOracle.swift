import FoundationEssentials
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
    private static let chunk = 1000

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
        var rest = questions(decided)[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.chunk)
            let answered = try await connection.undoing { try await ask(part, &verdicts) }
            rest = rest.dropFirst(answered)
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

    /// Asks until one fails, since a failure ends the savepoint; tells how many it has dealt with.
    private func ask(_ questions: ArraySlice<Question>, _ verdicts: inout PlannerVerdicts) async throws -> Int {
        // An index that fits is taken even where the table is small, so that the answer does not depend on the data.
        try await connection.script(
            """
            SET LOCAL enable_seqscan = off; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '10s'
            """)
        var current: UInt32 = 0
        for (index, question) in questions.enumerated() {
            do {
                let next = role(of: question)
                if next != current {
                    try await connection.execute("SET LOCAL ROLE \(identifier: facts.name(next))")
                    current = next
                }
                try await ask(question, &verdicts)
            } catch let error as PostgresError where error.code != nil {
                note(error, of: question, &verdicts)
                return index + 1
            }
        }
        return questions.count
    }

    private func ask(_ question: Question, _ verdicts: inout PlannerVerdicts) async throws {
        switch question {
        case .clause(let clause, let table):
            let plan = try await plan(of: table, where: " WHERE (\(raw: clause.text))")
            guard let verdict = plan.verdict(of: clause.expression, isPartitioned: table.kind == .partitioned) else {
                return
            }
            verdicts.clauses[PlannerVerdicts.Key(clause)] = verdict
        case .access(let table, let role):
            let plan = try await plan(of: table, where: "")
            guard let verdict = plan.verdict(of: nil, isPartitioned: table.kind == .partitioned) else { return }
            verdicts.access[PlannerVerdicts.Access(relation: table.oid, role: role)] = .plan(verdict)
        }
    }

    private func note(_ error: PostgresError, of question: Question, _ verdicts: inout PlannerVerdicts) {
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

    private func plan(of table: LintRelation, where condition: SQL) async throws -> PlanNode {
        // ONLY leaves a partitioned table with nothing to plan.
        let only: SQL = table.kind == .partitioned ? "" : "ONLY "
        let row = try await connection.query(
            """
            EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON)
            SELECT 1 FROM \(only)\(identifier: [table.name.schema, table.name.name])\(condition)
            """
        ).one()
        let text: String = try row[0]
        let plans = try JSONDecoder().decode([PlanNode.Envelope].self, from: Data(text.utf8))
        guard let plan = plans.first?.plan else {
            throw PlainFailure(.internalError, "EXPLAIN of \(table.name) gave no plan")
        }
        return plan
    }
}

/// A node of a plan, as far as it tells what is filtered.
struct PlanNode: Decodable {
    struct Envelope: Decodable {
        let plan: PlanNode

        private enum CodingKeys: String, CodingKey {
            case plan = "Plan"
        }
    }

    let type: String
    let relationship: String?
    let filter: String?
    let oneTimeFilter: String?
    let indexCondition: String?
    let tidCondition: String?
    let joinFilter: String?
    let hashCondition: String?
    let mergeCondition: String?
    let plans: [PlanNode]?

    private enum CodingKeys: String, CodingKey {
        case type = "Node Type"
        case relationship = "Parent Relationship"
        case filter = "Filter"
        case oneTimeFilter = "One-Time Filter"
        case indexCondition = "Index Cond"
        case tidCondition = "TID Cond"
        case joinFilter = "Join Filter"
        case hashCondition = "Hash Cond"
        case mergeCondition = "Merge Cond"
        case plans = "Plans"
    }

    /// The nodes through which rows come; initial plans and sub-plans give values only.
    private var rowNodes: [PlanNode] {
        let below = (plans ?? []).filter { $0.relationship != "InitPlan" && $0.relationship != "SubPlan" }
        return [self] + below.flatMap(\.rowNodes)
    }

    /// What is left to be asked of rows; nil where an empty partitioned table has nothing to ask.
    func verdict(of expression: PolicyExpression?, isPartitioned: Bool) -> PlannerVerdicts.Verdict? {
        let nodes = rowNodes
        if nodes.contains(where: { $0.oneTimeFilter == "false" }) { return isPartitioned ? nil : .never }
        let index = nodes.flatMap { [$0.indexCondition, $0.tidCondition].compactMap(\.self) }
        let rows = nodes.flatMap {
            [$0.filter, $0.oneTimeFilter, $0.joinFilter, $0.hashCondition, $0.mergeCondition].compactMap(\.self)
        }
        let isJoin = nodes.contains { $0.type.hasSuffix("Join") || $0.type == "Nested Loop" }
        if !isJoin, (rows + index).allSatisfy({ Self.isLeftover($0, of: expression) }) { return .always }
        return .filtered(rows: rows.joined(separator: " AND "), index: index.joined(separator: " AND "))
    }

    /// `x = x` becomes `x IS NOT NULL` in a plan; no filter, unless that is what the expression itself asks.
    private static func isLeftover(_ filter: String, of expression: PolicyExpression?) -> Bool {
        guard let expression, !expression.tokens.contains(where: { $0.isWord("null") }) else { return false }
        return PolicyExpression(filter, table: "").isNotNullOnly
    }
}

extension PolicyExpression {
    /// Whether it is nothing but `column IS NOT NULL`, any number of times.
    var isNotNullOnly: Bool {
        let words = tokens.filter { !$0.isSymbol("(") && !$0.isSymbol(")") }
        return words.split(whereSeparator: { $0.isWord("and") }).allSatisfy { part in
            let part = Array(part)
            guard part.count >= 4, part[part.count - 3].isWord("is"), part[part.count - 2].isWord("not"),
                part[part.count - 1].isWord("null")
            else { return false }
            return part.dropLast(3).allSatisfy { $0.isName || $0.isSymbol(".") }
        }
    }
}
