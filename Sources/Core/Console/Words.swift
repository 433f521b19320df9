/// Numbers as people read them.
package enum Words {
    /// Decimal units: `999 B`, `1.5 MB`, `12 GB`.
    package static func size(_ bytes: Int) -> String {
        var value = Double(bytes)
        var unit = "B"
        for next in ["kB", "MB", "GB", "TB", "PB"] where value >= 1000 {
            value /= 1000
            unit = next
        }
        if unit == "B" { return "\(bytes) B" }
        return value < 10 ? "\(tenths(value)) \(unit)" : "\(Int(value.rounded())) \(unit)"
    }

    /// Groups of three digits: `1,234,567`.
    package static func count(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index.isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds >= 9.95 else { return "\(tenths(max(0, seconds))) s" }
        let whole = Int(seconds.rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) min \(whole % 60) s"
        case ..<86400: return "\(whole / 3600) h \(whole / 60 % 60) min"
        default: return "\(whole / 86400) d \(whole / 3600 % 24) h"
        }
    }

    /// A count with its noun: `1 table`, `3 tables`.
    package static func plural(_ number: Int, _ noun: String) -> String {
        "\(count(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// Text from outside, made safe for a terminal.
package enum Plain {
    /// One line without control characters or marks that reorder text: `\u{1B}`, line feeds and bidirectional overrides
    /// are shown, not obeyed.
    package static func line(_ text: String) -> String {
        // Nearly every text is plain, and listings have tens of thousands of them.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default:
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Rows in columns as wide as their longest cell, for listings.
package struct TextTable {
    private var rows: [[String]]

    package init(_ header: [String]) {
        rows = [header]
    }

    package mutating func append(_ cells: [String]) {
        rows.append(cells)
    }

    package var text: String {
        let widths = rows[0].indices.dropLast().map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                column == row.count - 1
                    ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
