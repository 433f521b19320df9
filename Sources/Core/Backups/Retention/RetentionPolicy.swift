package import Platform

/// Which backups are kept: every rule keeps on its own, per cluster and database, and what no rule keeps may go.
///
/// A pure function of signed times: no clock is read, so backups that stopped coming never age the last ones away.
package struct RetentionPolicy: Hashable, Sendable {
    /// Keeps this many of the newest complete backups of each database.
    package let keepLast: Int?
    /// Keeps what is at most this many days older than the newest complete backup of the database.
    package let keepDays: Int?

    /// Refuses a policy without a rule: it would remove everything but the newest proven backups.
    package init(keepLast: Int? = nil, keepDays: Int? = nil) throws(PlainFailure) {
        guard keepLast != nil || keepDays != nil else {
            throw PlainFailure(
                .configuration, "the retention policy is empty, so nothing was removed",
                hint: "say how much to keep: --keep-last N, --keep-days D, or both")
        }
        guard keepLast ?? 1 >= 1, keepDays ?? 1 >= 1 else {
            throw PlainFailure(.usage, "a retention rule must keep at least 1")
        }
        self.keepLast = keepLast
        self.keepDays = keepDays
    }

    /// Says for each backup why it is kept or may go; newest first within each cluster.
    package func decide(_ backups: [RetentionCandidate]) -> [RetentionDecision] {
        Dictionary(grouping: backups, by: \.cluster).sorted { $0.key < $1.key }.flatMap { _, ofCluster in
            let newestFirst = ofCluster.sorted { ($0.time, $0.label) > ($1.time, $1.label) }
            var reasons = keepReasons(newestFirst)
            if let newest = newestFirst.first { reasons[newest.label, default: []].insert(.newestRun, at: 0) }
            return newestFirst.map { backup in
                if let kept = reasons[backup.label] { return RetentionDecision(backup: backup, fate: .kept(kept)) }
                return RetentionDecision(backup: backup, fate: .removed(removalReasons(backup)))
            }
        }
    }

    private func keepReasons(_ newestFirst: [RetentionCandidate]) -> [String: [KeepReason]] {
        var reasons: [String: [KeepReason]] = [:]
        for database in Set(newestFirst.flatMap(\.complete)).sorted() {
            let complete = newestFirst.filter { $0.complete.contains(database) }
            if let proven = complete.first(where: { $0.proven.contains(database) }) {
                reasons[proven.label, default: []].append(.newestProven(database: database))
            }
            for (index, backup) in complete.enumerated() {
                if let keepLast, index < keepLast {
                    reasons[backup.label, default: []].append(.last(database: database, rank: index + 1, of: keepLast))
                }
                if let keepDays, backup.time >= complete[0].time.advanced(bySeconds: Int64(keepDays) * -86400) {
                    reasons[backup.label, default: []].append(.within(database: database, days: keepDays))
                }
            }
        }
        return reasons
    }

    private func removalReasons(_ backup: RetentionCandidate) -> [RemovalReason] {
        guard !backup.complete.isEmpty else { return [.nothingComplete] }
        return backup.complete.sorted().map { .outlived(database: $0, by: self) }
    }
}

/// What retention needs to know of a backup; times and completeness come from its signed manifest, proofs from pinned provers.
package struct RetentionCandidate: Hashable, Sendable {
    package let cluster: String
    package let label: String
    package let time: Timestamp
    /// The databases whose dump is whole.
    package let complete: Set<String>
    /// The databases that a restore proved equal.
    package let proven: Set<String>

    package init(cluster: String, label: String, time: Timestamp, complete: Set<String>, proven: Set<String>) {
        self.cluster = cluster
        self.label = label
        self.time = time
        self.complete = complete
        self.proven = proven
    }
}

/// A backup and its fate, with every reason for it.
package struct RetentionDecision: Hashable, Sendable {
    package enum Fate: Hashable, Sendable {
        case kept([KeepReason])
        case removed([RemovalReason])
    }

    package let backup: RetentionCandidate
    package let fate: Fate

    package var isKept: Bool {
        if case .kept = fate { true } else { false }
    }

    package var reasons: [String] {
        switch fate {
        case .kept(let reasons): reasons.map(\.description)
        case .removed(let reasons): reasons.map(\.description)
        }
    }
}

/// A rule that keeps a backup.
package enum KeepReason: Hashable, Sendable, CustomStringConvertible {
    case newestRun
    case newestProven(database: String)
    case last(database: String, rank: Int, of: Int)
    case within(database: String, days: Int)

    package var description: String {
        switch self {
        case .newestRun: "newest run of the cluster"
        case .newestProven(let database): "newest proven backup of \"\(database)\""
        case .last(let database, let rank, let count): "number \(rank) of the last \(count) of \"\(database)\""
        case .within(let database, let days): "within \(days) days of the newest backup of \"\(database)\""
        }
    }
}

/// Why a backup may go.
package enum RemovalReason: Hashable, Sendable, CustomStringConvertible {
    case outlived(database: String, by: RetentionPolicy)
    case nothingComplete

    package var description: String {
        switch self {
        case .nothingComplete: "no database in it is complete"
        case .outlived(let database, let policy):
            "\"\(database)\": "
                + [
                    policy.keepLast.map { "not among the last \($0)" },
                    policy.keepDays.map { "more than \($0) days older than the newest" },
                ].compactMap { $0 }.joined(separator: ", ")
        }
    }
}
