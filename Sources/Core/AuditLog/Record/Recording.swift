import Platform

/// What an act learned about itself, for its `finished` record.
package struct AuditNote: Sendable {
    /// The act's `started` record.
    package let start: AuditEntry
    package var target: AuditTarget
    /// The role in the database that the act used.
    package var role: String?
    package var facts: [String: AuditFact] = [:]
    /// Personal data that the act touched, by name; see `AuditEvent.sensitive`.
    package var sensitive: [String: String] = [:]
    fileprivate var negative: String?

    init(start: AuditEntry, target: AuditTarget, role: String?) {
        (self.start, self.target, self.role) = (start, target, role)
    }

    var isNegative: Bool { negative != nil }

    /// Says that the act was carried out and its answer is no: drift, a proof that failed.
    package mutating func answerNo(_ reason: String) {
        negative = reason
    }
}

extension AuditLog {
    /// Does something privileged between its two records, `started` and `finished`.
    ///
    /// If `started` cannot be written, nothing is done. `finished` is written however the body ends, cancelled too.
    ///
    /// - Throws: what the body throws; `AuditFailure.notRecorded` (74, "done, not recorded") when the body succeeded and
    ///   `finished` could not be written.
    package nonisolated(nonsending) func recording<Value>(
        _ action: AuditAction, target: AuditTarget = AuditTarget(), role: String? = nil,
        facts: [String: AuditFact] = [:], _ body: (inout AuditNote) async throws -> Value
    ) async throws -> Value {
        let started = try append(AuditEvent(action, phase: .started, role: role, target: target, facts: facts))
        return try await recording(action, target: target, role: role, after: started, body)
    }

    /// Does something whose `started` is in the log already.
    nonisolated(nonsending) func recording<Value>(
        _ action: AuditAction, target: AuditTarget, role: String? = nil, after started: AuditEntry,
        _ body: (inout AuditNote) async throws -> Value
    ) async throws -> Value {
        let began = ContinuousClock.now
        var note = AuditNote(start: started, target: target, role: role)
        var finished = AuditEvent(action, phase: .finished, ref: started.id)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(&note))
            finished.outcome = note.negative == nil ? .success : .failure
            finished.reason = note.negative
            finished.status = note.negative == nil ? nil : .negative
        } catch {
            result = .failure(error)
            finished.outcome = .failure
            (finished.reason, finished.status) = explain(error)
        }
        finished.role = note.role
        finished.target = note.target
        finished.facts = note.facts
        finished.sensitive = note.sensitive
        finished.milliseconds = Int(began.duration(to: .now) / .milliseconds(1))
        do {
            // Plain file work, which a cancelled task does as well as any other.
            try append(finished)
        } catch {
            throw notRecorded(action, result, because: error)
        }
        return try result.get()
    }

    private func explain(_ error: any Error) -> (reason: String, status: ExitStatus) {
        let failure = error as? any Failure
        if error is CancellationError { return ("interrupted", .interrupted) }
        // Somebody else's error may hold anything, secrets too: its type has to do.
        let sentence = failure?.sentence ?? "internal error: \(type(of: error))"
        return (Task.isCancelled ? "interrupted: \(sentence)" : sentence, failure?.status ?? .internalError)
    }

    private func notRecorded<Value>(
        _ action: AuditAction, _ result: Result<Value, any Error>, because error: any Error
    ) -> AuditFailure {
        let (reason, _) = explain(error)
        let hint = (error as? any Failure)?.hint
        switch result {
        case .success:
            return AuditFailure(.notRecorded, "\(action.rawValue): done, not recorded: \(reason)", hint: hint)
        case .failure(let failure):
            let (sentence, status) = explain(failure)
            return AuditFailure(
                .failedAndNotRecorded(status), "\(sentence); and that is not recorded: \(reason)", hint: hint)
        }
    }
}
