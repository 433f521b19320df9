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

    case authInstall = "auth.install"
    case authUserCreate = "auth.user.create"
    case authUserImport = "auth.user.import"
    case authUserEnable = "auth.user.enable"
    case authUserDisable = "auth.user.disable"
    case authUserRemove = "auth.user.remove"
    case authUnlock = "auth.unlock"
    case authRevoke = "auth.revoke"
    case authReset = "auth.reset"
    case authTOTPRemove = "auth.totp.remove"
    case authKeyCreate = "auth.apikey.create"
    case authKeyRotate = "auth.apikey.rotate"
    case authKeyRevoke = "auth.apikey.revoke"
    case authPurge = "auth.purge"

    case fieldPurge = "field.purge"
    case fieldMask = "field.mask"
    case subjectCreate = "subject.create"
    case subjectRewrap = "subject.rewrap"
    case subjectErase = "subject.erase"
    case subjectExport = "subject.export"

    /// The first record of every log.
    case logCreated = "log.created"
    /// Head or checkpoint were older than the log, as a crash leaves them, and were completed from it.
    case logRecovered = "log.recovered"
    /// Bytes after the last record, which a crash left, were set aside.
    case logTorn = "log.torn"
    /// The first record of every part of the log but the first: what came before it.
    case logSegment = "log.segment"
    /// The disk was full, and room kept for that was used.
    case logReserve = "log.reserve"
    /// The log's key was replaced, and the old one vouches for the new one.
    case logKey = "log.key"
    /// Old records were given up; their hashes are kept.
    case logPrune = "log.prune"
    /// Sensitive values were erased.
    case logRedact = "log.redact"
    /// Once a day, so that silence is visible.
    case logHeartbeat = "log.heartbeat"
    /// A checkpoint was put somewhere else.
    case logAnchor = "log.anchor"
    /// Something was done although the log could not be written, and is on record only now.
    case logBreakGlass = "log.break_glass"
    /// Somebody looked at a finding and says why it may stand.
    case logAcknowledge = "log.acknowledge"
    /// Somebody verified the log and asked for that to be on record.
    case logVerify = "log.verify"
    /// Somebody read the log and asked for that to be on record.
    case logRead = "log.read"
    /// A report was made of the log.
    case logReport = "log.report"
    /// Lines of a server's log, or rows of its login store, were taken into the log: from where to where.
    case logIngest = "log.ingest"

    // What PostgreSQL itself says, as `dbaudit ingest` took it.
    case pgLogin = "pg.login"
    case pgLogout = "pg.logout"
    case pgStatement = "pg.statement"
    case pgFailure = "pg.failure"
    /// Something that an auditor should look at: logging was changed, a superuser was there, lines are missing.
    case pgFinding = "pg.finding"
    /// A row of `dbauth.events`; its fact `event` says which.
    case authEvent = "auth.event"
}
