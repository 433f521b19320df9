import FoundationEssentials
import Platform
import PostgresClient

/// Replaces the masked columns of rows in COPY's text form (PostgreSQL documentation, COPY, "Text Format").
struct RowMasker: Sendable {
    private let masker: Masker
    private let columns: [MaskedTable.Column]

    init(_ masker: Masker, _ table: MaskedTable) {
        self.masker = masker
        columns = table.copied
    }

    private static let tab: UInt8 = 0x09
    private static let lineFeed: UInt8 = 0x0A
    private static let backslash: UInt8 = 0x5C

    /// Appends the masked row with its line feed.
    func mask(_ row: Span<UInt8>, into output: inout [UInt8]) {
        var start = 0
        var index = 0
        for position in 0..<row.count where row[position] == Self.tab || row[position] == Self.lineFeed {
            append(row.extracting(start..<position), index, &output)
            output.append(row[position])
            start = position + 1
            index += 1
        }
    }

    private func append(_ field: Span<UInt8>, _ index: Int, _ output: inout [UInt8]) {
        let isNull = field.count == 2 && field[0] == Self.backslash && field[1] == 0x4E
        guard index < columns.count, columns[index].isMasked, !isNull else {
            for position in field.indices { output.append(field[position]) }
            return
        }
        let column = columns[index]
        guard let fake = fake(Self.unescaped(field), column) else {
            output += "\\N".utf8
            return
        }
        Self.appendEscaped(fake, to: &output)
    }

    private func fake(_ value: String, _ column: MaskedTable.Column) -> String? {
        if !column.paths.isEmpty { return JSONMasker(masker, column.paths).mask(value) }
        guard let rule = column.rule else { return value }
        guard column.isArray, rule != .null else {
            return masker.fake(value, rule, type: column.type, limit: column.limit)
        }
        // An array of another shape cannot be taken apart here, and must not go out as it is.
        guard let elements = ArrayText.elements(of: value) else { return "{}" }
        let fakes = elements.map { element in
            element.flatMap { masker.fake($0, rule, type: column.type, limit: column.limit) }
        }
        return String(decoding: ArrayText.write(fakes), as: UTF8.self)
    }

    static func unescaped(_ field: Span<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(field.count)
        var position = 0
        while position < field.count {
            guard field[position] == backslash, position + 1 < field.count else {
                bytes.append(field[position])
                position += 1
                continue
            }
            switch field[position + 1] {
            case 0x62: bytes.append(0x08)
            case 0x66: bytes.append(0x0C)
            case 0x6E: bytes.append(0x0A)
            case 0x72: bytes.append(0x0D)
            case 0x74: bytes.append(0x09)
            case 0x76: bytes.append(0x0B)
            case let other: bytes.append(other)
            }
            position += 2
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func appendEscaped(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case 0x08: output += "\\b".utf8
            case 0x09: output += "\\t".utf8
            case 0x0A: output += "\\n".utf8
            case 0x0B: output += "\\v".utf8
            case 0x0C: output += "\\f".utf8
            case 0x0D: output += "\\r".utf8
            case backslash: output += "\\\\".utf8
            default: output.append(byte)
            }
        }
    }
}

/// Replaces values inside of a JSON document and leaves every other byte as it is.
struct JSONMasker {
    private let masker: Masker
    private let rules: [[String]: MaskRule]

    init(_ masker: Masker, _ rules: [[String]: MaskRule]) {
        self.masker = masker
        self.rules = rules
    }

    /// The document with its fakes; what is no document becomes `null`, so that nothing goes out unseen.
    func mask(_ text: String) -> String {
        var scan = Scan(bytes: Array(text.utf8))
        return value(&scan, []) ? String(decoding: scan.output, as: UTF8.self) : "null"
    }

    private struct Scan {
        let bytes: [UInt8]
        var position = 0
        var output: [UInt8] = []

        var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func copyBlanks() {
            while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { copy() }
        }

        mutating func copy() {
            output.append(bytes[position])
            position += 1
        }

        mutating func copy(_ expected: UInt8) -> Bool {
            guard next == expected else { return false }
            copy()
            return true
        }

        /// A text with its quotes, or a number or word.
        mutating func token() -> ArraySlice<UInt8>? {
            let start = position
            if next == 0x22 {
                position += 1
                while let byte = next, byte != 0x22 { position += byte == 0x5C ? 2 : 1 }
                guard next == 0x22 else { return nil }
                position += 1
            } else {
                while let byte = next, !",]} \t\r\n".utf8.contains(byte) { position += 1 }
            }
            return position > start ? bytes[start..<position] : nil
        }
    }

    /// Copies one value; false for what is no JSON.
    private func value(_ scan: inout Scan, _ path: [String]) -> Bool {
        scan.copyBlanks()
        defer { scan.copyBlanks() }
        switch scan.next {
        case 0x7B:
            scan.copy()
            scan.copyBlanks()
            if scan.copy(0x7D) { return true }
            while true {
                scan.copyBlanks()
                guard let key = scan.token(), let name = Self.text(key) else { return false }
                scan.output += key
                scan.copyBlanks()
                guard scan.copy(0x3A), value(&scan, path + [name]) else { return false }
                if scan.copy(0x7D) { return true }
                guard scan.copy(0x2C) else { return false }
            }
        case 0x5B:
            scan.copy()
            scan.copyBlanks()
            if scan.copy(0x5D) { return true }
            while true {
                guard value(&scan, path) else { return false }
                if scan.copy(0x5D) { return true }
                guard scan.copy(0x2C) else { return false }
            }
        default:
            guard let token = scan.token() else { return false }
            scan.output += replaced(token, rules[path])
            return true
        }
    }

    private func replaced(_ token: ArraySlice<UInt8>, _ rule: MaskRule?) -> [UInt8] {
        guard let rule, rule != .keep else { return Array(token) }
        if let text = Self.text(token) {
            guard let fake = masker.fake(text, rule) else { return Array("null".utf8) }
            return Self.quoted(fake)
        }
        let word = String(decoding: token, as: UTF8.self)
        guard let first = token.first, first.isDigit || first == 0x2D else { return Array(token) }
        guard let fake = masker.fake(word, rule, type: word.contains(".") ? "numeric" : "int8") else {
            return Array("null".utf8)
        }
        return Int(fake) != nil || Double(fake) != nil ? Array(fake.utf8) : Self.quoted(fake)
    }

    private static func text(_ token: ArraySlice<UInt8>) -> String? {
        guard token.first == 0x22 else { return nil }
        return try? JSONDecoder().decode([String].self, from: Data([0x5B] + token + [0x5D])).first
    }

    private static func quoted(_ text: String) -> [UInt8] {
        guard let list = try? JSONEncoder().encode([text]) else { return Array("null".utf8) }
        return Array(list.dropFirst().dropLast())
    }
}
