import Cryptography
package import Platform
import SystemPackage

/// A backup that is still in a repository, given up or not, with its end.
package struct RetainedBackup: Sendable {
    package let name: String
    /// As its label says, where the manifest is not believed.
    package let taken: Timestamp
    /// Nil where no pinned key vouches for it, or it is none.
    package let manifest: Manifest?
    /// Why the manifest is not believed, or that it is no whole backup.
    package let doubt: String?
    /// False for what an interrupted run has left, and for what is being made now.
    package let isWhole: Bool
    /// When it has been removed; nil when nobody can tell.
    package let end: Timestamp?
    /// What brings that end, or why there is none.
    package let kept: String
}

/// Looks ahead: what a repository holds, and until when.
package struct RetentionOutlook: Sendable {
    private let repository: Repository
    private let keys: KeyFolder
    private let settings: RetentionSettings
    private let now: Timestamp

    package init(_ repository: Repository, keys: KeyFolder, _ settings: RetentionSettings, now: Timestamp) {
        (self.repository, self.keys, self.settings, self.now) = (repository, keys, settings, now)
    }

    /// Everything that holds a dump: backups, what was given up and lies there still, and what interrupted runs have left.
    package func backups() throws -> [RetainedBackup] {
        try repository.clusters().flatMap { try backups(of: $0) }
    }

    private func backups(of cluster: String) throws -> [RetainedBackup] {
        let trusted = try keys.trustedKeys()
        var found: [RetainedBackup] = []
        var authentic: [(backup: AuthenticBackup, candidate: RetentionCandidate)] = []
        for examined in try repository.examine(cluster, trusted: trusted) {
            switch examined.standing {
            case .authentic(let backup):
                let candidate = RetentionCandidate(
                    cluster: cluster, label: backup.stored.label, time: backup.manifest.snapshot,
                    complete: Set(backup.manifest.databases.map(\.name)), proven: examined.proofs.levels,
                    hold: backup.stored.hold?.reason, tags: Set(backup.manifest.tags ?? []))
                authentic.append((backup, candidate))
            case .doubtful(let why):
                found.append(doubtful(cluster, examined.stored.label, why))
            }
        }
        let candidates = authentic.map(\.candidate)
        let spacing = RetentionForecast.spacing(candidates)
        let ends = try ends(candidates)
        for (backup, candidate) in authentic {
            let (end, kept) = removal(of: candidate, ends[candidate.label], spacing)
            found.append(
                RetainedBackup(
                    name: backup.stored.name, taken: candidate.time, manifest: backup.manifest, doubt: nil,
                    isWhole: true, end: end, kept: kept))
        }
        for given in try repository.givenUp(of: cluster, trusted: trusted) {
            found.append(try givenUp(given, trusted: trusted, spacing))
        }
        found += try repository.unfinished(of: cluster).map { label in
            doubtful(cluster, label, "it is no whole backup: a run has left it, or makes it now", isWhole: false)
        }
        return found.sorted { ($0.taken, $0.name) < ($1.taken, $1.name) }
    }

    private func ends(_ candidates: [RetentionCandidate]) throws -> [String: RetentionForecast.End] {
        guard !settings.rules.isEmpty else { return [:] }
        let policy = try RetentionPolicy(settings.rules, requiredProof: settings.requiredProof)
        return RetentionForecast(policy).ends(candidates, now: now)
    }

    private func removal(
        of candidate: RetentionCandidate, _ end: RetentionForecast.End?, _ spacing: Int64
    ) -> (end: Timestamp?, kept: String) {
        switch end {
        case nil:
            if let hold = candidate.hold { return (nil, "held: \(hold)") }
            return (nil, "no rule in the configuration says when it goes: set one (keepDays), or remove it by hand")
        case .open(let why): return (nil, why)
        case .at(let time):
            guard let gone = removed(candidate.label, from: time, spacing) else {
                return (
                    nil,
                    "no rule keeps it from \(time.brief) on, but the storage is append-only, and only its own rules remove it"
                )
            }
            return (gone, "gone by \(gone.brief), if backups and dbbackup prune go on as they did")
        }
    }

    /// When what is given up at a moment has been removed: by the first prune after its time of grace.
    private func removed(_ label: String, from time: Timestamp, _ spacing: Int64) -> Timestamp? {
        var end = time.advanced(bySeconds: Int64(settings.graceHours) * 3600)
        switch settings.storage {
        case .removable: break
        case .locked(let days):
            guard let made = Timestamp(label) else { return nil }
            end = max(end, made.advanced(bySeconds: Int64(days) * 86400))
        case .appendOnly: return nil
        }
        return end == time ? end : Timestamp(microseconds: end.microseconds + spacing)
    }

    private func givenUp(
        _ given: GivenUp, trusted: [MinisignPublicKey], _ spacing: Int64
    ) throws -> RetainedBackup {
        let folder = repository.folder(of: given.cluster).appending(given.label)
        let stored = try? StoredBackup(
            folder: folder, cluster: given.cluster, label: given.label, memory: repository.memory)
        let manifest = stored.flatMap { try? AuthenticBackup($0, trusted: trusted).manifest }
        let end = given.since.flatMap { removed(given.label, from: $0, spacing) }.map { max($0, now) }
        let kept =
            switch (given.since, end) {
            case (nil, _): "given up by nobody who is known here: no prune removes it"
            case (_, nil): "given up, and the storage is append-only: only its own rules remove it"
            case (_, let end?): "given up, and removed by the first dbbackup prune, by \(end.brief)"
            }
        return RetainedBackup(
            name: given.name, taken: manifest?.snapshot ?? Timestamp(given.label) ?? now, manifest: manifest,
            doubt: manifest == nil ? "its manifest is gone or not to be believed" : nil, isWhole: true, end: end,
            kept: kept)
    }

    private func doubtful(
        _ cluster: String, _ label: String, _ why: String, isWhole: Bool = true
    ) -> RetainedBackup {
        RetainedBackup(
            name: "\(cluster)/\(label)", taken: Timestamp(label) ?? now, manifest: nil, doubt: why, isWhole: isWhole,
            end: nil, kept: "no rule removes it: find out what it is, and remove it by hand")
    }
}

extension Repository {
    /// Folders named like backups that are none: neither signed nor given up.
    func unfinished(of cluster: String) throws -> [String] {
        let folder = folder(of: cluster)
        let condemned = Set(try condemned(of: cluster))
        return try labels(of: cluster).filter {
            !condemned.contains($0) && !Files.exists(folder.appending($0).appending(Manifest.signatureFileName))
        }
    }
}
