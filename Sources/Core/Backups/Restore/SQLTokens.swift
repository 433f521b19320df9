import Platform

/// SQL as pg_dump writes it, cut into tokens; put together again, they are the text.
struct SQLTokens {
    struct Token: Equatable {
        let kind: SQLLexer.Kind
        let text: String

        /// The name that this token spells, when it can be one.
        var name: String? {
            switch kind {
            case .word: text
            case .quotedName: String(decoding: Self.undoubled(text.utf8.dropFirst().dropLast()), as: UTF8.self)
            default: nil
            }
        }

        private static func undoubled(_ bytes: some Sequence<UInt8>) -> [UInt8] {
            let quote = UInt8(ascii: "\"")
            var result: [UInt8] = []
            var isSecond = false
            for byte in bytes {
                isSecond = byte == quote && !isSecond && result.last == quote
                if !isSecond { result.append(byte) }
            }
            return result
        }

        func isWord(_ word: String) -> Bool { kind == .word && text == word }
    }

    let tokens: [Token]

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var tokens: [Token] = []
        var position = 0
        while position < bytes.count {
            let start = position
            // A comment parts two tokens as a space does.
            let kind = SQLLexer.next(bytes.span, &position)
            tokens.append(
                Token(
                    kind: kind == .comment ? .space : kind,
                    text: String(decoding: bytes[start..<position], as: UTF8.self)))
        }
        self.tokens = tokens
    }

    /// The statements, each without its semicolon and the space around it.
    var statements: [[Token]] {
        var statements: [[Token]] = []
        var current: [Token] = []
        for token in tokens + [Token(kind: .symbol, text: ";")] {
            guard token.kind == .symbol, token.text == ";" else {
                if token.kind != .space || !current.isEmpty { current.append(token) }
                continue
            }
            if !current.isEmpty { statements.append(current) }
            current = []
        }
        return statements
    }
}

extension SQLTokens {
    /// The text without `TABLESPACE = name`.
    var withoutTablespace: String {
        guard let word = tokens.firstIndex(where: { $0.isWord("TABLESPACE") }),
            let name = tokens[(word + 1)...].firstIndex(where: { $0.name != nil })
        else { return tokens.text }
        let before = tokens[..<word].last?.kind == .space ? word - 1 : word
        return Array(tokens[..<before] + tokens[(name + 1)...]).text
    }
}

extension [SQLTokens.Token] {
    var text: String { map(\.text).joined() }

    /// The place of the token that follows these words, wherever they stand one after the other.
    func index(after words: String...) -> Int? {
        let places = indices.filter { self[$0].kind != .space }
        guard places.count > words.count else { return nil }
        for start in 0..<(places.count - words.count)
        where words.indices.allSatisfy({ self[places[start + $0]].isWord(words[$0]) }) {
            return places[start + words.count]
        }
        return nil
    }
}
