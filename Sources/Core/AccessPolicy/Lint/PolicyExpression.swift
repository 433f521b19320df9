/// An expression of a policy, as tokens with the sub-selects that they stand in.
struct PolicyExpression: Sendable {
    /// A call of a function: `app.f(...)`.
    struct Call: Sendable {
        let schema: String?
        let name: String
        /// The arguments' tokens.
        let arguments: Range<Int>
        /// The position behind the closing parenthesis.
        let end: Int
        let isInSelect: Bool
    }

    /// A sub-select, and the token before its parenthesis.
    struct Subquery: Sendable {
        let content: Range<Int>
        let before: ExpressionToken?
    }

    let table: String
    let tokens: [ExpressionToken]
    let calls: [Call]
    let subqueries: [Subquery]
    /// Positions at which `current_user` and its like stand.
    let callerWords: [Int]
    /// For each token whether it stands in a sub-select.
    private let inSelect: [Bool]

    private static let callerNames: Set<String> = [
        "current_user", "session_user", "current_role", "user", "system_user",
    ]
    /// Words before a parenthesis that are no functions.
    private static let keywords: Set<String> = [
        "and", "or", "not", "in", "any", "all", "some", "exists", "array", "where", "select", "from", "on", "then",
        "else", "when", "case", "between", "like", "ilike", "is", "over", "filter", "using", "values", "as", "distinct",
        "row", "union", "having", "by", "limit", "with",
    ]

    init(_ text: String, table: String) {
        self.table = table
        let tokens = ExpressionToken.tokens(of: text)
        self.tokens = tokens
        var calls: [Call] = []
        var subqueries: [Subquery] = []
        for (open, close) in Self.parentheses(in: tokens) {
            if open + 1 < close, tokens[open + 1].isWord("select") || tokens[open + 1].isWord("with") {
                subqueries.append(
                    Subquery(content: open + 1..<close, before: open > 0 ? tokens[open - 1] : nil))
            } else if open > 0, tokens[open - 1].isName,
                tokens[open - 1].kind == .quotedName || !Self.keywords.contains(tokens[open - 1].text)
            {
                let isQualified = open > 2 && tokens[open - 2].isSymbol(".")
                // A type's modifier, as in numeric(10), is no call.
                if open > 1, tokens[open - 2].isSymbol("::") { continue }
                calls.append(
                    Call(
                        schema: isQualified ? tokens[open - 3].text : nil, name: tokens[open - 1].text,
                        arguments: open + 1..<close, end: close + 1, isInSelect: false))
            }
        }
        let inSelect = Self.marked(subqueries.map(\.content), of: tokens.count)
        self.subqueries = subqueries
        self.inSelect = inSelect
        self.calls = calls.map { call in
            Call(
                schema: call.schema, name: call.name, arguments: call.arguments, end: call.end,
                isInSelect: inSelect[call.arguments.lowerBound - 1])
        }
        callerWords = tokens.indices.filter { index in
            tokens[index].kind == .word && Self.callerNames.contains(tokens[index].text)
                && (index == 0 || !tokens[index - 1].isSymbol(".") && !tokens[index - 1].isWord("as"))
        }
    }

    /// Pairs of matching parentheses, the outer before the inner.
    private static func parentheses(in tokens: [ExpressionToken]) -> [(Int, Int)] {
        var open: [Int] = []
        var pairs: [(Int, Int)] = []
        for (index, token) in tokens.enumerated() where token.kind == .symbol {
            if token.text == "(" { open.append(index) }
            if token.text == ")", let start = open.popLast() { pairs.append((start, index)) }
        }
        return pairs.sorted { $0.0 < $1.0 }
    }

    /// Which positions lie in any of the ranges, in one pass: the text is others', and may be long.
    private static func marked(_ ranges: [Range<Int>], of count: Int) -> [Bool] {
        var steps = [Int](repeating: 0, count: count + 1)
        for range in ranges {
            steps[range.lowerBound] += 1
            steps[range.upperBound] -= 1
        }
        var depth = 0
        return steps.dropLast().map { step in
            depth += step
            return depth > 0
        }
    }

    func isInSelect(_ position: Int) -> Bool { inSelect[position] }

    /// Whether a range asks who the caller is: `current_setting`, `current_user` and their like.
    func asksCaller(in range: Range<Int>? = nil) -> Bool {
        let range = range ?? tokens.indices
        return callerWords.contains { range.contains($0) }
            || calls.contains { range.contains($0.arguments.lowerBound - 1) && $0.name == "current_setting" }
    }

    /// The table's own columns among `known` that a range names.
    ///
    /// PostgreSQL prints a policy's own columns bare outside of sub-selects, and with the table's name inside of them.
    func ownColumns(in range: Range<Int>? = nil, known: some Sequence<String>) -> Set<String> {
        let known = Set(known)
        return Set(
            (range ?? tokens.indices).compactMap { index in
                let token = tokens[index]
                guard token.isName, known.contains(token.text) else { return nil }
                if index + 1 < tokens.count, tokens[index + 1].isSymbol("(") || tokens[index + 1].isSymbol(".") {
                    return nil
                }
                guard index > 0 else { return token.text }
                let before = tokens[index - 1]
                if before.isSymbol(".") { return index > 1 && tokens[index - 2].text == table ? token.text : nil }
                if before.isSymbol("::") || before.isWord("as") { return nil }
                return isInSelect(index) ? nil : token.text
            })
    }

    /// Whether it looks at the whole row, as `t.*` or `f(t)` do.
    var namesRow: Bool {
        tokens.indices.contains { index in
            tokens[index].isName && tokens[index].text == table && !(index > 0 && tokens[index - 1].isSymbol("."))
                && !(index + 1 < tokens.count && tokens[index + 1].isSymbol("(")
                    || index + 2 < tokens.count && tokens[index + 1].isSymbol(".") && tokens[index + 2].isName)
        }
    }
}
