import Platform

/// One record of a CSV file as PostgreSQL writes it: fields may be quoted, and quoted ones may hold line feeds.
///
/// Says where the fields stand and builds their texts only when asked; one value is used for one record after another.
struct CSVRecord {
    private struct Field {
        /// What the field says, or all of it with its quotes where those have to come out first.
        let range: Range<Int>
        let isPlain: Bool
    }

    private var fields: [Field] = []
    /// Where the next record begins.
    private(set) var end = 0

    var count: Int { fields.count }

    /// Finds the fields of the record that begins here; false when it has no end yet.
    mutating func read(_ bytes: Span<UInt8>, at start: Int) -> Bool {
        fields.removeAll(keepingCapacity: true)
        fields.reserveCapacity(26)
        var position = start
        while true {
            guard position < bytes.count else { return false }
            let begin = position
            var (text, isPlain) = (position..<position, true)
            if bytes[position] == UInt8(ascii: "\"") {
                position += 1
                while true {
                    guard let quote = bytes.firstIndex(of: UInt8(ascii: "\""), from: position) else { return false }
                    position = quote + 1
                    // A doubled quote is one quote.
                    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { break }
                    isPlain = false
                    position += 1
                }
                text = begin + 1..<position - 1
            }
            let plain = position
            while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != lineFeed {
                position += 1
            }
            guard position < bytes.count else { return false }
            if position > plain {
                // What follows a closing quote belongs to the field as well.
                if plain > begin { isPlain = false }
                text = plain..<position
            }
            fields.append(Field(range: isPlain ? text : begin..<position, isPlain: isPlain))
            position += 1
            if bytes[position - 1] == lineFeed {
                end = position
                return true
            }
        }
    }

    /// Lends the bytes of a field, without its quotes.
    func with<Value>(_ index: Int, _ bytes: Span<UInt8>, _ body: (Span<UInt8>) -> Value) -> Value {
        let field = fields[index]
        if field.isPlain { return body(bytes.extracting(field.range)) }
        var text: [UInt8] = []
        text.reserveCapacity(field.range.count)
        unquote(field.range, bytes, into: &text)
        return body(text.span)
    }

    /// A field as text; what is no UTF-8 becomes U+FFFD.
    func text(_ index: Int, _ bytes: Span<UInt8>) -> String {
        fields[index].range.isEmpty ? "" : with(index, bytes) { String(repairing: $0) }
    }

    func texts(_ range: Range<Int>, _ bytes: Span<UInt8>) -> [String] {
        range.map { text($0, bytes) }
    }

    /// The fields of a text that is one record.
    static func fields(of text: Span<UInt8>) -> [String] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count + 1)
        bytes.append(text)
        bytes.append(lineFeed)
        var record = CSVRecord()
        return record.read(bytes.span, at: 0) ? record.texts(0..<record.count, bytes.span) : []
    }

    private func unquote(_ range: Range<Int>, _ bytes: Span<UInt8>, into text: inout [UInt8]) {
        var position = range.lowerBound
        guard bytes[position] == UInt8(ascii: "\"") else {
            text.append(bytes.extracting(range))
            return
        }
        position += 1
        while let quote = bytes.firstIndex(of: UInt8(ascii: "\""), from: position), quote < range.upperBound {
            text.append(bytes.extracting(position..<quote))
            position = quote + 1
            guard position < range.upperBound, bytes[position] == UInt8(ascii: "\"") else { break }
            text.append(UInt8(ascii: "\""))
            position += 1
        }
        text.append(bytes.extracting(position..<range.upperBound))
    }
}
