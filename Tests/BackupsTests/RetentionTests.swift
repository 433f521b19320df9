import Platform
import Testing

@testable import Backups

@Suite struct `Retention` {
    @Test func `an empty policy is refused`() {
        #expect(throws: PlainFailure.self) { try RetentionPolicy([]) }
    }

    @Test(arguments: [0, -1]) func `a rule that would keep nothing is refused`(number: Int) {
        #expect(throws: PlainFailure.self) { try RetentionPolicy([.last(number)]) }
        #expect(throws: PlainFailure.self) { try RetentionPolicy([.days(number)]) }
    }

    @Test func `keep-last keeps the newest of each database`() throws {
        let backups = [
            backup(day: 1, ["app", "shop"]), backup(day: 2, ["app"]), backup(day: 3, ["app"]), backup(day: 4, ["app"]),
        ]
        #expect(try kept(RetentionPolicy([.last(2)]), backups) == ["day 4", "day 3", "day 1"])
    }

    @Test func `days are counted from the newest backup of the database`() throws {
        let backups = [backup(day: 1), backup(day: 8), backup(day: 10)]
        #expect(try kept(RetentionPolicy([.days(2)]), backups) == ["day 10", "day 8"])
    }

    @Test func `spans are those of the calendar, from the newest backup back`() throws {
        let moments = ["2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z", "2026-02-28T11:59:59Z", "2025-03-31T12:00:00Z"]
        let backups = try moments.map { text in
            RetentionCandidate(
                cluster: "main", label: text, time: try #require(Timestamp(text)), complete: ["app"], proven: [:])
        }
        let month = try #require(CalendarSpan("1m"))
        #expect(try kept(RetentionPolicy([.within(month)]), backups) == Array(moments[..<2]))
        let year = try #require(CalendarSpan("1y"))
        #expect(try kept(RetentionPolicy([.within(year)]), backups) == moments)
    }

    @Test(arguments: [
        ("30d", "30 days"), ("6m", "6 months"), ("2y5m7d3h", "2 years 5 months 7 days 3 hours"), ("1h", "1 hour"),
    ]) func `a span is read as restic writes it`(text: String, words: String) throws {
        #expect(try #require(CalendarSpan(text)).description == words)
    }

    @Test(arguments: ["", "d", "30", "3d2y", "1d1d", "-1d", "1w", "1.5d", "999999y", "1 d"])
    func `nothing else is a span`(text: String) {
        #expect(CalendarSpan(text) == nil)
    }

    @Test func `a tag keeps whatever the numbers say`() throws {
        let backups = [backup(day: 1, tags: ["release"]), backup(day: 2), backup(day: 3)]
        let decisions = try RetentionPolicy([.last(1), .tagged("release")]).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 3", "day 1"])
        #expect(decisions[2].reasons == ["tagged \"release\" of \"app\""])
    }

    @Test func `rules keep on their own and each is named`() throws {
        let decisions = try RetentionPolicy([.last(1), .days(3)]).decide([backup(day: 1), backup(day: 3)])
        #expect(
            decisions[0].reasons == [
                "newest run of the cluster", "number 1 of the last 1 of \"app\"",
                "within 3 days of the newest backup of \"app\"",
            ])
        #expect(decisions[1].reasons == ["within 3 days of the newest backup of \"app\""])
    }

    @Test func `the newest proven backup stays, however old`() throws {
        let backups = [
            backup(day: 1, proven: ["app"]), backup(day: 2, proven: ["app"]), backup(day: 90), backup(day: 91),
        ]
        let decisions = try RetentionPolicy([.last(1), .days(7)]).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 91", "day 90", "day 2"])
        #expect(decisions[2].reasons == ["newest proven backup of \"app\""])
    }

    @Test func `a proof of one database does not protect another`() throws {
        let backups = [
            backup(day: 1, ["app", "shop"], proven: ["app"]), backup(day: 2, ["app", "shop"], proven: ["shop"]),
            backup(day: 3, ["app", "shop"]),
        ]
        #expect(try kept(RetentionPolicy([.last(1)]), backups) == ["day 3", "day 2", "day 1"])
    }

