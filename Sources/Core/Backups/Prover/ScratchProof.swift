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
    var smokeTests: Int?

    var verdict: Verdict { differences.isEmpty ? missing.isEmpty ? .equal : .cannotVerify : .different }

    init(name: String) {
        self.name = name
    }

    init(_ recorded: DatabaseIndex) {
        self.init(name: recorded.facts.name)
        tables = recorded.content.tables.count
        rows = recorded.content.rows
    }

    /// Compares what was read from the archives with what the run recorded.
    mutating func compare(_ content: ContentIndex, of dump: Dump, with recorded: DatabaseIndex) {
        differences += recorded.content.differences(to: content).map { "the archive differs: \($0)" }
        if !dump.holds(recorded.definitions) {
            differences.append("the archive's table of contents is not the recorded one")
        }
    }
}

/// Restores a backup's databases into a scratch cluster and asks what came of them.
struct ScratchProof: Sendable {
    let cluster: ScratchCluster
    let index: IndexDocument
    let reading: SealedReading
    let smokeTests: [SmokeTest]

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

    /// Restores one database, dumps it again, and compares all that can be asked of it with what was recorded.
    func prove(_ recorded: DatabaseIndex, from dump: Dump) async throws -> DatabaseFinding {
        var finding = DatabaseFinding(recorded)
        let connection = try await admin()
        finding.missing = try await missingExtensions(of: recorded, connection)
        guard finding.missing.isEmpty else { return finding }
        let making = try DatabaseLoading(
            dump.toc, as: recorded.facts.name, through: connection, withTablespaces: false)
        let began = Timestamp.now()
        do {
            try await making.create()
        } catch let error as PostgresError {
            finding.missing.append("the database cannot be made: \(error.sentence)")
            return finding
        }
        await connection.close()
        do {
            let content = try await loading(recorded, dump).load()
            finding.restoreSeconds = Timestamp.now().seconds(since: began)
            finding.compare(content, of: dump, with: recorded)
            let copy = try await redump(recorded).content(sharedOutBy: dump.toc)
            finding.differences += recorded.content.differences(to: copy.index).map(\.description)
            finding.differences += dump.streams[0].front.toc.differences(toRedump: copy.toc)
            try await compareFacts(recorded, &finding)
            try await ask(recorded, &finding)
        } catch let failure as ChildFailure {
            if Self.isWantOfLibrary(failure) {
                finding.missing.append(failure.sentence)
            } else if Self.isWantOfRoom(failure) {
                finding.missing.append("room for a scratch cluster: \(failure.sentence)")
            } else {
                finding.differences.append("it cannot be restored: \(failure.sentence)")
            }
        }
        return finding
    }

    private func admin() async throws -> Connection {
        try await Connection.open(cluster.parameters(database: "template1"))
    }

    private func loading(_ recorded: DatabaseIndex, _ dump: Dump) -> DumpLoading {
        DumpLoading(
            dump: dump, recorded: recorded, reading: reading, jobs: Self.programs
        ) { further in
            try cluster.program(
                "pg_restore", ["--no-tablespaces"] + further, database: recorded.facts.name,
                settings: settings(recorded))
        }
    }

    private func redump(_ recorded: DatabaseIndex) -> Redump {
        Redump(recorded: recorded.content, programs: Self.programs) { further in
            try cluster.program("pg_dump", further, database: recorded.facts.name, settings: settings(recorded))
        }
    }

    private static var programs: Int { min(Processors.count, 4) }

    private func compareFacts(_ recorded: DatabaseIndex, _ finding: inout DatabaseFinding) async throws {
        let connection = try await Connection.open(cluster.parameters(database: recorded.facts.name))
        let copy = try await DatabaseFacts.read(connection)
        await connection.close()
        finding.differences += recorded.facts.differences(to: copy)
        finding.notes += recorded.facts.collationNotes(to: copy)
    }

    private func ask(_ recorded: DatabaseIndex, _ finding: inout DatabaseFinding) async throws {
        guard !smokeTests.isEmpty else { return }
        let name = recorded.facts.name
        finding.smokeTests = smokeTests.count { $0.database == nil || $0.database == name }
        finding.differences += try await SmokeRun(tests: smokeTests, cluster: cluster).differences(in: name)
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

    /// What is said when disk or memory do not suffice, or the server has gone: that tells nothing about the backup.
    private static func isWantOfRoom(_ failure: ChildFailure) -> Bool {
        if case .signalled = failure.end { return true }
        return [
            "No space left on device", "out of memory", "out of shared memory", "server closed the connection",
            "connection to server on socket",
        ].contains { failure.messages.contains($0) }
    }

    /// What the server says when code that objects need is not installed here.
    private static func isWantOfLibrary(_ failure: ChildFailure) -> Bool {
        ["could not access file", "could not load library", "must be loaded via", "is not available"]
            .contains { failure.messages.contains($0) }
    }
}
