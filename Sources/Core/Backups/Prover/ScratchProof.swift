import Platform
import PostgresClient

/// What was found out about one database.
struct DatabaseFinding: Sendable {
    var name: String
    var differences: [String] = []
    var missing: [String] = []
    var notes: [String] = []
    var tables = 0
    var rows = 0
    var restoreSeconds: Double?

    var verdict: Verdict { differences.isEmpty ? missing.isEmpty ? .equal : .cannotVerify : .different }

    init(name: String) {
        self.name = name
    }

    init(_ recorded: DatabaseIndex) {
        self.init(name: recorded.facts.name)
        tables = recorded.content.tables.count
        rows = recorded.content.rows
    }

    /// Compares what was read from the archive with what the run recorded.
    mutating func compare(_ archive: ArchiveContent, with recorded: DatabaseIndex) {
        differences += recorded.content.differences(to: archive.index).map { "the archive differs: \($0)" }
        if archive.toc.definitions != recorded.definitions {
            differences.append("the archive's table of contents is not the recorded one")
        }
    }
}

/// Restores a backup's databases into a scratch cluster and asks what came of them.
struct ScratchProof: Sendable {
    let cluster: ScratchCluster
    let index: IndexDocument
    let reading: SealedReading

    /// Makes the roles that objects belong to: none may log in, none has a password or a setting.
    ///
    /// globals.sql is never run
    /// here: it may make tablespaces in other clusters' folders, and settings that block all further work.
    func createRoles() async throws {
        let connection = try await admin()
        let facts = index.cluster
        for role in facts.roles where role.name != facts.bootstrapSuperuser && !role.name.hasPrefix("pg_") {
            try await connection.execute(
                """
                CREATE ROLE \(identifier: role.name) NOLOGIN \(raw: role.superuser ? "SUPERUSER" : "NOSUPERUSER") \
                \(raw: role.inherit ? "INHERIT" : "NOINHERIT") \(raw: role.bypassRLS ? "BYPASSRLS" : "NOBYPASSRLS")
                """)
        }
        for membership in facts.memberships {
            try await connection.execute(
                """
                GRANT \(identifier: membership.role) TO \(identifier: membership.member) \
                \(raw: membership.admin ? "WITH ADMIN OPTION" : "")
                """)
        }
        // Its name may be that of a database to restore.
        try await connection.execute("DROP DATABASE IF EXISTS postgres")
        await connection.close()
    }

    /// Restores one database, dumps it again, and compares content and definitions with what was recorded.
    func prove(_ recorded: DatabaseIndex, from file: VerifiedFile) async throws -> DatabaseFinding {
        var finding = DatabaseFinding(recorded)
        let connection = try await admin()
        finding.missing = try await missingExtensions(of: recorded, connection)
        guard finding.missing.isEmpty else { return finding }
        let toc = try await onOwnThread { [reading] in try reading.tableOfContents(file) }
        let loading = try DatabaseLoading(
            toc, as: recorded.facts.name, through: connection, withTablespaces: false)
        let began = Timestamp.now()
        do {
            try await loading.create()
        } catch let error as PostgresError {
            finding.missing.append("the database cannot be made: \(error.sentence)")
            return finding
        }
        finding.notes += try await collationNotes(recorded, connection)
        await connection.close()
        do {
            let archive = try await load(recorded, from: file)
            finding.restoreSeconds = Timestamp.now().seconds(since: began)
            finding.compare(archive, with: recorded)
            let copy = try await dumpAgain(recorded, archive.toc)
            finding.differences += recorded.content.differences(to: copy.index).map(\.description)
            finding.differences += archive.toc.differences(toRedump: copy.toc)
        } catch let failure as ChildFailure {
            if Self.isWantOfLibrary(failure) {
                finding.missing.append(failure.sentence)
            } else {
                finding.differences.append("it cannot be restored: \(failure.sentence)")
            }
        }
        return finding
    }

    private func admin() async throws -> Connection {
        try await Connection.open(cluster.parameters(database: "template1"))
    }

    private func load(_ recorded: DatabaseIndex, from file: VerifiedFile) async throws -> ArchiveContent {
        let restore = try cluster.program(
            "pg_restore", ["--exit-on-error", "--single-transaction", "--no-tablespaces"],
            database: recorded.facts.name, settings: settings(recorded))
        return try await restore.feeding { [reading] sink in
            try reading.archive(file, orders: recorded.content.columnOrders, into: sink)
        }
    }

    /// Dumps what was restored by as many programs as there are processors for: nobody writes, so all see the same.
    private func dumpAgain(_ recorded: DatabaseIndex, _ toc: ArchiveTOC) async throws -> ArchiveContent {
        let shares = DumpShares(of: recorded.content, in: toc, programs: min(Processors.count, 4))
        async let rest = dump(recorded, shares.argumentsOfRest)
        let others = try await withThrowingTaskGroup(of: ArchiveContent.self) { group in
            for tables in shares.apart {
                group.addTask { try await dump(recorded, DumpShares.arguments(for: tables)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var whole = try await rest
        for other in others { whole.index.add(rowsOf: other.index) }
        return whole
    }

    private func dump(_ recorded: DatabaseIndex, _ share: [String]) async throws -> ArchiveContent {
        let dump = try cluster.program(
            "pg_dump", ["--format=custom", "--compress=0"] + share, database: recorded.facts.name,
            settings: settings(recorded))
        return try await dump.stream { pipe in
            let reader = ArchiveReader(ContentIndexer(orders: recorded.content.columnOrders))
            try pipe.drain(into: reader)
            guard let toc = reader.toc else { throw PlainFailure(.internalError, "pg_dump wrote no dump") }
            return ArchiveContent(toc: toc, index: reader.consumer.index)
        }
    }

    private func settings(_ recorded: DatabaseIndex) -> String {
        DatabaseLoading.proofSettings(monetaryLocale: recorded.facts.monetaryLocale)
    }

    /// A dump names extensions without their version, so that a restore makes whatever is the default here.
    private func missingExtensions(of recorded: DatabaseIndex, _ connection: Connection) async throws -> [String] {
        var here: [String: String] = [:]
        for row in try await connection.query(
            "SELECT name::text, default_version FROM pg_catalog.pg_available_extensions WHERE default_version IS NOT NULL"
        ) {
            here[try row["name"]] = try row["default_version"] as String
        }
        return recorded.facts.extensions.compactMap { wanted in
            switch here[wanted.name] {
            case wanted.version: nil
            case nil: "the extension \(wanted.name) is not installed here"
            case .some(let version): "the extension \(wanted.name) is \(version) here, not \(wanted.version)"
            }
        }
    }

    private func collationNotes(_ recorded: DatabaseIndex, _ connection: Connection) async throws -> [String] {
        guard let theirs = recorded.facts.collationVersion else { return [] }
        let here: String? =
            try await connection.query(
                "SELECT datcollversion FROM pg_catalog.pg_database WHERE datname = \(recorded.facts.name)"
            ).first.map { try $0["datcollversion"] } ?? nil
        guard let here, here != theirs else { return [] }
        return ["the collation of \"\(recorded.facts.name)\" has the version \(here) here, not \(theirs)"]
    }

    /// What the server says when code that objects need is not installed here.
    private static func isWantOfLibrary(_ failure: ChildFailure) -> Bool {
        ["could not access file", "could not load library", "must be loaded via", "is not available"]
            .contains { failure.messages.contains($0) }
    }
}
