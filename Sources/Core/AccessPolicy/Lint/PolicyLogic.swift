/// What can be said of an expression by its text alone, where the planner was not asked.
extension PolicyExpression {
    enum Constant: Sendable {
        case always
        case never
    }

    /// Always true or never true whoever asks and whatever the row: `true`, `1 = 1`, `x = x`, `... OR true`.
    var constant: Constant? { constant(filled: []) }

    /// The same where these columns are never NULL.
    func constant(filled: Set<String>) -> Constant? { constant(of: tokens.indices, filled, depth: 0) }

    /// Whether it is nothing but `column IS NOT NULL`, any number of times.
    var isNotNullOnly: Bool {
        split(trimmed(tokens.indices), at: "and").allSatisfy { part in
            let words = tokens[part].filter { !$0.isSymbol("(") && !$0.isSymbol(")") }
            guard words.count > 3, words.dropLast(2).last?.isWord("is") == true, Self.saysNotNull(words.suffix(2))
            else {
                return false
            }
            return words.dropLast(3).allSatisfy { $0.isName || $0.isSymbol(".") }
        }
    }

    private static func saysNotNull(_ words: ArraySlice<ExpressionToken>) -> Bool {
        words.first?.isWord("not") == true && words.last?.isWord("null") == true
    }

    /// Nobody writes deeper by hand, and a table's owner must not be able to exhaust the stack.
    private static let deepest = 50

    /// The operands of the outermost OR, or the whole.
    var alternatives: [Range<Int>] { split(trimmed(tokens.indices), at: "or") }

    private func constant(of range: Range<Int>, _ filled: Set<String>, depth: Int) -> Constant? {
        guard depth < Self.deepest else { return nil }
        let range = trimmed(range)
        let alternatives = split(range, at: "or")
        if alternatives.count > 1 {
            let values = alternatives.map { constant(of: $0, filled, depth: depth + 1) }
            if values.contains(.always) || areExhaustive(alternatives) { return .always }
            return values.allSatisfy { $0 == .never } ? .never : nil
        }
        let conditions = split(range, at: "and")
        if conditions.count > 1 {
            let values = conditions.map { constant(of: $0, filled, depth: depth + 1) }
            if values.contains(.never) { return .never }
            return values.allSatisfy { $0 == .always } ? .always : nil
        }
        if range.count == 1 {
            if tokens[range.lowerBound].isWord("true") { return .always }
            if tokens[range.lowerBound].isWord("false") { return .never }
        }
        guard let comparison = comparison(in: range) else { return nil }
        switch comparison.word {
        case "=", "<=", ">=": return comparison.left == comparison.right ? .always : nil
        case "is not null":
            guard let column = comparison.left.last, comparison.left.count == 1 || comparison.left.count == 3 else {
                return nil
            }
            return column.isName && filled.contains(column.text) ? .always : nil
        default: return nil
        }
    }

    /// `a = b` or `a IS NULL`, with nothing in it that could differ from call to call.
    private struct Comparison {
        let left: ArraySlice<ExpressionToken>
        let word: String
        let right: ArraySlice<ExpressionToken>
    }

    private static let opposites = [
        "=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "is null": "is not null",
        "is not null": "is null",
    ]

    /// Whether two of the alternatives leave no row out between them: `a = b OR a <> b`, rows with NULL aside.
    private func areExhaustive(_ alternatives: [Range<Int>]) -> Bool {
        let comparisons = alternatives.prefix(100).compactMap { comparison(in: trimmed($0)) }
        return comparisons.indices.contains { index in
            comparisons[..<index].contains { other in
                Self.opposites[other.word] == comparisons[index].word && other.left == comparisons[index].left
                    && other.right == comparisons[index].right
            }
        }
    }

    private func comparison(in range: Range<Int>) -> Comparison? {
        guard !calls.contains(where: { range.contains($0.arguments.lowerBound - 1) }),
            split(range, at: "and").count == 1, split(range, at: "or").count == 1
        else { return nil }
        if range.count > 2, tokens[range.upperBound - 1].isWord("null") {
            let isNot = tokens[range.upperBound - 2].isWord("not")
            let word = range.upperBound - (isNot ? 3 : 2)
            guard word > range.lowerBound, tokens[word].isWord("is") else { return nil }
            return Comparison(
                left: tokens[trimmed(range.lowerBound..<word)], word: isNot ? "is not null" : "is null", right: [])
        }
        var depth = 0
        let middle = range.first { index in
            if tokens[index].isSymbol("(") { depth += 1 }
            if tokens[index].isSymbol(")") { depth -= 1 }
            return depth == 0 && tokens[index].kind == .symbol && Self.opposites[tokens[index].text] != nil
        }
        guard let middle, middle > range.lowerBound, middle + 1 < range.upperBound else { return nil }
        return Comparison(
            left: tokens[trimmed(range.lowerBound..<middle)], word: tokens[middle].text,
            right: tokens[trimmed(middle + 1..<range.upperBound)])
    }

    /// A range without the parentheses around all of it.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var range = range
        while range.count > 2, tokens[range.lowerBound].isSymbol("("), tokens[range.upperBound - 1].isSymbol(")"),
            closing(of: range.lowerBound) == range.upperBound - 1
        {
            range = range.lowerBound + 1..<range.upperBound - 1
        }
        return range
    }

    /// The position of the parenthesis that closes this one.
    private func closing(of open: Int) -> Int? {
        var depth = 0
        for index in open..<tokens.count {
            if tokens[index].isSymbol("(") { depth += 1 }
            if tokens[index].isSymbol(")") {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }

    /// The parts of a range between a word outside of parentheses; BETWEEN's own AND is none.
    private func split(_ range: Range<Int>, at word: String) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        var depth = 0
        var isBetween = false
        for index in range {
            let token = tokens[index]
            if token.isSymbol("(") { depth += 1 }
            if token.isSymbol(")") { depth -= 1 }
            guard depth == 0 else { continue }
            // CASE has ANDs and ORs of its own: not taken apart.
            if token.isWord("case") { return [range] }
            if token.isWord("between") { isBetween = true }
            guard token.isWord(word) else { continue }
            if word == "and", isBetween {
                isBetween = false
                continue
            }
            parts.append(start..<index)
            start = index + 1
        }
        parts.append(start..<range.upperBound)
        return parts.contains(where: \.isEmpty) ? [range] : parts
    }
}
