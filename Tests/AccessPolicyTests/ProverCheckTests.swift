import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// What all the policies of a role come to together: for the rows it sees, and for those it adds.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverCheckTests {
    private func made(_ command: String, _ name: String, _ clause: String, _ text: String) -> String {
        "{ \"name\": \"\(name)\", \"to\": [\"reader@\"], \"for\": \"\(command)\", \"\(clause)\": \"\(text)\" }"
    }

    @Test func `a policy that is true for new rows makes the narrow ones of the same roles void`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let outcome = try await scene.apply(
            ProverScene.policy("\(made("INSERT", "add", "check", "true")), \(ProverScene.own)"))
        #expect(outcome.verdict == .applied)
        #expect(outcome.proof.findings.map(\.kind) == [.void])
        let finding = try #require(outcome.proof.findings.first)
        #expect(finding.verdict == .leak)
        #expect(finding.place == "rowSecurity[\"app.docs\"].policies[1].check")
        #expect(
            finding.detail
                == "policy own refuses no row at INSERT: policy add is true for the same roles, and one of them is enough"
        )
    }

    @Test(arguments: [
        // The only policy for new rows says so, and the other is for other commands.
        ("INSERT", "add", "check", "true", "SELECT", "see", "using", "owner = current_user"),
        ("SELECT", "see", "using", "true", "INSERT", "add", "check", "owner = current_user"),
    ]) func `true for one command and narrow for another is no finding`(
        _ one: String, _ first: String, _ clause: String, _ text: String, _ two: String, _ second: String,
        _ other: String,
        _ narrow: String
    ) async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let outcome = try await scene.apply(
            ProverScene.policy("\(made(one, first, clause, text)), \(made(two, second, other, narrow))"))
        #expect(outcome.verdict == .applied)
        #expect(outcome.proof.findings.map(\.kind) == [.noRows])
    }

    @Test func `a policy for more roles than the one that is true still holds the others`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let policies = """
            { "name": "all", "to": ["login@"], "using": "true" },
            { "name": "own", "to": ["reader@"], "using": "owner = current_user" }
            """
        #expect(try await scene.apply(ProverScene.policy(policies)).proof.findings.map(\.detail) == [])
    }

    @Test(arguments: [
        ("kind = 'x'", "kind <> 'x'"), ("owner IS NULL", "owner IS NOT NULL"), ("id < 10", "id >= 10"),
    ]) func `policies that let everything in only together stop the apply`(_ one: String, _ two: String) async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let outcome = try await scene.apply(
            ProverScene.policy("\(made("ALL", "one", "using", one)), \(made("ALL", "two", "using", two))"))
        #expect(outcome.verdict == .disproved)
        #expect(Set(outcome.proof.findings.map(\.kind)) == [.unfiltered, .unchecked])
        #expect(
            outcome.proof.findings.contains {
                $0.detail
                    == scene.own(
                        "no new row is refused at INSERT of login@, reader@, though none of the policies that hold is "
                            + "written as true: one, two")
            })
    }

    @Test func `a restrictive policy over them still refuses rows`() async throws {
        let scene = try Scene()
        try await scene.run(ProverScene.table)
        let floor = """
            { "name": "floor", "to": ["reader@"], "restrictive": true, "using": "owner = current_user" }
            """
        let policies = [made("ALL", "one", "using", "kind = 'x'"), made("ALL", "two", "using", "kind <> 'x'"), floor]
        let outcome = try await scene.apply(ProverScene.policy(policies.joined(separator: ", ")))
        #expect(outcome.verdict == .applied)
        #expect(outcome.proof.findings.map(\.detail) == [])
    }

    @Test func `a tautology made by hand beside a declared policy is found in what is left for the role`() async throws
    {
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run("CREATE POLICY leak ON app.docs TO reader@ USING (id = id)")
        let findings = try await scene.prove(ProverScene.policy()).findings
        #expect(Set(findings.map(\.kind)) == [.unfiltered, .unchecked])
        #expect(findings.allSatisfy { !$0.fails && $0.verdict == .leak })
    }
}
