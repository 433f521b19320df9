import Platform

/// JSON lines: PostgreSQL's jsonlog, pgauditlogtofile, CloudNativePG's `record`, Azure's `properties.message`.
extension ServerLogParser {
    /// The message in a line; nil where it cannot be read, and nothing at all where it is no server's.
    func json(_ bytes: Span<UInt8>) -> ServerLogLine?? {
        var values: [String: String] = [:]
        guard Self.flatten(bytes, 0, "", &values) == bytes.count else { return .some(nil) }
        let marks = ["record.log_time", "record.error_severity", "properties.message", "log.source", "error_severity"]
        guard marks.contains(where: { values[$0] != nil }) else { return nil }
        return .some(line(values))
    }

    private func line(_ values: [String: String]) -> ServerLogLine? {
        if values["record.log_time"] != nil || values["record.message"] != nil { return cloudNative(values) }
        if values["properties.message"] != nil { return azure(values) }
        if values["log.source"] == "pgauditlogtofile" { return toFile(values) }
        guard let time = time(values["timestamp"]), values["error_severity"] != nil else { return nil }
        var line = ServerLogLine(kind: .jsonlog, time: time)
        line.user = values["user"] ?? ""
        line.database = values["dbname"] ?? ""
        line.address = values["remote_host"] ?? ""
        line.session = values["session_id"] ?? ""
        line.number = values["line_num"].flatMap { Int($0) }
        line.sessionStart = self.time(values["session_start"])
        line.severity = values["error_severity"] ?? ""
        line.sqlstate = values["state_code"] ?? ""
        line.message = values["message"] ?? ""
        line.statement = values["statement"] ?? ""
        line.application = values["application_name"] ?? ""
        return line.withAuditTail()
    }

    /// CloudNativePG writes csvlog's columns by name, and pgaudit's taken apart; lines of its own are no server's.
    private func cloudNative(_ values: [String: String]) -> ServerLogLine? {
        func value(_ name: String) -> String { values["record.\(name)"] ?? "" }
        guard let time = time(value("log_time")) else { return nil }
        var line = ServerLogLine(kind: .csvlog, time: time)
        (line.user, line.database) = (value("user_name"), value("database_name"))
        line.address = String(value("connection_from").prefix { $0 != ":" })
        (line.session, line.number) = (value("session_id"), Int(value("session_line_num")))
        line.sessionStart = self.time(value("session_start_time"))
        line.severity = value("error_severity")
        (line.sqlstate, line.message, line.statement) = (value("sql_state_code"), value("message"), value("query"))
        line.application = value("application_name")
        guard !value("audit.audit_type").isEmpty else { return line.withAuditTail() }
        line.audit = ServerLogLine.AuditTail(fields: [
            value("audit.audit_type"), "", "", value("audit.class"), value("audit.command"),
            value("audit.object_type"), value("audit.object_name"), value("audit.statement"),
        ])
        return line
    }

    /// Azure keeps the line as stderr would have it: a prefix, the severity, two spaces, the message.
    private func azure(_ values: [String: String]) -> ServerLogLine? {
        func value(_ name: String) -> String { values["properties.\(name)"] ?? "" }
        let whole = value("message")
        guard let time = time(value("timestamp")) ?? time(values["time"]) ?? time(String(whole.prefix(23))) else {
            return nil
        }
        var line = ServerLogLine(kind: .jsonlog, time: time)
        line.severity = value("errorLevel").isEmpty ? "LOG" : value("errorLevel")
        line.sqlstate = value("sqlerrcode")
        line.message = whole
        for severity in ["LOG", "ERROR", "FATAL", "PANIC", "WARNING", "STATEMENT", "DETAIL"] {
            let found = whole.firstRange(of: "\(severity):  ") ?? whole.prefixRange("\(severity): ")
            guard let mark = found else { continue }
            line.severity = severity
            line.message = String(whole[mark.upperBound...])
            line.session = String(
                whole[..<mark.lowerBound].split(separator: "-").last { part in
                    part.contains(".") && part.allSatisfy { $0.isHexDigit || $0 == "." }
                } ?? "")
            break
        }
        line.user = value("user")
        line.database = value("dbname")
        return line.withAuditTail()
    }

    private func toFile(_ values: [String: String]) -> ServerLogLine? {
        guard let time = time(values["timestamp"]) else { return nil }
        var line = ServerLogLine(kind: .pgaudit, time: time)
        line.user = values["db.user"] ?? ""
        line.database = values["db.name"] ?? ""
        line.address = values["net.peer.name"] ?? ""
        line.session = values["custom.session_id"] ?? ""
        line.sqlstate = values["custom.state_code"] ?? ""
        line.application = values["custom.application_name"] ?? ""
        let content = values["content"] ?? ""
        guard let type = values["custom.audit_type"] else {
            line.message = content
            return line
        }
        // Statement and parameters are one field here, the statement as CSV has it.
        let statement = CSVRecord.fields(of: content.utf8Span.span).first ?? content
        line.audit = ServerLogLine.AuditTail(fields: [
            type, "", "", values["custom.class"] ?? "", values["custom.command"] ?? "",
            values["custom.object_type"] ?? "", values["custom.object_name"] ?? "", statement,
        ])
        return line
    }

    private func time(_ text: String?) -> Timestamp? {
        text.flatMap { ServerLogTime.parse($0, offset: zoneOffset) }
    }

    /// All texts and numbers of an object under their paths, `record.audit.class`; nil when it is none, or nested too deeply.
    private static func flatten(
        _ bytes: Span<UInt8>, _ start: Int, _ path: String, _ values: inout [String: String], depth: Int = 0
    ) -> Int? {
        var position = start
        var inner: [(String, Int)] = []
        var found: [(String, Range<Int>)] = []
        let isObject = JSONGrammar.object(bytes, &position) { key, value in
            let name = path + JSONText.string(bytes, key)
            if bytes[value.lowerBound] == UInt8(ascii: "{") {
                inner.append((name + ".", value.lowerBound))
            } else {
                found.append((name, value))
            }
            return true
        }
        guard isObject, depth < 8 else { return nil }
        for (name, range) in found { values[name] = JSONText.value(bytes, range) }
        for (name, place) in inner { _ = flatten(bytes, place, name, &values, depth: depth + 1) }
        return position
    }
}

extension String {
    fileprivate func prefixRange(_ text: String) -> Range<String.Index>? {
        hasPrefix(text) ? startIndex..<index(startIndex, offsetBy: text.count) : nil
    }
}
