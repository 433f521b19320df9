import Platform
import PostgresClient

/// Asks the planner what it will enforce: an EXPLAIN as each role, for each table under row security and each command.
///
/// No row is read. In savepoints that are undone, each with a thousand relations at most, since an EXPLAIN locks what it
/// names until then and the server's table of locks is small.
struct PlannerOracle {
    static let relationsAtOnce = 1000

    private let connection: Connection
    private let policy: Policy
    private let snapshot: Snapshot
    private let fence: Fence

    init(_ connection: Connection, _ policy: Policy, _ snapshot: Snapshot, _ fence: Fence) {
        self.connection = connection
        self.policy = policy
        self.snapshot = snapshot
        self.fence = fence
    }

    private var secured: [TableSecurity] { policy.rowSecurity.filter(\.enable) }

    /// Planning folds constants, which runs functions: not those of owners who are not trusted.
    func notLooked(_ reason: String) -> [ProofFinding] {
        guard let first = secured.first else { return [] }
        return [
            ProofFinding(
                .notLooked, .unknown, on: first.table, at: "rowSecurity",
                "the planner was not asked what it will enforce: \(reason)")
        ]
    }

    func findings() async throws -> [ProofFinding] {
        guard !secured.isEmpty else { return [] }
        var found = VoidPolicies.findings(in: secured)
        let facts = try await facts()
        for chunk in secured.chunked(Self.relationsAtOnce, weight: { facts[$0.table]?.weight ?? 1 }) {
            found += try await explaining { try await expressions(of: chunk, facts, by: $0) }
        }
        let subjects = try await connection.query(
            OracleQueries.subjects(secured.map(\.table), declared: policy.roles.map(\.name))
        ).map(OracleSubject.init)
        let written = subjects.filter { ["INSERT", "UPDATE"].contains($0.commands[0]) }
        for chunk in written.chunked(Self.relationsAtOnce, weight: \.weight) {
            found += try await explaining { try await checked(chunk, facts, by: $0) }
        }
        for (role, subjects) in Dictionary(grouping: subjects.mergingCommands(), by: { $0.roles[0] }).sorted(by: {
            $0.key < $1.key
        }) {
            for chunk in subjects.chunked(Self.relationsAtOnce, weight: \.weight) {
                found += try await explaining { try await enforced(on: chunk, as: role, by: $0) }
            }
        }
        found += try await leakingViews()
        return found.sorted { left, right in
            (left.table, left.place == nil ? 1 : 0, left.place ?? "", left.kind.rawValue, left.detail)
                < (right.table, right.place == nil ? 1 : 0, right.place ?? "", right.kind.rawValue, right.detail)
        }
    }

    /// How an EXPLAIN that the server refuses is met.
    private enum Care {
        /// It fails the whole savepoint: fast.
        case none
        /// It has a savepoint of its own, and only its answer is missing.
        case each
    }

    /// Runs `body` in a savepoint that is undone, and again with more care when the server refused something.
    private func explaining(_ body: (Care) async throws -> [ProofFinding]) async throws -> [ProofFinding] {
        do {
            return try await fenced { try await body(.none) }
        } catch let error as PostgresError where error.code != nil {
            return try await fenced { try await body(.each) }
        }
    }

    private func fenced(_ body: () async throws -> [ProofFinding]) async throws -> [ProofFinding] {
        do {
            return try await fence.around("a policy's expression") {
                try await fence.limit()
                // A parallel plan says the same in more words.
                try await connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
                return try await body()
            }
        } catch let error as PostgresError where error.code == "57014" {
            throw fence.overBudget
        }
    }

    /// What the planner said of a statement.
    private enum Answer {
        case plan(ExplainedPlan)
        /// The server would not plan it, in its words.
        case refused(String)

        func rows(filled: Set<String>, of expression: PolicyExpression? = nil) -> ExplainedPlan.Rows? {
            if case .plan(let plan) = self { plan.rows(filled: filled, of: expression) } else { nil }
        }
    }

    /// What the planner does to read each of these (`FROM app.orders WHERE ...`).
    private func answers(reading sources: [SQL], _ care: Care) async throws -> [Answer] {
        var answers: [Answer] = []
        for batch in sources.chunked(care == .each ? 1 : ExplainedPlan.readsAtOnce, weight: { _ in 1 }) {
            answers += try await self.answers(to: ExplainedPlan.union(of: batch), care) { json in
                try ExplainedPlan.parts(json: json, count: batch.count)
            }
        }
        return answers
    }

    private func answers(
        to statement: SQL, _ care: Care, _ read: (String) throws -> [ExplainedPlan]
    ) async throws -> [Answer] {
        switch care {
        case .none: return try read(try await explain(statement)).map(Answer.plan)
        case .each:
            do {
                let json: String = try await connection.undoing { try await explain(statement) }
                return try read(json).map(Answer.plan)
            } catch let error as PostgresError where error.code != nil && error.code != "57014" {
                return [.refused(error.message)]
            }
        }
    }

    private func explain(_ statement: SQL) async throws -> String {
        try fence.checkTime()
        return try await connection.query("EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) \(statement)").one()[0]
    }

