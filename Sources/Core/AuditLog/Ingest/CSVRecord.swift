import Platform

/// One record of a CSV file as PostgreSQL writes it: fields may be quoted, and quoted ones may hold line feeds.
struct CSVRecord {
    private(set) var fields: [String] = []
    /// Where the next record begins.
    private(set) var end = 0

    /// Nil when the record has no end yet.
    init?(_ bytes: Span<UInt8>, at start: Int) {
        var position = start
        var field: [UInt8] = []
        fields.reserveCapacity(26)
        while true {
            guard position < bytes.count else { return nil }
            if bytes[position] == UInt8(ascii: "\"") {
                position += 1
                while true {
                    guard let quote = bytes.firstIndex(of: UInt8(ascii: "\""), from: position) else { return nil }
                    field.append(bytes.extracting(position..<quote))
                    position = quote + 1
                    // A doubled quote is one quote.
                    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { break }
                    field.append(UInt8(ascii: "\""))
                    position += 1
                }
            }
            let plain = position
            while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != lineFeed {
                position += 1
            }
            if position > plain { field.append(bytes.extracting(plain..<position)) }
            guard position < bytes.count else { return nil }
            fields.append(field.isEmpty ? "" : String(decoding: field, as: UTF8.self))
            field.removeAll(keepingCapacity: true)
            position += 1
            if bytes[position - 1] == lineFeed {
                end = position
                return
            }
        }
    }

    /// The fields of a text that is one record.
    static func fields(of bytes: [UInt8]) -> [String] {
        CSVRecord((bytes + [lineFeed]).span, at: 0)?.fields ?? []
    }
}
