import FoundationEssentials
import PostgresClient

/// What the planner will do for a statement over one table: `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON)` read back.
///
/// Constants are folded and policies are in it, so it is what will be enforced, and no row was read for it.
struct ExplainedPlan {
    /// What limits the rows of the table and its partitions.
    enum Rows: Equatable {
        /// Every row.
        case all
        /// No row, whatever is in the table.
        case none
        /// Those that fulfil the conditions.
        case some
    }

    private let roots: [Node]

    init(json: String) throws {
        roots = [try Self.root(of: json)]
    }

    private init(roots: [Node]) {
        self.roots = roots
    }

    /// How many reads stand in one EXPLAIN.
    static let readsAtOnce = 50

    /// `SELECT 0 FROM ... UNION ALL SELECT 1 FROM ...`: one question instead of many, which `parts` takes apart.
    ///
    /// OFFSET keeps the planner from planning the parts as one, where it would fold less.
    static func union(of sources: some Sequence<SQL>) -> SQL {
        sources.enumerated().map { number, source -> SQL in "(SELECT \(raw: String(number)) \(source) OFFSET 0)" }
            .joined(separator: " UNION ALL ")
    }

    /// The plans of a union, one for each number.
    ///
    /// The planner leaves out a part that has no row, and puts the partitions of a table beside the other parts.
    static func parts(json: String, count: Int) throws -> [ExplainedPlan] {
        let parts = Dictionary(grouping: try root(of: json).parts) { $0.output ?? [] }
        return (0..<count).map { ExplainedPlan(roots: parts[[String($0)]] ?? []) }
    }

    private static func root(of json: String) throws -> Node {
        try JSONDecoder().decode([Explained].self, from: Data(json.utf8)).first?.plan ?? Node()
    }

    private var reading: [Node] { roots.flatMap(\.reading) }

    /// - Parameter filled: The columns that are never NULL: `(t.id IS NOT NULL)` filters nothing then. PostgreSQL before 17
    ///   writes `id = id` so, and later ones leave it out.
    /// - Parameter expression: What the plan was asked about. One that does not speak of NULL asks nothing by it.
    func rows(filled: Set<String> = [], of expression: PolicyExpression? = nil) -> Rows {
        let nodes = reading
        let scans = nodes.filter { $0.table != nil && !$0.isChange }
        guard !scans.isEmpty else { return .none }
        let mayBeNull = expression.map { $0.tokens.contains { $0.isWord("null") } } ?? true
        let asksNothing = { (node: Node) in
            node.conditions.allSatisfy { condition in
                let left = PolicyExpression(condition, table: "")
                return left.constant(filled: filled) == .always || !mayBeNull && left.isNotNullOnly
            }
        }
        let isOpen = scans.contains(where: asksNothing)
        // A sub-select of a policy may have become a join.
        let isGated = nodes.contains { $0.joinType != nil || $0.table == nil && !asksNothing($0) }
        return isOpen && !isGated ? .all : .some
    }

    /// What is asked of each row, as EXPLAIN prints it.
    var rowConditions: String {
        reading.flatMap { [$0.filter, $0.oneTime, $0.joinFilter, $0.hashCondition, $0.mergeCondition] }
            .compactMap(\.self).joined(separator: " AND ")
    }

    /// What is asked of an index, and computed once.
    var indexConditions: String {
        reading.flatMap { [$0.indexCondition, $0.tidCondition] }.compactMap(\.self).joined(separator: " AND ")
    }

    /// The functions that are called for every row although nothing of the row goes into them: they could run once.
    ///
    /// Conditions of an index are left out: they are computed once.
    var calledPerRow: Set<String> {
        var names: Set<String> = []
        for node in reading {
            guard let alias = node.alias, let filter = node.filter else { continue }
            names.formUnion(CallScanner.calls(in: filter).filter { !$0.arguments.contains(alias + ".") }.map(\.name))
        }
        return names
    }

