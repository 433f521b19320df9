import Platform

/// Records as events of the Open Cybersecurity Schema Framework, version 1.3.0, one JSON document a line.
///
/// Logins are 3002 Authentication, changes of roles and passwords 3001 Account Change, policies 3005 User Access
/// Management, statements, encryption and decryption 6005 Datastore Activity, findings 2004 Detection Finding; what the
/// tools do besides is 6003 API Activity.
enum OCSF {
    private struct Event {
        var classId: Int
        var activity: Int
        var activityName: String
        var severity = 1
    }

    static func append(_ row: ReportRow, _ bytes: inout [UInt8]) {
        let event = event(row)
        let category = event.classId / 1000
        var json = PageJSON()
        json.object { json in
            json.member("activity_id", event.activity)
            json.member("activity_name", event.activityName)
            json.object("actor") { json in
                if !row.program.isEmpty { json.member("app_name", row.program) }
                json.object("user") { $0.member("name", row.actor) }
            }
            if event.classId == 6003 {
                json.object("api") { json in
                    json.member("operation", row.code)
                    json.object("service") { $0.member("name", row.program) }
                }
            }
            json.member("category_uid", category)
            json.member("class_uid", event.classId)
            if event.classId == 6005 {
                json.object("database") { json in
                    json.member("name", row.target("database") ?? "unknown")
                    json.member("type", "Relational")
                    json.member("type_id", 1)
                }
                if let statement = row.fact("statement") {
                    json.object("query_info") { $0.member("query_string", statement) }
                }
                if let table = row.target("object") { json.object("table") { $0.member("name", table) } }
                json.member("type_id", row.target("object") == nil ? 1 : 3)
            }
            if event.classId == 2004 {
                json.object("finding_info") { json in
                    json.member("desc", row.reason)
                    json.member("title", row.fact("finding") ?? "finding")
                    json.member("uid", row.id)
                }
            }
            if !row.reason.isEmpty { json.member("message", row.reason) }
            json.object("metadata") { json in
                json.member("event_code", row.code)
                json.member("logged_time", milliseconds(row.logged))
                json.member("original_time", row.moment)
                json.object("product") { json in
                    json.member("name", "dbsec")
                    json.member("vendor_name", "dbsec")
                }
                json.member("sequence", row.seq)
                json.member("uid", row.id)
                json.member("version", "1.3.0")
            }
            if event.classId == 3005 {
                json.array("privileges") { $0.element(row.fact("changes").map { "\($0) changes" } ?? row.code) }
            }
            if event.classId == 3002 {
                json.object("service") { $0.member("name", row.code == "auth.event" ? "dbauth" : "postgresql") }
            }
            json.member("severity_id", event.severity)
            if event.classId == 6003 || event.classId == 6005 {
                json.object("src_endpoint") { $0.member("hostname", row.host) }
            }
            if !row.outcome.isEmpty { json.member("status", row.outcome == "success" ? "Success" : "Failure") }
            json.member("status_id", row.outcome == "success" ? 1 : row.outcome == "failure" ? 2 : 0)
            json.member("time", milliseconds(row.moment))
            json.member("type_uid", event.classId * 100 + event.activity)
            json.object("unmapped") { json in
                json.member("phase", row.phase)
                for (name, text) in row.facts { json.member(name, text) }
                for (name, text) in row.target { json.member("target_\(name)", text) }
            }
            if [3001, 3002, 3005].contains(event.classId) {
                json.object("user") { $0.member("name", row.fact("account") ?? row.actor) }
            }
        }
        bytes += json.bytes
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func milliseconds(_ time: String) -> Int {
        Int((Timestamp(time)?.microseconds ?? 0) / 1000)
    }

    private static func event(_ row: ReportRow) -> Event {
        var event = mapped(row)
        // 1 informational, 3 medium, 4 high.
        if row.kinds.contains(.failure) { event.severity = 3 }
        if row.kinds.contains(.finding) { event.severity = row.fact("finding") == "superuser-session" ? 3 : 4 }
        return event
    }

    private static func mapped(_ row: ReportRow) -> Event {
        switch row.code {
        case "pg.login": return Event(classId: 3002, activity: 1, activityName: "Logon")
        case "pg.logout": return Event(classId: 3002, activity: 2, activityName: "Logoff")
        case "pg.finding": return Event(classId: 2004, activity: 1, activityName: "Create")
        case "pg.statement", "pg.failure": return statement(row)
        case "auth.event": return login(row.fact("event") ?? "")
        case "policy.apply", "policy.undo": return Event(classId: 3005, activity: 1, activityName: "Assign Privileges")
        default: break
        }
        if row.code.contains("decrypt") || row.code == "subject.export" {
            return Event(classId: 6005, activity: 10, activityName: "Decrypt")
        }
        if row.code.contains("encrypt") { return Event(classId: 6005, activity: 9, activityName: "Encrypt") }
        if row.code == "backup.read" { return Event(classId: 6005, activity: 1, activityName: "Read") }
        let verb = row.code.split(separator: ".").last.map(String.init) ?? ""
        let activities = [
            "run": 1, "init": 1, "created": 1, "copy": 1, "verify": 2, "read": 2, "report": 2, "review": 2,
            "restore": 3,
            "hold": 3, "release": 3, "rekey": 3, "recovered": 3, "torn": 3, "ingest": 1, "prune": 4, "destroy": 4,
        ]
        let names = ["Other", "Create", "Read", "Update", "Delete"]
        guard let activity = activities[verb] else { return Event(classId: 6003, activity: 99, activityName: verb) }
        return Event(classId: 6003, activity: activity, activityName: names[activity])
    }

    private static func login(_ event: String) -> Event {
        switch event {
        case "login": Event(classId: 3002, activity: 1, activityName: "Logon")
        case "logout", "session.revoke": Event(classId: 3002, activity: 2, activityName: "Logoff")
        case "lockout": Event(classId: 3001, activity: 9, activityName: "Lock")
        case "password.change": Event(classId: 3001, activity: 3, activityName: "Password Change")
        case "password.reset": Event(classId: 3001, activity: 4, activityName: "Password Reset")
        case "totp.enroll": Event(classId: 3001, activity: 10, activityName: "MFA Factor Enable")
        case "unlock": Event(classId: 3001, activity: 2, activityName: "Enable")
        default: Event(classId: 3002, activity: 99, activityName: event.isEmpty ? "Other" : event)
        }
    }

    private static func statement(_ row: ReportRow) -> Event {
        let command = row.fact("command") ?? ""
        if row.fact("class") == "ROLE" || command.hasSuffix(" ROLE") || command.hasSuffix(" USER") {
            switch command.prefix(while: { $0 != " " }) {
            case "CREATE": return Event(classId: 3001, activity: 1, activityName: "Create")
            case "DROP": return Event(classId: 3001, activity: 6, activityName: "Delete")
            case "GRANT": return Event(classId: 3005, activity: 1, activityName: "Assign Privileges")
            case "REVOKE": return Event(classId: 3005, activity: 2, activityName: "Revoke Privileges")
            default: return Event(classId: 3001, activity: 99, activityName: command)
            }
        }
        let activities: [(String, Int, String)] = [
            ("SELECT", 1, "Read"), ("INSERT", 5, "Write"), ("UPDATE", 2, "Update"), ("DELETE", 7, "Delete"),
            ("TRUNCATE", 7, "Delete"), ("CREATE", 6, "Create"), ("DROP", 7, "Delete"), ("ALTER", 2, "Update"),
            ("COPY", 4, "Query"),
        ]
        for (word, activity, name) in activities where command.hasPrefix(word) {
            return Event(classId: 6005, activity: activity, activityName: name)
        }
        return Event(classId: 6005, activity: 99, activityName: command.isEmpty ? "Other" : command)
    }
}
