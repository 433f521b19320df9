import Platform
import SystemPackage

/// What a report counts, over one part of the log; parts are added up in their order.
struct ReportTally: Sendable {
    struct Actor: Sendable {
        var acts = 0
        var failures = 0
        var first = Moment.none
        var last = Moment.none
        var actions: [String: (acts: Int, failures: Int)] = [:]
    }

    struct Backup: Sendable {
        var cluster = ""
        var at = ""
        var actor = ""
        var outcome = ""
        var bytes = ""
        var databases = ""
        var proofs: [Proof] = []
    }

    struct Proof: Sendable {
        var level = ""
        var verdict = ""
        var at = ""
        var actor = ""
        var isGood = false
    }

    struct Login: Sendable {
        var admitted = 0
        var refused = 0
        var lockouts = 0
        var last = Moment.none
    }

    struct Decryption: Sendable {
        var acts = 0
        var failures = 0
        var values = 0
        var last = Moment.none
    }

    struct Group: Sendable {
        var count = 0
        var first = Moment.none
        var last = Moment.none
        var seq = 0
    }

    /// Where a record stands.
    struct Place: Sendable {
        let file: FilePath
        let range: Range<Int>
        let seq: Int
    }

    var records = 0
    var acts = 0
    var unreadable = 0
    var counts: [Int: Int] = [:]
    var first = Moment.none
    var last = Moment.none
    var actors: [String: Actor] = [:]
    var backups: [String: Backup] = [:]
    var logins: [String: Login] = [:]
    /// By who, what and of what, with U+001F between them.
    var decryptions: [String: Decryption] = [:]
    var findings: [String: Group] = [:]
    var failures: [String: Group] = [:]
    /// By five minutes: acts of each category, and failures last.
    var timeline: [Int: [Int]] = [:]
    /// The newest records of all, and of each important kind.
    var newest: [Place] = []
    var newestOfKind: [Int: [Place]] = [:]

    /// Enough for any reader, and little enough for any log.
    static let groupLimit = 20_000

    /// Counts a record; only the few that a table of their own is about are taken apart wholly.
    mutating func add(_ fields: RecordFields, _ line: Span<UInt8>, at place: Place, rows limit: Int) {
        records += 1
        // An act counts once: by its end. The verdict lists those that have none.
        guard let head = ReportHead(fields, line) else { return }
        acts += 1
        first = first.earlier(head.moment)
        last = max(last, head.moment)
        for kind in ReportRow.Kinds.important where head.kinds.contains(kind) {
            counts[kind.rawValue, default: 0] += 1
            Self.keep(place, limit / 5, &newestOfKind[kind.rawValue, default: []])
        }
        Self.keep(place, limit, &newest)
        if actors[head.actor] != nil || actors.count < Self.groupLimit {
            Self.add(head, &actors[head.actor, default: Actor()])
        }
        if !head.kinds.isDisjoint(with: [.backup, .login, .decryption, .finding, .failure]) {
            count(ReportRow(fields, line), head)
        }
        let slot = head.moment.slot
        timeline[slot, default: Array(repeating: 0, count: ReportRow.categories.count + 1)][
            ReportRow.category(head.kinds)] += 1
        if head.kinds.contains(.failure) { timeline[slot]?[ReportRow.categories.count] += 1 }
    }

    private static func keep(_ place: Place, _ limit: Int, _ places: inout [Place]) {
        places.append(place)
        if places.count >= max(64, 2 * limit) { places.removeFirst(places.count - limit) }
    }

    private mutating func count(_ row: ReportRow, _ head: ReportHead) {
        if row.kinds.contains(.backup) { countBackup(row, head.actor) }
        if row.kinds.contains(.login) { countLogin(row, head) }
        if row.kinds.contains(.decryption) { countDecryption(row, head) }
        if row.kinds.contains(.finding) { Self.add(head, row.fact("finding") ?? "other", &findings) }
        if row.kinds.contains(.failure) {
            Self.add(head, "\(row.action)\u{1F}\(row.reason.beginning(200))", &failures)
        }
    }

    private static func add(_ head: ReportHead, _ actor: inout Actor) {
        let isFailure = head.kinds.contains(.failure)
        actor.acts += 1
        if isFailure { actor.failures += 1 }
        actor.first = actor.first.earlier(head.moment)
        actor.last = max(actor.last, head.moment)
        var action = actor.actions[head.action] ?? (0, 0)
        action.acts += 1
        if isFailure { action.failures += 1 }
        actor.actions[head.action] = action
    }

    private static func add(_ head: ReportHead, _ name: String, _ groups: inout [String: Group]) {
        guard groups[name] != nil || groups.count < groupLimit else { return }
        var group = groups[name] ?? Group()
        group.count += 1
        group.first = group.first.earlier(head.moment)
        if head.moment >= group.last { (group.last, group.seq) = (head.moment, head.seq) }
        groups[name] = group
    }

