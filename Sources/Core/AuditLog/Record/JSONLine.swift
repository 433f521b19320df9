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

    /// Members that are written out already.
    mutating func members(_ written: [UInt8]) {
        guard !written.isEmpty else { return }
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(contentsOf: written)
    }

    static func members(_ write: (inout JSONLine) -> Void) -> [UInt8] {
        var line = JSONLine()
        write(&line)
        return line.bytes
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
        let micro = Int(((time.microseconds % 1_000_000) + 1_000_000) % 1_000_000)
        bytes.append(UInt8(ascii: "\""))
        pair(year / 100)
        pair(year % 100)
        bytes.append(UInt8(ascii: "-"))
        pair(month)
        bytes.append(UInt8(ascii: "-"))
        pair(day)
        bytes.append(UInt8(ascii: "T"))
        pair(hour)
        bytes.append(UInt8(ascii: ":"))
        pair(minute)
        bytes.append(UInt8(ascii: ":"))
        pair(second)
        bytes.append(UInt8(ascii: "."))
        pair(micro / 10_000)
        pair(micro / 100 % 100)
        pair(micro % 100)
        bytes.append(UInt8(ascii: "Z"))
        bytes.append(UInt8(ascii: "\""))
    }

    /// Two digits.
    @inline(__always) private mutating func pair(_ number: Int) {
        bytes.append(UInt8(ascii: "0") + UInt8(number / 10 % 10))
        bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
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
