/// SQL as pg_dump writes it, cut into tokens; put together again, they are the text.
///
/// The rules are those of PostgreSQL's documentation, "Lexical Structure", as far as pg_dump's output uses them.
struct SQLTokens {
    enum Kind: Equatable {
        case space
        /// A keyword, an unquoted name or a number.
        case word
        /// A name in double quotes.
        case quotedName
        /// A constant in single quotes or dollar quotes, with its prefix.
        case constant
        case symbol
    }

    struct Token: Equatable {
        let kind: Kind
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
        var scanner = Scanner(bytes: Array(text.utf8))
        var tokens: [Token] = []
        while let token = scanner.next() { tokens.append(token) }
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

private struct Scanner {
    let bytes: [UInt8]
    var position = 0

    mutating func next() -> SQLTokens.Token? {
        guard position < bytes.count else { return nil }
        let start = position
        let kind = scan()
        return SQLTokens.Token(kind: kind, text: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func scan() -> SQLTokens.Kind {
        let byte = bytes[position]
        if isSpace(byte) {
            skip(while: isSpace)
            return .space
        }
        if byte == UInt8(ascii: "-"), peek(1) == UInt8(ascii: "-") {
            skip { $0 != UInt8(ascii: "\n") }
            return .space
        }
        if byte == UInt8(ascii: "\"") {
            skipQuoted(by: byte, escapes: false)
            return .quotedName
        }
        if byte == UInt8(ascii: "'") {
            skipQuoted(by: byte, escapes: false)
            return .constant
        }
        if peek(1) == UInt8(ascii: "'"), "EeBbXxNn".utf8.contains(byte) {
            position += 1
            skipQuoted(by: UInt8(ascii: "'"), escapes: "Ee".utf8.contains(byte))
            return .constant
        }
        if byte == UInt8(ascii: "$"), let tag = dollarTag() {
            skipDollarQuoted(tag)
            return .constant
        }
        if isWord(byte) {
            skip { isWord($0) || $0 == UInt8(ascii: "$") }
            return .word
        }
        position += 1
        return .symbol
    }

    private func peek(_ distance: Int) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while position < bytes.count, condition(bytes[position]) { position += 1 }
    }

    /// Up to the closing quote; a doubled one stands for itself, as does whatever follows a backslash in `E''`.
    private mutating func skipQuoted(by quote: UInt8, escapes: Bool) {
        position += 1
        while position < bytes.count {
            if escapes, bytes[position] == UInt8(ascii: "\\") {
                position = min(position + 2, bytes.count)
            } else if bytes[position] == quote {
                position += 1
                if position < bytes.count, bytes[position] == quote { position += 1 } else { return }
            } else {
                position += 1
            }
        }
    }

    /// `$$` or `$tag$` at this place, with both dollar signs.
    private func dollarTag() -> ArraySlice<UInt8>? {
        var end = position + 1
        while end < bytes.count, isWord(bytes[end]) { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else { return nil }
        return bytes[position...end]
    }

    private mutating func skipDollarQuoted(_ tag: ArraySlice<UInt8>) {
        position += tag.count
        while position < bytes.count {
            if bytes[position...].starts(with: tag) {
                position += tag.count
                return
            }
            position += 1
        }
    }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
        true
    default: false
    }
}
