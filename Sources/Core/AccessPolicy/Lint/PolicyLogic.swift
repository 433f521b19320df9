/// What can be said of an expression by its text alone, where the planner was not asked.
extension PolicyExpression {
    enum Constant: Sendable {
        case always
        case never
    }

    /// Always true or never true whoever asks and whatever the row: `true`, `1 = 1`, `x = x`, `... OR true`.
    var constant: Constant? { constant(of: tokens.indices, depth: 0) }

    /// Nobody writes deeper by hand, and a table's owner must not be able to exhaust the stack.
    private static let deepest = 50

    /// The operands of the outermost OR, or the whole.
    var alternatives: [Range<Int>] { split(trimmed(tokens.indices), at: "or") }

    private func constant(of range: Range<Int>, depth: Int) -> Constant? {
        guard depth < Self.deepest else { return nil }
        let range = trimmed(range)
        let alternatives = split(range, at: "or")
        if alternatives.count > 1 {
            let values = alternatives.map { constant(of: $0, depth: depth + 1) }
            if values.contains(.always) { return .always }
            return values.allSatisfy { $0 == .never } ? .never : nil
        }
        let conditions = split(range, at: "and")
        if conditions.count > 1 {
            let values = conditions.map { constant(of: $0, depth: depth + 1) }
            if values.contains(.never) { return .never }
            return values.allSatisfy { $0 == .always } ? .always : nil
        }
        if range.count == 1 {
            if tokens[range.lowerBound].isWord("true") { return .always }
            if tokens[range.lowerBound].isWord("false") { return .never }
        }
        return comparison(in: range)
    }

    /// `a = a`, the same tokens on both sides and nothing in them that could differ from call to call.
    private func comparison(in range: Range<Int>) -> Constant? {
        var depth = 0
        let middle = range.first { index in
            if tokens[index].isSymbol("(") { depth += 1 }
            if tokens[index].isSymbol(")") { depth -= 1 }
            return depth == 0 && tokens[index].isSymbol("=")
        }
        guard let middle else { return nil }
        let left = trimmed(range.lowerBound..<middle)
        let right = trimmed(middle + 1..<range.upperBound)
        guard !left.isEmpty, tokens[left] == tokens[right] else { return nil }
        let isPlain = !calls.contains { left.contains($0.arguments.lowerBound - 1) }
        return isPlain ? .always : nil
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
