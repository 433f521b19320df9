import FoundationEssentials

/// The text of an undo script.
///
/// A comment with a JSON object, then one comment line with a JSON array for each thing that the apply has changed, as it
/// was and as it is, and for each thing that may be touched; then the statements, whose lengths the object holds. An
/// apply changes tens of thousands of things: so lines are written one by one, and nothing is written twice.
enum UndoText {
    static let format = "dbsec undo 2"

    /// The second line.
    private struct Header: Codable {
        var format = UndoText.format
        let place: SavedPlan.Place
        let left: [String]
        /// How many lines say what was and what is.
        let facts: Int
        /// How many lines say what may be touched.
        let touched: Int
        /// The bytes of each statement.
        let statements: [Int]
    }

    static func write(_ file: UndoFile) throws -> [UInt8] {
        let lines = file.touched.lines
        let keys = Set(file.before.keys).union(file.after.keys).sorted()
        let header = Header(
            place: file.place, left: file.left, facts: keys.count, touched: lines.count,
            statements: file.statements.map(\.utf8.count))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 << 16)
        bytes +=
            "-- Undoes one dbsec apply-roles: dbsec apply-roles --undo checks that nothing moved, or psql -1 -f.\n-- "
            .utf8
        bytes += try encoder.encode(header)
        bytes += "\n".utf8
        for key in keys {
            bytes += "-- [".utf8
            append(key, to: &bytes)
            for value in [file.before[key], file.after[key]] {
                bytes += ",".utf8
                if let value { append(value, to: &bytes) } else { bytes += "null".utf8 }
            }
            bytes += "]\n".utf8
        }
        for line in lines {
            bytes += "-- [".utf8
            for (index, text) in line.enumerated() {
                if index > 0 { bytes += ",".utf8 }
                append(text, to: &bytes)
            }
            bytes += "]\n".utf8
        }
        for what in file.left { bytes += "-- not undone: \(oneLine(what))\n".utf8 }
        bytes += "SET search_path = pg_catalog;\n".utf8
        for statement in file.statements {
            bytes += statement.utf8
            bytes += ";\n".utf8
        }
        return bytes
    }

    /// - Returns: nil for anything else than what `write` makes.
    static func read(_ bytes: [UInt8]) -> UndoFile? {
        var rest = bytes[...]
        func line() -> ArraySlice<UInt8>? {
            guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return rest[..<end]
        }
        func comment() -> ArraySlice<UInt8>? { line().flatMap { $0.starts(with: "-- ".utf8) ? $0.dropFirst(3) : nil } }
        func list<Item: Decodable>(_ count: Int) -> [[Item]]? {
            var all: [UInt8] = [UInt8(ascii: "[")]
            for index in 0..<max(0, count) {
                guard let line = comment() else { return nil }
                if index > 0 { all.append(UInt8(ascii: ",")) }
                all += line
            }
            return try? JSONDecoder().decode([[Item]].self, from: Data(all + [UInt8(ascii: "]")]))
        }
        guard line() != nil, let head = comment(),
            let header = try? JSONDecoder().decode(Header.self, from: Data(head)), header.format == format,
            let facts: [[String?]] = list(header.facts), facts.allSatisfy({ $0.count == 3 && $0[0] != nil }),
            let lines: [[String]] = list(header.touched), let touched = Touched(lines: lines)
        else { return nil }
        let length = header.statements.reduce(0) { $0 + $1 + 2 }
        guard header.statements.allSatisfy({ $0 >= 0 }), length <= rest.count else { return nil }
        var script = rest.suffix(length)
        let statements = header.statements.map { count in
            defer { script = script.dropFirst(count + 2) }
            return String(decoding: script.prefix(count), as: UTF8.self)
        }
        func values(_ column: Int) -> [String: String] {
            Dictionary(facts.compactMap { fact in fact[column].map { (fact[0] ?? "", $0) } }) { first, _ in first }
        }
        return UndoFile(
            place: header.place, statements: statements, left: header.left, before: values(1), after: values(2),
            touched: touched)
    }

    /// As a JSON string; a line separator of its own would end the comment.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += "\\u00\(digits.count < 2 ? "0" : "")\(digits)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func oneLine(_ text: String) -> String {
        text.unicodeScalars.map { $0.value < 32 ? " " : String($0) }.joined()
    }
}
