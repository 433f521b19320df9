package import Platform
import PostgresClient

/// Dumps the databases of a run, each at one instant of its own; one that fails does not lose the others.
struct DatabaseDumps: Sendable {
    let server: ConnectionParameters
    let dumping: Dumping
    let lockWait: Int
    /// How many pg_dump may run at the same time.
    let jobs: Int
    /// A smaller database is dumped by one pg_dump: reading the catalog costs each of them more than sharing saves.
    let splitFrom: Int?
    let isStandby: Bool
    let now: @Sendable () -> Timestamp

    struct Outcome: Sendable {
        /// In the order of the databases.
        fileprivate(set) var dumped: [Dumping.Result] = []
        fileprivate(set) var failed: [FailedDatabase] = []
    }

    /// The largest first, since they take longest; each in turn by as many programs as there are permits for.
    ///
    /// - Throws: what is no matter of one database, such as a full disk; and what went wrong with the first, when all failed.
    func dump(_ databases: [ServerDatabase]) async throws -> Outcome {
        let permits = Permits(jobs)
        let attempts = try await withThrowingTaskGroup(of: (String, Attempt).self) { group in
            for database in databases.sorted(by: { ($0.size ?? 0, $1.name) > ($1.size ?? 0, $0.name) }) {
                let programs = database.isLarge(splitFrom) ? jobs : 1
                group.addTask {
                    (database.name, try await attempt(database.name, programs: programs, permits))
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        var outcome = Outcome()
        for database in databases {
            switch attempts[database.name] {
            case .dumped(let result): outcome.dumped.append(result)
            case .failed(let failure): outcome.failed.append(FailedDatabase(name: database.name, failure: failure))
            case nil: break
            }
        }
        if outcome.dumped.isEmpty, let first = outcome.failed.first { throw first.failure }
        return outcome
    }

    private enum Attempt: Sendable {
        case dumped(Dumping.Result)
        case failed(any Failure)
    }

    private func attempt(_ database: String, programs: Int, _ permits: Permits) async throws -> Attempt {
        do {
            return .dumped(try await dump(database, programs: programs, permits))
        } catch {
            try Task.checkCancellation()
            guard let failure = error as? any Failure, Self.concernsOneDatabase(failure) else { throw error }
            try dumping.forget(database)
            return .failed(failure)
        }
    }

    /// What the server, pg_dump or a look at the tables said; not our own disk, and not a bug of ours.
    private static func concernsOneDatabase(_ failure: any Failure) -> Bool {
        failure is PostgresError || failure is DumpFailure
            || (failure is PlainFailure && failure.status != .internalError)
    }

    /// Dumps one database at one instant, held only as long as that takes.
    private func dump(_ database: String, programs: Int, _ permits: Permits) async throws -> Dumping.Result {
        var attempts = 0
        while true {
            attempts += 1
            do {
                return try await dumpOnce(database, programs: programs, permits)
            } catch let failure as Interrupted {
                guard attempts < 5 else { throw failure.cause }
                // Letting go lets through whoever waits for ACCESS EXCLUSIVE, or a standby's replay; the next instant is after that.
                try await Task.sleep(for: .milliseconds(200 * attempts))
            }
        }
    }

    /// A failure that may not come again at another instant.
    private struct Interrupted: Error {
        let cause: any Error
    }

    private func dumpOnce(_ database: String, programs: Int, _ permits: Permits) async throws -> Dumping.Result {
        try await permits.takeForDatabase()
        let coordinator: Coordinator
        do {
            // Another attempt may have been shared out otherwise.
            try dumping.forget(database)
            coordinator = try await Coordinator.begin(
                server.with(database: database), lockWait: lockWait, now: now)
        } catch {
            permits.giveBack()
            throw isConflict(error) ? Interrupted(cause: error) : error
        }
        do {
            let result = try await dumping.dump(coordinator, server, programs: programs, permits)
            await coordinator.end()
            return result
        } catch {
            let isLockedOut = await coordinator.standsInTheWay()
            await coordinator.end()
            throw isLockedOut || isConflict(error) ? Interrupted(cause: error) : error
        }
    }

    /// Whether a standby may have cancelled who read what its replay had to change: it says so in the server's language, and when
    /// it ends the session in the middle of something not at all.
    private func isConflict(_ error: any Error) -> Bool {
        guard isStandby, !Task.isCancelled else { return false }
        if let error = error as? PostgresError {
            return error.isRetryable || error.code == nil || error.code == "57P01"
        }
        guard let failure = error as? DumpFailure else { return false }
        return failure.status != .permission
    }
}

/// A database of which a run has no dump, and why.
package struct FailedDatabase: Sendable {
    package let name: String
    package let failure: any Failure

    /// What everybody may know of the reason: no name of a table, no address.
    var publicReason: String {
        switch failure.status {
        case .permission: "permission denied"
        case .temporary: "locked, or in the way of others, for too long"
        case .inputMissing: "gone before it was dumped"
        default: "the server or pg_dump failed"
        }
    }
}
