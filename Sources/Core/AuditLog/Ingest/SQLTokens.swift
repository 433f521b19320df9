import Platform

/// The words of an SQL statement, as far as telling names from values needs it.
///
/// Never fails: what is not closed goes on to the end, as it does for the server that refused it.
struct SQLTokens {
    struct Token {
        let kind: SQLLexer.Kind
        let range: Range<Int>
    }

    let bytes: [UInt8]
    let tokens: [Token]

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var tokens: [Token] = []
        tokens.reserveCapacity(bytes.count / 4 + 4)
        let span = bytes.span
        var position = 0
        while position < span.count {
            let start = position
            let kind = SQLLexer.next(span, &position)
            tokens.append(Token(kind: kind, range: start..<position))
        }
        (self.bytes, self.tokens) = (bytes, tokens)
    }

    /// A word in lower case; empty for anything else.
    func word(_ index: Int) -> String {
        guard tokens.indices.contains(index), tokens[index].kind == .word else { return "" }
        return text(index).lowercased()
    }

    func text(_ index: Int) -> String {
        String(decoding: bytes[tokens[index].range], as: UTF8.self)
    }

    /// What a token says without its quotes.
    func content(_ index: Int) -> String {
        let text = text(index)
        switch tokens[index].kind {
        case .quotedName: return String(text.dropFirst().dropLast()).replacing("\"\"", with: "\"")
        case .string: return String(text.drop { $0 != "'" }.dropFirst().dropLast()).replacing("''", with: "'")
        default: return text
        }
    }

    /// Without spaces and comments.
    var meaningful: [Int] {
        tokens.indices.filter { tokens[$0].kind != .space && tokens[$0].kind != .comment }
    }
}
