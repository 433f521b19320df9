import Platform
import Testing

@testable import Backups

@Suite struct `Retention` {
    @Test func `an empty policy is refused`() {
        #expect(throws: PlainFailure.self) { try RetentionPolicy() }
    }

    @Test(arguments: [0, -1]) func `a rule that would keep nothing is refused`(number: Int) {
        #expect(throws: PlainFailure.self) { try RetentionPolicy(keepLast: number) }
        #expect(throws: PlainFailure.self) { try RetentionPolicy(keepDays: number) }
    }

    @Test func `keep-last keeps the newest of each database`() throws {
        let backups = [
            backup(day: 1, ["app", "shop"]), backup(day: 2, ["app"]), backup(day: 3, ["app"]), backup(day: 4, ["app"]),
        ]
        #expect(try kept(RetentionPolicy(keepLast: 2), backups) == ["day 4", "day 3", "day 1"])
    }

    @Test func `days are counted from the newest backup of the database`() throws {
        let backups = [backup(day: 1), backup(day: 8), backup(day: 10)]
        #expect(try kept(RetentionPolicy(keepDays: 2), backups) == ["day 10", "day 8"])
    }

    @Test func `rules keep on their own and each is named`() throws {
        let decisions = try RetentionPolicy(keepLast: 1, keepDays: 3).decide([backup(day: 1), backup(day: 3)])
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
        let decisions = try RetentionPolicy(keepLast: 1, keepDays: 7).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 91", "day 90", "day 2"])
        #expect(decisions[2].reasons == ["newest proven backup of \"app\""])
    }

    @Test func `a proof of one database does not protect another`() throws {
        let backups = [
            backup(day: 1, ["app", "shop"], proven: ["app"]), backup(day: 2, ["app", "shop"], proven: ["shop"]),
            backup(day: 3, ["app", "shop"]),
        ]
        #expect(try kept(RetentionPolicy(keepLast: 1), backups) == ["day 3", "day 2", "day 1"])
    }

    @Test func `backups without a complete database do not count towards keep-last`() throws {
        let backups = [backup(day: 1), backup(day: 2), backup(day: 3, []), backup(day: 4, []), backup(day: 5, [])]
        let decisions = try RetentionPolicy(keepLast: 2).decide(backups)
        #expect(decisions.filter(\.isKept).map(\.backup.label) == ["day 5", "day 2", "day 1"])
        #expect(
            decisions.filter { !$0.isKept }.flatMap(\.reasons)
                == Array(repeating: "no database in it is complete", count: 2))
    }

    @Test func `a proof of a database that is not complete counts for nothing`() throws {
        let backups = [backup(day: 1, ["app"], proven: ["app"]), backup(day: 2, [], proven: ["app"]), backup(day: 3)]
        #expect(try kept(RetentionPolicy(keepLast: 1), backups) == ["day 3", "day 1"])
    }

    @Test func `clusters do not outlive each other`() throws {
        let backups = [
            backup(day: 1, cluster: "main"), backup(day: 2, cluster: "other"), backup(day: 3, cluster: "other"),
        ]
        #expect(try kept(RetentionPolicy(keepLast: 1), backups) == ["day 1", "day 3"])
    }

    @Test func `the order in which backups are found does not matter`() throws {
        let backups = (1...9).map { backup(day: $0, proven: $0 == 4 ? ["app"] : []) }
        let policy = try RetentionPolicy(keepLast: 3)
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
        let decisions = try RetentionPolicy(keepLast: Int(random.next() % 4) + 1).decide(backups)
        #expect(decisions.count == backups.count)
        let kept = Set(decisions.filter(\.isKept).map(\.backup.label))
        for name in names {
            if let newest = backups.last(where: { $0.complete.contains(name) }) { #expect(kept.contains(newest.label)) }
            if let proven = backups.last(where: { $0.proven.contains(name) }) { #expect(kept.contains(proven.label)) }
        }
    }
}

private func backup(
    day: Int, _ complete: [String] = ["app"], proven: [String] = [], cluster: String = "main"
) -> RetentionCandidate {
    RetentionCandidate(
        cluster: cluster, label: "day \(day)", time: Timestamp(seconds: Int64(day) * 86400), complete: Set(complete),
        proven: Set(proven))
}

private func kept(_ policy: RetentionPolicy, _ backups: [RetentionCandidate]) -> [String] {
    policy.decide(backups).filter(\.isKept).map(\.backup.label)
}

/// The same numbers for the same seed, so that a failure can be repeated.
private struct Repeatable: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