    // MARK: What each declaration folds to

    private struct Facts {
        /// The connected role is held to the policies itself: their filters would be in every answer.
        let isHeld: Bool
        let filled: Set<String>
        /// The locks that an EXPLAIN takes.
        let weight: Int
    }

    private func facts() async throws -> [ObjectName: Facts] {
        var facts: [ObjectName: Facts] = [:]
        for row in try await connection.query(OracleQueries.facts(secured.map(\.table))) {
            let filled: [String] = try row["filled"]
            facts[ObjectName(try row["schema"], try row["name"])] = Facts(
                isHeld: try row["is_held"], filled: Set(filled), weight: try row["weight"])
        }
        return facts
    }

    private func expressions(
        of tables: [TableSecurity], _ facts: [ObjectName: Facts], by care: Care
    ) async throws -> [ProofFinding] {
        var questions:
            [(declared: TableSecurity, policy: PolicyDeclaration, place: String, text: String, source: SQL)] = []
        for declared in tables {
            guard let facts = facts[declared.table], !facts.isHeld else { continue }
            for (index, policy) in declared.policies.enumerated() {
                for (clause, text) in policy.clauses
                where !Self.isLiteral(text, "true") && !Self.isLiteral(text, "false") {
                    let table = GrantStatements.qualified(declared.table)
                    let source: SQL = "FROM \(table) WHERE (\(SecurityStatements.expression(text)))"
                    questions.append((declared, policy, "\(declared.place).policies[\(index)].\(clause)", text, source))
                }
            }
        }
        let answers = try await answers(reading: questions.map(\.source), care)
        return zip(questions, answers).flatMap { question, answer in
            let table = question.declared.table
            if case .refused(let reason) = answer {
                return [Self.refusal(reason, of: "this expression", on: table, at: question.place)]
            }
            let rows = answer.rows(
                filled: facts[table]?.filled ?? [], of: PolicyExpression(question.text, table: table.name))
            return finding(rows, question.policy, table, question.place)
        }
    }

    private static func refusal(
        _ reason: String, of what: String, on table: ObjectName, at place: String? = nil
    ) -> ProofFinding {
        ProofFinding(
            .notLooked, .unknown, on: table, at: place,
            "the planner does not say what \(what) comes to: \(reason)")
    }

    private func finding(
        _ rows: ExplainedPlan.Rows?, _ policy: PolicyDeclaration, _ table: ObjectName, _ place: String
    ) -> [ProofFinding] {
        switch rows {
        case .all:
            [
                ProofFinding(
                    .alwaysTrue, .leak, fails: true, on: table, at: place,
                    "policy \(spelled(policy.name)) is true for every row, whatever it says: write \"true\" if that is meant"
                )
            ]
        case .some(.none):
            [
                ProofFinding(
                    .alwaysFalse, .failed, on: table, at: place,
                    "policy \(spelled(policy.name)) is true for no row: write \"false\" if that is meant")
            ]
        case .some(.some), nil: []
        }
    }

    static func isLiteral(_ expression: String, _ word: String) -> Bool {
        expression.filter { !$0.isWhitespace && $0 != "(" && $0 != ")" }.lowercased() == word
    }

    // MARK: What is enforced for each role

    private func enforced(on subjects: [OracleSubject], as role: String, by care: Care) async throws -> [ProofFinding] {
        do {
            try await connection.savepoint { try await fence.become(role, asItsOwnSession: false) }
        } catch let error as PostgresError where error.code == "42501" {
            return subjects.prefix(1).map {
                ProofFinding(
                    .notLooked, .unknown, on: $0.table,
                    "the planner was not asked for \(spelled(role)): \(error.message)")
            }
        }
        var found: [ProofFinding] = []
        var asked: [(subject: OracleSubject, answer: Answer)] = []
        let reads = subjects.filter { $0.commands[0] == "SELECT" }
        let answers = try await answers(reading: reads.map { "FROM \(GrantStatements.qualified($0.table))" }, care)
        asked += zip(reads, answers).map { ($0, $1) }
        for subject in subjects where subject.commands[0] != "SELECT" {
            guard let change = subject.change else { continue }
            let answer = try await self.answers(to: change, care) { [try ExplainedPlan(json: $0)] }
            asked += answer.map { (subject, $0) }
        }
        let called = asked.reduce(into: Set<String>()) { names, asked in
            if case .plan(let plan) = asked.answer { names.formUnion(plan.calledPerRow) }
        }
        let stable = try await stable(among: called)
        for (subject, answer) in asked {
            let who = "\(subject.commands.joined(separator: ", ")) of \(subject.roles.map(spelled).brief())"
            guard case .plan(let plan) = answer else {
                if case .refused(let reason) = answer { found.append(Self.refusal(reason, of: who, on: subject.table)) }
                continue
            }
            switch plan.rows(filled: Set(subject.filled)) {
            case .all where declared(subject.open, on: subject.table).isEmpty:
                found.append(
                    ProofFinding(
                        .unfiltered, .leak, fails: isDeclared(subject), on: subject.table,
                        "no row security is left for \(who), \(Self.why(subject.open, among: subject))"))
            case .none:
                let why = subject.policies.isEmpty ? "no policy is for them" : subject.policies.map(spelled).brief()
                found.append(
                    ProofFinding(.noRows, .failed, on: subject.table, "row security leaves \(who) no row: \(why)"))
            case .all, .some: break
            }
            for function in plan.calledPerRow.intersection(stable).sorted() {
                found.append(
                    ProofFinding(
                        .perRow, .proved, on: subject.table,
                        "\(function)() runs for every row in \(who): write it as (SELECT \(function)(...)), which runs once"
                    ))
            }
        }
        return found
    }

