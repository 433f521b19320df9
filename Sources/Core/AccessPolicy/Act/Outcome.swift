import AuditLog
import Cryptography
package import Platform
package import PostgresClient

/// What an apply did, or why it did nothing.
package struct Outcome: Sendable {
    package enum Verdict: Sendable, Equatable {
        case applied
        case tooManyRevokes(limit: Int)
        /// A test failed, or the planner will not enforce what is declared: everything was rolled back.
        case disproved
        /// Row security's locks would have been held longer than `proofBudget`: everything was rolled back.
        case overBudget(seconds: Int)
        /// The reviewed plan, or the undo script, no longer fits what is there: what has moved.
        case moved([String])
    }

    package let plan: Plan
    package let proof: Proof
    package let verdict: Verdict
    /// What leads back, where something was changed.
    package let undo: UndoReceipt?

    package init(plan: Plan, proof: Proof = Proof(), verdict: Verdict, undo: UndoReceipt? = nil) {
        self.plan = plan
        self.proof = proof
        self.verdict = verdict
        self.undo = undo
    }

    package var tests: [TestResult] { proof.tests }

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
        case .moved(let what):
            "nothing was done, since this has moved: \(what.brief(8, separator: "; "))"
        }
    }

    /// For the audit log: counts and digests, no names and no rows.
    var facts: [String: AuditFact] {
        var facts: [String: AuditFact] = [
            "changes": .number(plan.changes.count), "widen": .number(plan.count(.widens)),
            "narrow": .number(plan.count(.narrows)), "revokes": .number(plan.revokes),
            "tests": .number(tests.count), "failed_tests": .number(tests.count { !$0.passed }),
            "vacuous_tests": .number(tests.count { $0.verdict == .vacuous }),
            "unknown_tests": .number(tests.count { $0.verdict == .unknown }),
            "not_looked": .number(proof.findings.count { $0.kind == .notLooked }),
            "plan_sha256": .text(SHA256.hash(Array(plan.script.utf8)).hex),
        ]
        if let undo {
            facts["undo"] = .text(undo.file)
            facts["undo_sha256"] = .text(undo.sha256)
            if undo.left > 0 { facts["undo_left"] = .number(undo.left) }
        }
        return facts
    }
}

/// A statement that the server refused.
package struct StatementFailure: Failure {
    package let statement: String
    package let error: PostgresError

    package var status: ExitStatus { error.status == .inputMissing ? .malformed : error.status }
    package var sentence: String { "nothing was done: \(error.sentence), in: \(statement)" }
    package var hint: String? { error.hint }
}