    /// Whether both read the same rows: the same tables by the same conditions.
    ///
    /// Estimates and columns do not matter; nor does what an INSERT computes beside its rows, since there a policy's WITH
    /// CHECK stands.
    func readsSameRows(as other: ExplainedPlan) -> Bool {
        roots.map(\.withoutChecks) == other.roots.map(\.withoutChecks)
    }

    private struct Explained: Decodable {
        let plan: Node

        enum CodingKeys: String, CodingKey {
            case plan = "Plan"
        }
    }

    private struct Node: Decodable, Equatable {
        var type = ""
        var operation: String?
        var relationship: String?
        var joinType: String?
        var table: String?
        var alias: String?
        var filter: String?
        var indexCondition: String?
        var recheck: String?
        var tidCondition: String?
        var oneTime: String?
        var joinFilter: String?
        var hashCondition: String?
        var mergeCondition: String?
        var output: [String]?
        var plans: [Node]?

        enum CodingKeys: String, CodingKey {
            case type = "Node Type"
            case operation = "Operation"
            case relationship = "Parent Relationship"
            case joinType = "Join Type"
            case table = "Relation Name"
            case alias = "Alias"
            case filter = "Filter"
            case indexCondition = "Index Cond"
            case recheck = "Recheck Cond"
            case tidCondition = "TID Cond"
            case oneTime = "One-Time Filter"
            case joinFilter = "Join Filter"
            case hashCondition = "Hash Cond"
            case mergeCondition = "Merge Cond"
            case output = "Output"
            case plans = "Plans"
        }

        var isChange: Bool { type == "ModifyTable" }
        var conditions: [String] { [filter, indexCondition, recheck, tidCondition, oneTime].compactMap(\.self) }

        var withoutChecks: Node {
            var copy = self
            copy.output = nil
            copy.plans = (plans ?? []).filter { operation != "Insert" || !$0.isBeside }.map(\.withoutChecks)
            return copy
        }

        var parts: [Node] {
            guard type == "Append", output == nil else { return [self] }
            return (plans ?? []).filter { !$0.isBeside }.flatMap(\.parts)
        }

        private var isBeside: Bool { relationship == "InitPlan" || relationship == "SubPlan" }

        /// This node and those below it that read the table, but not what is computed beside it.
        var reading: [Node] {
            [self] + (plans ?? []).filter { !$0.isBeside }.flatMap(\.reading)
        }
    }
}

/// Finds calls in an expression as PostgreSQL prints it: `app.may(t.id)`, `current_setting('app.user'::text, true)`.
enum CallScanner {
    struct Call: Hashable {
        /// Without its schema.
        let name: String
        /// As printed, texts in quotes left out.
        let arguments: String
    }

    static func calls(in expression: String) -> [Call] {
        let text = Array(withoutTexts(expression))
        var calls: [Call] = []
        for open in text.indices where text[open] == "(" && open > 0 && isWord(text[open - 1]) {
            var start = open
            while start > 0, isWord(text[start - 1]) { start -= 1 }
            let name = String(text[start..<open]).split(separator: ".").last.map(String.init) ?? ""
            calls.append(
                Call(
                    name: name.replacing("\"", with: ""),
                    arguments: String(text[(open + 1)..<closing(of: open, in: text)])))
        }
        return calls
    }

    private static func closing(of open: Int, in text: [Character]) -> Int {
        var depth = 0
        for index in open..<text.count {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return index }
        }
        return text.count
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || "_.\"$".contains(character)
    }

    private static func withoutTexts(_ expression: String) -> String {
        var kept = ""
        var isText = false
        for character in expression {
            if character == "'" {
                isText.toggle()
            } else if !isText {
                kept.append(character)
            }
        }
        return kept
    }
}

/// The names that could stand in a statement, folded to lower case, whatever they name.
enum StatementWords {
    static func words(in statements: [String]) -> [String] {
        var words: Set<String> = []
        for statement in statements {
            for (index, part) in statement.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
                if !index.isMultiple(of: 2) { words.insert(part.lowercased()) }
                words.formUnion(part.split { !isWord($0) }.map { $0.lowercased() })
            }
        }
        return words.sorted()
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_" || character == "$"
    }
}
