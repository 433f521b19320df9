import Platform

/// One rule of a retention policy, with its number.
package enum RetentionRule: Hashable, Comparable, Sendable {
    /// The newest backups.
    case last(Int)
    /// What is at most this many days older than the newest backup.
    case days(Int)
    /// The newest backup of each of the last hours, days, ISO weeks, months or years in which there is one.
    case each(Period, Int)

    package enum Period: String, Hashable, Comparable, Sendable, CaseIterable {
        case hourly, daily, weekly, monthly, yearly

        package static func < (left: Period, right: Period) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    package var number: Int {
        switch self {
        case .last(let number), .days(let number), .each(_, let number): number
        }
    }

    /// The places of the backups that it keeps, of times that are sorted newest first.
    func kept(of times: [Timestamp]) -> [Int] {
        switch self {
        case .last(let count): return Array(times.indices.prefix(count))
        case .days(let days):
            guard let newest = times.first else { return [] }
            return times.indices.filter { times[$0] >= newest.advanced(bySeconds: Int64(days) * -86400) }
        case .each(let period, let count):
            var kept: [Int] = []
            var last: Int64?
            for place in times.indices {
                guard kept.count < count else { break }
                let bucket = period.bucket(of: times[place])
                // The oldest backup too while the rule has not kept its number: history reaches as far back as it can.
                if bucket != last || place == times.count - 1 { kept.append(place) }
                last = bucket
            }
            return kept
        }
    }

    /// Why it keeps the backup of this rank: `weekly number 2 of 8`.
    func reason(_ rank: Int) -> String {
        switch self {
        case .last(let count): "number \(rank) of the last \(count)"
        case .days(let days): "within \(days) days of the newest backup"
        case .each(let period, let count): "\(period.rawValue) number \(rank) of \(count)"
        }
    }

    /// Why it does not keep one.
    var exclusion: String {
        switch self {
        case .last(let count): "not among the last \(count)"
        case .days(let days): "more than \(days) days older than the newest"
        case .each(let period, let count): "none of \(count) \(period.rawValue) ones"
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
