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
        var record = CSVRecord()
        guard record.read(bytes, at: 0), record.count > 12,
            record.with(0, bytes, { $0.count >= 19 && $0[4] == UInt8(ascii: "-") })
        else { return nil }
        let isServers = Self.severities.contains(record.text(11, bytes)) && (23...26).contains(record.count)
        format = isServers ? .csvlog : .pgauditCSV
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
        var record = CSVRecord()
        while position < bytes.count {
            guard let end = try next(bytes, position, &record, take) else { break }
            position = end
        }
        return position
    }

    private func next(
        _ bytes: Span<UInt8>, _ start: Int, _ record: inout CSVRecord, _ take: (ServerLogLine?) throws -> Void
    ) throws -> Int? {
        guard format != .json else {
            guard let feed = bytes.firstIndex(of: lineFeed, from: start) else { return nil }
            if feed > start, let line = json(bytes.extracting(start..<feed)) { try take(line) }
            return feed + 1
        }
        let isWhole = record.read(bytes, at: start)
        if isWhole, let line = format == .csvlog ? csvlog(record, bytes) : pgaudit(record, bytes) {
            try take(line)
            return record.end
        }
        guard let feed = bytes.firstIndex(of: lineFeed, from: start) else { return nil }
        // What a crash cut off swallows the lines after it up to the next quote: begin anew at the next line. One that is
        // only not finished yet is the last and short.
        if !isWhole, bytes.count - start < Self.longest, startsRecord(bytes, start) { return nil }
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

    private func csvlog(_ record: CSVRecord, _ bytes: Span<UInt8>) -> ServerLogLine? {
        guard (23...26).contains(record.count), let severity = severity(record, bytes), Self.hasSession(record, bytes),
            let time = time(record, 0, bytes)
        else { return nil }
        var line = ServerLogLine(kind: .csvlog, time: time)
        head(record, bytes, &line)
        (line.severity, line.sqlstate) = (severity, record.text(12, bytes))
        (line.statement, line.application) = (record.text(19, bytes), record.text(22, bytes))
        record.with(13, bytes) { message in
            if message.holds(Self.auditMark.span, at: 0) {
                let tail = message.extracting(Self.auditMark.count..<message.count)
                line.audit = ServerLogLine.AuditTail(tail)
            }
            if line.audit == nil { line.message = String(repairing: message) }
        }
        return line
    }

    private static let auditMark = Array("AUDIT: ".utf8)

    /// 12 fields of its own, what pgaudit says, and 9 fields more.
    private func pgaudit(_ record: CSVRecord, _ bytes: Span<UInt8>) -> ServerLogLine? {
        guard record.count >= 22, Self.hasSession(record, bytes), let time = time(record, 0, bytes) else { return nil }
        var line = ServerLogLine(kind: .pgaudit, time: time)
        head(record, bytes, &line)
        line.sqlstate = record.text(11, bytes)
        let middle = record.texts(12..<record.count - 9, bytes)
        line.application = record.text(record.count - 1, bytes)
        line.audit = ServerLogLine.AuditTail(fields: middle)
        if line.audit == nil { line.message = middle.joined(separator: ",") }
        return line
    }

    /// What both begin with: who, from where, and which line of which session.
    private func head(_ record: CSVRecord, _ bytes: Span<UInt8>, _ line: inout ServerLogLine) {
        (line.user, line.database) = (record.text(1, bytes), record.text(2, bytes))
        line.address = record.with(4, bytes) { Self.host($0) }
        line.session = record.text(5, bytes)
        line.number = Int(record.text(6, bytes))
        line.sessionStart = self.time(record, 8, bytes)
    }

    private func time(_ record: CSVRecord, _ index: Int, _ bytes: Span<UInt8>) -> Timestamp? {
        record.with(index, bytes) { ServerLogTime.parse($0, offset: zoneOffset) }
    }

    private func severity(_ record: CSVRecord, _ bytes: Span<UInt8>) -> String? {
        let text = record.text(11, bytes)
        // Nearly every line has this one.
        return text == "LOG" || Self.severities.contains(text) ? text : nil
    }

    /// `6b086942.6be6`: when the session began, and its process.
    private static func hasSession(_ record: CSVRecord, _ bytes: Span<UInt8>) -> Bool {
        record.with(5, bytes) { text in
            var dot: Int?
            for index in text.indices {
                switch text[index] {
                case 0x30...0x39, 0x41...0x46, 0x61...0x66: continue
                case UInt8(ascii: ".") where dot == nil: dot = index
                default: return false
                }
            }
            return dot.map { $0 > 0 && $0 < text.count - 1 } ?? false
        }
    }

    /// `10.0.0.7:54321` without the port, which says nothing about who it was.
    private static func host(_ text: Span<UInt8>) -> String {
        let colon = UInt8(ascii: ":")
        guard let first = text.firstIndex(of: colon), text.firstIndex(of: colon, from: first + 1) == nil else {
            return String(repairing: text)
        }
        return String(repairing: text.extracting(0..<first))
    }
}

extension ServerLogLine {
    /// Takes pgaudit's part out of the message, where it is one of pgaudit's.
    func withAuditTail() -> ServerLogLine {
        guard message.hasPrefix("AUDIT: ") else { return self }
        var line = self
        line.audit = AuditTail(message.utf8Span.span.extracting("AUDIT: ".utf8.count..<message.utf8.count))
        return line
    }
}
