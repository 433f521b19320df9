package import Platform

/// How well one database is backed up, as far as signed backups and signed proofs say.
package struct DatabaseHealth: Hashable, Sendable {
    package let cluster: String
    package let database: String
    /// The instant that the newest backup shows.
    package var newest: Timestamp
    /// The instant that the newest backup shows which a restore has proved; nil when there is none.
    package var newestProven: Timestamp?
    /// How long that proof took to create and load the database, in seconds.
    package var restoreSeconds: Double?
    /// The newest backup's dump, as it is stored.
    package var bytes: Int
    /// How long the run of the newest backup took, in seconds.
    package var runSeconds: Double
    package var backups: Int

    package init(
        cluster: String, database: String, newest: Timestamp, newestProven: Timestamp? = nil,
        restoreSeconds: Double? = nil, bytes: Int = 0, runSeconds: Double = 0, backups: Int = 1
    ) {
        self.cluster = cluster
        self.database = database
        self.newest = newest
        self.newestProven = newestProven
        self.restoreSeconds = restoreSeconds
        self.bytes = bytes
        self.runSeconds = runSeconds
        self.backups = backups
    }
}

/// What `dbbackup check` demands; nil demands nothing.
package struct HealthLimits: Hashable, Sendable {
    /// Seconds since the instant that the newest backup shows.
    package var age: Double?
    /// Seconds since the instant that the newest proven backup shows.
    package var provenAge: Double?
    /// The recovery time objective: seconds that a restore may take.
    package var restoreTime: Double?
    /// Runs as large as the newest ones for which there must be room.
    package var runsLeft: Int?

    package init(
        age: Double? = nil, provenAge: Double? = nil, restoreTime: Double? = nil, runsLeft: Int? = nil
    ) {
        self.runsLeft = runsLeft
        self.age = age
        self.provenAge = provenAge
        self.restoreTime = restoreTime
    }
}

/// The health of all databases of a repository.
package struct Health: Sendable {
    /// Sorted by cluster and database.
    package let databases: [DatabaseHealth]
    /// Backups that no pinned key signed, which count for nothing, with the reason.
    package let doubtful: [String: String]
    /// The databases that could not be dumped at the last attempt, with the reason.
    package let failed: [String: String]

    package init(
        databases: [DatabaseHealth], doubtful: [String: String] = [:], failed: [String: String] = [:]
    ) {
        self.databases = databases
        self.doubtful = doubtful
        self.failed = failed
    }

    /// Reads it from the manifests and proofs that pinned keys signed; nothing is decrypted.
    package static func read(_ repository: Repository, keys: KeyFolder) throws -> Health {
        let trusted = try keys.trustedKeys()
        var found: [[String]: DatabaseHealth] = [:]
        var doubtful: [String: String] = [:]
        var failed: [String: String] = [:]
        for examined in try repository.clusters().flatMap({ try repository.examine($0, trusted: trusted) }) {
            let (stored, proofs) = (examined.stored, examined.proofs)
            let manifest: Manifest
            switch examined.standing {
            case .authentic(let backup): manifest = backup.manifest
            case .doubtful(let why):
                doubtful[stored.name] = why
                continue
            }
            for database in manifest.failed ?? [] { failed["\(stored.cluster)/\(database.name)"] = database.reason }
            // Oldest first: whatever is in a later backup fails no more.
            for database in manifest.databases { failed["\(stored.cluster)/\(database.name)"] = nil }
            for database in manifest.databases {
                let key = [stored.cluster, database.name]
                let proof = proofs.proven.contains(database.name) ? proofs.restoring(database.name) : nil
                // Oldest first: what comes later is newer.
                found[key] = DatabaseHealth(
                    cluster: stored.cluster, database: database.name, newest: database.snapshot,
                    newestProven: proof == nil ? found[key]?.newestProven : database.snapshot,
                    restoreSeconds: proof?.restoreSeconds ?? found[key]?.restoreSeconds,
                    bytes: manifest.stored(database.name),
                    runSeconds: manifest.finished.seconds(since: manifest.started),
                    backups: (found[key]?.backups ?? 0) + 1)
            }
        }
        return Health(
            databases: found.values.sorted { ($0.cluster, $0.database) < ($1.cluster, $1.database) },
            doubtful: doubtful, failed: failed)
    }

    /// How many more runs as large as the newest ones fit into so many bytes; nil while there is none.
    package func runsLeft(in freeBytes: Int?) -> Int? {
        let size = databases.reduce(0) { $0 + $1.bytes }
        guard let freeBytes, size > 0 else { return nil }
        return freeBytes / size
    }

    /// One sentence for each demand that is not met.
    ///
    /// - Parameter expected: databases that must be there, as `shop` or `main/shop`; those that never had a backup show in
    ///   no repository.
    package func problems(
        _ limits: HealthLimits, expected: [String] = [], at now: Timestamp, freeBytes: Int? = nil,
        duration: (Double) -> String
    ) -> [String] {
        var problems: [String] = []
        if let limit = limits.runsLeft, let left = runsLeft(in: freeBytes), left < limit {
            problems.append("the disk has room for \(left) more runs as large as the last")
        }
        if databases.isEmpty { problems.append("there is no backup") }
        for name in expected
        where !databases.contains(where: { $0.database == name || "\($0.cluster)/\($0.database)" == name }) {
            problems.append("there is no backup of \(name)")
        }
        for (name, reason) in failed.sorted(by: { $0.key < $1.key }) {
            problems.append("\(name) could not be backed up: \(reason)")
        }
        for health in databases {
            let name = "\(health.cluster)/\(health.database)"
            let age = now.seconds(since: health.newest)
            if age < -300 {
                problems.append("the newest backup of \(name) is of the future: a clock is wrong")
            } else if let limit = limits.age, age > limit {
                problems.append("the newest backup of \(name) is \(duration(age)) old")
            }
            if let limit = limits.provenAge {
                if let proven = health.newestProven {
                    let age = now.seconds(since: proven)
                    if age > limit { problems.append("the newest proven backup of \(name) is \(duration(age)) old") }
                } else {
                    problems.append("no backup of \(name) was ever proved by a restore")
                }
            }
            if let limit = limits.restoreTime, let seconds = health.restoreSeconds, seconds > limit {
                problems.append("a restore of \(name) took \(duration(seconds))")
            }
        }
        for (name, reason) in doubtful.sorted(by: { $0.key < $1.key }) { problems.append("\(name): \(reason)") }
        return problems
    }
}

extension [Proof] {
    /// What the newest proof by a restore says of a database.
    fileprivate func restoring(_ database: String) -> Proof.Database? {
        last { $0.level == .restore && $0.databases.contains { $0.name == database && $0.verdict == .equal } }?
            .databases.first { $0.name == database }
    }
}
