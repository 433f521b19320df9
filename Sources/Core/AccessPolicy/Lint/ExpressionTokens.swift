/// SQL cut into tokens, without spaces and comments: where the catalog records nothing, text is read by these and never
/// searched for letters.
struct ExpressionToken: Sendable, Hashable {
    enum Kind: Sendable {
        /// A keyword, an unquoted name or a number, folded to lower case.
        case word
        /// A name in double quotes, without them.
        case quotedName
        /// A constant in quotes, without them.
        case constant
        case symbol
    }

    let kind: Kind
    let text: String

    func isWord(_ word: String) -> Bool { kind == .word && text == word }
    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }
    var isName: Bool { kind == .quotedName || kind == .word && text.first.map { !$0.isNumber } == true }

    static func tokens(of text: String) -> [ExpressionToken] {
        var scanner = TokenScanner(bytes: Array(text.utf8))
        var tokens: [ExpressionToken] = []
        while let token = scanner.next() { tokens.append(token) }
        return tokens
    }
}

/// PostgreSQL's "Lexical Structure", as far as expressions and the bodies of functions need it.
private struct TokenScanner {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func at(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private func text(from start: Int, to end: Int) -> String {
        String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }

    mutating func next() -> ExpressionToken? {
        skipBlanks()
        guard let byte = at(0) else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return ExpressionToken(kind: .quotedName, text: quoted(by: byte, escapes: false))
        case UInt8(ascii: "'"): return ExpressionToken(kind: .constant, text: quoted(by: byte, escapes: false))
        case UInt8(ascii: "$"):
            if let constant = dollarQuoted() { return ExpressionToken(kind: .constant, text: constant) }
            return symbol(length: 1)
        case _ where "eEbBxXnN".utf8.contains(byte) && at(1) == UInt8(ascii: "'"):
            position += 1
            let isEscaped = byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E")
            return ExpressionToken(kind: .constant, text: quoted(by: UInt8(ascii: "'"), escapes: isEscaped))
        case _ where Self.isWord(byte): return word()
        case UInt8(ascii: ":") where at(1) == byte: return symbol(length: 2)
        case _ where Self.operators.contains(byte):
            var length = 1
            while let next = at(length), Self.operators.contains(next) { length += 1 }
            return symbol(length: length)
        default: return symbol(length: 1)
        }
    }

    private static let operators = Set("+-*/<>=~!@#%^&|`?".utf8)

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    private mutating func word() -> ExpressionToken {
        let start = position
        let isNumber = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
        while let byte = at(0), Self.isWord(byte) || byte == UInt8(ascii: "$") || isNumber && byte == UInt8(ascii: ".")
        {
            position += 1
        }
        return ExpressionToken(kind: .word, text: text(from: start, to: position).lowercased())
    }

    private mutating func symbol(length: Int) -> ExpressionToken {
        defer { position += length }
        return ExpressionToken(kind: .symbol, text: text(from: position, to: position + length))
    }

    private mutating func skipBlanks() {
        while let byte = at(0) {
            if byte == 0x20 || (0x09...0x0D).contains(byte) {
                position += 1
            } else if byte == UInt8(ascii: "-"), at(1) == UInt8(ascii: "-") {
                while let byte = at(0), byte != 0x0A { position += 1 }
            } else if byte == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
                skipComment()
            } else {
                return
            }
        }
    }

    /// Block comments nest.
    private mutating func skipComment() {
        var depth = 0
        while let byte = at(0) {
            if byte == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
                depth += 1
                position += 2
            } else if byte == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                position += 1
            }
        }
    }

    private mutating func quoted(by quote: UInt8, escapes: Bool) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = at(0) {
            if byte == quote {
                position += 1
                guard at(0) == quote else { break }
            } else if escapes, byte == UInt8(ascii: "\\"), at(1) != nil {
                position += 1
            }
            if let byte = at(0) { content.append(byte) }
            position += 1
        }
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func dollarQuoted() -> String? {
        var end = position + 1
        while end < bytes.count, Self.isWord(bytes[end]) { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else { return nil }
        let tag = Array(bytes[position...end])
        var close = end + 1
        while close + tag.count <= bytes.count {
            if bytes[close..<close + tag.count].elementsEqual(tag) {
                defer { position = close + tag.count }
                return text(from: end + 1, to: close)
            }
            close += 1
        }
        return nil
    }
}