    private mutating func countBackup(_ row: ReportRow, _ actor: String) {
        guard let name = row.target("backup"), backups[name] != nil || backups.count < Self.groupLimit else { return }
        var backup = backups[name] ?? Backup()
        if let cluster = row.target("cluster") { backup.cluster = cluster }
        if row.action == "backup.run" {
            (backup.at, backup.actor, backup.outcome) = (row.moment, actor, row.outcome)
            backup.bytes = row.fact("bytes") ?? ""
            backup.databases = row.fact("databases") ?? ""
        } else if row.action == "backup.verify" {
            backup.proofs.append(
                Proof(
                    level: row.fact("level") ?? "",
                    verdict: row.fact("verdict") ?? (row.reason.isEmpty ? "" : row.reason),
                    at: row.moment, actor: actor, isGood: row.outcome == "success"))
            if backup.proofs.count > 20 { backup.proofs.removeFirst() }
        }
        backups[name] = backup
    }

    private mutating func countDecryption(_ row: ReportRow, _ head: ReportHead) {
        let place = [row.target("database"), row.target("object") ?? row.fact("table"), row.target("backup")]
        let what = place.compactMap(\.self).joined(separator: " · ").beginning(200)
        let name = "\(head.actor)\u{1F}\(head.action)\u{1F}\(what)"
        guard decryptions[name] != nil || decryptions.count < Self.groupLimit else { return }
        var decryption = decryptions[name] ?? Decryption()
        decryption.acts += 1
        if head.kinds.contains(.failure) { decryption.failures += 1 }
        let values = row.fact("values") ?? row.fact("rows") ?? row.fact("fields")
        decryption.values += max(0, values.flatMap { Int($0) } ?? 0)
        decryption.last = max(decryption.last, head.moment)
        decryptions[name] = decryption
    }

    private mutating func countLogin(_ row: ReportRow, _ head: ReportHead) {
        let event = row.fact("event") ?? row.action
        let isLogin = row.action == "pg.login" || event == "login"
        let isLockout = event.hasPrefix("lockout")
        guard isLogin || isLockout else { return }
        // Where no name is written down, the store's keyed hash of it tells the attempts apart.
        let who =
            row.code == "auth.event"
            ? "login "
                + (row.fact("account") ?? row.fact("identifier_hash").map { "unknown \($0.prefix(12))" } ?? "unknown")
            : row.role.isEmpty ? "a name that is no role" : row.role
        guard logins[who] != nil || logins.count < Self.groupLimit else { return }
        var login = logins[who] ?? Login()
        if isLockout {
            login.lockouts += 1
        } else if head.kinds.contains(.failure) {
            login.refused += 1
        } else {
            login.admitted += 1
        }
        login.last = max(login.last, head.moment)
        logins[who] = login
    }
}

extension ReportTally {
    /// Adds what came after.
    mutating func merge(_ next: ReportTally, rows limit: Int) {
        records += next.records
        acts += next.acts
        unreadable += next.unreadable
        counts.merge(next.counts, uniquingKeysWith: +)
        first = first.earlier(next.first)
        last = max(last, next.last)
        actors.merge(next.actors) { old, new in
            var sum = old
            sum.acts += new.acts
            sum.failures += new.failures
            sum.first = old.first.earlier(new.first)
            sum.last = max(old.last, new.last)
            sum.actions.merge(new.actions) { ($0.acts + $1.acts, $0.failures + $1.failures) }
            return sum
        }
        backups.merge(next.backups) { old, new in
            var sum = new.at.isEmpty ? old : new
            if sum.cluster.isEmpty { sum.cluster = new.cluster }
            sum.proofs = Array((old.proofs + new.proofs).suffix(20))
            return sum
        }
        logins.merge(next.logins) { old, new in
            Login(
                admitted: old.admitted + new.admitted, refused: old.refused + new.refused,
                lockouts: old.lockouts + new.lockouts, last: max(old.last, new.last))
        }
        decryptions.merge(next.decryptions) { old, new in
            Decryption(
                acts: old.acts + new.acts, failures: old.failures + new.failures, values: old.values + new.values,
                last: max(old.last, new.last))
        }
        findings.merge(next.findings, uniquingKeysWith: Self.sum)
        failures.merge(next.failures, uniquingKeysWith: Self.sum)
        timeline.merge(next.timeline) { zip($0, $1).map(+) }
        newest = Array((newest + next.newest).suffix(limit))
        newestOfKind.merge(next.newestOfKind) { Array(($0 + $1).suffix(limit / 5)) }
    }

    private static func sum(_ old: Group, _ new: Group) -> Group {
        let later = new.last >= old.last ? new : old
        return Group(
            count: old.count + new.count, first: old.first.earlier(new.first), last: later.last, seq: later.seq)
    }
}
