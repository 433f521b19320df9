package import AuditLog
import Platform
import PostgresClient

extension AccessReader {
    /// Records in the audit log that `name` has reviewed this report and answers for it.
    ///
    /// - Throws: when it cannot be recorded; then it is not signed.
    package func sign(_ report: AccessReport, by name: String, audit: AuditLog) async throws -> AccessReport {
        let target = AuditTarget(system: try? await connection.systemIdentifier(), database: report.content.database)
        let entry = try audit.append(
            AuditEvent(
                .policyReview, outcome: .success, role: report.takenBy, target: target,
                facts: [
                    "signer": .text(name), "content_sha256": .text(report.sha256),
                    "roles": .number(report.summary.roles), "objects": .number(report.summary.objects),
                ]))
        var signed = report
        signed.signature = AccessReport.Signature(name: name, at: report.takenAt.brief, record: entry.seq)
        return signed
    }
}
