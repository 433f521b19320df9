package import AuditLog
import Cryptography
package import Platform
package import PostgresClient

/// Brings one database to what a policy says: plan, apply in one transaction, prove, commit.
package struct Provisioner: Sendable {
    private let connection: Connection
    private let file: PolicyFile
    private let passwords: GivenPasswords

    package init(_ connection: Connection, _ file: PolicyFile, passwords: GivenPasswords) {
        self.connection = connection
        self.file = file
        self.passwords = passwords
    }

    /// What would change; nothing is written, and no lock stronger than ACCESS SHARE is taken.
    package func plan() async throws -> Plan {
        do {
            return try await connection.transaction(.reader) { try await currentPlan() }
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
    /// second apply has nothing to do, and its tests are run.
    ///
    /// - Throws: with status 75 when another apply is under way.
    package func apply(maxRevokes: Int, audit: AuditLog) async throws -> Outcome {
        try passwords.requireAll()
        let target = AuditTarget(
            system: try? await connection.systemIdentifier(),
            database: try await connection.query("SELECT pg_catalog.current_database()").one()[0])
        let role: String = try await connection.query("SELECT SESSION_USER").one()[0]
        return try await audit.recording(.policyApply, target: target, role: role) { note in
            let outcome: Outcome
            do {
                outcome = try await applyRetrying(maxRevokes: maxRevokes)
            } catch {
                throw file.located(error)
            }
            note.facts = outcome.facts
            if let reason = outcome.refusal { note.answerNo(reason) }
            return outcome
        }
    }

    /// Sessions that grant at once, in whichever database, may meet on one row of the catalog.
    private func applyRetrying(maxRevokes: Int) async throws -> Outcome {
        var attempt = 1
        while true {
            do {
                return try await connection.transaction(.changing) { try await applyInside(maxRevokes: maxRevokes) }
            } catch let stop as Refused {
                return stop.outcome
            } catch let error as PostgresError where error.isCatalogCollision && attempt < 6 {
                attempt += 1
                try await Task.sleep(for: .milliseconds(Int.random(in: 20...80) << attempt))
            }
        }
    }

    /// Ends the transaction without a commit, and carries out what was found.
    private struct Refused: Error {
        let outcome: Outcome
    }

    private func applyInside(maxRevokes: Int) async throws -> Outcome {
        try await lock()
        let plan = try await currentPlan()
        guard plan.revokes <= maxRevokes else {
            throw Refused(outcome: Outcome(plan: plan, verdict: .tooManyRevokes(limit: maxRevokes)))
        }
        var clock = newClock()
        do {
            for change in plan.changes {
                if change.lockedTable != nil { clock.start() }
                if let left = try clock.newLimit() {
                    try await connection.execute("SET LOCAL statement_timeout = \(raw: String(left))")
                }
                try await run(change)
            }
            let after = try await snapshot()
            try await checkConverged(after)
            try await checkOwnAccess()
            clock.start()
            let proof = try await prove(on: after, clock)
            guard proof.passed, !clock.isOver else {
                let verdict: Outcome.Verdict = clock.isOver ? .overBudget(seconds: clock.seconds) : .disproved
                throw Refused(outcome: Outcome(plan: plan, proof: proof, verdict: verdict))
            }
            return Outcome(plan: plan, proof: proof, verdict: .applied)
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

    /// One apply at a time in a database; released with the transaction.
    private func lock() async throws {
        // The bytes of "dbsec" and a number for this use.
        let isFree: Bool = try await connection.query(
            "SELECT pg_catalog.pg_try_advisory_xact_lock(7162254444797001729)"
        ).one()[0]
        guard isFree else {
            throw PlainFailure(
                .temporary, "another dbsec is applying a policy to this database", hint: "try again when it has ended")
        }
    }

    private func snapshot() async throws -> Snapshot {
        try await CatalogReader(connection).snapshot(for: file.policy, passwords: passwords)
    }

    private func currentPlan() async throws -> Plan {
        try await Planner.plan(file.policy, on: snapshot())
    }

    private func run(_ change: Change) async throws {
        if let role = change.passwordOf {
            guard let password = passwords.secrets[role] else {
                throw PlainFailure(.internalError, "the password of role \"\(role)\" was not fetched")
            }
            try await PasswordChange(connection).set(password, of: role)
            return
        }
        for statement in change.sql {
            do {
                try await connection.execute(SQL(raw: statement))
            } catch let error as PostgresError where !error.isCatalogCollision {
                throw StatementFailure(statement: statement, error: error)
            }
        }
    }

    private func checkConverged(_ after: Snapshot) async throws {
        let rest = try Planner.plan(file.policy, on: after)
        // A password that SASLprep changes never looks the same here, though it is.
        guard let first = rest.changes.first(where: { $0.passwordOf == nil }) else { return }
        throw PlainFailure(
            .internalError, "after all changes there would still be a difference, so nothing was done: \(first.reason)",
            hint: "please report it, with this statement: \(first.sql.joined(separator: "; "))")
    }

    /// A policy must not lock out the role that applies it: it could not be corrected by the same role.
    private func checkOwnAccess() async throws {
        let mayConnect: Bool = try await connection.query(
            """
            SELECT r.rolcanlogin AND pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CONNECT')
            FROM pg_catalog.pg_roles r WHERE r.rolname = SESSION_USER
            """
        ).one()[0]
        guard mayConnect else {
            throw PlainFailure(
                .malformed, "the policy would lock out the connected role, so nothing was done",
                hint: "grant it CONNECT on the database by name first")
        }
    }

    private func prove(on snapshot: Snapshot, _ clock: ProofClock, _ isStrict: Bool = false) async throws -> Proof {
        try await Prover(connection, file.policy, snapshot, clock: clock, isStrict: isStrict).run()
    }
}

extension PostgresError {
    /// "tuple concurrently updated", which has no code of its own, a row that another session has just made, or a
    /// deadlock over what all databases share.
    fileprivate var isCatalogCollision: Bool { ["XX000", "23505", "40P01"].contains(code) }
}

extension TransactionOptions {
    /// Reading with views that are undone, which a READ ONLY transaction would not let us make.
    fileprivate static let reader = TransactionOptions(lockTimeout: .seconds(10), statementTimeout: .seconds(300))
}

/// What an apply did, or why it did nothing.
package struct Outcome: Sendable {
    package enum Verdict: Sendable, Equatable {
        case applied
        case tooManyRevokes(limit: Int)
        /// A test failed, or the planner will not enforce what is declared: everything was rolled back.
        case disproved
        /// Row security's locks would have been held longer than `proofBudget`: everything was rolled back.
        case overBudget(seconds: Int)
    }

    package let plan: Plan
    package let proof: Proof
    package let verdict: Verdict
    package var tests: [TestResult] { proof.tests }

    package init(plan: Plan, proof: Proof = Proof(), verdict: Verdict) {
        self.plan = plan
        self.proof = proof
        self.verdict = verdict
    }

    /// Why nothing was done, as a sentence; nil when it was.
    package var refusal: String? {
        switch verdict {
        case .applied: nil
        case .tooManyRevokes(let limit):
            "the plan takes away \(plan.revokes) rights that are not declared, more than --max-revokes \(limit): "
                + "nothing was done"
        case .disproved:
            [
                tests.contains { !$0.passed } ? "\(tests.count { !$0.passed }) of \(tests.count) tests failed" : nil,
                proof.findings.contains(where: \.fails)
                    ? "\(proof.findings.count(where: \.fails)) declarations would not be enforced as written" : nil,
            ].compactMap(\.self).joined(separator: ", ") + ": everything was rolled back"
        case .overBudget(let seconds) where plan.locks.isEmpty:
            "the proof took longer than proofBudget, \(seconds) s: everything was rolled back; give it a larger proofBudget, "
                + "or faster tests"
        case .overBudget(let seconds):
            "row security changes would hold their ACCESS EXCLUSIVE locks longer than proofBudget, \(seconds) s: everything "
                + "was rolled back; apply it in a quiet hour with a larger proofBudget, or give it faster tests"
        }
    }

    /// For the audit log: counts and the digest of the statements, no names and no rows.
    fileprivate var facts: [String: AuditFact] {
        [
            "changes": .number(plan.changes.count), "widen": .number(plan.count(.widens)),
            "narrow": .number(plan.count(.narrows)), "revokes": .number(plan.revokes),
            "tests": .number(tests.count), "failed_tests": .number(tests.count { !$0.passed }),
            "plan_sha256": .text(SHA256.hash(Array(plan.script.utf8)).hex),
        ]
    }
}

/// A statement of a plan that the server refused.
package struct StatementFailure: Failure {
    package let statement: String
    package let error: PostgresError

    package var status: ExitStatus { error.status == .inputMissing ? .malformed : error.status }
    package var sentence: String { "nothing was done: \(error.sentence), in: \(statement)" }
    package var hint: String? { error.hint }
}
