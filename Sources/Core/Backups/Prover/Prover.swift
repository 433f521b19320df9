package import Cryptography
package import Platform
import PostgresClient
package import SystemPackage

/// Finds out whether backups hold what they say, and signs what it found.
package struct Prover: Sendable {
    package let keys: KeyFolder
    package let identities: [AgeIdentity]
    /// Signs the proofs.
    package let signer: MinisignSecretKey
    package let scratch: Scratch
    /// What restored databases are asked besides.
    package let smokeTests: [SmokeTest]
    /// `dbbackup 0.1.0`, for the proof.
    package let program: String
    package let now: @Sendable () -> Timestamp
    package let progress: ProgressHandler?

    /// Where and how scratch clusters are made.
    package struct Scratch: Sendable {
        /// The folder to make them in; nil takes memory when the backup fits well, else `fallback`.
        package var place: FilePath?
        package var fallback: FilePath
        /// What must not be seen from inside: state folder, repository.
        package var hidden: [FilePath]
        /// Libraries of the source's `shared_preload_libraries` that may be loaded.
        package var allowedPreloads: Set<String>
        /// Where PostgreSQL's programs are looked for.
        package var environment: [String: String]

        package init(
            place: FilePath? = nil, fallback: FilePath, hidden: [FilePath], allowedPreloads: Set<String> = [],
            environment: [String: String]
        ) {
            self.place = place
            self.fallback = fallback
            self.hidden = hidden
            self.allowedPreloads = allowedPreloads
            self.environment = environment
        }
    }

    package init(
        keys: KeyFolder, identities: [AgeIdentity], signer: MinisignSecretKey, scratch: Scratch, program: String,
        smokeTests: [SmokeTest] = [],
        now: @escaping @Sendable () -> Timestamp = { .now() }, progress: ProgressHandler? = nil
    ) {
        self.keys = keys
        self.identities = identities
        self.signer = signer
        self.scratch = scratch
        self.smokeTests = smokeTests
        self.program = program
        self.now = now
        self.progress = progress
    }

    /// A proof, and what only those may read who may read the backup: the differences by name.
    package struct Finding: Sendable {
        package let proof: Proof
        package let differences: [String]
        /// What the server held and no proof is about, since the backup does not hold it.
        package let notCovered: [Manifest.Gap]
    }

    /// Proves one backup and adds the signed proof to it.
    ///
    /// - Throws: status 65 for a backup that no pinned key signed: there is nothing to prove about it.
    package func prove(_ stored: StoredBackup, level: ProofLevel) async throws -> Finding {
        let started = now()
        let backup = try AuthenticBackup(stored, trusted: keys.trustedKeys())
        let outcome = try await examine(backup, level)
        guard Files.exists(stored.folder), !Tombstone.isIn(stored.folder) else {
            throw PlainFailure(.inputMissing, "\(stored.name) was removed while it was being verified")
        }
        let proof = Proof(
            cluster: stored.cluster, label: stored.label, manifest: stored.manifestHash, level: level,
            verdict: outcome.verdict, databases: outcome.databases.map(Proof.Database.init), missing: outcome.missing,
            notes: outcome.databases.flatMap(\.notes), started: started, finished: now(),
            programs: outcome.programs.merging(["dbbackup": program]) { own, _ in own },
            proverKey: signer.keyID.description, trust: trust(backup.manifest))
        try stored.append(proof, signedBy: signer)
        return Finding(proof: proof, differences: outcome.differences, notCovered: backup.manifest.notCovered)
    }

    /// A prover that holds the producer's key could sign for both.
    private func trust(_ manifest: Manifest) -> Manifest.Trust {
        manifest.producerKey == signer.keyID.description ? .sameHost : manifest.trust
    }

    private func examine(_ backup: AuthenticBackup, _ level: ProofLevel) async throws -> Outcome {
        var outcome = Outcome()
        do {
            try await examine(backup, level, &outcome)
        } catch let error as CryptographyError where error.code == .noMatch {
            outcome.otherMissing.append("an identity that opens it: \(error.sentence)")
        } catch let failure as any Failure where failure.status == .malformed {
            outcome.otherDifferences.append(failure.sentence)
        }
        return outcome
    }

    private func examine(_ backup: AuthenticBackup, _ level: ProofLevel, _ outcome: inout Outcome) async throws {
        let reading = SealedReading(identities: identities, progress: progress)
        guard let indexFile = backup.manifest.file(.index) else {
            throw PlainFailure(.malformed, "the manifest names no index")
        }
        let verifiedIndex = try await verified(indexFile, backup)
        if level == .archive {
            try await onOwnThread { try reading.authenticate(verifiedIndex) }
            for file in backup.manifest.files where file.role != .index {
                let file = try await verified(file, backup)
                try await onOwnThread { try reading.authenticate(file) }
            }
            outcome.databases = backup.manifest.databases.map { DatabaseFinding(name: $0.name) }
            return
        }
        let index = try await onOwnThread { try reading.document(verifiedIndex) }
        try index.check(belongsTo: backup.manifest)
        if level == .decode {
            try await readGlobals(of: backup, reading)
            for recorded in index.databases {
                let dump = try await reading.dump(of: recorded.facts.name, in: backup)
                var finding = DatabaseFinding(recorded)
                let content = try await onOwnThread { try reading.content(of: dump, as: recorded) }
                finding.compare(content, of: dump, with: recorded)
                outcome.databases.append(finding)
            }
        } else {
            try await restore(backup, index, reading, &outcome)
        }
    }

    private func restore(
        _ backup: AuthenticBackup, _ index: IndexDocument, _ reading: SealedReading, _ outcome: inout Outcome
    ) async throws {
        let major = index.cluster.serverVersionNumber / 10000
        // Another version would print the same definitions in other words.
        guard
            let installation = try await PostgresInstallation.all(environment: scratch.environment)
                .first(where: { $0.majorVersion == major })
        else {
            outcome.otherMissing.append("the programs of PostgreSQL \(major): apt install postgresql-\(major)")
            return
        }
        let place = try place(for: backup.manifest)
        let wish = ScratchCluster.Wish(
            binaries: installation.folder, superuser: index.cluster.bootstrapSuperuser, place: place,
            hidden: scratch.hidden,
            preloadLibraries: index.cluster.preloadLibraries.filter(scratch.allowedPreloads.contains),
            objects: index.databases.map(\.definitions.count).max() ?? 0)
        // Hashing takes the disk, initdb the processor: both at once.
        async let files = files(of: backup, index, reading)
        outcome.databases = try await ScratchCluster.with(wish) { [files, smokeTests] cluster in
            let proof = ScratchProof(cluster: cluster, index: index, reading: reading, smokeTests: smokeTests)
            try await proof.createRoles()
            var findings: [DatabaseFinding] = []
            for (recorded, files) in zip(index.databases, files) {
                findings.append(try await proof.prove(recorded, from: try await reading.dump(files)))
            }
            return findings
        }
        outcome.programs["postgres"] = installation.version
    }

    private func verified(_ file: Manifest.File, _ backup: AuthenticBackup) async throws -> VerifiedFile {
        try await onOwnThread { try VerifiedFile(file, in: backup.stored) }
    }

    /// Verifies every file but the index, and reads to its end whatever is no database's.
    private func files(
        of backup: AuthenticBackup, _ index: IndexDocument, _ reading: SealedReading
    ) async throws -> [[VerifiedFile]] {
        try await readGlobals(of: backup, reading)
        var files: [[VerifiedFile]] = []
        for database in index.databases {
            files.append(try await reading.verified(backup.manifest.dumps(of: database.facts.name), in: backup))
        }
        return files
    }

    private func readGlobals(of backup: AuthenticBackup, _ reading: SealedReading) async throws {
        for file in backup.manifest.files where file.database == nil && file.role != .index {
            let file = try await verified(file, backup)
            try await onOwnThread { try reading.open(file, into: DiscardingSink()) }
        }
    }

    /// Memory, when the restored databases take less than half of what is free there; else the disk.
    private func place(for manifest: Manifest) throws -> FilePath {
        if let place = scratch.place { return place }
        // Indexes and page overhead come on top of the dumped text, and the log of both.
        let expected = 200_000_000 + manifest.contentSize * 5 / 2 + min(manifest.contentSize, ScratchCluster.logSize)
        let memory: FilePath = "/dev/shm"
        if Files.exists(memory), let free = try? Files.freeSpace(memory), let available = Memory.available,
            expected < min(free, available) / 2
        {
            return memory
        }
        try Files.createDirectory(scratch.fallback)
        return scratch.fallback
    }
}

/// What an examination has found so far.
private struct Outcome {
    var databases: [DatabaseFinding] = []
    var otherDifferences: [String] = []
    var otherMissing: [String] = []
    var programs: [String: String] = [:]

    var differences: [String] {
        otherDifferences
            + databases.flatMap { database in database.differences.map { "\(database.name): \($0)" } }
    }

    var missing: [String] { otherMissing + databases.flatMap(\.missing) }

    var verdict: Verdict {
        if !otherDifferences.isEmpty { return .different }
        return Verdict.worst(of: databases.map(\.verdict) + (otherMissing.isEmpty ? [] : [.cannotVerify]))
    }
}

extension Proof.Database {
    fileprivate init(_ finding: DatabaseFinding) {
        self.init(
            name: finding.name, verdict: finding.verdict, differences: finding.differences.count,
            tables: finding.tables, rows: finding.rows, restoreSeconds: finding.restoreSeconds,
            smokeTests: finding.smokeTests)
    }
}

extension ClusterFacts {
    fileprivate var preloadLibraries: [String] {
        (settings["shared_preload_libraries"] ?? "").split(separator: ",")
            .map { $0.filter { $0 != " " && $0 != "\"" } }
    }
}
