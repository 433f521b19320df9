package import Platform
package import PostgresClient
package import SystemPackage

/// Says, before the first night, everything that would go wrong with a run.
package struct Doctor: Sendable {
    let server: ConnectionParameters
    let repository: Repository
    let keys: KeyFolder
    /// The folder of the audit log.
    let audit: FilePath
    let options: BackupRun.Options
    let hooks: RunHooks
    let environment: [String: String]
    let now: @Sendable () -> Timestamp

    package init(
        server: ConnectionParameters, repository: Repository, keys: KeyFolder, audit: FilePath,
        options: BackupRun.Options, hooks: RunHooks, environment: [String: String],
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.server = server
        self.repository = repository
        self.keys = keys
        self.audit = audit
        self.options = options
        self.hooks = hooks
        self.environment = environment
        self.now = now
    }

    /// What was found about one thing.
    package struct Finding: Sendable, Encodable, Equatable {
        package enum Verdict: String, Sendable, Encodable {
            case ok
            /// A run will be made, and something about it is not as it should be.
            case warn
            /// A run will fail, or not be started at all.
            case fail
        }

        package let topic: String
        package let verdict: Verdict
        package let text: String
        /// What to do about it.
        package let remedy: String?

        init(_ topic: String, _ verdict: Verdict, _ text: String, _ remedy: String? = nil) {
            self.topic = topic
            self.verdict = verdict
            self.text = text
            self.remedy = remedy
        }
    }

    /// Looks at everything; nothing is changed but probes, which are removed again.
    package func examine() async -> [Finding] {
        var findings = await attempt("keys") { try examineKeys() }
        findings += await attempt("audit log") { try probe(audit, "audit log", "dbbackup init makes it") }
        findings += await attempt("repository") {
            try probe(repository.root, "repository", "make the folder writable for this account, or name another one")
        }
        findings += await examineServer()
        findings += await attempt("hooks") { examineHooks() }
        findings += await attempt("schedule") { await examineSchedule() }
        return findings
    }

    /// A failure of the examination is a finding.
    func attempt(_ topic: String, _ body: () async throws -> [Finding]) async -> [Finding] {
        do {
            return try await body()
        } catch {
            let failure = error as? any Failure
            return [Finding(topic, .fail, failure?.sentence ?? "it cannot be examined: \(error)", failure?.hint)]
        }
    }

    private func examineServer() async -> [Finding] {
        do {
            let connection = try await Connection.open(server)
            let (present, cluster) = try await (ServerDatabase.all(connection), ClusterFacts.read(connection))
            let wanted = try options.databases.choose(from: present)
            var findings = [
                Finding(
                    "server", .ok,
                    "PostgreSQL \(cluster.serverVersion)\(cluster.isStandby ? ", a standby" : ""), "
                        + "\(wanted.count) of \(present.count) databases")
            ]
            findings += await attempt("pg_dump") { try await examinePrograms(connection.majorVersion) }
            findings += await attempt("clock") { try await examineClock(connection) }
            let name = try await Source.clusterName(connection, options.cluster)
            findings += await attempt("disk") { try examineDisk(name, wanted) }
            findings += await attempt("leftovers") { try examineLeftovers(name) }
            findings += await attempt("passwords") { try await examinePasswords(connection) }
            if options.configurationFiles {
                findings += await attempt("configuration files") { try await examineConfiguration(connection) }
            }
            findings += await examineDatabases(wanted, connection)
            await connection.close()
            return findings
        } catch {
            return await attempt("server") { throw error }
        }
    }
}
