import FoundationEssentials
import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Random policies over a database with an object of every kind: after an apply there is nothing left to do.
///
/// One at a time: all of them grant on parameters and tablespaces, which the databases of a server share.
@Suite(.cluster(["allow_in_place_tablespaces": "on"]), .database, .serialized, .timeLimit(.minutes(10)))
struct ConvergenceTests {
    /// Fixed, so that a failure is the same everywhere; `DBSEC_TEST_SEEDS=100-200` tries others.
    private static let seeds: [UInt64] = {
        let range = (ProcessInfo.processInfo.environment["DBSEC_TEST_SEEDS"] ?? "1-12").split(separator: "-")
            .compactMap { UInt64($0) }
        return Array(range[0]...range[range.count - 1])
    }()

    @Test(arguments: seeds) func `after an apply the plan is empty, and a second apply changes nothing`(
        _ seed: UInt64
    ) async throws {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        let version: String? = try await scene.value("SHOW server_version_num")
        var random = RandomPolicy(seed: seed, version: version.flatMap { Int($0) } ?? 0)
        for round in 1...4 {
            await run(random.statements(), in: scene)
            let policy = random.policy()
            func failed(_ what: String) -> Comment { "seed \(seed), round \(round): \(what)\n\(scene.own(policy))" }
            do {
                let outcome = try await scene.apply(policy, maxRevokes: 100_000)
                #expect(outcome.verdict == .applied, failed("not applied"))
                let rest = try await scene.plan(policy).changes.flatMap(\.sql)
                #expect(rest == [], failed("a difference is left"))
                let state = try await scene.value(EveryKind.state)
                let second = try await scene.apply(policy).plan.changes.flatMap(\.sql)
                #expect(second == [], failed("a second apply has something to do"))
                #expect(try await scene.value(EveryKind.state) == state, failed("a second apply changed something"))
            } catch {
                let failure = error as? any Failure
                let planned = try? await scene.plan(policy).changes.flatMap(\.sql).joined(separator: ";\n")
                Issue.record(
                    failed("\(failure?.sentence ?? "\(error)"); \(failure?.hint ?? "")\n\(planned ?? "no plan")"))
                return
            }
        }
    }

    /// Some fail, as statements of people do.
    private func run(_ statements: [String], in scene: Scene) async {
        for statement in statements {
            try? await scene.run(statement.replacing("DBNAME", with: scene.database.name))
        }
    }

    @Test(arguments: seeds) func `after the script of a policy, run twice, the plan is empty`(_ seed: UInt64)
        async throws
    {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        let version: String? = try await scene.value("SHOW server_version_num")
        var random = RandomPolicy(seed: seed, version: version.flatMap { Int($0) } ?? 0)
        let policy = random.policy(.additive, isAlone: true)
        do {
            let script = try Script.text(of: scene.file(policy).policy, named: "p.json")
            for _ in 1...2 { try await scene.run(script.replacing("\\set ON_ERROR_STOP on", with: "")) }
            let rest = try await scene.plan(policy).changes.flatMap(\.sql)
            #expect(rest == [], "seed \(seed): a difference is left\n\(scene.own(policy))\n\(script)")
        } catch {
            Issue.record("seed \(seed): \((error as? any Failure)?.sentence ?? "\(error)")\n\(scene.own(policy))")
        }
    }

    @Test func `random policies reach every kind of change`() async throws {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        var kinds: Set<Change.Kind> = []
        let version: String? = try await scene.value("SHOW server_version_num")
        for seed in 1...6 as ClosedRange<UInt64> {
            var random = RandomPolicy(seed: seed, version: version.flatMap { Int($0) } ?? 0)
            await run(random.statements(), in: scene)
            let outcome = try await scene.apply(random.policy(), maxRevokes: 100_000)
            kinds.formUnion(outcome.plan.changes.map(\.kind))
        }
        #expect(
            kinds.isSuperset(of: [
                .createRole, .alterRole, .setSetting, .grantMembership, .revokeMembership, .alterOwner, .revoke, .grant,
                .grantDefault, .revokeDefault, .rowSecurity, .createPolicy, .alterPolicy, .dropPolicy,
            ]), "\(kinds)")
    }
}
