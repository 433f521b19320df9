/// What a record is about: stable codes, which reports and alarms may rely on for good.
///
/// `Documentation/audit-events.md` says for each what it means and which facts it carries.
package enum AuditAction: String, Codable, Sendable, CaseIterable {
    case policyApply = "policy.apply"
    case policyReview = "policy.review"
    case policyUndo = "policy.undo"

    case backupInit = "backup.init"
    case backupRun = "backup.run"
    case backupVerify = "backup.verify"
    case backupRestore = "backup.restore"
    case backupRead = "backup.read"
    case backupPrune = "backup.prune"
    case backupCopy = "backup.copy"
    case backupRekey = "backup.rekey"
    case backupHold = "backup.hold"
    case backupRelease = "backup.release"

    case keysInit = "keys.init"
    case keysRotate = "keys.rotate"
    case keysRewrap = "keys.rewrap"
    case keysExport = "keys.export"
    case keysDestroy = "keys.destroy"
    case fieldEncrypt = "field.encrypt"
    case fieldDecrypt = "field.decrypt"
    case columnStart = "column.start"
    case columnBackfill = "column.backfill"
    case columnGate = "column.gate"
    case columnFinish = "column.finish"
    case columnRotate = "column.rotate"
    case columnReindex = "column.reindex"
    case columnRevert = "column.revert"
    case columnVerify = "column.verify"

    case fieldPurge = "field.purge"
    case fieldMask = "field.mask"
    case subjectCreate = "subject.create"
    case subjectErase = "subject.erase"
    case subjectExport = "subject.export"

    /// The first record of every log.
    case logCreated = "log.created"
    /// Head or checkpoint were older than the log, as a crash leaves them, and were completed from it.
    case logRecovered = "log.recovered"
    /// Bytes after the last record, which a crash left, were set aside.
    case logTorn = "log.torn"
    /// Somebody verified the log and asked for that to be on record.
    case logVerify = "log.verify"
    /// Somebody read the log and asked for that to be on record.
    case logRead = "log.read"
}
