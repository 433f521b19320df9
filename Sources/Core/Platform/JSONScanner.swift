/// The strict pass in front of the decoder: RFC 8259 with `//` and `/* */` comments and trailing commas, which it blanks.
struct JSONScanner {
    struct Problem: Error {
        let line: Int
        let column: Int
        let problem: String
    }

    private(set) var text: [UInt8]
    /// The line on which each value begins, by its path.
    private(set) var lines: [String: Int] = [:]
    private var position = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0

    /// Deeper documents are hostile, and the decoder behind us recurses too.
    private static let depthLimit = 100

    init(_ text: [UInt8]) {
        self.text = text
    }

    mutating func scanDocument() throws(Problem) {
        try skipBlanks()
        try scanValue(at: "")
        try skipBlanks()
        if position < text.count { throw problem("there is more after the end of the document") }
    }

    static func path(_ parent: String, appending key: String) -> String {
        let isPlain =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        guard isPlain else { return "\(parent)[\"\(key)\"]" }
        return parent.isEmpty ? key : "\(parent).\(key)"
    }

    private mutating func scanValue(at path: String) throws(Problem) {
        lines[path] = line
        guard let byte = peek else { throw problem("the document ends where a value should stand") }
        switch byte {
        case UInt8(ascii: "{"): try scanObject(at: path)
        case UInt8(ascii: "["): try scanArray(at: path)
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
        case UInt8(ascii: "t"): try scanWord("true")
        case UInt8(ascii: "f"): try scanWord("false")
        case UInt8(ascii: "n"): try scanWord("null")
        default: throw problem("a value was expected here (a text stands in double quotes)")
        }
    }

    private mutating func scanObject(at path: String) throws(Problem) {
        try enter()
        var seen: Set<String> = []
        var comma: Int?
        while true {
            try skipBlanks()
            if peek == UInt8(ascii: "}") { return leave(blanking: comma) }
            if !seen.isEmpty, comma == nil { throw problem("a comma or } was expected here") }
            guard peek == UInt8(ascii: "\"") else { throw problem("a key in double quotes was expected here") }
            let start = (position, line)
            let key = try scanString()
            guard seen.insert(key).inserted else {
                (position, line) = start
                throw problem("the key \"\(key)\" is there twice")
            }
            try skipBlanks()
            guard peek == UInt8(ascii: ":") else { throw problem("a colon was expected after the key") }
            position += 1
            try skipBlanks()
            try scanValue(at: Self.path(path, appending: key))
            comma = try scanComma()
        }
    }

    private mutating func scanArray(at path: String) throws(Problem) {
        try enter()
        var index = 0
        var comma: Int?
        while true {
            try skipBlanks()
            if peek == UInt8(ascii: "]") { return leave(blanking: comma) }
            if index > 0, comma == nil { throw problem("a comma or ] was expected here") }
            try scanValue(at: "\(path)[\(index)]")
            index += 1
            comma = try scanComma()
        }
    }

    private mutating func enter() throws(Problem) {
        position += 1
        depth += 1
        if depth > Self.depthLimit { throw problem("the document is nested deeper than \(Self.depthLimit) levels") }
    }

    private mutating func leave(blanking comma: Int?) {
        if let comma { text[comma] = UInt8(ascii: " ") }
        position += 1
        depth -= 1
    }

    /// The position of the comma behind a value, if there is one.
    private mutating func scanComma() throws(Problem) -> Int? {
        try skipBlanks()
        guard peek == UInt8(ascii: ",") else { return nil }
        position += 1
        return position - 1
    }

    private mutating func scanString() throws(Problem) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                try scanEscape(into: &content)
            case 0..<0x20: throw problem("a control character must be written as an escape")
            default:
                content.append(byte)
                position += 1
            }
        }
        throw problem("a text is not closed")
    }

    private mutating func scanEscape(into content: inout [UInt8]) throws(Problem) {
        guard let byte = peek else { throw problem("a text is not closed") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(8)
        case UInt8(ascii: "f"): content.append(12)
        case UInt8(ascii: "n"): content.append(10)
        case UInt8(ascii: "r"): content.append(13)
        case UInt8(ascii: "t"): content.append(9)
        case UInt8(ascii: "u"): content += try scanUnicodeEscape()
        default: throw problem("unknown escape in a text")
        }
    }

    private mutating func scanUnicodeEscape() throws(Problem) -> [UInt8] {
        let first = try scanFourDigits()
        var scalar = first
        if 0xD800..<0xDC00 ~= first {
            guard peek == UInt8(ascii: "\\"), position + 1 < text.count, text[position + 1] == UInt8(ascii: "u") else {
                throw problem("half of a surrogate pair in a text")
            }
            position += 2
            let second = try scanFourDigits()
            guard 0xDC00..<0xE000 ~= second else { throw problem("half of a surrogate pair in a text") }
            scalar = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
        }
        guard let value = Unicode.Scalar(scalar), scalar != 0 else {
            throw problem("a text may not hold this character")
        }
        return Array(String(value).utf8)
    }

    private mutating func scanFourDigits() throws(Problem) -> UInt32 {
        guard position + 4 <= text.count,
            let bytes = Hex.decode(String(decoding: text[position..<position + 4], as: UTF8.self))
        else { throw problem("four hexadecimal digits were expected after \\u") }
        position += 4
        return UInt32(bytes[0]) << 8 | UInt32(bytes[1])
    }

    private mutating func scanNumber() throws(Problem) {
        if peek == UInt8(ascii: "-") { position += 1 }
        if peek == UInt8(ascii: "0") { position += 1 } else { try scanDigits() }
        if peek == UInt8(ascii: ".") {
            position += 1
            try scanDigits()
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            position += 1
            if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
            try scanDigits()
        }
    }

    private mutating func scanDigits() throws(Problem) {
        let start = position
        while let byte = peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
        if position == start { throw problem("a digit was expected here") }
    }

    private mutating func scanWord(_ word: String) throws(Problem) {
        let bytes = Array(word.utf8)
        guard position + bytes.count <= text.count, text[position..<position + bytes.count].elementsEqual(bytes) else {
            throw problem("a value was expected here (a text stands in double quotes)")
        }
        position += bytes.count
    }

    private mutating func skipBlanks() throws(Problem) {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\n"):
                position += 1
                line += 1
                lineStart = position
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(Problem) {
        let next = position + 1 < text.count ? text[position + 1] : 0
        switch next {
        case UInt8(ascii: "/"):
            while let byte = peek, byte != UInt8(ascii: "\n") { blank() }
        case UInt8(ascii: "*"):
            let start = (position, line, lineStart)
            blank()
            blank()
            while true {
                guard position + 1 < text.count else {
                    (position, line, lineStart) = start
                    throw problem("a comment is not closed")
                }
                if text[position] == UInt8(ascii: "*"), text[position + 1] == UInt8(ascii: "/") { break }
                if text[position] == UInt8(ascii: "\n") {
                    position += 1
                    line += 1
                    lineStart = position
                } else {
                    blank()
                }
            }
            blank()
            blank()
        default: throw problem("a value was expected here, or a comment: // or /* */")
        }
    }

    private mutating func blank() {
        text[position] = UInt8(ascii: " ")
        position += 1
    }

    private var peek: UInt8? {
        position < text.count ? text[position] : nil
    }

    private func problem(_ text: String) -> Problem {
        Problem(line: line, column: position - lineStart + 1, problem: text)
    }
}
