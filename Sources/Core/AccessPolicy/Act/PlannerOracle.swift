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
        var found: [ProofFinding] = []
        let facts = try await facts()
        for chunk in secured.chunked(Self.relationsAtOnce, weight: { facts[$0.table]?.weight ?? 1 }) {
            found += try await explaining { try await expressions(of: chunk, facts, by: $0) }
        }
        let subjects = try await connection.query(
            OracleQueries.subjects(secured.map(\.table), declared: policy.roles.map(\.name))
        ).map(OracleSubject.init).mergingCommands()
        for (role, subjects) in Dictionary(grouping: subjects, by: { $0.roles[0] }).sorted(by: { $0.key < $1.key }) {
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

    /// How many reads stand in one EXPLAIN.
    private static let readsAtOnce = 50

    /// What the planner does to read each of these (`FROM app.orders WHERE ...`); nil where the server refused.
    private func plans(reading sources: [SQL], _ care: Care) async throws -> [ExplainedPlan?] {
        var plans: [ExplainedPlan?] = []
        for batch in sources.chunked(care == .each ? 1 : Self.readsAtOnce, weight: { _ in 1 }) {
            let reads = batch.enumerated().map { number, source -> SQL in
                // OFFSET keeps the planner from planning the parts as one, where it would fold less.
                "(SELECT \(raw: String(number)) \(source) OFFSET 0)"
            }
            let union = reads.joined(separator: " UNION ALL ")
            switch care {
            case .none: plans += try ExplainedPlan.parts(json: try await explain(union), count: batch.count)
            case .each: plans.append(try await connection.plan(of: union.text()))
            }
        }
        return plans
    }

    private func plan(_ statement: SQL, _ care: Care) async throws -> ExplainedPlan? {
        switch care {
        case .none: try ExplainedPlan(json: try await explain(statement))
        case .each: try await connection.plan(of: statement.text())
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
        var questions: [(declared: TableSecurity, policy: PolicyDeclaration, place: String, source: SQL)] = []
        for declared in tables {
            guard let facts = facts[declared.table], !facts.isHeld else { continue }
            for (index, policy) in declared.policies.enumerated() {
                for (clause, text) in policy.clauses
                where !Self.isLiteral(text, "true") && !Self.isLiteral(text, "false") {
                    let table = GrantStatements.qualified(declared.table)
                    let source: SQL = "FROM \(table) WHERE (\(SecurityStatements.expression(text)))"
                    questions.append((declared, policy, "\(declared.place).policies[\(index)].\(clause)", source))
                }
            }
        }
        let plans = try await plans(reading: questions.map(\.source), care)
        return zip(questions, plans).flatMap { question, plan in
            let table = question.declared.table
            let rows = plan?.rows(filled: facts[table]?.filled ?? [])
            return finding(rows, question.policy, table, question.place)
        }
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
        var asked: [(subject: OracleSubject, plan: ExplainedPlan?)] = []
        let reads = subjects.filter { $0.commands[0] == "SELECT" }
        let plans = try await plans(reading: reads.map { "FROM \(GrantStatements.qualified($0.table))" }, care)
        asked += zip(reads, plans).map { ($0, $1) }
        for subject in subjects where subject.commands[0] != "SELECT" {
            if let change = subject.change { asked.append((subject, try await plan(change, care))) }
        }
        let called = asked.reduce(into: Set<String>()) { $0.formUnion($1.plan?.calledPerRow ?? []) }
        let stable = try await stable(among: called)
        for (subject, plan) in asked {
            guard let plan else { continue }
            let who = "\(subject.commands.joined(separator: ", ")) of \(subject.roles.map(spelled).brief())"
            switch plan.rows(filled: Set(subject.filled)) {
            case .all where declared(subject.open, on: subject.table).isEmpty:
                let isDeclared = declared(subject.policies, on: subject.table) == subject.policies
                let why =
                    subject.open.isEmpty
                    ? "though none of the policies that hold is written as true: \(subject.policies.map(spelled).brief())"
                    : "because of policies that are not declared: \(subject.open.map(spelled).brief())"
                found.append(
                    ProofFinding(
                        .unfiltered, .leak, fails: isDeclared, on: subject.table,
                        "no row security is left for \(who), \(why)"))
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
