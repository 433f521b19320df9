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
        /// Empty: every database that takes connections and is no template.
        package var databases: [String]
        /// The name that the cluster's folder has; nil takes the server's `cluster_name`, or `main`.
        package var cluster: String?
        /// How long to wait for a table's lock, in seconds.
        package var lockWait = 60
        /// The folder of PostgreSQL's programs; nil finds one that fits the server.
        package var programs: FilePath?
        /// Words by which a retention rule may keep this backup.
        package var tags: [String] = []

        package init(databases: [String] = [], cluster: String? = nil) {
            self.databases = databases
            self.cluster = cluster
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
        /// What an interrupted run has left and could not be removed, a sentence each.
        package let leftovers: [String]
    }

    /// Makes the backup; when this returns, it is complete and on disk.
    package func make() async throws -> Made {
        try keys.requireReader()
        let signer = try keys.signingKey()
        return try await audit.recording(.backupRun) { note in
            let connection = try await Connection.open(server)
            let source = try await Source.read(connection, server: server, options, environment)
            await connection.close()
            note.target = AuditTarget(system: source.cluster.systemIdentifier, cluster: source.name)
            let made = try await make(source, signer)
            note.target.backup = made.backup.label
            note.facts["databases"] = .text(source.databases.joined(separator: ", "))
            note.facts["bytes"] = .number(made.manifest.size)
            note.facts["manifest"] = .text(made.backup.manifestHash.hex)
            return made
        }
    }

    private func make(_ source: Source, _ signer: MinisignSecretKey) async throws -> Made {
        try Files.createDirectory(repository.folder(of: source.name), mode: Self.folderMode)
        return try await FileLock.holding(repository.lock(of: source.name)) {
            let leftovers = repository.clear(try repository.leftovers(of: source.name))
            let started = try await start(source)
            let folder = repository.folder(of: source.name).appending(started.label)
            try Files.createDirectory(folder, mode: Self.folderMode)
            do {
                let contents = try await fill(folder, source)
                let backup = try publish(contents, source, started, folder, signer)
                return Made(
                    backup: backup, manifest: try backup.manifest(), index: contents.index, leftovers: leftovers)
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
    }

    private func fill(_ folder: FilePath, _ source: Source) async throws -> Contents {
        let dumping = Dumping(
            installation: source.installation, folder: folder, recipients: try keys.recipients(), progress: progress)
        var files = [try await dumping.dumpGlobals(source.maintenance, withPasswords: source.mayReadPasswords)]
        var dumps: [Dumping.Result] = []
        for database in source.databases { dumps.append(try await dump(database, dumping)) }
        files += dumps.map(\.file)
        let index = IndexDocument(
            label: folder.lastComponent?.string ?? "",
            run: Hex.encode((0..<16).map { _ in UInt8.random(in: .min ... .max) }), cluster: source.cluster,
            databases: dumps.map(\.index))
        files.append(try dumping.seal(index))
        return Contents(files: files, index: index, databases: dumps.map(\.summary))
    }

    /// Dumps one database at one instant, held only as long as that takes.
    private func dump(_ database: String, _ dumping: Dumping) async throws -> Dumping.Result {
        var attempts = 0
        while true {
            attempts += 1
            let coordinator = try await Coordinator.begin(
                server.with(database: database), lockWait: options.lockWait, now: now)
            do {
                let result = try await dumping.dump(coordinator, server)
                await coordinator.end()
                return result
            } catch {
                // Letting go lets through whoever waits for ACCESS EXCLUSIVE; the next instant is after that.
                let isLockedOut = await coordinator.standsInTheWay()
                await coordinator.end()
                guard isLockedOut, attempts < 5 else { throw error }
            }
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
            files: contents.files, recipients: try keys.recipients().map(\.description),
            producerKey: signer.keyID.description, auditCheckpoint: try audit.newestCheckpoint(),
            trust: keys.holdsIdentity ? .sameHost : .separate,
            notCovered: contents.index.databases.flatMap(\.facts.gaps))
        if !options.tags.isEmpty { manifest.tags = options.tags.sorted() }
        let bytes = try manifest.encoded()
        let signature = try signer.sign(bytes.span, trustedComment: "dbsec backup \(source.name)/\(started.label)")
        try Files.write(bytes, to: folder.appending(Manifest.fileName), mode: Self.fileMode)
        try Files.write(signature, to: folder.appending(Manifest.signatureFileName), mode: Self.fileMode)
        return try StoredBackup(folder: folder, cluster: source.name, label: started.label)
    }

    /// A group may be given to those who prove or copy backups: everything in them is encrypted or public.
    private static let folderMode: FilePermissions = [.ownerReadWriteExecute, .groupReadExecute]
    private static let fileMode: FilePermissions = [.ownerReadWrite, .groupRead]
}

/// The server that a run is about, and what it will be dumped with.
struct Source: Sendable {
    let name: String
    let cluster: ClusterFacts
    let databases: [String]
    let installation: PostgresInstallation
    let maintenance: ConnectionParameters
    let mayReadPasswords: Bool

    static func read(
        _ connection: Connection, server: ConnectionParameters, _ options: BackupRun.Options,
        _ environment: [String: String]
    ) async throws -> Source {
        let installation = try await PostgresInstallation.atLeast(
            connection.majorVersion, given: options.programs, environment: environment)
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('cluster_name') AS name, pg_catalog.current_database()::text AS database,
                   pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords
            """
        ).one()
        // Debian calls a cluster 15/main; a slash separates cluster and label where a person names a backup.
        let own = (try row["name"] as String).split(separator: "/").joined(separator: "-")
        let present: [String] = try await connection.query(SQL(embedded: PackageResources.databases_sql)).map {
            try $0["datname"]
        }
        for database in options.databases where !present.contains(database) {
            throw PlainFailure(
                .inputMissing, "there is no database \"\(database)\" that takes connections",
                hint: Suggestion.nearest(to: database, among: present).map { "did you mean \"\($0)\"?" })
        }
        let wanted = options.databases.isEmpty ? present : present.filter(Set(options.databases).contains)
        return Source(
            name: options.cluster ?? (own.isEmpty ? "main" : own),
            cluster: try await ClusterFacts.read(connection), databases: wanted, installation: installation,
            maintenance: server.with(database: try row["database"]), mayReadPasswords: try row["passwords"])
    }
}
