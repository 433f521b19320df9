import Platform

/// What the records say about the world, and where they are silent: backups, roles, heartbeats, acts past a full log.
struct WorldScan {
    private var recorded = LogVerdict.Recorded()
    private var lastHeartbeat: Int64?
    private var silentDays: [String] = []
    private var silentDayCount = 0
    private var roleChanges: [LogVerdict.Finding] = []
    private var brokenGlass: [Int: String] = [:]
    private var prunedOnRecord = 0

    /// The actions that `look` or its caller reads, as bytes.
    private static let actions: [[UInt8]] = [
        AuditAction.logKey, .logSegment, .logHeartbeat, .logPrune, .logBreakGlass, .logAcknowledge, .backupRun,
        .backupCopy, .backupRekey, .policyApply, .policyUndo, .backupRestore, .authInstall,
    ].map { Array($0.rawValue.utf8) }

    /// Found out without building the record, since few are.
    static func isOfInterest(_ line: Span<UInt8>, _ action: Range<Int>, _ phase: AuditRecord.Phase) -> Bool {
        guard phase != .started, action.count >= 7 else { return false }
        return actions.contains { name in
            // The last two bytes tell nearly all of them apart.
            guard name.count == action.count, name[name.count - 1] == line[action.upperBound - 1],
                name[name.count - 2] == line[action.upperBound - 2]
            else { return false }
            return line.holds(name.span, at: action.lowerBound)
        }
    }

    mutating func look(at record: AuditRecord) {
        switch AuditAction(rawValue: record.action) {
        case .backupRun, .backupCopy, .backupRekey: note(backup: record)
        case .policyApply, .policyUndo, .backupRestore, .authInstall: explain(rolesOf: record)
        case .logHeartbeat: beat(record)
        case .logPrune:
            if case .number(let count)? = record.facts?["records"] { prunedOnRecord = max(prunedOnRecord, count) }
        case .logBreakGlass:
            if case .text(let act)? = record.facts?["act"] { brokenGlass[record.seq] = act }
        case .logAcknowledge:
            if case .number(let seq)? = record.facts?["record"] { brokenGlass[seq] = nil }
        default: break
        }
    }

    func report(in verdict: inout LogVerdict, pruned: Int, isWhole: Bool) {
        verdict.recorded = recorded
        if pruned > prunedOnRecord, isWhole {
            verdict.find("the first \(pruned) records are gone, and no record says that they were given up")
        }
        for (seq, act) in brokenGlass.sorted(by: { $0.key < $1.key }) {
            verdict.missing(
                "\(act) was done past a log that could not be written: dbaudit acknowledge \(seq) once it is explained",
                record: seq)
        }
        verdict.gaps += roleChanges
        if silentDayCount > 0 {
            let more = silentDayCount > silentDays.count ? ", ..." : ""
            verdict.missing(
                "\(silentDayCount == 1 ? "1 day" : "\(silentDayCount) days") without a heartbeat: "
                    + silentDays.joined(separator: ", ") + more)
        }
    }

    private mutating func note(backup record: AuditRecord) {
        guard record.outcome == .success, let target = record.target, let backup = target.backup,
            let cluster = target.cluster
        else { return }
        var hashes: Set<String> = recorded.backups["\(cluster)/\(backup)"] ?? []
        if case .text(let hash)? = record.facts?["manifest"] { hashes.insert(hash) }
        recorded.backups["\(cluster)/\(backup)"] = hashes
    }

    private mutating func beat(_ record: AuditRecord) {
        let day = record.time.microseconds / 86_400_000_000
        if let last = lastHeartbeat, day > last + 1 {
            silentDayCount += Int(day - last - 1)
            for silent in (last + 1)..<day where silentDays.count < LogVerdict.findingLimit {
                silentDays.append(String(Timestamp(seconds: silent * 86400).brief.prefix(10)))
            }
        }
        lastHeartbeat = max(lastHeartbeat ?? day, day)
        guard let system = record.target?.system, case .text(let digest)? = record.facts?["roles_sha256"] else {
            return
        }
        if let before = recorded.roles[system], before.digest != digest, !before.changedSince {
            roleChanges.append(
                LogVerdict.Finding(
                    record: record.seq,
                    what: "roles of the cluster \(system) changed after record \(before.record) and before this one, "
                        + "and no record says by whom"))
        }
        recorded.roles[system] = LogVerdict.Roles(digest: digest, record: record.seq, time: record.time)
    }

    /// An act that may change roles, of the server that it names; a restore names the one that the backup is of.
    private mutating func explain(rolesOf record: AuditRecord) {
        let named = record.action == AuditAction.backupRestore.rawValue ? nil : record.target?.system
        for system in recorded.roles.keys where named == nil || named == system {
            recorded.roles[system]?.changedSince = true
        }
    }
}
