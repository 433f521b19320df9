package import AuditLog
package import Platform
package import PostgresClient
import SystemPackage

/// Brings one database to what a policy says: plan, apply in one transaction, prove, commit.
package struct Provisioner: Sendable {
    private let connection: Connection
    private let file: PolicyFile
    private let passwords: GivenPasswords
    private let now: Timestamp

    package init(
        _ connection: Connection, _ file: PolicyFile, passwords: GivenPasswords, now: Timestamp = .now()
    ) {
        self.connection = connection
        self.file = file
        self.passwords = passwords
        self.now = now
    }

    /// What would change; nothing is written, and no lock stronger than ACCESS SHARE is taken.
    package func plan() async throws -> Plan {
        do {
            return try await connection.transaction(.planner) { try plan(on: try await snapshot()) }
        } catch {
            throw file.located(error)
        }
    }

    /// The same, with all that it rests on, to be reviewed and applied later.
    package func draft() async throws -> SavedPlan {
        do {
            return try await connection.transaction(.planner) {
                let before = try await snapshot()
                return try await draft(try plan(on: before), on: before)
            }
        } catch {
            throw file.located(error)
        }
    }

    /// Runs the policy's tests against the database as it stands, and undoes whatever they did.
    package func test() async throws -> [TestResult] {
        do {
            return try await connection.transaction(.reader) {
                let snapshot = try await snapshot()
                try CatalogCheck(file.policy, snapshot).run()
                return try await connection.undoing { try await prove(on: snapshot) }
            }
        } catch {
            throw file.located(error)
        }
    }

    /// Applies the policy, recorded in the audit log.
    ///
    /// Everything happens in one transaction, or nothing does. Before the commit the policy is compared again, so that a
    /// second apply has nothing to do, and its tests are run. The script that leads back is on disk before the commit.
    ///
    /// - Parameter reviewed: Nothing is done unless exactly this would be done.
    /// - Parameter stage: The part of the plan that this transaction carries out.
    /// - Throws: with status 75 when another apply is under way; with 77 for all rights that the connected role lacks.
    package func apply(
        maxRevokes: Int, audit: AuditLog, reviewed: SavedPlan? = nil, stage: Stage = .whole
    ) async throws -> Outcome {
        try passwords.requireAll()
        let (target, role) = try await connection.auditTarget()
        return try await audit.recording(.policyApply, target: target, role: role) { note in
            let outcome: Outcome
            let log = (folder: audit.folder.path, record: note.start)
            do {
                outcome = try await connection.applying {
                    try await applyInside(stage, maxRevokes: maxRevokes, reviewed: reviewed, log: log)
                }
            } catch {
                UndoFile.discard(beside: log.folder, id: log.record.id)
                throw file.located(error)
            }
            note.facts = outcome.facts
            if stage != .whole { note.facts["stage"] = .text(stage.rawValue) }
            if let reason = outcome.refusal { note.answerNo(reason) }
            return outcome
        }
    }

    private func applyInside(
        _ stage: Stage, maxRevokes: Int, reviewed: SavedPlan?, log: (folder: FilePath, record: AuditEntry)
    ) async throws -> Outcome {
        let before = try await snapshot()
        let whole = try plan(on: before)
        let plan = try stage.part(of: whole, file.policy)
        if let reviewed {
            let moved =
                stage == .whole
                ? reviewed.moved(in: try await draft(whole, on: before)) : reviewed.exceeded(by: plan.changes)
            guard moved.isEmpty else { throw Refused(outcome: Outcome(plan: whole, verdict: .moved(moved))) }
        }
        guard whole.revokes <= maxRevokes else {
            throw Refused(outcome: Outcome(plan: whole, verdict: .tooManyRevokes(limit: maxRevokes)))
        }
        guard whole.lacking.isEmpty else {
            throw AuthorityFailure(role: before.server.user, missing: whole.lacking)
        }
        for change in plan.changes { try await run(change) }
        let after = try await snapshot()
        let results = try await proved(stage, whole, after)
        guard results.allSatisfy(\.passed) else {
            throw Refused(outcome: Outcome(plan: plan, tests: results, verdict: .disproved))
        }
        let touched = Touched(plan.changes)
        let undo = try UndoFile(
            Reversal(from: after, backTo: before, touched), of: plan.changes, touched,
            at: try await connection.place()
        ).receipt(log.folder, log.record)
        return Outcome(plan: plan, tests: results, verdict: .applied, undo: undo)
    }

    /// Looks whether the policy now holds, as far as this stage goes, and runs its tests.
    private func proved(_ stage: Stage, _ whole: Plan, _ after: Snapshot) async throws -> [TestResult] {
        switch stage {
        case .preparation:
            return []
        case .completion:
            try checkConverged(after)
            try await connection.checkOwnAccess()
            return []
        case .whole:
            try checkConverged(after)
            try await connection.checkOwnAccess()
            return try await prove(on: after)
        case .database:
            // What is proved is the state with roles and memberships as they will be; it is undone until all is proved.
            return try await connection.undoing {
                for change in whole.changes where change.kind.isClusterWide && change.isRehearsable {
                    try await run(change)
                }
                let complete = try await snapshot()
                try checkConverged(complete)
                try await connection.checkOwnAccess()
                return try await prove(on: complete)
            }
        }
    }

    private func snapshot() async throws -> Snapshot {
        try await CatalogReader(connection).snapshot(for: file.policy, passwords: passwords)
    }

    /// The plan, with a note for every right that the connected role lacks for it.
    private func plan(on snapshot: Snapshot) throws -> Plan {
        var plan = try Planner.plan(file.policy, on: snapshot, at: now)
        plan.lacking = Authority(snapshot).missing(for: plan.changes, tests: file.policy.tests)
        plan.notes += plan.lacking.map { "role \(spelled(snapshot.server.user)) lacks \($0)" }
        return plan
    }

    private func draft(_ plan: Plan, on snapshot: Snapshot) async throws -> SavedPlan {
        SavedPlan(
            plan, policy: file.sha256, place: try await connection.place(),
            seen: StateFacts(snapshot, for: file.policy),
            madeAt: now)
    }

    private func run(_ change: Change) async throws {
        if let role = change.passwordOf {
            guard let password = passwords.secrets[role] else {
                throw PlainFailure(.internalError, "the password of role \"\(role)\" was not fetched")
            }
            try await PasswordChange(connection).set(password, of: role)
        } else {
            try await connection.run(change.sql)
        }
    }

    private func checkConverged(_ after: Snapshot) throws {
        let rest = try plan(on: after)
        // A password that SASLprep changes never looks the same here, though it is.
        guard let first = rest.changes.first(where: \.isRehearsable) else { return }
        throw NotConverged(change: first)
    }

    private func prove(on snapshot: Snapshot) async throws -> [TestResult] {
        try await Prover(connection, file.policy, snapshot).run()
    }
}

extension TransactionOptions {
    /// Reading with views that are undone, which a READ ONLY transaction would not let us make.
    fileprivate static let reader = TransactionOptions(lockTimeout: .seconds(10), statementTimeout: .seconds(300))

    /// The same as of one moment.
    fileprivate static let planner = TransactionOptions(
        isolation: .repeatableRead, lockTimeout: .seconds(10), statementTimeout: .seconds(300))
}
