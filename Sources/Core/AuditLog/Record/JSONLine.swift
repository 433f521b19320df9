import Platform

/// Writes one JSON document on one line, member by member: many times faster than an encoder that builds values first.
struct JSONLine: Equatable {
    var bytes: [UInt8] = []
    private var isFirst = true

    mutating func object(_ body: (inout JSONLine) -> Void) {
        bytes.append(UInt8(ascii: "{"))
        isFirst = true
        body(&self)
        bytes.append(UInt8(ascii: "}"))
        isFirst = false
    }

    mutating func object(_ name: String, _ body: (inout JSONLine) -> Void) {
        key(name)
        object(body)
    }

    /// An object of members that are written out already.
    mutating func object(_ name: String, members: [UInt8]) {
        key(name)
        bytes.append(UInt8(ascii: "{"))
        bytes.append(contentsOf: members)
        bytes.append(UInt8(ascii: "}"))
    }

    mutating func member(_ name: String, _ text: String?) {
        guard let text else { return }
        key(name)
        string(text)
    }

    mutating func member(_ name: String, _ number: (some BinaryInteger)?) {
        guard let number else { return }
        key(name)
        guard let small = Int(exactly: number), small >= 0 else {
            bytes.append(contentsOf: "\(number)".utf8)
            return
        }
        var divisor = 1
        while small / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(small / divisor % 10))
            divisor /= 10
        }
    }

    mutating func array(_ name: String, _ texts: [String]) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            string(text)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func key(_ name: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        string(name)
        bytes.append(UInt8(ascii: ":"))
    }

    /// Microseconds and all, as `Timestamp` prints it.
    mutating func member(_ name: String, _ time: Timestamp) {
        key(name)
        let (year, month, day, hour, minute, second) = time.civil
        let micro = Int(time.microseconds - Timestamp(seconds: 0).microseconds)
        bytes.append(UInt8(ascii: "\""))
        digits(year, 4)
        for (mark, part) in [(UInt8(ascii: "-"), month), (UInt8(ascii: "-"), day), (UInt8(ascii: "T"), hour)] {
            bytes.append(mark)
            digits(part, 2)
        }
        bytes.append(UInt8(ascii: ":"))
        digits(minute, 2)
        bytes.append(UInt8(ascii: ":"))
        digits(second, 2)
        bytes.append(UInt8(ascii: "."))
        digits(((micro % 1_000_000) + 1_000_000) % 1_000_000, 6)
        bytes.append(UInt8(ascii: "Z"))
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func digits(_ number: Int, _ width: Int) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// Plain runs are copied as they are, since nearly every text is one.
    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        let source = text.utf8Span.span
        var position = 0
        while position < source.count {
            let end = source.endOfPlainText(from: position)
            bytes.append(source.extracting(position..<end))
            guard end < source.count else { break }
            escape(source[end])
            position = end + 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
        case 0..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(UInt8(ascii: "0") + (byte >> 4))
            bytes.append(byte & 15 < 10 ? UInt8(ascii: "0") + (byte & 15) : UInt8(ascii: "a") + (byte & 15) - 10)
        default: bytes.append(byte)
        }
    }
}
