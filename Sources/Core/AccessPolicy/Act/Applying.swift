import AuditLog
import Platform
import PostgresClient
import SystemPackage

/// Ends the transaction without a commit, and carries out what was found.
struct Refused: Error {
    let outcome: Outcome
}

/// The policy was applied and does not hold.
struct NotConverged: Failure {
    let change: Change

    var status: ExitStatus { .internalError }
    var sentence: String {
        "after all changes there would still be a difference, so nothing was done: \(change.reason)"
    }
    var hint: String? { "please report it, with this statement: \(change.sql.joined(separator: "; "))" }
}

/// What applying a policy and undoing it have in common.
extension Connection {
    /// Runs `body` in one transaction that no other apply to this database shares.
    ///
    /// READ COMMITTED, since statements about roles and privileges see the newest catalog whatever the isolation is, and a
    /// snapshot that does not would show a row that another session has changed meanwhile twice.
    nonisolated(nonsending) func applying(
        _ body: nonisolated(nonsending) () async throws -> Outcome
    ) async throws -> Outcome {
        var attempt = 1
        while true {
            do {
                return try await transaction(.changing) {
                    try await lockPolicy()
                    return try await body()
                }
            } catch let stop as Refused {
                return stop.outcome
            } catch let error as PostgresError where error.isMeeting && attempt < 6 {
                attempt += 1
            } catch is NotConverged where attempt < 3 {
                // Somebody else may have changed something meanwhile: the next plan knows it.
                attempt += 1
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...80) << attempt))
        }
    }

    /// One apply at a time in a database; released with the transaction.
    private func lockPolicy() async throws {
        // The bytes of "dbsec" and a number for this use.
        let isFree: Bool = try await query(
            "SELECT pg_catalog.pg_try_advisory_xact_lock(7162254444797001729)"
        ).one()[0]
        guard isFree else {
            throw PlainFailure(
                .temporary, "another dbsec is applying a policy to this database", hint: "try again when it has ended")
        }
    }

    /// Runs statements of a plan, which stand there as text.
    func run(_ statements: [String]) async throws {
        for statement in statements {
            do {
                try await execute(SQL(raw: statement))
            } catch let error as PostgresError {
                if error.isMeeting || error.isRetryable { throw error }
                throw StatementFailure(statement: statement, error: error)
            }
        }
    }

    /// The connected role must not be locked out: it could not mend the policy.
    func checkOwnAccess() async throws {
        let mayConnect: Bool = try await query(
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

    /// Which database this is, on which server, and as whom we are here.
    func place() async throws -> SavedPlan.Place {
        let row = try await query("SELECT pg_catalog.current_database(), SESSION_USER").one()
        return SavedPlan.Place(
            database: try row[0], system: try await knownSystemIdentifier(), role: try row[1], version: serverVersion)
    }

    /// For the audit log: the database and the role.
    func auditTarget() async throws -> (AuditTarget, role: String) {
        let place = try await place()
        return (AuditTarget(system: place.system, database: place.database), place.role)
    }

    /// Nil where the connected role may not read it.
    private func knownSystemIdentifier() async throws -> String? {
        let may: Bool = try await query(
            "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
        ).one()[0]
        return may ? try await systemIdentifier() : nil
    }
}

extension PostgresError {
    /// Two sessions that grant, or make the same role, met on one row of the catalog: PostgreSQL has no code of its own for
    /// that, and looking again is the answer.
    fileprivate var isMeeting: Bool {
        ["XX000", "23505", "42710", "40P01"].contains(code)
    }
}
