/// Cuts SQL into tokens by the rules of PostgreSQL's documentation, "Lexical Structure".
///
/// Never fails: what is not closed goes on to the end, as it does for the server that refused it.
package enum SQLLexer {
    package enum Kind: Equatable, Sendable {
        /// A keyword or an unquoted name.
        case word
        /// A name in double quotes.
        case quotedName
        /// A constant in single quotes or dollar quotes, with its prefix.
        case string
        case number, symbol, comment, space
    }

    /// The kind of the token that begins here, and its end.
    package static func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Kind {
        let byte = bytes[position]
        let following = position + 1 < bytes.count ? bytes[position + 1] : 0
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, 0x0C, 0x0B:
            position += 1
            return .space
        case UInt8(ascii: "'"):
            string(bytes, &position, escapes: false)
            return .string
        case UInt8(ascii: "\""):
            quoted(bytes, &position, UInt8(ascii: "\""), escapes: false)
            return .quotedName
        case UInt8(ascii: "-") where following == UInt8(ascii: "-"):
            while position < bytes.count, bytes[position] != 0x0A { position += 1 }
            return .comment
        case UInt8(ascii: "/") where following == UInt8(ascii: "*"):
            comment(bytes, &position)
            return .comment
        case UInt8(ascii: "$") where dollarQuoted(bytes, &position): return .string
        case UInt8(ascii: "e"), UInt8(ascii: "E"):
            if following == UInt8(ascii: "'") {
                position += 1
                string(bytes, &position, escapes: true)
                return .string
            }
        case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "n"),
            UInt8(ascii: "N"):
            if following == UInt8(ascii: "'") {
                position += 1
                string(bytes, &position, escapes: false)
                return .string
            }
        default: break
        }
        return wordOrNumber(bytes, &position)
    }

    private static func wordOrNumber(_ bytes: Span<UInt8>, _ position: inout Int) -> Kind {
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

    @inline(__always) private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F || byte >= 0x80
    }

    @inline(__always) private static func isPart(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

    @inline(__always) private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func string(_ bytes: Span<UInt8>, _ position: inout Int, escapes: Bool) {
        quoted(bytes, &position, UInt8(ascii: "'"), escapes: escapes)
    }

    private static func quoted(_ bytes: Span<UInt8>, _ position: inout Int, _ quote: UInt8, escapes: Bool) {
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

    private static func comment(_ bytes: Span<UInt8>, _ position: inout Int) {
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
    private static func dollarQuoted(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        var end = position + 1
        while end < bytes.count, isLetter(bytes[end]) || (end > position + 1 && isDigit(bytes[end])) { end += 1 }
        guard end < bytes.count, bytes[end] == 0x24 else { return false }
        let mark = bytes.extracting(position..<end + 1)
        var start = end + 1
        while let found = bytes.firstIndex(of: 0x24, from: start) {
            if bytes.holds(mark, at: found) {
                position = found + mark.count
                return true
            }
            start = found + 1
        }
        position = bytes.count
        return true
    }
}
