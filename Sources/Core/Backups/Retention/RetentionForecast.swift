package import Platform

/// When the rules will let go of each backup, if backups go on as they did.
///
/// A pure function: it makes up the backups to come, at the pace of those that are there and of the same databases, and asks
/// the policy about all of them, night by night.
package struct RetentionForecast: Sendable {
    package enum End: Hashable, Sendable {
        /// No rule keeps it from this moment on.
        case at(Timestamp)
        /// Something keeps it of which no end can be told; a sentence.
        case open(String)
    }

    private let policy: RetentionPolicy
    private static let day: Int64 = 86_400_000_000
    /// After so many years nobody means a date.
    private static let years: Int64 = 30

    package init(_ policy: RetentionPolicy) {
        self.policy = policy
    }

    /// How far the backups of a cluster are apart, in microseconds: the middle one of the last gaps; a day where there is one backup.
    package static func spacing(_ backups: [RetentionCandidate]) -> Int64 {
        let times = backups.map(\.time.microseconds).sorted().suffix(31)
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }.sorted()
        guard !gaps.isEmpty else { return day }
        return max(gaps[gaps.count / 2], 600_000_000)
    }

    /// By label; all of one cluster.
    ///
    /// - Parameter now: backups that stopped coming go on from here, for it is by newer ones that older ones go.
    package func ends(_ backups: [RetentionCandidate], now: Timestamp) -> [String: End] {
        guard let newest = backups.max(by: { $0.time < $1.time }) else { return [:] }
        let spacing = Self.spacing(backups)
        let proven = backups.reduce(into: [String: ProofLevel]()) { levels, backup in
            levels.merge(backup.proven) { max($0, $1) }
        }
        var kept = backups
        var ends: [String: End] = [:]
        var left = Set(backups.map(\.label))
        var reasons: [String: [KeepReason]] = [:]
        var time = max(newest.time.microseconds + spacing, now.microseconds)
        let last = time + Self.years * 366 * Self.day
        var number = 0
        while !left.isEmpty, time <= last {
            number += 1
            kept.append(
                RetentionCandidate(
                    cluster: newest.cluster, label: "next \(number)", time: Timestamp(microseconds: time),
                    complete: newest.complete, proven: proven.filter { newest.complete.contains($0.key) }))
            var staying: [RetentionCandidate] = []
            var isFine = false
            var isStuck = true
            for decision in policy.decide(kept) {
                guard case .kept(let why) = decision.fate else {
                    if left.remove(decision.backup.label) != nil {
                        ends[decision.backup.label] = .at(Timestamp(microseconds: time))
                    }
                    continue
                }
                staying.append(decision.backup)
                guard left.contains(decision.backup.label) else { continue }
                reasons[decision.backup.label] = why
                if why.contains(where: \.countsRuns) { isFine = true }
                if !why.contains(where: { isEndless($0, newest, proven) }) { isStuck = false }
            }
            kept = staying
            if isStuck { break }
            // Rules of days and longer do not see how many there were on one.
            time += isFine ? spacing : max(spacing, Self.day)
        }
        for label in left {
            let why = reasons[label] ?? []
            let endless = why.filter { isEndless($0, newest, proven) }
            ends[label] = .open(
                endless.first.map { words($0, newest) } ?? why.first?.description ?? "nothing says when it goes")
        }
        return ends
    }

    /// Whether no newer backup will ever take this reason away.
    private func isEndless(_ reason: KeepReason, _ newest: RetentionCandidate, _ proven: [String: ProofLevel]) -> Bool {
        switch reason {
        case .held, .rule(.tagged, _, _): true
        case .newestRun: false
        case .rule(_, let database, _): !newest.complete.contains(database)
        case .newestProven(let database): !newest.complete.contains(database)
        case .notYetProved(let database, let level):
            !newest.complete.contains(database) || proven[database].map { $0 < level } ?? true
        }
    }

    private func words(_ reason: KeepReason, _ newest: RetentionCandidate) -> String {
        switch reason {
        case .held: "\(reason), until dbbackup hold --release"
        case .notYetProved(let database, _) where newest.complete.contains(database):
            "\(reason): older backups go only once newer ones are proved (dbbackup verify)"
        case .rule(_, let database, _) where !newest.complete.contains(database):
            "\(reason), of which newer backups have none"
        default: reason.description
        }
    }
}

extension KeepReason {
    /// Whether it depends on how many backups there are on one day.
    fileprivate var countsRuns: Bool {
        switch self {
        case .rule(.last, _, _), .rule(.each(.hourly, _), _, _), .newestRun, .newestProven: true
        case .rule(.within(let span), _, _): span.hours > 0
        case .rule, .notYetProved, .held: false
        }
    }
}
