import Platform

/// The grammar of JSON (RFC 8259) over bytes that are UTF-8 already: finds where values end and builds nothing.
///
/// Each function reads one thing at `position`, moves it behind that thing, and is false when it is not there.
enum JSONGrammar {
    /// Deeper than any record; a forger's brackets must not use up the stack.
    private static let depthLimit = 16

    /// - Parameter member: called with where key and value stand, the key without its quotes.
    static func object(
        _ text: Span<UInt8>, _ position: inout Int, depth: Int = 0, member: (Range<Int>, Range<Int>) -> Bool
    ) -> Bool {
        guard depth < depthLimit, take("{", text, &position) else { return false }
        skipSpace(text, &position)
        if take("}", text, &position) { return true }
        repeat {
            skipSpace(text, &position)
            let keyStart = position
            guard string(text, &position) else { return false }
            let key = keyStart + 1..<position - 1
            skipSpace(text, &position)
            guard take(":", text, &position) else { return false }
            skipSpace(text, &position)
            let start = position
            guard value(text, &position, depth: depth + 1), member(key, start..<position) else { return false }
            skipSpace(text, &position)
        } while take(",", text, &position)
        return take("}", text, &position)
    }

    static func value(_ text: Span<UInt8>, _ position: inout Int, depth: Int) -> Bool {
        guard position < text.count else { return false }
        return switch text[position] {
        case UInt8(ascii: "\""): string(text, &position)
        case UInt8(ascii: "{"): object(text, &position, depth: depth) { _, _ in true }
        case UInt8(ascii: "["): array(text, &position, depth: depth)
        case UInt8(ascii: "t"): word("true", text, &position)
        case UInt8(ascii: "f"): word("false", text, &position)
        case UInt8(ascii: "n"): word("null", text, &position)
        default: number(text, &position)
        }
    }

    @inline(__always) static func skipSpace(_ text: Span<UInt8>, _ position: inout Int) {
        while position < text.count {
            let byte = text[position]
            guard byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else { return }
            position += 1
        }
    }

    /// Goes on to the quote that ends a text, where all of it is ASCII; false where it is not, or is no text in JSON.
    @inline(__always) static func endOfString(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        while true {
            position = text.endOfPlainText(from: position)
            guard position < text.count else { return false }
            if text[position] == UInt8(ascii: "\"") { return true }
            guard text[position] == UInt8(ascii: "\\") else { return false }
            position += 1
            guard escape(text, &position) else { return false }
        }
    }

    /// A whole number that is not negative and has at most 18 digits.
    @inline(__always) static func wholeNumber(_ text: Span<UInt8>, _ position: inout Int) -> Int? {
        let start = position
        var value = 0
        while position < text.count {
            let digit = text[position] &- 0x30
            guard digit < 10 else { break }
            value = value &* 10 &+ Int(digit)
            position &+= 1
        }
        // A zero in front of another digit is no number in JSON.
        guard position > start, position - start <= 18, position - start == 1 || text[start] != 0x30 else { return nil }
        return value
    }

    private static func array(_ text: Span<UInt8>, _ position: inout Int, depth: Int) -> Bool {
        guard depth < depthLimit, take("[", text, &position) else { return false }
        skipSpace(text, &position)
        if take("]", text, &position) { return true }
        repeat {
            skipSpace(text, &position)
            guard value(text, &position, depth: depth + 1) else { return false }
            skipSpace(text, &position)
        } while take(",", text, &position)
        return take("]", text, &position)
    }

    @inline(__always) private static func string(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        guard take("\"", text, &position) else { return false }
        while true {
            position = text.endOfPlainText(from: position)
            guard position < text.count else { return false }
            let byte = text[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"):
                guard escape(text, &position) else { return false }
            case 0..<0x20: return false
            default: continue
            }
        }
    }

    /// What follows a backslash; a half of a surrogate pair must have its other half.
    private static func escape(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        guard position < text.count else { return false }
        let byte = text[position]
        position += 1
        switch byte {
        case UInt8(ascii: "u"):
            guard let unit = hexadecimal(text, &position), !(0xDC00...0xDFFF).contains(unit) else { return false }
            guard (0xD800...0xDBFF).contains(unit) else { return true }
            guard take("\\", text, &position), take("u", text, &position),
                let low = hexadecimal(text, &position)
            else { return false }
            return (0xDC00...0xDFFF).contains(low)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        default: return false
        }
    }

    private static func hexadecimal(_ text: Span<UInt8>, _ position: inout Int) -> Int? {
        guard position + 4 <= text.count else { return nil }
        var value = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(text[position])).hexDigitValue else { return nil }
            value = value << 4 | digit
            position += 1
        }
        return value
    }

    private static func number(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        _ = take("-", text, &position)
        if !take("0", text, &position) {
            guard digits(text, &position) else { return false }
        }
        if take(".", text, &position), !digits(text, &position) { return false }
        if take("e", text, &position) || take("E", text, &position) {
            _ = take("+", text, &position) || take("-", text, &position)
            return digits(text, &position)
        }
        return true
    }

    private static func digits(_ text: Span<UInt8>, _ position: inout Int) -> Bool {
        let start = position
        while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
        return position > start
    }

    private static func word(_ word: String, _ text: Span<UInt8>, _ position: inout Int) -> Bool {
        for byte in word.utf8 {
            guard position < text.count, text[position] == byte else { return false }
            position += 1
        }
        return true
    }

    @inline(__always) private static func take(_ character: Unicode.Scalar, _ text: Span<UInt8>, _ position: inout Int)
        -> Bool
    {
        guard position < text.count, UInt32(text[position]) == character.value else { return false }
        position += 1
        return true
    }
}