    /// What all the policies that hold for some roles ask together of the rows that these add or change.
    private func checked(
        _ subjects: [OracleSubject], _ facts: [ObjectName: Facts], by care: Care
    ) async throws -> [ProofFinding] {
        let asked = subjects.compactMap { subject -> (subject: OracleSubject, source: SQL)? in
            guard facts[subject.table]?.isHeld == false, let expression = subject.newRows else { return nil }
            return (subject, "FROM \(GrantStatements.qualified(subject.table)) WHERE \(expression)")
        }
        let answers = try await answers(reading: asked.map(\.source), care)
        var found: [ProofFinding] = []
        for (subject, answer) in zip(asked.map(\.subject), answers) {
            let who = "\(subject.commands[0]) of \(subject.roles.map(spelled).brief())"
            switch answer.rows(filled: Set(subject.filled)) {
            case .all where declared(subject.openChecks, on: subject.table).isEmpty:
                found.append(
                    ProofFinding(
                        .unchecked, .leak, fails: isDeclared(subject), on: subject.table,
                        "no new row is refused at \(who), \(Self.why(subject.openChecks, among: subject))"))
            case .some(.none) where subject.commands[0] == "INSERT":
                found.append(ProofFinding(.noRows, .failed, on: subject.table, Self.refusing(who, subject)))
            case .all, .some, nil: break
            }
        }
        for subject in subjects where subject.commands[0] == "INSERT" && subject.checks.isEmpty {
            let who = "INSERT of \(subject.roles.map(spelled).brief())"
            found.append(ProofFinding(.noRows, .failed, on: subject.table, Self.refusing(who, subject)))
        }
        return found
    }

    private static func refusing(_ who: String, _ subject: OracleSubject) -> String {
        let why = subject.policies.isEmpty ? "no policy is for them" : subject.policies.map(spelled).brief()
        return "row security refuses every new row at \(who): \(why)"
    }

    private func isDeclared(_ subject: OracleSubject) -> Bool {
        declared(subject.policies, on: subject.table) == subject.policies
    }

    private static func why(_ open: [String], among subject: OracleSubject) -> String {
        open.isEmpty
            ? "though none of the policies that hold is written as true: \(subject.policies.map(spelled).brief())"
            : "because of policies that are not declared: \(open.map(spelled).brief())"
    }

    /// Those of these policies that are this document's.
    private func declared(_ names: [String], on table: ObjectName) -> [String] {
        let declared = policy.rowSecurity.first { $0.table == table }?.policies.map(\.name) ?? []
        return names.filter(declared.contains)
    }

    private func stable(among names: Set<String>) async throws -> Set<String> {
        guard !names.isEmpty else { return [] }
        return Set(try await connection.query(OracleQueries.stable(among: names.sorted())).map { try $0[0] })
    }

    // MARK: Views

    private func leakingViews() async throws -> [ProofFinding] {
        try await connection.query(OracleQueries.leakingViews(secured.map(\.table))).map { row in
            let view = ObjectName(try row["view_schema"], try row["view"])
            let (owner, roles): (String, [String]) = (try row["owner"], try row["roles"])
            let (isChain, isCopy): (Bool, Bool) = (try row["is_chain"], try row["is_copy"])
            let how =
                isCopy
                ? "holds a copy of the table's rows"
                : isChain ? "passes on what a view of \"\(owner)\" reads" : "reads the table as its owner \"\(owner)\""
            let cure = isCopy ? "grant what reads it to nobody else" : "make it WITH (security_invoker = true)"
            return ProofFinding(
                .viewLeak, .leak, on: ObjectName(try row["schema"], try row["name"]),
                "view \(view) \(how), whom row security does not hold, and \(roles.map(spelled).brief()) may use it: "
                    + "\(cure), if the view itself does not say which rows")
        }
    }
}

extension PolicyDeclaration {
    /// Its expressions with their keys, one that stands twice only once.
    fileprivate var clauses: [(key: String, text: String)] {
        let both = [("using", using), ("check", using == check ? nil : check)]
        return both.compactMap { key, text in text.map { (key, $0) } }
    }
}

extension Array {
    /// Parts in order, none heavier than `limit` unless one element alone is.
    func chunked(_ limit: Int, weight: (Element) -> Int) -> [[Element]] {
        var parts: [[Element]] = []
        var sum = 0
        for element in self {
            let next = weight(element)
            if parts.isEmpty || sum + next > limit {
                parts.append([])
                sum = 0
            }
            parts[parts.count - 1].append(element)
            sum += next
        }
        return parts
    }
}
