import Platform

/// Turns lines of a server's log into records, and remembers what joins them.
struct ServerLogJudge {
    var memory: IngestMemory
    let detail: StatementDetail
    let superusers: Set<String>
    private(set) var events: [AuditEvent] = []
    private(set) var findings = 0

    init(memory: IngestMemory, detail: StatementDetail, superusers: Set<String>) {
        self.memory = memory
        self.detail = detail
        self.superusers = superusers
    }

    mutating func takeEvents() -> [AuditEvent] {
        var taken: [AuditEvent] = []
        swap(&taken, &events)
        events.reserveCapacity(taken.count)
        return taken
    }

    mutating func take(_ line: ServerLogLine) {
        let key = "\(line.session) \(line.kind.rawValue)"
        if memory.began == nil { memory.began = line.time }
        checkNumber(line, key)
        if !memory.pending.isEmpty, let login = memory.pending.removeValue(forKey: key), !line.sqlstate.hasPrefix("28")
        {
            admit(login)
        }
        if let audit = line.audit {
            take(audit, line, key)
        } else if ["ERROR", "FATAL", "PANIC"].contains(line.severity) {
            takeFailure(line, key)
        } else {
            takeMessage(line, key)
        }
    }

    // MARK: The session's lines

    private mutating func checkNumber(_ line: ServerLogLine, _ key: String) {
        guard !line.session.isEmpty, let number = line.number else { return }
        let last = memory.sessions[key, default: IngestMemory.Session(line: -1, seen: 0)].advance(to: number, line.time)
        if let last, number > last + 1 {
            gap(line, from: last + 1, to: number - 1)
        } else if last == nil, number > 1, let began = memory.began, let start = line.sessionStart, start > began {
            gap(line, from: 1, to: number - 1)
        }
    }

    private mutating func gap(_ line: ServerLogLine, from first: Int, to last: Int) {
        find(
            "lines-missing", line,
            first == last
                ? "line \(first) of session \(line.session) is missing"
                : "lines \(first) to \(last) of session \(line.session) are missing",
            ["missing": .number(last - first + 1)])
    }

    // MARK: What lines say

    private mutating func take(_ audit: ServerLogLine.AuditTail, _ line: ServerLogLine, _ key: String) {
        take(statement: audit.statement, command: audit.command, audit, line)
        let statement = hash(audit.statement)
        memory.sessions[key]?.note(statement, auditLine: line.number, auditClass: audit.statementClass)
        watch(audit.statement, line, key)
    }

    /// Nearly every line of a log comes here, so that its facts are written out at once.
    private mutating func take(
        statement: String, command: String, _ audit: ServerLogLine.AuditTail?, _ line: ServerLogLine
    ) {
        let text = StatementText.redacted(statement, detail)
        // The form of a statement is about the program that made it, its values are about people.
        let isSensitive = detail == .full
        var event = AuditEvent(
            .pgStatement, role: role(line),
            target: AuditTarget(
                database: database(line), object: audit.flatMap { $0.objectName.isEmpty ? nil : clean($0.objectName) }))
        event.writtenFacts = WrittenFacts {
            if !line.application.isEmpty { $0.add("application", clean(line.application)) }
            $0.add("at", line.time)
            if audit?.type == "OBJECT" { $0.add("audit", "OBJECT") }
            if let audit { $0.add("class", audit.statementClass) }
            $0.add("command", command)
            if let number = line.number { $0.add("line", number) }
            if let audit, !audit.objectType.isEmpty { $0.add("object_type", audit.objectType) }
            if let rows = audit?.rows { $0.add("rows", rows) }
            if !line.session.isEmpty { $0.add("session", clean(line.session)) }
            if let text, !isSensitive { $0.add("statement", text) }
        }
        if let text, isSensitive { event.sensitive["statement"] = text }
        events.append(event)
    }

    private mutating func takeFailure(_ line: ServerLogLine, _ key: String) {
        // 28: invalid authorization; also where the role does not exist.
        let isLogin = line.sqlstate.hasPrefix("28") && line.statement.isEmpty
        var facts: [String: AuditFact] = [:]
        facts["sqlstate"] = .text(line.sqlstate)
        facts["severity"] = .text(line.severity)
        var event = AuditEvent(isLogin ? .pgLogin : .pgFailure, outcome: .failure)
        if isLogin, !memory.roles.contains(line.user), !superusers.contains(line.user) {
            // People type passwords where a name belongs, so a name that nobody has is not written down.
            facts["name"] = "withheld"
            event.reason = line.sqlstate == "28P01" ? "password authentication failed" : "no such role, or not let in"
        } else {
            event.role = role(line)
            event.reason = StatementText.message(
                line.message, sqlstate: line.sqlstate, detail, statement: line.statement)
        }
        if !line.statement.isEmpty, let session = memory.sessions[key], session.statement == hash(line.statement) {
            facts["audit_line"] = session.auditLine.map { .number($0) }
            facts["class"] = session.auditClass.map { .text($0) }
        }
        event.target = AuditTarget(database: database(line))
        event.facts = facts
        describe(line, &event, statement: line.statement)
        events.append(event)
        if !isLogin { watch(line.statement, line, key) }
    }

