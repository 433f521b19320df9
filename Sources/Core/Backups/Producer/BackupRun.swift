package import AuditLog
import Cryptography
package import Platform
package import PostgresClient
package import SystemPackage

/// Makes one backup: every database at one instant each, encrypted and signed, published whole or not at all.
package struct BackupRun: Sendable {
    package let server: ConnectionParameters
    package let repository: Repository
    package let keys: KeyFolder
    package let audit: AuditLog
    /// `dbbackup 0.1.0`, for the manifest.
    package let program: String
    package let options: Options
    package let environment: [String: String]
    package let now: @Sendable () -> Timestamp
    package let progress: ProgressHandler?

    package struct Options: Sendable {
        package var databases: DatabaseSelection
        /// The name that the cluster's folder has; nil takes the server's `cluster_name`, or `main`.
        package var cluster: String?
        /// How long to wait for a table's lock, in seconds.
        package var lockWait = 60
        /// The folder of PostgreSQL's programs; nil finds one that fits the server.
        package var programs: FilePath?
        /// Words by which a retention rule may keep this backup.
        package var tags: [String] = []
        /// How many pg_dump may run at the same time; nil takes as many as there are processors, four at most.
        package var jobs: Int?
        /// Whether, and from which size in bytes on, a database is shared out over several pg_dump; nil: never.
        package var splitFrom: Int? = 256 << 20
        /// Whether the server's configuration files are to be in the backup.
        package var configurationFiles = false
        package var anomalies = AnomalyLimits()
        /// Where the producer remembers how much there was; nil remembers nothing and finds no anomalies.
        package var memory: FilePath?

        package init(databases: DatabaseSelection = DatabaseSelection(), cluster: String? = nil) {
            self.databases = databases
            self.cluster = cluster
        }

        package init(databases: [String], cluster: String? = nil) {
            self.init(databases: DatabaseSelection(databases), cluster: cluster)
        }
    }

    package init(
        server: ConnectionParameters, repository: Repository, keys: KeyFolder, audit: AuditLog, program: String,
        options: Options = Options(), environment: [String: String] = [:],
        now: @escaping @Sendable () -> Timestamp = { .now() },
        progress: ProgressHandler? = nil
    ) {
        self.server = server
        self.repository = repository
        self.keys = keys
        self.audit = audit
        self.program = program
        self.options = options
        self.environment = environment
        self.now = now
        self.progress = progress
    }

    /// What a run made.
    package struct Made: Sendable {
        package let backup: StoredBackup
        package let manifest: Manifest
        package let index: IndexDocument
        /// The databases that are not in it.
        package let failed: [FailedDatabase]
        /// What is suspiciously less than the last time.
        package internal(set) var anomalies: [Anomaly] = []
        /// What else somebody should look at: the backup is whole all the same.
        package internal(set) var warnings: [String] = []

        /// Whether all is in it that was asked for, and as much as the options demand.
        package func answer(_ options: Options) -> ExitStatus { shortfall(options) == nil ? .success : .negative }

        /// The same for hooks.
        package func ending(_ options: Options) -> RunHooks.Ending {
            RunHooks.Ending(status: answer(options), reason: shortfall(options), made: self)
        }

        /// Why the answer to "is everything in it?" is no; nil when it is yes.
        func shortfall(_ options: Options) -> String? {
            if !failed.isEmpty { return "not in it: \(failed.map(\.name).joined(separator: ", "))" }
            if options.configurationFiles, index.configuration == nil { return "the configuration files are not in it" }
            return options.anomalies.fail && !anomalies.isEmpty ? "\(anomalies.count) anomalies" : nil
        }
    }

    /// Makes the backup; when this returns, it is complete and on disk.
    ///
    /// Databases that could not be dumped are named in it; where none could, there is no backup, and the first one's failure
    /// is thrown.
    package func make() async throws -> Made {
        try keys.requireReader()
        let signer = try keys.signingKey()
        return try await audit.recording(.backupRun) { note in
            let connection = try await Connection.open(server)
            let source = try await Source.read(connection, server: server, options, environment)
            await connection.close()
            try await source.refuseHiddenRows(server)
            note.target = AuditTarget(system: source.cluster.systemIdentifier, cluster: source.name)
            let made = try await make(source, signer)
            note.target.backup = made.backup.label
            note.facts["databases"] = .text(made.manifest.databases.map(\.name).joined(separator: ", "))
            note.facts["bytes"] = .number(made.manifest.size)
            note.facts["manifest"] = .text(made.backup.manifestHash.hex)
            if !made.failed.isEmpty {
                note.facts["failed"] = .text(made.failed.map(\.name).joined(separator: ", "))
            }
            if !made.anomalies.isEmpty { note.facts["anomalies"] = .number(made.anomalies.count) }
            if let shortfall = made.shortfall(options) { note.answerNo(shortfall) }
            return made
        }
    }

    private func make(_ source: Source, _ signer: MinisignSecretKey) async throws -> Made {
        try Files.createDirectory(repository.folder(of: source.name), mode: RepositoryMode.folder)
        return try await FileLock.holding(repository.lock(of: source.name)) {
            let leftovers = repository.clear(try repository.leftovers(of: source.name))
            let started = try await start(source)
            let folder = repository.folder(of: source.name).appending(started.label)
            try Files.createDirectory(folder, mode: RepositoryMode.folder)
            do {
                let contents = try await fill(folder, source)
                let backup = try publish(contents, source, started, folder, signer)
                var made = Made(
                    backup: backup, manifest: try backup.manifest(), index: contents.index, failed: contents.failed)
                if let problem = source.configuration?.problem { made.warnings.append(problem) }
                made.warnings += leftovers
                compare(&made, source)
                return made
            } catch {
                // Half a backup is nobody's, and with its signature gone first it never looks like a whole one; what cannot
                // be removed now, the next run removes.
                try? Files.remove(folder.appending(Manifest.signatureFileName))
                try? Files.removeTree(folder)
                throw error
            }
        }
    }

    /// The moment that names this backup: later than every other of this cluster.
    private func start(_ source: Source) async throws -> Timestamp {
        let committed = try repository.committedLabels(of: source.name)
        try checkOrigin(source, committed)
        let newest = committed.last ?? ""
        // What could not be removed keeps its name too.
        let taken = Set(try repository.labels(of: source.name))
        for _ in 0..<3 {
            let started = now()
            if started.label > newest, !taken.contains(started.label) { return started }
            // The second after another run is worth waiting for, and no more than that.
            guard started.advanced(bySeconds: 2).label > newest else { break }
            try await Task.sleep(for: .seconds(1))
        }
        throw PlainFailure(
            .temporary, "this host's clock says \(now().brief), but there is a backup \(source.name)/\(newest) already",
            hint: "set the clock; if it was wrong when that backup was made, move its folder out of the repository")
    }

    /// Refuses (78) to mix the backups of two servers; those whose manifest is damaged tell nothing, and stop nothing.
    private func checkOrigin(_ source: Source, _ committed: [String]) throws {
        let folder = repository.folder(of: source.name)
        for label in committed.reversed() {
            let stored = try? StoredBackup(folder: folder.appending(label), cluster: source.name, label: label)
            guard let known = try? stored?.manifest().systemIdentifier else { continue }
            guard known != source.cluster.systemIdentifier else { return }
            throw PlainFailure(
                .configuration,
                "the backups named \(source.name) are of the system \(known), this server is \(source.cluster.systemIdentifier)",
                hint: "give this server a name of its own with --cluster")
        }
    }

    /// What stands in the folder before the manifest.
    private struct Contents {
        let files: [Manifest.File]
        let index: IndexDocument
        let databases: [Manifest.Database]
        let failed: [FailedDatabase]
    }

    private func fill(_ folder: FilePath, _ source: Source) async throws -> Contents {
        let jobs = options.jobs ?? min(4, Processors.count)
        let isAlone = source.databases.count == 1 && !source.databases[0].isLarge(options.splitFrom)
        // Many streams keep the processors busy by themselves, and each worker's jobs cost 15 MB.
        let dumping = Dumping(
            installation: source.installation, folder: folder, recipients: try keys.recipients(),
            workers: jobs == 1 || isAlone ? 2 : jobs == 2 ? 1 : 0, meter: meter(source))
        var files = [try await dumping.dumpGlobals(source.maintenance, withPasswords: source.mayReadPasswords)]
        for file in source.configuration?.files ?? [] { files.append(try dumping.seal(file)) }
        let outcome = try await DatabaseDumps(
            server: server, dumping: dumping, lockWait: options.lockWait, jobs: jobs,
            splitFrom: options.splitFrom, isStandby: source.cluster.isStandby, now: now
        ).dump(source.databases)
        files += outcome.dumped.flatMap(\.files)
        let index = IndexDocument(
            label: folder.lastComponent?.string ?? "",
            run: Hex.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) }), cluster: source.cluster,
            databases: outcome.dumped.map(\.index),
            failed: outcome.failed.map { IndexDocument.Failed(name: $0.name, reason: $0.failure.sentence) },
            configuration: source.configuration?.files.map(\.entry) ?? [])
        files.append(try dumping.seal(index))
        return Contents(
            files: files, index: index, databases: outcome.dumped.map(\.summary), failed: outcome.failed)
    }

    private func meter(_ source: Source) -> Meter {
        let names = source.databases.map(\.name)
        let known = options.memory.flatMap { LastContent.read($0, cluster: source.name) }
        let sizes = names.compactMap { known?.databases[$0]?.bytes }
        return Meter(
            names.count == 1 ? "dumping \(names[0])" : "dumping \(names.count) databases",
            expected: sizes.count == names.count ? sizes.reduce(0, +) : nil, progress)
    }

    /// Holds what was dumped against what there was the last time, and remembers it for the next.
    private func compare(_ made: inout Made, _ source: Source) {
        guard let memory = options.memory else { return }
        var last = LastContent.read(memory, cluster: source.name) ?? LastContent()
        made.anomalies = last.anomalies(in: made.index, present: source.present, options.anomalies)
        last.take(made.index, present: source.present)
        do {
            try last.write(memory, cluster: source.name)
        } catch {
            made.warnings.append("what was backed up cannot be remembered: \((error as? any Failure)?.sentence ?? "")")
        }
    }

    /// Writes the manifest and then its signature, after which the backup is one.
    private func publish(
        _ contents: Contents, _ source: Source, _ started: Timestamp, _ folder: FilePath, _ signer: MinisignSecretKey
    ) throws -> StoredBackup {
        var manifest = Manifest(
            label: started.label, run: contents.index.run, cluster: source.name,
            systemIdentifier: source.cluster.systemIdentifier, serverVersion: source.cluster.serverVersion,
            serverVersionNumber: source.cluster.serverVersionNumber,
            programs: ["dbbackup": program, "pg_dump": "pg_dump \(source.installation.version)"], started: started,
            finished: now(), databases: contents.databases,
            failed: contents.failed.map { Manifest.Failed(name: $0.name, reason: $0.publicReason) },
            files: contents.files, recipients: try keys.recipients().map(\.description),
            producerKey: signer.keyID.description, auditCheckpoint: try audit.newestCheckpoint(),
            trust: keys.holdsIdentity ? .sameHost : .separate,
            notCovered: source.gaps + contents.index.databases.flatMap(\.facts.gaps))
        manifest.fieldKeys = Manifest.fieldKeys(of: contents.index.databases.map(\.facts))
        if !options.tags.isEmpty { manifest.tags = options.tags.sorted() }
        return try manifest.publish(in: folder, signedBy: signer)
    }
}
