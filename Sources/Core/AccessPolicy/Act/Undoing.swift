package import AuditLog
import Platform
package import PostgresClient
import SystemPackage

/// Takes one apply back, with the script that it left beside its audit record.
package struct Undoing: Sendable {
    /// So much of what is not undone is shown.
    private static let notes = 20

    private let connection: Connection

    package init(_ connection: Connection) {
        self.connection = connection
    }

    /// Runs the script of a record in one transaction, if nothing that it touches has changed since; recorded itself.
    ///
    /// Afterwards everything it touches must be as it was before that apply, or nothing was done. An undo leaves a script
    /// too, so that it can be undone.
    ///
    /// - Parameter record: The number or the id of the apply's `started` or `finished` record.
    /// - Throws: with status 66 when there is no such record, or it changed nothing.
    package func undo(_ record: String, audit: AuditLog) async throws -> Outcome {
        let log = audit.folder.path
        let found = try Self.script(of: record, in: log)
        guard !found.script.statements.isEmpty else {
            throw PlainFailure(
                .inputMissing,
                "nothing that record \(record) did can be undone: \(found.script.left.brief(separator: "; "))",
                hint: "the script \(found.file) below the log's folder lists what was lost")
        }
        let (target, role) = try await connection.auditTarget()
        return try await audit.recording(
            .policyUndo, target: target, role: role, facts: ["undone": .text(found.record.id)]
        ) { note in
            let start = note.start
            let outcome: Outcome
            do {
                outcome = try await connection.applying { try await undoInside(found.script, log, start) }
            } catch {
                UndoFile.discard(beside: log, id: start.id, after: error)
                throw error
            }
            note.facts = outcome.facts
            note.facts["undone"] = .text(found.record.id)
            if let reason = outcome.refusal { note.answerNo(reason) }
            return outcome
        }
    }

    private func undoInside(_ script: UndoFile, _ log: FilePath, _ start: AuditEntry) async throws -> Outcome {
        let before = try await snapshot()
        let place = try await connection.place()
        let expected = StateFacts(values: script.after)
        let keys = Set(script.before.keys).union(script.after.keys)
        var moved: [String] = []
        if place.database != script.place.database || place.system != script.place.system {
            moved.append(
                place.database == script.place.database
                    ? "this is another server than the one of the script"
                    : "this is database \(place.database), and the script is for \(script.place.database): connect to it "
                        + "with -d")
        } else {
            moved = StateFacts(before).about(keys).moved(since: expected)
        }
        var plan = Plan()
        plan.changes = [try Change(undoing: script.statements)]
        plan.notes = script.left.prefix(Self.notes).map { "not undone: \($0)" }
        if script.left.count > Self.notes {
            plan.notes.append("not undone: \(script.left.count - Self.notes) more, which the script lists")
        }
        guard moved.isEmpty else { throw Refused(outcome: Outcome(plan: plan, verdict: .moved(moved))) }
        try await connection.run(script.statements)
        let after = try await snapshot()
        let rest = StateFacts(after).about(keys).moved(since: StateFacts(values: script.before))
        guard rest.isEmpty else {
            throw PlainFailure(
                .internalError,
                "after the script there would still be a difference, so nothing was done: \(rest.brief())")
        }
        try await connection.checkOwnAccess()
        let gone = Set(script.touched.roles).subtracting(after.roles.keys).intersection(before.roles.keys).sorted()
        let drops = try gone.map { name in
            try Change(.dropRole, .narrows, [RoleStatements.drop(name)], reason: "", requires: [.alter(role: name)])
        }
        let reversal = try Reversal(from: after, backTo: before, script.touched)
        // Where roles that the apply had made are gone, with all they held, the policy brings them back, and no script.
        let undo =
            reversal.isEmpty
            ? nil : try UndoFile(reversal, of: drops, script.touched, at: place).receipt(log, start)
        return Outcome(plan: plan, verdict: .applied, undo: undo)
    }

    private func snapshot() async throws -> Snapshot {
        try await CatalogReader(connection).snapshot(for: Policy(), passwords: GivenPasswords())
    }

    /// Finds the record and the script it speaks of.
    private static func script(of name: String, in log: FilePath) throws -> (
        record: AuditRecord, file: String, script: UndoFile
    ) {
        let records = try LogReader(log).records(last: 1_000_000, action: "policy").records
        guard let named = records.first(where: { $0.id == name || String($0.seq) == name }) else {
            throw PlainFailure(
                .inputMissing, "there is no record \(name) of an apply in the audit log \(log)",
                hint: "see dbaudit show --action policy")
        }
        let finished = named.phase == .finished ? named : records.first { $0.ref == named.id }
        guard let finished, case .text(let file) = finished.facts?["undo"],
            case .text(let sha256) = finished.facts?["undo_sha256"]
        else {
            let id = (named.phase == .finished ? named.ref : named.id) ?? named.id
            if let path = UndoFile.path(ofUnfinished: id, beside: log) {
                throw PlainFailure(
                    .inputMissing,
                    "nobody recorded whether the apply of record \(name) was committed: it was interrupted",
                    hint: "if dbsec plan shows that it was, read its script, \(path), and run it with psql -1 -f")
            }
            throw PlainFailure(.inputMissing, "record \(name) changed nothing that could be undone")
        }
        return (finished, file, try UndoFile.read(file, beside: log, sha256: sha256))
    }
}

extension Change {
    /// A whole script as one change.
    fileprivate init(undoing statements: [String]) throws(PlainFailure) {
        try self.init(.undo, .changes, statements.map { SQL(raw: $0) }, reason: "as it was before")
    }
}
