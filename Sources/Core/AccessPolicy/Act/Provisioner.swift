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
        try await proof().tests
    }

    /// As an apply would prove the policy, but on the database as it stands; nothing stays of it.
    package func proof(isStrict: Bool = false) async throws -> Proof {
        do {
            return try await connection.transaction(.reader) {
                let snapshot = try await snapshot()
                try CatalogCheck(file.policy, snapshot).run()
                return try await connection.undoing { try await prove(on: snapshot, newClock().started(), isStrict) }
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
                UndoFile.discard(beside: log.folder, id: log.record.id, after: error)
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
        var clock = newClock()
        do {
            let place = try await connection.place()
            try await run(plan.changes, &clock)
            let after = try await snapshot()
            // While the database is compared and proved: of a large apply the way back takes as long as the plan.
            async let script = UndoFile.leading(back: plan.changes, from: after, to: before, at: place)
            let proof = try await prove(stage, whole, after, &clock)
            guard proof.passed, !clock.isOver else {
                let verdict: Outcome.Verdict = clock.isOver ? .overBudget(seconds: clock.seconds) : .disproved
                throw Refused(outcome: Outcome(plan: plan, proof: proof, verdict: verdict))
            }
            let undo = try await script.receipt(log.folder, log.record)
            return Outcome(plan: plan, proof: proof, verdict: .applied, undo: undo)
        } catch is OverBudget {
            throw Refused(outcome: Outcome(plan: plan, verdict: .overBudget(seconds: clock.seconds)))
        } catch  where clock.isOver && Self.wasStopped(error) {
            throw Refused(outcome: Outcome(plan: plan, verdict: .overBudget(seconds: clock.seconds)))
        }
    }

    /// Whether statement_timeout ended a statement.
    private static func wasStopped(_ error: any Error) -> Bool {
        ((error as? StatementFailure)?.error ?? error as? PostgresError)?.code == "57014"
    }

    private func newClock() -> ProofClock { ProofClock(seconds: file.policy.proofBudget) }

    /// From the first change on that keeps others out of a table, the clock runs.
    private func run(_ changes: [Change], _ clock: inout ProofClock) async throws {
        for change in changes {
            if !change.lockedTables.isEmpty { clock.start() }
            if let left = try clock.newLimit() {
                try await connection.execute("SET LOCAL statement_timeout = \(raw: String(left))")
            }
            try await run(change)
        }
    }

    /// Looks whether the policy now holds, as far as this stage goes, and proves it.
    private func prove(
        _ stage: Stage, _ whole: Plan, _ after: Snapshot, _ clock: inout ProofClock
    ) async throws -> Proof {
        switch stage {
        case .preparation:
            return Proof()
        case .completion:
            try checkConverged(after)
            try await connection.checkOwnAccess()
            return Proof()
        case .whole:
            try checkConverged(after)
            try await connection.checkOwnAccess()
            clock.start()
            return try await prove(on: after, clock)
        case .database:
            clock.start()
            let clock = clock
            // What is proved is the state with roles and memberships as they will be; it is undone until all is proved.
            return try await connection.undoing {
                for change in whole.changes where change.kind.isClusterWide && change.isRehearsable {
                    try await run(change)
                }
                let complete = try await snapshot()
                try checkConverged(complete)
                try await connection.checkOwnAccess()
                return try await prove(on: complete, clock)
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

    private func prove(on snapshot: Snapshot, _ clock: ProofClock, _ isStrict: Bool = false) async throws -> Proof {
        try await Prover(connection, file.policy, snapshot, clock: clock, isStrict: isStrict).run()
    }
}

extension TransactionOptions {
    /// Reading with views that are undone, which a READ ONLY transaction would not let us make.
    fileprivate static let reader = TransactionOptions(lockTimeout: .seconds(10), statementTimeout: .seconds(300))

    /// The same as of one moment.
    fileprivate static let planner = TransactionOptions(
        isolation: .repeatableRead, lockTimeout: .seconds(10), statementTimeout: .seconds(300))
}
