import Platform

/// Reads what a PostgreSQL server logs: csvlog, jsonlog, pgauditlogtofile's CSV and JSON, and JSON that wraps one of these.
package struct ServerLogParser: Sendable {
    package enum Format: String, Sendable {
        case csvlog, json, pgauditCSV
    }

    package let format: Format
    /// Seconds east of UTC, where the name of the log's time zone does not say.
    let zoneOffset: Int?

    /// Looks at how a file begins; nil when it is none of these.
    package init?(beginning bytes: Span<UInt8>, offset: Int? = nil) {
        zoneOffset = offset
        guard !bytes.isEmpty else { return nil }
        if bytes[0] == UInt8(ascii: "{") {
            format = .json
            return
        }
        guard let fields = CSVRecord(bytes, at: 0)?.fields, fields.count > 12, fields[0].count >= 19,
            fields[0].utf8.dropFirst(4).first == UInt8(ascii: "-")
        else { return nil }
        format = Self.severities.contains(fields[11]) && (23...26).contains(fields.count) ? .csvlog : .pgauditCSV
    }

    private static let severities: Set = [
        "LOG", "ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4",
        "DEBUG5",
    ]

    /// Hands over every whole line of a part of the log, nil for one that cannot be read, and says how far it came.
    ///
    /// - Parameter bytes: begins where a line begins.
    package func parse(_ bytes: Span<UInt8>, _ take: (ServerLogLine?) throws -> Void) throws -> Int {
        var position = 0
        while position < bytes.count {
            guard let end = try next(bytes, position, take) else { break }
            position = end
        }
        return position
    }

    private func next(_ bytes: Span<UInt8>, _ start: Int, _ take: (ServerLogLine?) throws -> Void) throws -> Int? {
        guard let feed = bytes.firstIndex(of: lineFeed, from: start) else { return nil }
        guard format != .json else {
            if feed > start, let line = json(bytes.extracting(start..<feed)) { try take(line) }
            return feed + 1
        }
        let record = CSVRecord(bytes, at: start)
        let line = record.flatMap { format == .csvlog ? csvlog($0.fields) : pgaudit($0.fields) }
        if let record, let line {
            try take(line)
            return record.end
        }
        // What a crash cut off swallows the lines after it up to the next quote: begin anew at the next line. One that is
        // only not finished yet is the last and short.
        if record == nil, bytes.count - start < Self.longest, startsRecord(bytes, start) { return nil }
        try take(nil)
        return feed + 1
    }

    private static let longest = 8 << 20

    /// Whether a time stands here, as at the start of every record.
    private func startsRecord(_ bytes: Span<UInt8>, _ start: Int) -> Bool {
        guard start + 11 <= bytes.count else { return true }
        return bytes[start + 4] == UInt8(ascii: "-") && bytes[start + 7] == UInt8(ascii: "-")
            && bytes[start + 10] == 0x20
    }

    private func csvlog(_ fields: [String]) -> ServerLogLine? {
        guard (23...26).contains(fields.count), Self.severities.contains(fields[11]), Self.isSession(fields[5]),
            let time = ServerLogTime.parse(fields[0], offset: zoneOffset)
        else { return nil }
        var line = ServerLogLine(kind: .csvlog, time: time)
        (line.user, line.database, line.address) = (fields[1], fields[2], Self.host(fields[4]))
        (line.session, line.number) = (fields[5], Int(fields[6]))
        line.sessionStart = ServerLogTime.parse(fields[8], offset: zoneOffset)
        (line.severity, line.sqlstate, line.message) = (fields[11], fields[12], fields[13])
        (line.statement, line.application) = (fields[19], fields[22])
        return line.withAuditTail()
    }

    /// 12 fields of its own, what pgaudit says, and 9 fields more.
    private func pgaudit(_ fields: [String]) -> ServerLogLine? {
        guard fields.count >= 22, Self.isSession(fields[5]),
            let time = ServerLogTime.parse(fields[0], offset: zoneOffset)
        else { return nil }
        var line = ServerLogLine(kind: .pgaudit, time: time)
        (line.user, line.database, line.address) = (fields[1], fields[2], Self.host(fields[4]))
        (line.session, line.number) = (fields[5], Int(fields[6]))
        line.sessionStart = ServerLogTime.parse(fields[8], offset: zoneOffset)
        line.sqlstate = fields[11]
        let middle = Array(fields[12..<fields.count - 9])
        line.application = fields[fields.count - 1]
        line.audit = ServerLogLine.AuditTail(fields: middle)
        if line.audit == nil { line.message = middle.joined(separator: ",") }
        return line
    }

    /// `6b086942.6be6`: when the session began, and its process.
    private static func isSession(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isHexDigit) }
    }

    /// `10.0.0.7:54321` without the port, which says nothing about who it was.
    private static func host(_ text: String) -> String {
        guard text.filter({ $0 == ":" }).count == 1 else { return text }
        return String(text.prefix { $0 != ":" })
    }
}

extension ServerLogLine {
    /// Takes pgaudit's part out of the message, where it is one of pgaudit's.
    func withAuditTail() -> ServerLogLine {
        guard message.hasPrefix("AUDIT: ") else { return self }
        var line = self
        line.audit = AuditTail(message.dropFirst("AUDIT: ".count))
        return line
    }
}
