package import Platform

/// Which backups are kept: every rule keeps on its own, per cluster and database, and what no rule keeps may go.
///
/// A pure function of signed times in UTC: no clock is read, so backups that stopped coming never age the last ones away.
/// The rules are those of restic's `forget` (restic documentation, "Removing backup snapshots").
package struct RetentionPolicy: Hashable, Sendable {
    package let rules: Set<RetentionRule>
    /// How deep a backup must have been proved before it makes an older one removable; nil: not at all.
    package let requiredProof: ProofLevel?

    /// Refuses a policy without a rule: it would remove everything but the newest proven backups.
    package init(_ rules: Set<RetentionRule>, requiredProof: ProofLevel? = nil) throws(PlainFailure) {
        guard !rules.isEmpty else {
            throw PlainFailure(
                .configuration, "the retention policy is empty, so nothing was removed",
                hint: "say how much to keep: --keep-last N, --keep-days D, --keep-monthly M, ...")
        }
        guard rules.allSatisfy(\.isPositive) else {
            throw PlainFailure(.usage, "a retention rule must keep at least 1")
        }
        self.rules = rules
        self.requiredProof = requiredProof
    }

    /// Says for each backup why it is kept or may go; newest first within each cluster.
    package func decide(_ backups: [RetentionCandidate]) -> [RetentionDecision] {
        Dictionary(grouping: backups, by: \.cluster).sorted { $0.key < $1.key }.flatMap { _, ofCluster in
            let newestFirst = ofCluster.sorted { ($0.time, $0.label) > ($1.time, $1.label) }
            let reasons = keepReasons(newestFirst)
            return newestFirst.map { backup in
                if let kept = reasons[backup.label] { return RetentionDecision(backup: backup, fate: .kept(kept)) }
                return RetentionDecision(backup: backup, fate: .removed(removalReasons(backup)))
            }
        }
    }

    private func keepReasons(_ newestFirst: [RetentionCandidate]) -> [String: [KeepReason]] {
        var reasons: [String: [KeepReason]] = [:]
        func keep(_ backup: RetentionCandidate, _ reason: KeepReason) {
            if reasons[backup.label]?.contains(reason) != true { reasons[backup.label, default: []].append(reason) }
        }
        if let newest = newestFirst.first { keep(newest, .newestRun) }
        for backup in newestFirst {
            if let hold = backup.hold { keep(backup, .held(hold)) }
        }
        for database in Set(newestFirst.flatMap(\.complete)).sorted() {
            let complete = newestFirst.filter { $0.complete.contains(database) }
            if let proven = complete.first(where: { $0.isProven(database, to: .restore) }) {
                keep(proven, .newestProven(database: database))
            }
            for (backup, rule, rank) in kept(of: complete) { keep(backup, .rule(rule, database: database, rank: rank)) }
            guard let requiredProof else { continue }
            // An older backup goes only when enough of the proved ones stand for it.
            let proved = complete.filter { $0.isProven(database, to: requiredProof) }
            for (backup, rule, rank) in kept(of: proved) { keep(backup, .rule(rule, database: database, rank: rank)) }
            for backup in complete.prefix(while: { !$0.isProven(database, to: requiredProof) }) {
                keep(backup, .notYetProved(database: database, requiredProof))
            }
        }
        return reasons
    }

    /// What each rule keeps of the backups of one database, and as the how-manieth.
    private func kept(of newestFirst: [RetentionCandidate]) -> [(RetentionCandidate, RetentionRule, Int)] {
        rules.sorted().flatMap { rule in
            rule.kept(of: newestFirst).enumerated().map { (newestFirst[$1], rule, $0 + 1) }
        }
    }

    private func removalReasons(_ backup: RetentionCandidate) -> [RemovalReason] {
        guard !backup.complete.isEmpty else { return [.nothingComplete] }
        return backup.complete.sorted().map { .outlived(database: $0, by: rules.sorted()) }
    }
}

/// What retention needs to know of a backup; times and completeness come from its signed manifest, proofs from pinned provers.
package struct RetentionCandidate: Hashable, Sendable {
    package let cluster: String
    package let label: String
    package let time: Timestamp
    /// The databases whose dump is whole.
    package let complete: Set<String>
    /// The deepest level at which each database was proved equal.
    package let proven: [String: ProofLevel]
    /// Why somebody said that it has to stay.
    package let hold: String?
    package let tags: Set<String>

    package init(
        cluster: String, label: String, time: Timestamp, complete: Set<String>, proven: [String: ProofLevel],
        hold: String? = nil, tags: Set<String> = []
    ) {
        self.cluster = cluster
        self.label = label
        self.time = time
        self.complete = complete
        self.proven = proven
        self.hold = hold
        self.tags = tags
    }

    fileprivate func isProven(_ database: String, to level: ProofLevel) -> Bool {
        proven[database].map { $0 >= level } ?? false
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

/// Why a backup is kept.
package enum KeepReason: Hashable, Sendable, CustomStringConvertible {
    case newestRun
    case newestProven(database: String)
    case rule(RetentionRule, database: String, rank: Int)
    case notYetProved(database: String, ProofLevel)
    case held(String)

    package var description: String {
        switch self {
        case .newestRun: "newest run of the cluster"
        case .newestProven(let database): "newest proven backup of \"\(database)\""
        case .rule(let rule, let database, let rank): "\(rule.reason(rank)) of \"\(database)\""
        case .notYetProved(let database, let level): "not yet proved by \(level.rawValue), of \"\(database)\""
        case .held(let reason): "held: \(reason)"
        }
    }
}

/// Why a backup may go.
package enum RemovalReason: Hashable, Sendable, CustomStringConvertible {
    case outlived(database: String, by: [RetentionRule])
    case nothingComplete

    package var description: String {
        switch self {
        case .nothingComplete: "no database in it is complete"
        case .outlived(let database, let rules):
            "\"\(database)\": " + rules.map(\.exclusion).joined(separator: ", ")
        }
    }
}
