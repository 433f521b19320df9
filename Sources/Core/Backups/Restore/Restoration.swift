package import Cryptography
package import Platform
package import PostgresClient
import SystemPackage

/// Brings a database back from a backup: under its own name or another, whole or not at all.
package struct Restoration: Sendable {
    package let backup: AuthenticBackup
    package let options: Options
    /// The server, and the database to connect to while the wanted one is made.
    package let server: ConnectionParameters
    /// Where PostgreSQL's programs are looked for.
    package let environment: [String: String]
    private let reading: SealedReading

    package struct Options: Sendable {
        /// Which database of the backup; nil when it has only one.
        package var database: String?
        /// The name to restore under; nil takes its own.
        package var target: String?
        /// Makes the roles that the target lacks.
        package var makesRoles: Bool

        package init(database: String? = nil, target: String? = nil, makesRoles: Bool = false) {
            self.database = database
            self.target = target
            self.makesRoles = makesRoles
        }
    }

    package init(
        _ backup: AuthenticBackup, identities: [AgeIdentity], server: ConnectionParameters, options: Options,
        environment: [String: String], progress: ProgressHandler? = nil
    ) {
        self.backup = backup
        self.options = options
        self.server = server
        self.environment = environment
        reading = SealedReading(identities: identities, progress: progress)
    }

    /// All that is known before anything is changed.
    package struct Prepared: Sendable {
        package let plan: RestorePlan
        let recorded: DatabaseIndex
        let file: VerifiedFile
        let toc: ArchiveTOC
        let roleStatements: [String]
        let installation: PostgresInstallation
    }

    /// Verifies the backup's files, reads what they hold and what the target has, and decides; changes nothing.
    package func prepare() async throws -> Prepared {
        let index = try await reading.index(of: backup)
        let recorded = try choose(index)
        let name = options.target ?? recorded.facts.name
        let dump = try await verified(backup.manifest.dump(of: recorded.facts.name), "dump")
        let toc = try await onOwnThread { [reading] in try reading.tableOfContents(dump) }
        let globals = options.makesRoles ? try await globals() : nil
        let connection = try await Connection.open(server)
        let target = try await RestoreTarget.read(connection, database: name, server: server)
        await connection.close()
        let plan = try RestorePlan(
            backup: backup.stored.name, recorded: recorded, toc: toc, roles: index.cluster, target: name, on: target,
            globals: globals, bytes: dump.file.contentSize)
        return Prepared(
            plan: plan, recorded: recorded, file: dump, toc: toc,
            roleStatements: globals?.making(Set(plan.rolesToMake), beside: target.roles) ?? [],
            installation: try await .atLeast(
                max(target.majorVersion, backup.manifest.serverVersionNumber / 10000), environment: environment))
    }

    /// Does what was planned; when it throws, no half-restored database is left.
    ///
    /// - Returns: the seconds it took.
    package func carryOut(_ prepared: Prepared) async throws -> Double {
        let began = Timestamp.now()
        let admin = try await Connection.open(server)
        try await make(prepared.roleStatements, admin)
        let loading = try DatabaseLoading(
            prepared.toc, as: prepared.plan.isNew ? Self.temporaryName() : prepared.plan.target, through: admin,
            withTablespaces: prepared.plan.missingTablespaces.isEmpty)
        if prepared.plan.isNew {
            try await restoreNew(prepared, loading)
        } else {
            try await load(prepared, into: loading.name, further: ["--single-transaction"])
            try await loading.applyOwner()
            try await loading.applyProperties()
        }
        await admin.close()
        return Timestamp.now().seconds(since: began)
    }

    private func restoreNew(_ prepared: Prepared, _ loading: DatabaseLoading) async throws {
        do {
            try await loading.create()
            try await load(prepared, into: loading.name)
            try await rename(loading.name, to: prepared.plan.target, loading.admin)
        } catch {
            // In a task of its own, since a cancelled one can neither connect nor ask.
            await Task { [server] in
                guard let connection = try? await Connection.open(server) else { return }
                _ = try? await connection.execute(
                    "DROP DATABASE IF EXISTS \(identifier: loading.name) WITH (FORCE)")
                await connection.close()
            }.value
            throw error
        }
    }

    private func load(_ prepared: Prepared, into database: String, further: [String] = []) async throws {
        let connection = try server.with(database: database)
            .with(
                serverOptions: DatabaseLoading.loadingSettings(monetaryLocale: prepared.recorded.facts.monetaryLocale)
            )
            .forPrograms()
        let tablespaces = prepared.plan.missingTablespaces.isEmpty ? [] : ["--no-tablespaces"]
        let restore = Child(
            prepared.installation.program("pg_restore"),
            ["--exit-on-error", "--no-password"] + tablespaces + further + [connection.argument],
            environment: connection.environment)
        let recorded = prepared.recorded
        try await restore.feed { [reading] sink in
            let withheld = WithholdingSink(into: sink)
            let archive = try reading.archive(prepared.file, orders: recorded.content.columnOrders, into: withheld)
            guard archive.index == recorded.content, archive.toc.definitions == recorded.definitions else {
                throw PlainFailure(
                    .malformed, "the dump of \"\(recorded.facts.name)\" does not hold what was recorded of it",
                    hint: "restore another backup; dbbackup verify tells what differs")
            }
            try withheld.release()
        }
    }

    /// The session of pg_restore may still be ending when the database is to be renamed.
    private func rename(_ name: String, to target: String, _ admin: Connection) async throws {
        for attempt in 1... {
            do {
                try await admin.execute("ALTER DATABASE \(identifier: name) RENAME TO \(identifier: target)")
                return
            } catch let error as PostgresError where error.code == "55006" && attempt < 50 {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
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

    private func globals() async throws -> GlobalStatements {
        let file = try await verified(backup.manifest.file(.globals), "globals")
        return try await onOwnThread { [reading] in
            let sink = CollectingSink()
            try reading.open(file, into: sink)
            return GlobalStatements(String(decoding: sink.bytes, as: UTF8.self))
        }
    }

    private func verified(_ file: Manifest.File?, _ what: String) async throws -> VerifiedFile {
        guard let file else { throw PlainFailure(.malformed, "the manifest of \(backup.stored.name) names no \(what)") }
        return try await onOwnThread { [stored = backup.stored] in try VerifiedFile(file, in: stored) }
    }

    private func choose(_ index: IndexDocument) throws -> DatabaseIndex {
        let names = index.databases.map(\.facts.name)
        if let wanted = options.database {
            guard let found = index.database(wanted) else {
                throw PlainFailure(
                    .inputMissing, "\(backup.stored.name) has no database \"\(wanted)\"",
                    hint: "it has \(names.joined(separator: ", "))")
            }
            return found
        }
        guard let only = index.databases.first, names.count == 1 else {
            throw PlainFailure(
                .usage, "\(backup.stored.name) has several databases: \(names.joined(separator: ", "))",
                hint: "choose one with --database")
        }
        return only
    }

    private static func temporaryName() -> String {
        "dbsec_restore_" + Hex.encode((0..<6).map { _ in UInt8.random(in: .min ... .max) })
    }
}
