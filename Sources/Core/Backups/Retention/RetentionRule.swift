import Platform

/// One rule of a retention policy.
package enum RetentionRule: Hashable, Comparable, Sendable {
    /// The newest backups.
    case last(Int)
    /// What is at most so much older than the newest backup.
    case within(CalendarSpan)
    /// The newest backup of each of the last hours, days, ISO weeks, months or years in which there is one.
    case each(Period, Int)
    /// Every backup that was made with this tag.
    case tagged(String)

    package enum Period: String, Hashable, Comparable, Sendable, CaseIterable {
        case hourly, daily, weekly, monthly, yearly

        package static func < (left: Period, right: Period) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    package static func days(_ days: Int) -> RetentionRule { .within(CalendarSpan(days: days)) }

    /// Whether it could keep anything.
    package var isPositive: Bool {
        switch self {
        case .last(let number), .each(_, let number): number >= 1
        case .within(let span): span.isPositive
        case .tagged(let tag): !tag.isEmpty
        }
    }

    /// The places of those that it keeps, of backups that are sorted newest first.
    func kept(of backups: [RetentionCandidate]) -> [Int] {
        switch self {
        case .last(let count): return Array(backups.indices.prefix(count))
        case .within(let span):
            guard let newest = backups.first?.time else { return [] }
            let oldest = span.before(newest)
            return backups.indices.filter { backups[$0].time >= oldest }
        case .tagged(let tag): return backups.indices.filter { backups[$0].tags.contains(tag) }
        case .each(let period, let count):
            var kept: [Int] = []
            var last: Int64?
            for place in backups.indices {
                guard kept.count < count else { break }
                let bucket = period.bucket(of: backups[place].time)
                // The oldest backup too while the rule has not kept its number: history reaches as far back as it can.
                if bucket != last || place == backups.count - 1 { kept.append(place) }
                last = bucket
            }
            return kept
        }
    }

    /// Why it keeps the backup of this rank: `weekly number 2 of 8`.
    func reason(_ rank: Int) -> String {
        switch self {
        case .last(let count): "number \(rank) of the last \(count)"
        case .within(let span): "within \(span) of the newest backup"
        case .each(let period, let count): "\(period.rawValue) number \(rank) of \(count)"
        case .tagged(let tag): "tagged \"\(tag)\""
        }
    }

    /// Why it does not keep one.
    var exclusion: String {
        switch self {
        case .last(let count): "not among the last \(count)"
        case .within(let span): "more than \(span) older than the newest"
        case .each(let period, let count): "none of \(count) \(period.rawValue) ones"
        case .tagged(let tag): "not tagged \"\(tag)\""
        }
    }
}

extension RetentionRule.Period {
    /// A number that is the same for all moments of one hour, day, week, month or year, in UTC.
    fileprivate func bucket(of time: Timestamp) -> Int64 {
        let date = time.civil
        let days = time.microseconds / 86_400_000_000
        return switch self {
        case .hourly: time.microseconds / 3_600_000_000
        case .daily: days
        // 1970-01-01 was a Thursday; ISO weeks begin on Monday.
        case .weekly: (days + 3) / 7
        case .monthly: Int64(date.year * 12 + date.month)
        case .yearly: Int64(date.year)
        }
    }
}
