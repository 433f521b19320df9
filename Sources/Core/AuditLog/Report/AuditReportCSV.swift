package import Platform

/// Records as text that other programs take: CSV for spreadsheets, OCSF for a SIEM; all of them, one by one.
package enum ReportStream {
    /// Turns every record that matches into text, in order, on all processors.
    package static func write(
        _ reader: LogReader, _ filter: RecordFilter, as format: Format, into sink: any ByteSink,
        progress: ProgressHandler? = nil
    ) throws -> Int {
        let ready = LineFilter(filter)
        var count = 0
        try sink.write(format.head.span)
        let pieces = try LogPiece.all(of: reader.folder, size: 1 << 20)
        for start in stride(from: 0, to: pieces.count, by: 2 * Processors.count) {
            let part = Array(pieces[start..<min(pieces.count, start + 2 * Processors.count)])
            for (bytes, number) in try mapInParallel(part, atOnce: 1, { try text($0, ready, format) }) {
                try sink.write(bytes.span)
                count += number
            }
            progress?(Progress("writing the report", rows: count))
        }
        return count
    }

    package enum Format: Sendable {
        case csv, ocsf

        var head: [UInt8] {
            switch self {
            case .csv: Array((CSVText.columns.joined(separator: ",") + "\r\n").utf8)
            case .ocsf: []
            }
        }
    }

    private static func text(
        _ piece: LogPiece, _ filter: LineFilter, _ format: Format
    ) throws -> (bytes: [UInt8], count: Int) {
        var bytes: [UInt8] = []
        var count = 0
        try forEachLineBlock(of: piece.file, in: piece.range) { block, _, _ in
            var looked = 0
            forEachMatch(in: block, filter, looked: &looked) { _, line in
                guard let fields = RecordFields(line) else { return }
                let row = ReportRow(fields, line)
                count += 1
                switch format {
                case .csv: CSVText.append(row, &bytes)
                case .ocsf: OCSF.append(row, &bytes)
                }
            }
        }
        return (bytes, count)
    }
}

/// RFC 4180, in which no spreadsheet finds a formula.
enum CSVText {
    static let columns = [
        "record", "time", "logged", "action", "phase", "outcome", "actor", "account", "sudo", "role", "host", "program",
        "database", "backup", "object", "cluster", "system", "reason", "status", "facts", "id",
    ]

    static func append(_ row: ReportRow, _ bytes: inout [UInt8]) {
        let facts = row.facts.map { "\($0.name)=\($0.text)" }.joined(separator: " ")
        let cells = [
            "\(row.seq)", row.moment, row.logged, row.code, row.phase, row.outcome, row.actor, row.user, row.sudo,
            row.role, row.host, row.program, row.target("database") ?? "", row.target("backup") ?? "",
            row.target("object") ?? "", row.target("cluster") ?? "", row.target("system") ?? "", row.reason, row.status,
            facts, row.id,
        ]
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(cell, &bytes)
        }
        bytes += [0x0D, 0x0A]
    }

    /// A cell that a spreadsheet shows and does not compute (CWE-1236); control characters are shown, too.
    static func append(_ text: String, _ bytes: inout [UInt8]) {
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        let shown = isPlain ? text : visible(text)
        let starts = shown.drop { $0 == " " || $0 == "\"" || $0 == "'" }.unicodeScalars.first
        // Spreadsheets take these at the start of a cell for a formula, the full-width ones too.
        let isFormula = starts.map { "=+-@\t\r＝＋－＠".unicodeScalars.contains($0) } ?? false
        bytes.append(UInt8(ascii: "\""))
        if isFormula { bytes.append(UInt8(ascii: "'")) }
        for byte in shown.utf8 {
            if byte == UInt8(ascii: "\"") { bytes.append(byte) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func visible(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse:
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