    private mutating func takeMessage(_ line: ServerLogLine, _ key: String) {
        let message = line.message
        if message.hasPrefix("connection authorized: ") || message.hasPrefix("replication connection authorized: ") {
            // Of a role that does not exist the server says so only afterwards.
            if memory.roles.contains(line.user) || superusers.contains(line.user) {
                admit(line)
            } else {
                memory.pending[key] = line
            }
        } else if message.hasPrefix("disconnection: ") {
            add(.pgLogout, nil, line)
            if !line.user.isEmpty { memory.roles.insert(line.user) }
            memory.sessions[key] = nil
        } else if let statement = Self.statement(in: message) {
            take(statement: statement, command: SQLTokens(statement.beginning(200)).command, nil, line)
            watch(statement, line, key)
        } else if message.hasPrefix("parameter \""), let name = message.split(separator: "\"").dropFirst().first {
            guard StatementWatch.isWatched(String(name)) else { return }
            find("setting-changed", line, message.beginning(500), ["setting": .text(String(name))])
        }
    }

    /// The statement in `statement: ...`, `execute name: ...` and `duration: ... ms  statement: ...`.
    private static func statement(in message: String) -> String? {
        var text = message[...]
        if text.hasPrefix("duration: "), let end = text.firstRange(of: " ms  ") { text = text[end.upperBound...] }
        if text.hasPrefix("statement: ") { return String(text.dropFirst("statement: ".count)) }
        guard text.hasPrefix("execute "), let colon = text.firstRange(of: ": ") else { return nil }
        return String(text[colon.upperBound...])
    }

    private mutating func admit(_ line: ServerLogLine) {
        memory.roles.insert(line.user)
        add(.pgLogin, .success, line)
        if superusers.contains(line.user) { superuser(line) }
    }

    /// Takes logins that nothing has followed for a while as what they are.
    mutating func settle(before moment: Timestamp) {
        for (key, line) in memory.pending.sorted(by: { $0.value.time < $1.value.time }) where line.time < moment {
            memory.pending[key] = nil
            admit(line)
        }
    }

    private mutating func add(_ action: AuditAction, _ outcome: AuditRecord.Outcome?, _ line: ServerLogLine) {
        var event = AuditEvent(action, outcome: outcome, role: role(line))
        event.target = AuditTarget(database: database(line))
        describe(line, &event)
        events.append(event)
    }

    // MARK: Findings

    private mutating func watch(_ statement: String, _ line: ServerLogLine, _ key: String) {
        if !line.user.isEmpty { memory.roles.insert(line.user) }
        if superusers.contains(line.user) { superuser(line) }
        for found in StatementWatch.findings(in: statement) {
            switch found {
            case .setting(let name):
                find("setting-changed", line, "a statement changes \(clean(name))", ["setting": .text(clean(name))])
            case .becomes(let role) where superusers.contains(role):
                find("superuser-session", line, "the session goes on as \(role)", ["as": .text(role)])
            case .becomes: break
            }
        }
    }

    /// Once a session, in whichever log it shows first.
    private mutating func superuser(_ line: ServerLogLine) {
        guard memory.sessions[line.session] == nil else { return }
        memory.sessions[line.session] = IngestMemory.Session(line: 0, seen: line.time.microseconds / 1_000_000)
        find(
            "superuser-session", line,
            "a session of the superuser \(line.user), who could switch the server's own log off")
    }

    mutating func find(
        _ kind: String, _ line: ServerLogLine?, _ what: String, _ more: [String: AuditFact] = [:]
    ) {
        var event = AuditEvent(.pgFinding, reason: what, role: line.flatMap { role($0) })
        event.facts = line.map { facts(of: $0) } ?? [:]
        event.facts["finding"] = .text(kind)
        event.facts.merge(more) { $1 }
        event.target = AuditTarget(database: line.flatMap { database($0) })
        events.append(event)
        findings += 1
    }

    // MARK: Words

    /// What every record of a line has; where the client is counts as personal data.
    private func describe(_ line: ServerLogLine, _ event: inout AuditEvent, statement: String = "") {
        event.facts.merge(facts(of: line)) { old, _ in old }
        // Statements have their session's number; where it came from stands with its login.
        if event.action != .pgLogout, !line.address.isEmpty, line.address != "[local]" {
            event.sensitive["address"] = clean(line.address)
        }
        guard let text = StatementText.redacted(statement, detail) else { return }
        // The form of a statement is about the program that made it, its values are about people.
        if detail == .full { event.sensitive["statement"] = text } else { event.facts["statement"] = .text(text) }
    }

    private func facts(of line: ServerLogLine) -> [String: AuditFact] {
        var facts: [String: AuditFact] = ["at": .text(line.time.description)]
        if !line.session.isEmpty { facts["session"] = .text(clean(line.session)) }
        facts["line"] = line.number.map { .number($0) }
        if !line.application.isEmpty { facts["application"] = .text(clean(line.application)) }
        return facts
    }

    private func role(_ line: ServerLogLine) -> String? { line.user.isEmpty ? nil : clean(line.user) }
    private func database(_ line: ServerLogLine) -> String? { line.database.isEmpty ? nil : clean(line.database) }
    private func clean(_ text: String) -> String { text.beginning(200) }

    /// The same in every process, so that it can be kept: FNV-1a.
    private func hash(_ text: String) -> Int {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: value)
    }
}

extension SQLTokens {
    /// What kind of statement it is: its first word, and the second where it takes two.
    var command: String {
        let words = meaningful.prefix(2).map { word($0).uppercased() }
        guard let first = words.first else { return "" }
        let pairs: Set = ["CREATE", "ALTER", "DROP", "COMMENT", "REFRESH", "SECURITY", "IMPORT"]
        return pairs.contains(first) ? words.joined(separator: " ") : first
    }
}
