import Platform

/// A record as reports show it: texts, and what kind of act it is.
struct ReportRow {
    /// What a reader of reports looks for; one act may be several of them.
    struct Kinds: OptionSet {
        let rawValue: Int

        static let failure = Kinds(rawValue: 1)
        static let privileged = Kinds(rawValue: 2)
        static let backup = Kinds(rawValue: 4)
        static let login = Kinds(rawValue: 8)
        static let decryption = Kinds(rawValue: 16)
        static let finding = Kinds(rawValue: 32)
        static let statement = Kinds(rawValue: 64)
        static let log = Kinds(rawValue: 128)

        /// Those of which a report always shows some, however many other records there are.
        static let important: [Kinds] = [.failure, .privileged, .backup, .login, .decryption, .finding]
    }

    let seq: Int
    let id: String
    /// When it happened, and when it was written into the log.
    let moment: String
    let logged: String
    /// The stable code, and the one that is shown: of a login store's events each has its own.
    let code: String
    let action: String
    let phase: String
    let outcome: String
    let reason: String
    let status: String
    let host: String
    let program: String
    let target: [(name: String, text: String)]
    let facts: [(name: String, text: String)]
    let user: String
    let sudo: String
    let role: String
    let kinds: Kinds

    init(_ fields: RecordFields, _ line: Span<UInt8>) {
        seq = fields.seq
        id = JSONText.string(line, fields.id)
        moment = JSONText.string(line, fields.moment(line))
        logged = JSONText.string(line, fields.time)
        code = JSONText.string(line, fields.action)
        phase = JSONText.string(line, fields.phase)
        outcome = JSONText.string(line, fields.outcome)
        reason = JSONText.string(line, fields.reason)
        status = JSONText.value(line, fields.status)
        host = JSONText.string(line, fields.host)
        program = JSONText.string(line, fields.program)
        target = RecordFields.members(of: fields.target, line)
        facts = RecordFields.members(of: fields.facts, line).filter { $0.name != "at" && $0.name != "batch" }
        let event = facts.first { $0.name == "event" }?.text
        action = code == "auth.event" && event != nil ? "auth.\(event ?? "")" : code
        let actor = RecordFields.members(of: fields.actor, line)
        user = actor.first { $0.name == "user" }?.text ?? ""
        sudo = actor.first { $0.name == "sudo" }?.text ?? ""
        role = actor.first { $0.name == "role" }?.text ?? ""
        kinds = Self.kinds(
            code, isFailure: outcome == "failure", class: facts.first { $0.name == "class" }?.text ?? "",
            command: facts.first { $0.name == "command" }?.text ?? "")
    }

    func fact(_ name: String) -> String? { facts.first { $0.name == name }?.text }
    func target(_ name: String) -> String? { target.first { $0.name == name }?.text }

    /// Who it was: the role where PostgreSQL tells of it, otherwise the person behind the account.
    var actor: String {
        if isTold { return role.isEmpty ? "unknown" : role }
        return sudo.isEmpty ? user : sudo
    }

    /// Whether another program's word was taken for it.
    var isTold: Bool { code.hasPrefix("pg.") || code == "auth.event" }

    static func kinds(_ action: String, isFailure: Bool, class statementClass: String, command: String) -> Kinds {
        var kinds: Kinds = isFailure ? [.failure] : []
        switch action.prefix(while: { $0 != "." }) {
        case "backup":
            kinds.insert(.backup)
            let changes: Set = [
                "backup.init", "backup.rekey", "backup.prune", "backup.hold", "backup.release", "backup.restore",
            ]
            if changes.contains(action) { kinds.insert(.privileged) }
        case "policy", "keys": kinds.insert(.privileged)
        case "log":
            kinds.insert(.log)
            if ["log.key", "log.prune", "log.redact", "log.break_glass"].contains(action) { kinds.insert(.privileged) }
        case "field", "column", "subject": if !isDecryption(action) { kinds.insert(.privileged) }
        case "pg":
            if action == "pg.finding" { kinds.insert(.finding) }
            if action == "pg.login" || action == "pg.logout" { kinds.insert(.login) }
            if action == "pg.statement" { kinds.insert(.statement) }
            let first = command.prefix { $0 != " " }
            let changes = ["CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "REASSIGN", "SECURITY"]
            if statementClass == "ROLE" || statementClass == "DDL" || changes.contains(String(first)) {
                kinds.insert(.privileged)
            }
        case "auth":
            kinds.insert(.login)
            if action != "auth.event" { kinds.insert(.privileged) }
        default: break
        }
        if isDecryption(action) { kinds.insert(.decryption) }
        return kinds
    }

    /// Whether somebody got to see what is kept encrypted.
    private static func isDecryption(_ action: String) -> Bool {
        ["field.decrypt", "subject.export", "backup.read", "column.revert"].contains(action)
    }

    /// What the timeline shows it as.
    static func category(_ kinds: Kinds) -> Int {
        if kinds.contains(.finding) { return 5 }
        if kinds.contains(.decryption) { return 4 }
        if kinds.contains(.login) { return 2 }
        if kinds.contains(.backup) { return 1 }
        if kinds.contains(.privileged) { return 0 }
        return kinds.contains(.statement) ? 3 : 6
    }

    static let categories = [
        "privileged changes", "backups", "logins", "statements", "decryptions", "findings", "other",
    ]
}
