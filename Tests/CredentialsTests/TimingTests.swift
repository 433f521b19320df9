import Credentials
import Cryptography
import FoundationEssentials
import Glibc
import Platform
import PostgresClient
import TestSupport
import Testing

/// Whether the time of an answer tells who exists: known, unknown, locked and inactive, in turn, told apart by rank.
///
/// Two things are measured. The *work*: what the server and the hash take, without the deadline, must be nearly alike, so that
/// load does not push one kind over the deadline more often. The *answer*: what a client sees, with the deadline.
///
/// The measure is the share of pairs in which one kind's time is the longer one (Mann and Whitney's U over n times m): one half
/// when nothing can be told, 1 or 0 when everything can. `scripts/measure-login-timing` takes more samples and prints all.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct TimingTests {
    private static let kinds = ["known", "unknown", "locked", "inactive"]

    /// Times in milliseconds by kind, taken in turn, so that other work on the machine falls on all of them.
    private func measure(_ store: LoginStore, rounds: Int) async throws -> [String: [Double]] {
        var times: [String: [Double]] = [:]
        for round in 0..<rounds {
            for kind in Self.kinds.shuffled() {
                // A network of its own for each try: only those of `locked` come from one.
                let address = kind == "locked" ? "192.0.2.1" : "10.\(round / 250).\(round % 250).1"
                let start = ContinuousClock.now
                let answer = try await store.login(kind, Password("not the password"), from: address)
                let taken = ContinuousClock.now - start
                #expect(answer.isRefused)
                times[kind, default: []].append(Calibration.milliseconds(taken))
            }
        }
        return times
    }

    private func prepare(deadline: Int) async throws -> LoginStore {
        let test = try await TestStore.make {
            $0.deadlineMilliseconds = deadline
            $0.identifierTries = 10_000
        }
        let store = try await test.open(connections: 1)
        for kind in Self.kinds where kind != "unknown" {
            try await store.createAccount(kind, Password("the right one"))
        }
        _ = try await Administration(test.owner).setActive("inactive", false)
        for _ in 0..<6 { _ = try await store.login("locked", Password("guess"), from: "192.0.2.1") }
        return store
    }

    @Test func `neither the work nor the answer tells who exists`() async throws {
        let rounds = Int(ProcessInfo.processInfo.environment["DBSEC_TIMING_ROUNDS"] ?? "") ?? 60
        let work = try await measure(try await prepare(deadline: 0), rounds: rounds)
        report("work", work)
        // Six pairs of kinds: with 60 samples each, chance alone leaves 0.35 to 0.65 less than once in 250 runs for one pair;
        // 0.2 to 0.8 is nearly impossible by chance, and an answer that is left out shows as 0.99.
        for (one, other) in Self.pairs {
            #expect((0.2...0.8).contains(share(work[one] ?? [], work[other] ?? [])), "\(one), \(other)")
        }
    }

    @Test func `the answer comes at the deadline`() async throws {
        let rounds = (Int(ProcessInfo.processInfo.environment["DBSEC_TIMING_ROUNDS"] ?? "") ?? 60) / 6
        let store = try await prepare(deadline: 60)
        let answers = try await measure(store, rounds: rounds)
        report("answer", answers)
        for times in answers.values { #expect(times.allSatisfy { $0 >= 60 }) }
        // A success waits for it too.
        let start = ContinuousClock.now
        #expect(try await store.login("known", Password("the right one")).login != nil)
        #expect(ContinuousClock.now - start >= .milliseconds(60))
    }

    private static let pairs = kinds.indices.flatMap { one in
        kinds.indices.filter { $0 > one }.map { (kinds[one], kinds[$0]) }
    }

    private func share(_ one: [Double], _ other: [Double]) -> Double {
        var longer = 0.0
        for left in one { for right in other { longer += left > right ? 1 : left == right ? 0.5 : 0 } }
        return longer / Double(one.count * other.count)
    }

    /// For the script: what was measured, as text.
    private func report(_ name: String, _ times: [String: [Double]]) {
        guard ProcessInfo.processInfo.environment["DBSEC_TIMING_ROUNDS"] != nil else { return }
        var text = ""
        for kind in Self.kinds {
            let sorted = (times[kind] ?? []).sorted()
            guard !sorted.isEmpty else { continue }
            func at(_ part: Double) -> Double { (sorted[Int(Double(sorted.count - 1) * part)] * 1000).rounded() / 1000 }
            text += "\(name) \(kind): \(sorted.count) samples, median \(at(0.5)) ms, \(at(0.05)) to \(at(0.95))\n"
        }
        for (one, other) in Self.pairs {
            let value = share(times[one] ?? [], times[other] ?? [])
            text += "\(name) \(one) longer than \(other): \((value * 1000).rounded() / 1000) of pairs\n"
        }
        StandardError.write(text)
    }
}
