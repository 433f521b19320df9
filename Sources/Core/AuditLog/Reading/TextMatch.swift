import Platform

/// A text that is looked for in the values of records.
///
/// Swift compares texts by characters, whatever bytes they are. Where value and text are ASCII without escapes, bytes say the
/// same, and most are.
struct TextMatch: Sendable {
    private let text: String
    private let bytes: [UInt8]?
    private let ignoresCase: Bool

    init(_ given: String, ignoringCase: Bool = false) {
        ignoresCase = ignoringCase
        text = ignoringCase ? given.lowercased() : given
        let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }
        bytes = isPlain && !text.isEmpty ? Array(text.utf8) : nil
    }

    /// Whether it is part of a string, which stands here without its quotes.
    func isIn(string range: Range<Int>, _ line: Span<UInt8>) -> Bool {
        if let bytes, Self.isPlain(range, line) { return find(bytes, in: line.extracting(range)) != nil }
        return folded(JSONText.string(line, range)).contains(text)
    }

    /// Whether it is part of any value in one of the inner objects.
    func isAmongMembers(of range: Range<Int>, _ line: Span<UInt8>) -> Bool {
        var isFound = false
        RecordFields.eachMember(of: range, line) { _, value in
            isFound = isIn(value: value, line)
            return !isFound
        }
        return isFound
    }

    private func isIn(value range: Range<Int>, _ line: Span<UInt8>) -> Bool {
        if line[range.lowerBound] == UInt8(ascii: "\"") {
            return isIn(string: range.lowerBound + 1..<range.upperBound - 1, line)
        }
        // Numbers and the like are texts as they are written; null is none.
        if let bytes, line[range.lowerBound] != UInt8(ascii: "n"), Self.isPlain(range, line) {
            return find(bytes, in: line.extracting(range)) != nil
        }
        return folded(JSONText.value(line, range)).contains(text)
    }

    /// Whether it is a value in one of the inner objects, but for the one of this name.
    func isMember(of range: Range<Int>, except name: String, _ line: Span<UInt8>) -> Bool {
        var isFound = false
        RecordFields.eachMember(of: range, line) { key, value in
            let text = value.lowerBound + 1..<max(value.lowerBound + 1, value.upperBound - 1)
            if let bytes, line[value.lowerBound] == UInt8(ascii: "\""), Self.isPlain(text, line) {
                isFound = text.count == bytes.count && find(bytes, in: line.extracting(text)) == 0
            } else {
                isFound = folded(JSONText.value(line, value)) == self.text
            }
            isFound = isFound && JSONText.string(line, key) != name
            return !isFound
        }
        return isFound
    }

    /// Whether it is part of any text in the record.
    func isAnywhere(in fields: RecordFields, _ line: Span<UInt8>) -> Bool {
        // Where its bytes stand first, it most likely counts.
        if let bytes, let hit = find(bytes, in: line) {
            if fields.facts.contains(hit), isAmongMembers(of: fields.facts, line) { return true }
            if fields.target.contains(hit), isAmongMembers(of: fields.target, line) { return true }
        }
        for range in [fields.reason, fields.action, fields.host, fields.program, fields.id, fields.ref]
        where !range.isEmpty && isIn(string: range, line) {
            return true
        }
        return isAmongMembers(of: fields.actor, line) || isAmongMembers(of: fields.target, line)
            || isAmongMembers(of: fields.facts, line)
    }

    private func find(_ bytes: [UInt8], in value: Span<UInt8>) -> Int? {
        value.firstIndex(of: bytes.span, ignoringCase: ignoresCase)
    }

    /// What texts are compared by.
    private func folded(_ text: String) -> String { ignoresCase ? text.lowercased() : text }

    private static func isPlain(_ range: Range<Int>, _ line: Span<UInt8>) -> Bool {
        line.extracting(range).endOfPlainText(from: 0) == range.count
    }
}
