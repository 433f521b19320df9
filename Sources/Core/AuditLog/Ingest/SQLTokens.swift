import Platform

/// The words of an SQL statement, as far as telling names from values needs it.
///
/// Never fails: what is not closed goes on to the end, as it does for the server that refused it.
struct SQLTokens {
    enum Kind: Equatable {
        case word, quotedName, string, number, symbol, comment, space
    }

    struct Token {
        let kind: Kind
        let range: Range<Int>
    }

    let bytes: [UInt8]
    private(set) var tokens: [Token] = []

    init(_ text: String) {
        bytes = Array(text.utf8)
        var position = 0
        while position < bytes.count {
            let start = position
            let kind = next(&position)
            tokens.append(Token(kind: kind, range: start..<position))
        }
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

    private func next(_ position: inout Int) -> Kind {
        let byte = bytes[position]
        let following = position + 1 < bytes.count ? bytes[position + 1] : 0
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, 0x0C, 0x0B:
            position += 1
            return .space
        case UInt8(ascii: "'"):
            string(&position, escapes: false)
            return .string
        case UInt8(ascii: "\""):
            quoted(&position, UInt8(ascii: "\""), escapes: false)
            return .quotedName
        case UInt8(ascii: "-") where following == UInt8(ascii: "-"):
            while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            return .comment
        case UInt8(ascii: "/") where following == UInt8(ascii: "*"):
            comment(&position)
            return .comment
        case UInt8(ascii: "$") where dollarQuoted(&position): return .string
        case UInt8(ascii: "e"), UInt8(ascii: "E"):
            if following == UInt8(ascii: "'") {
                position += 1
                string(&position, escapes: true)
                return .string
            }
        case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "n"),
            UInt8(ascii: "N"):
            if following == UInt8(ascii: "'") {
                position += 1
                string(&position, escapes: false)
                return .string
            }
        default: break
        }
        return wordOrNumber(&position)
    }

    private func wordOrNumber(_ position: inout Int) -> Kind {
        let byte = bytes[position]
        if isLetter(byte) {
            while position < bytes.count, isPart(bytes[position]) || bytes[position] == 0x24 { position += 1 }
            return .word
        }
        if isDigit(byte) || byte == 0x24 {
            position += 1
            while position < bytes.count, isPart(bytes[position]) || bytes[position] == 0x2E { position += 1 }
            // `$1` is no value but the place of one.
            return byte == 0x24 ? .symbol : .number
        }
        position += 1
        return .symbol
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F || byte >= 0x80
    }

    private func isPart(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

    private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private func string(_ position: inout Int, escapes: Bool) {
        quoted(&position, UInt8(ascii: "'"), escapes: escapes)
    }

    private func quoted(_ position: inout Int, _ quote: UInt8, escapes: Bool) {
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if escapes, byte == UInt8(ascii: "\\") {
                position = min(position + 1, bytes.count)
            } else if byte == quote {
                guard position < bytes.count, bytes[position] == quote else { return }
                position += 1
            }
        }
    }

    private func comment(_ position: inout Int) {
        var depth = 0
        while position < bytes.count {
            let pair = position + 1 < bytes.count ? (bytes[position], bytes[position + 1]) : (bytes[position], 0)
            if pair == (UInt8(ascii: "/"), UInt8(ascii: "*")) {
                depth += 1
                position += 2
            } else if pair == (UInt8(ascii: "*"), UInt8(ascii: "/")) {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                position += 1
            }
        }
    }

    /// `$$ ... $$` or `$tag$ ... $tag$`.
    private func dollarQuoted(_ position: inout Int) -> Bool {
        var end = position + 1
        while end < bytes.count, isLetter(bytes[end]) || (end > position + 1 && isDigit(bytes[end])) { end += 1 }
        guard end < bytes.count, bytes[end] == 0x24 else { return false }
        let mark = Array(bytes[position...end])
        var start = end + 1
        while let found = bytes.span.firstIndex(of: 0x24, from: start) {
            if found + mark.count <= bytes.count, bytes[found..<found + mark.count].elementsEqual(mark) {
                position = found + mark.count
                return true
            }
            start = found + 1
        }
        position = bytes.count
        return true
    }
}
