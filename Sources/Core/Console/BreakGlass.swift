package import ArgumentParser
package import AuditLog
import Platform

/// For acts that must not wait for a log that cannot be written, at three in the morning.
package struct BreakGlassOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Do it even though the audit log cannot be written, and say why.",
            discussion:
                "The record goes to the system's log and standard error, is taken into the audit log as soon as that can be "
                + "written again, and stands there as a finding until dbaudit acknowledge.", valueName: "reason"))
    package var breakGlass: String?

    package init() {}

    package func validate() throws {
        if let breakGlass, breakGlass.allSatisfy(\.isWhitespace) {
            throw ValidationError("--break-glass needs a reason")
        }
    }
}

extension Context {
    /// Does something privileged between its two records; past a log that cannot be written only if somebody said why.
    package nonisolated(nonsending) func recording<Value>(
        _ action: AuditAction, target: AuditTarget, past glass: BreakGlassOptions,
        _ body: (inout AuditNote) async throws -> Value
    ) async throws -> Value {
        guard let reason = glass.breakGlass else {
            return try await openAudit().recording(action, target: target, body)
        }
        let past = BreakGlass(reason: reason, source: auditSource, log: state.audit) { warn($0) }
        return try await past.recording(action, target: target, opening: openAudit, body)
    }
}
