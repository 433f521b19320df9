package import Cryptography
package import Platform
package import PostgresClient

/// Brings databases back from a backup: under their own names or another, each whole or not at all.
///
/// `prepare` reads and decides, `carryOut` acts.
package struct Restoration: Sendable {
    package let backup: AuthenticBackup
    package let options: RestoreOptions
    /// The server, and the database to connect to while the wanted one is made.
    package let server: ConnectionParameters
    /// Where PostgreSQL's programs are looked for.
    package let environment: [String: String]
    let now: @Sendable () -> Timestamp
    let reading: SealedReading

    package init(
        _ backup: AuthenticBackup, identities: [AgeIdentity], server: ConnectionParameters, options: RestoreOptions,
        environment: [String: String], now: @escaping @Sendable () -> Timestamp = { .now() },
        progress: ProgressHandler? = nil
    ) {
        self.backup = backup
        self.options = options
        self.server = server
        self.environment = environment
        self.now = now
        reading = SealedReading(identities: identities, progress: progress)
    }

    /// What came of one database.
    package struct Restored: Sendable {
        package let plan: DatabasePlan
        package let seconds: Double
        /// Nil when nobody asked.
        package let verdict: Verdict?
        package let differences: [String]
        /// False for a replacement that was not like the backup: the present database then stayed.
        package let isInPlace: Bool
    }

    /// Does what was planned, one database after the other; when it throws, no half-restored database is left.
    package func carryOut(_ prepared: Prepared) async throws -> [Restored] {
        let admin = try await administration(besides: prepared.plan.databases.map(\.target))
        for leftover in prepared.plan.leftovers { try await TemporaryDatabase.drop(leftover, admin) }
        try await make(prepared.roleStatements, admin)
        var restored: [Restored] = []
        for database in prepared.databases {
            restored.append(
                try await Restoring(database, prepared, server: server, options: options, reading: reading)
                    .carryOut(through: admin))
        }
        await admin.close()
        return restored
    }

    /// A connection to a database that none of these is: one cannot be renamed from inside.
    func administration(besides names: [String]) async throws -> Connection {
        // It has nothing to say for as long as the loading takes.
        let server = server.with(serverOptions: "-c idle_session_timeout=0")
        let connection = try await Connection.open(server)
        let own: String = try await connection.query("SELECT pg_catalog.current_database()::text").one()[0]
        guard names.contains(own) else { return connection }
        for other in ["postgres", "template1"] where !names.contains(other) {
            guard let elsewhere = try? await Connection.open(server.with(database: other)) else { continue }
            await connection.close()
            return elsewhere
        }
        return connection
    }

    /// All roles in one transaction; each statement travels as a bound value, so that no verifier is logged by
    /// `log_statement = ddl`.
    private func make(_ statements: [String], _ admin: Connection) async throws {
        guard !statements.isEmpty else { return }
        try await admin.transaction(.changing) {
            for statement in statements {
                _ = try await admin.query("SELECT pg_catalog.set_config('dbsec.statement', \(statement), true)")
                try await admin.execute("DO $$ BEGIN EXECUTE pg_catalog.current_setting('dbsec.statement'); END $$")
            }
        }
    }
}

/// The restore of one database.
private struct Restoring: Sendable {
    let database: Restoration.PreparedDatabase
    let missesTablespaces: Bool
    let installation: PostgresInstallation
    let server: ConnectionParameters
    let options: RestoreOptions
    let reading: SealedReading

    init(
        _ database: Restoration.PreparedDatabase, _ prepared: Restoration.Prepared, server: ConnectionParameters,
        options: RestoreOptions, reading: SealedReading
    ) {
        self.database = database
        missesTablespaces = !prepared.plan.missingTablespaces.isEmpty
        installation = prepared.installation
        self.server = server
        self.options = options
        self.reading = reading
    }

    func carryOut(through admin: Connection) async throws -> Restoration.Restored {
        let began = Timestamp.now()
        let plan = database.plan
        guard !plan.isInOneTransaction else {
            try await loading { try await loader(into: plan.target).loadAtOnce() }
            guard plan.way == .fill else { return try await answer(compare(plan.target), began) }
            let making = try making(as: plan.target, admin)
            try await making.applyOwner()
            try await making.applyProperties()
            return try await answer(compare(plan.target), began)
        }
        let making = try making(as: try await TemporaryDatabase.name(admin), admin)
        do {
            try await making.create()
            try await loading { try await loader(into: making.name).load() }
            let comparison = try await compare(making.name)
            if case .replace(let kept, _) = plan.way {
                guard comparison?.verdict ?? .equal == .equal else {
                    try await TemporaryDatabase.drop(making.name, admin)
                    return try await answer(comparison, began, isInPlace: false)
                }
                try await DatabaseSwap(restored: making.name, target: plan.target, kept: kept, server: admin.parameters)
                    .carryOut(admin, at: began)
            } else {
                try await rename(making.name, admin)
            }
            return try await answer(comparison, began)
        } catch {
            // In a task of its own, since a cancelled one can neither connect nor ask.
            await Task { [parameters = admin.parameters] in
                guard let connection = try? await Connection.open(parameters) else { return }
                try? await TemporaryDatabase.drop(making.name, connection)
                await connection.close()
            }.value
            throw error
        }
    }

