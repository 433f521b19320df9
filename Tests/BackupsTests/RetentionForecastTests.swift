import Platform
import Testing

@testable import Backups

@Suite struct `When the rules let go of a backup` {
    private func time(_ days: Double) -> Timestamp { Timestamp(seconds: 1_800_000_000 + Int64(days * 86400)) }

    private func backup(
        _ day: Double, _ databases: [String] = ["app"], proven: Bool = false, hold: String? = nil,
        tags: Set<String> = []
    ) -> RetentionCandidate {
        RetentionCandidate(
            cluster: "main", label: "\(day)", time: time(day), complete: Set(databases),
            proven: proven ? Dictionary(uniqueKeysWithValues: databases.map { ($0, .restore) }) : [:], hold: hold,
            tags: tags)
    }

    private func ends(
        _ rules: Set<RetentionRule>, _ backups: [RetentionCandidate], proof: ProofLevel? = nil, now: Double? = nil
    ) throws -> [String: RetentionForecast.End] {
        let newest = try #require(backups.map(\.time).max())
        return RetentionForecast(try RetentionPolicy(rules, requiredProof: proof))
            .ends(backups, now: now.map(time) ?? newest)
    }

    @Test func `the last of three goes with the third newer one, at the pace of those before`() throws {
        let found = try ends([.last(3)], [backup(0), backup(0.25), backup(0.5)])
        #expect(found == ["0.0": .at(time(0.75)), "0.25": .at(time(1)), "0.5": .at(time(1.25))])
    }

    @Test func `days count from the newest, and one alone is followed by one a day`() throws {
        #expect(try ends([.days(14)], [backup(0)]) == ["0.0": .at(time(15))])
    }

    @Test func `the rule that keeps longest decides`() throws {
        let found = try ends([.last(1), .days(3), .each(.weekly, 4)], (0..<10).map { backup(Double($0)) })
        guard case .at(let end) = try #require(found["0.0"]) else {
            Issue.record("no end")
            return
        }
        // The oldest of the history is kept until there are four weeks of newer ones.
        #expect(end > time(14) && end < time(36))
        guard case .at(let years) = try #require(try ends([.each(.yearly, 3)], [backup(0)])["0.0"]) else {
            Issue.record("no end")
            return
        }
        #expect(years > time(700) && years < time(4 * 366))
    }

    @Test func `what is held or tagged has no end, and says why`() throws {
        let found = try ends(
            [.last(1), .tagged("release")], [backup(0, hold: "lawsuit"), backup(1, tags: ["release"]), backup(2)])
        #expect(found["0.0"] == .open("held: lawsuit, until dbbackup hold --release"))
        #expect(found["1.0"] == .open("tagged \"release\" of \"app\""))
        #expect(found["2.0"] == .at(time(3)))
    }

    @Test func `a database that is backed up no more keeps its last backups for good`() throws {
        let found = try ends([.last(1)], [backup(0, ["app", "old"]), backup(1)])
        #expect(found["0.0"] == .open("number 1 of the last 1 of \"old\", of which newer backups have none"))
        #expect(found["1.0"] == .at(time(2)))
    }

    @Test func `nothing goes where newer ones must be proved and none ever was`() throws {
        guard case .open(let why) = try #require(try ends([.last(1)], [backup(0), backup(1)], proof: .restore)["0.0"])
        else {
            Issue.record("an end without a proof")
            return
        }
        #expect(why.contains("older backups go only once newer ones are proved"))
        let proved = try ends([.last(1)], [backup(0, proven: true), backup(1, proven: true)], proof: .restore)
        #expect(proved["1.0"] == .at(time(2)))
    }

    @Test func `backups that have stopped coming age nothing until they come again`() throws {
        #expect(try ends([.last(1)], [backup(0), backup(1)], now: 100)["1.0"] == .at(time(100)))
    }

    @Test(arguments: 1...200) func `the end is when a real policy lets go of it`(seed: UInt64) throws {
        var random = Repeatable(state: seed &* 0x9E37_79B9_7F4A_7C15)
        let all: [RetentionRule] =
            [.last(Int(random.next() % 9) + 1), .days(Int(random.next() % 20) + 1)]
            + [.hourly, .daily, .weekly, .monthly].map { .each($0, Int(random.next() % 3) + 1) }
        let policy = try RetentionPolicy(Set(all.shuffled(using: &random).prefix(Int(random.next() % 3) + 1)))
        var backups = (0..<Int(random.next() % 6 + 1)).map { backup(Double($0)) }
        let ends = RetentionForecast(policy).ends(backups, now: backups.last?.time ?? time(0))
        for day in backups.count..<backups.count + 400 {
            backups.append(backup(Double(day)))
            let decisions = policy.decide(backups)
            for gone in decisions where !gone.isKept {
                if let end = ends[gone.backup.label] { #expect(end == .at(time(Double(day)))) }
            }
            let kept = Set(decisions.filter(\.isKept).map(\.backup.label))
            backups.removeAll { !kept.contains($0.label) }
        }
    }
}