    @Test func `backups without a complete database do not count towards keep-last`() throws {
        let backups = [backup(day: 1), backup(day: 2), backup(day: 3, []), backup(day: 4, []), backup(day: 5, [])]
        let decisions = try RetentionPolicy([.last(2)]).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 5", "day 2", "day 1"])
        #expect(
            decisions.filter { !$0.isKept }.flatMap(\.reasons)
                == Array(repeating: "no database in it is complete", count: 2))
    }

    @Test func `a proof of a database that is not complete counts for nothing`() throws {
        let backups = [backup(day: 1, ["app"], proven: ["app"]), backup(day: 2, [], proven: ["app"]), backup(day: 3)]
        #expect(try kept(RetentionPolicy([.last(1)]), backups) == ["day 3", "day 1"])
    }

    @Test func `weeks begin on Monday, and each keeps its newest`() throws {
        // Day 4 is 1970-01-05, a Monday.
        let backups = [2, 3, 4, 7, 10, 11, 15].map { backup(day: $0) }
        #expect(try kept(RetentionPolicy([.each(.weekly, 2)]), backups) == ["day 15", "day 10"])
    }

    @Test func `months and years are those of the calendar`() throws {
        // 1970-01-31, 02-01, 02-28, 03-01, 12-31 and 1971-01-01.
        let backups = [30, 31, 58, 59, 364, 365].map { backup(day: $0) }
        #expect(
            try kept(RetentionPolicy([.each(.monthly, 4)]), backups) == ["day 365", "day 364", "day 59", "day 58"])
        #expect(try kept(RetentionPolicy([.each(.yearly, 5)]), backups) == ["day 365", "day 364", "day 30"])
    }

    /// restic's rule: while a rule has not kept its number, it keeps the oldest, so that history reaches back.
    @Test func `the oldest stays while a rule has places left`() throws {
        let backups = [1, 2, 3].map { backup(day: $0) }
        #expect(try kept(RetentionPolicy([.each(.monthly, 12)]), backups) == ["day 3", "day 1"])
    }

    @Test func `hours are told apart`() throws {
        let backups = [0, 1800, 3600, 7199].map { seconds in
            RetentionCandidate(
                cluster: "main", label: "\(seconds)", time: Timestamp(seconds: seconds), complete: ["app"], proven: [:])
        }
        #expect(try kept(RetentionPolicy([.each(.hourly, 2)]), backups) == ["7199", "1800"])
    }

    @Test func `a backup that is held stays, and says why`() throws {
        let backups = [backup(day: 1, hold: "for the court"), backup(day: 2), backup(day: 3)]
        let decisions = try RetentionPolicy([.last(1)]).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 3", "day 1"])
        #expect(decisions[2].reasons == ["held: for the court"])
    }

    @Test func `only proved backups make an older one removable where a proof is required`() throws {
        let backups = [
            backup(day: 1, proven: ["app"]), backup(day: 2, proven: ["app"]), backup(day: 3), backup(day: 4),
        ]
        let policy = try RetentionPolicy([.last(2)], requiredProof: .restore)
        #expect(kept(policy, backups) == ["day 4", "day 3", "day 2", "day 1"])
        let later = backups + [backup(day: 5, proven: ["app"])]
        #expect(kept(policy, later) == ["day 5", "day 4", "day 2"])
    }

    @Test func `clusters do not outlive each other`() throws {
        let backups = [
            backup(day: 1, cluster: "main"), backup(day: 2, cluster: "other"), backup(day: 3, cluster: "other"),
        ]
        #expect(try kept(RetentionPolicy([.last(1)]), backups) == ["day 1", "day 3"])
    }

    @Test func `the order in which backups are found does not matter`() throws {
        let backups = (1...9).map { backup(day: $0, proven: $0 == 4 ? ["app"] : []) }
        let policy = try RetentionPolicy([.last(3)])
        #expect(policy.decide(backups) == policy.decide(backups.reversed()))
    }

    @Test(arguments: 0..<200)
    func `whatever the history, each database keeps its newest complete and newest proven backup`(
        seed: Int
    ) throws {
        var random = Repeatable(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        let names = ["app", "shop", "log"]
        let backups = (1...30).map { day in
            let complete = names.filter { _ in random.next() % 4 != 0 }
            return backup(day: day, complete, proven: complete.filter { _ in random.next() % 5 == 0 })
        }
        let decisions = try RetentionPolicy(rules(&random), requiredProof: random.next() % 2 == 0 ? .restore : nil)
            .decide(backups)
        #expect(decisions.count == backups.count)
        let kept = Set(decisions.filter(\.isKept).map(\.backup.label))
        for name in names {
            if let newest = backups.last(where: { $0.complete.contains(name) }) { #expect(kept.contains(newest.label)) }
            if let proven = backups.last(where: { $0.proven[name] != nil }) { #expect(kept.contains(proven.label)) }
        }
    }
}

private func backup(
    day: Int, _ complete: [String] = ["app"], proven: [String] = [], cluster: String = "main", hold: String? = nil,
    tags: Set<String> = []
) -> RetentionCandidate {
    RetentionCandidate(
        cluster: cluster, label: "day \(day)", time: Timestamp(seconds: Int64(day) * 86400), complete: Set(complete),
        proven: Dictionary(uniqueKeysWithValues: proven.map { ($0, .restore) }), hold: hold, tags: tags)
}

private func kept(_ policy: RetentionPolicy, _ backups: [RetentionCandidate]) -> [String] {
    policy.decide(backups).filter(\.isKept).map(\.backup.label)
}

/// One to three rules of any kind.
private func rules(_ random: inout Repeatable) -> Set<RetentionRule> {
    Set(
        (0...Int(random.next() % 3)).map { _ in
            let number = Int(random.next() % 4) + 1
            let all: [RetentionRule] =
                [.last(number), .days(number)] + RetentionRule.Period.allCases.map { .each($0, number) }
            return all[Int(random.next() % UInt64(all.count))]
        })
}

/// The same numbers for the same seed, so that a failure can be repeated.
struct Repeatable: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