    private func loading(_ body: () async throws -> ContentIndex) async throws {
        do {
            _ = try await body()
        } catch let failure as ChildFailure {
            throw RestoreFailure(failure)
        }
    }

    private func answer(
        _ comparison: Comparison?, _ began: Timestamp, isInPlace: Bool = true
    ) async throws -> Restoration.Restored {
        Restoration.Restored(
            plan: database.plan, seconds: Timestamp.now().seconds(since: began), verdict: comparison?.verdict,
            differences: comparison?.differences ?? [], isInPlace: isInPlace)
    }

    private func making(as name: String, _ admin: Connection) throws -> DatabaseLoading {
        var making = try DatabaseLoading(database.toc, as: name, through: admin, withTablespaces: !missesTablespaces)
        making.withOwner = !options.leavesOwners
        making.withPrivileges = !options.leavesPrivileges
        return making
    }

    private func loader(into name: String) throws -> DumpLoading {
        var settings = DatabaseLoading.loadingSettings(monetaryLocale: database.recorded.facts.monetaryLocale)
        // Thousands of small commits need not wait for the disk each: the one that renames the database waits for all before it.
        if !database.plan.isInOneTransaction { settings += " -c synchronous_commit=off" }
        let connection = try connection(to: name, settings)
        let arguments =
            ["--no-password"] + (missesTablespaces ? ["--no-tablespaces"] : [])
            + (options.leavesOwners ? ["--no-owner"] : []) + (options.leavesPrivileges ? ["--no-privileges"] : [])
        var loading = DumpLoading(
            dump: database.dump, recorded: database.recorded, reading: reading, jobs: options.jobs
        ) { [installation] further in
            Child(
                installation.program("pg_restore"), arguments + further + [connection.argument],
                environment: connection.environment)
        }
        loading.check = database.recorded.check
        return loading
    }

    private struct Comparison {
        let verdict: Verdict
        let differences: [String]
    }

    /// Asks the server, and not the archive, what is there now.
    private func compare(_ name: String) async throws -> Comparison? {
        guard options.compares else { return nil }
        reading.progress?(Progress("comparing \(database.recorded.facts.name)"))
        let connection = try connection(
            to: name,
            DatabaseLoading.dumpingSettings(monetaryLocale: database.recorded.facts.monetaryLocale))
        let expected = database.expected
        // A part of a large database is not worth a dump of all of it.
        let part =
            database.plan.way == .add ? DumpShares.selecting(database.dump.withContent) : []
        let redump = Redump(recorded: expected, programs: part.isEmpty ? options.jobs : 1) { [installation] further in
            Child(
                installation.program("pg_dump"), ["--no-password"] + further + part + [connection.argument],
                environment: connection.environment)
        }
        do {
            let toc = ArchiveTOC(
                formatMinor: 0, databaseName: "", serverVersion: "", dumpVersion: "",
                entries: database.dump.items.map(\.entry))
            let copy = try await redump.content(sharedOutBy: toc)
            var there = copy.index
            if !options.selection.isEverything {
                there = there.part(Set(expected.tables.map(\.name)))
            }
            var differences = expected.differences(to: there).map(\.description)
            let values = copy.toc.sequenceValues
            for (sequence, value) in toc.sequenceValues.sorted(by: { $0.key < $1.key }) where values[sequence] != value
            {
                differences.append("sequence \(sequence) has another value")
            }
            return Comparison(verdict: differences.isEmpty ? .equal : .different, differences: differences)
        } catch let failure as ChildFailure {
            return Comparison(verdict: .cannotVerify, differences: ["it cannot be compared: \(failure.sentence)"])
        }
    }

    private func connection(to name: String, _ settings: String) throws -> ProgramConnection {
        let connection = try server.with(database: name).with(serverOptions: settings).forPrograms()
        // The rows come in the database's own encoding, whatever this account's sessions use.
        return connection.changing(["PGCLIENTENCODING": nil])
    }

    /// The sessions of pg_restore may still be ending when the database is to be renamed.
    private func rename(_ name: String, _ admin: Connection) async throws {
        for attempt in 1... {
            do {
                try await admin.execute(
                    "ALTER DATABASE \(identifier: name) RENAME TO \(identifier: database.plan.target)")
                return
            } catch let error as PostgresError where error.code == "55006" && attempt < 10 {
                continue
            }
        }
    }
}
