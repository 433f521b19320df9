import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Negative controls: each way to break a good policy is noticed by its proof, or the detector is broken.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct ProverControlTests {
    static let tests = [
        ProverScene.test("SELECT id FROM app.docs", "\"rows\": [[1]]"),
        ProverScene.test("SELECT id FROM app.docs", "\"rows\": []", user: nil),
        ProverScene.test("INSERT INTO app.docs VALUES (3, 'b', 'x')", "\"denied\": \"policy\""),
        ProverScene.test("UPDATE app.docs SET kind = 'y' WHERE id = 2", "\"affected\": 0"),
        ProverScene.test("UPDATE app.docs SET owner = 'b'", "\"denied\": \"policy\""),
        ProverScene.test("DELETE FROM app.docs", "\"denied\": \"grant\""),
        ProverScene.test("TRUNCATE app.docs", "\"denied\": \"grant\""),
        ProverScene.test("SELECT * FROM app.plans", "\"denied\": \"grant\""),
    ].joined(separator: ", ")

    /// What breaks it, and how that shows.
    static let breaks: [(name: String, script: String, verdicts: Set<Verdict>, findings: Set<ProofFinding.Kind>)] = [
        ("nothing", "SELECT 1", [.proved], []),
        ("a dropped policy", "DROP POLICY own ON app.docs", [.proved, .failed], [.noRows]),
        ("row security switched off", "ALTER TABLE app.docs DISABLE ROW LEVEL SECURITY", [.proved, .leak], []),
        ("BYPASSRLS", "ALTER ROLE login@ BYPASSRLS", [.proved, .leak], []),
        ("a table that is the role's own", "ALTER TABLE app.docs OWNER TO login@", [.proved, .leak], []),
        (
            "a tautology beside it", "CREATE POLICY t ON app.docs TO reader@ USING (id = id)", [.proved, .leak],
            [.unfiltered, .unchecked]
        ),
        (
            "an open policy beside it", "CREATE POLICY t ON app.docs USING (true)", [.proved, .leak],
            [.unfiltered, .unchecked]
        ),
        (
            "a wider expression", "ALTER POLICY own ON app.docs USING (owner = 'a' OR owner = 'b')",
            [.proved, .leak, .failed], []
        ),
        ("a check that is gone", "ALTER POLICY own ON app.docs WITH CHECK (true)", [.proved, .leak], []),
        ("a policy for another role", "ALTER POLICY own ON app.docs TO CURRENT_USER", [.proved, .failed], [.noRows]),
        ("too large a grant", "GRANT DELETE ON app.docs TO reader@", [.proved, .leak], []),
        ("a grant to PUBLIC", "GRANT ALL ON app.plans TO PUBLIC", [.proved, .leak], []),
        ("TRUNCATE, which no policy filters", "GRANT TRUNCATE ON app.docs TO login@", [.proved, .leak], []),
        ("a missing grant", "REVOKE INSERT ON app.docs FROM reader@", [.proved, .failed], []),
        ("superuser", "ALTER ROLE login@ SUPERUSER", [.leak], []),
        (
            "a view that reads as its owner", "CREATE VIEW app.v AS TABLE app.docs; GRANT SELECT ON app.v TO reader@",
            [.proved], [.viewLeak]
        ),
        (
            "a function for every row",
            "ALTER POLICY own ON app.docs USING (owner = current_setting('app.user', true))", [.proved], [.perRow]
        ),
        ("rows that are gone", "DELETE FROM app.docs WHERE id = 2", [.proved, .vacuous], []),
    ]

    @Test(arguments: breaks.indices) func `a good policy that was broken is noticed`(_ index: Int) async throws {
        let (name, script, verdicts, findings) = Self.breaks[index]
        let scene = try Scene()
        try await scene.withDocuments()
        try await scene.run("CREATE TABLE app.plans (id bigint)")
        let policy = ProverScene.policy(tests: Self.tests, more: ", \"trustedOwners\": [\"login@\"]")
        #expect(try await scene.prove(policy, isStrict: true).passed)
        try await scene.run(script)
        let proof = try await scene.prove(policy)
        #expect(Set(proof.tests.map(\.verdict)) == verdicts, "\(name): \(proof.tests.map { "\($0.verdict)" })")
        #expect(Set(proof.findings.map(\.kind)) == findings, "\(name): \(proof.findings.map(\.detail))")
        #expect(proof.passed == verdicts.isDisjoint(with: [.leak, .failed]), "\(name)")
    }
}
