import AuditLog
import Platform
import SystemPackage

/// Text that hurts where it is not taken as text.
let hostile = """
    </script><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" 'single' \\ back\u{8}\u{1B}[31m
    second line\u{202E}desrever\u{2028}\u{0}\u{7F}\u{E0001}=HYPERLINK("http://evil.example")
    """

extension AuditLog {
    /// A fortnight of everything that a report has a place for.
    func fillDemo(days: Int = 14, ending end: Timestamp = Timestamp("2026-11-26T12:00:00Z") ?? Timestamp(seconds: 0))
        throws
    {
        var events: [AuditEvent] = []
        for day in 0..<days {
            let morning = end.advanced(bySeconds: Int64(day - days) * 86400)
            for hour in 0..<24 { try events += hourOfStatements(morning, hour, day) }
            events += backups(morning, day)
        }
        events.append(
            AuditEvent(
                .policyApply, phase: .event, outcome: .success, role: "db_admin",
                target: AuditTarget(system: "7301", database: "shop"),
                facts: ["changes": 12, "widen": 3, "narrow": 9, "plan_sha256": "5f0c"]))
        for number in 0..<5 {
            events.append(
                AuditEvent(
                    .authEvent, outcome: .failure, reason: "wrong password", role: "app",
                    target: AuditTarget(database: "shop"),
                    facts: [
                        "event": "login", "identifier_hash": "9c1185a5c5e9fc54", "at": .text(end.description),
                        "row": .number(number),
                    ]))
        }
        events.append(
            AuditEvent(
                .authEvent, outcome: .failure, reason: "too many failures", role: "app",
                facts: ["event": "lockout", "identifier_hash": "9c1185a5c5e9fc54", "at": .text(end.description)]))
        let customers = AuditTarget(database: "shop", object: "public.customers.phone")
        events += [
            AuditEvent(.fieldDecrypt, outcome: .success, role: "support", target: customers, facts: ["values": 12]),
            AuditEvent(
                .fieldDecrypt, outcome: .failure, reason: "no key of the ring opens it", role: "support",
                target: customers),
            AuditEvent(
                .subjectExport, outcome: .success, role: "support", target: AuditTarget(database: "shop", object: "7"),
                facts: ["fields": 5]),
        ]
        try append(batch: events)
    }

    private func hourOfStatements(_ morning: Timestamp, _ hour: Int, _ day: Int) throws -> [AuditEvent] {
        let isWork = (8...18).contains(hour)
        return (0..<(isWork ? 9 : 2)).flatMap { number -> [AuditEvent] in
            let at = AuditFact.text(morning.advanced(bySeconds: Int64(hour * 3600 + number * 311)).description)
            let role = ["app", "ann", "reporting"][(number + hour) % 3]
            var events = [
                AuditEvent(
                    .pgStatement, role: role, target: AuditTarget(database: "shop", object: "public.orders"),
                    facts: [
                        "at": at, "class": "READ", "command": "SELECT",
                        "statement": "SELECT * FROM orders WHERE id = ?",
                    ])
            ]
            if number == 0 {
                events.append(AuditEvent(.pgLogin, outcome: .success, role: role, facts: ["at": at]))
            }
            if number == 3, hour % 5 == 0 {
                events.append(
                    AuditEvent(
                        .pgFailure, outcome: .failure, reason: "permission denied for table salaries",
                        role: "reporting",
                        target: AuditTarget(database: "shop"), facts: ["at": at, "sqlstate": "42501"]))
            }
            if day % 4 == 1, hour == 10, number == 1 {
                events.append(
                    AuditEvent(
                        .pgStatement, role: "db_admin", target: AuditTarget(database: "shop"),
                        facts: [
                            "at": at, "class": "ROLE", "command": "ALTER ROLE",
                            "statement": "ALTER ROLE ann PASSWORD ?",
                        ]))
                events.append(
                    AuditEvent(
                        .pgFinding, reason: "a session of the superuser postgres", role: "postgres",
                        facts: ["at": at, "finding": "superuser-session"]))
            }
            if day == 9, hour == 15, number == 2 {
                events.append(
                    AuditEvent(
                        .pgFinding, reason: "a statement changes pgaudit.log", role: "postgres",
                        facts: ["at": at, "finding": "setting-changed", "setting": "pgaudit.log"]))
                events.append(
                    AuditEvent(
                        .pgLogin, outcome: .failure, reason: "password authentication failed",
                        facts: ["at": at, "name": "withheld"]))
            }
            return events
        }
    }

    private func backups(_ morning: Timestamp, _ day: Int) -> [AuditEvent] {
        let label = morning.label
        let target = AuditTarget(system: "7301", cluster: "main", backup: label)
        let isGood = day != 6
        var events = [
            AuditEvent(
                .backupRun, outcome: isGood ? .success : .failure,
                reason: isGood ? nil : "cannot write to the repository: no space left on device",
                target: target, facts: ["bytes": .number(48_000_000 + day * 900_000), "databases": "shop"])
        ]
        if isGood, day % 3 != 2 {
            events.append(
                AuditEvent(
                    .backupVerify, outcome: .success, target: target,
                    facts: ["level": "restore", "verdict": "equal", "manifest": "ab12"]))
        }
        return events
    }
}
