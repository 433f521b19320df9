import FoundationEssentials
import Platform
import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Every rule of the lint against real databases: what it must find, and near misses that it must not.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct LintCorpusTests {
    @Test(arguments: LintCase.all) func `a trap is found, and its near miss is not`(_ example: LintCase) async throws {
        let scene = try Scene()
        guard try await scene.version >= example.since else { return }
        func own(_ text: String) -> String { scene.own(text).replacing("$DB", with: scene.database.name) }
        try await scene.database.run(own(example.script))
        let findings = try await scene.lint(example.policy, as: example.role).findings.filter { finding in
            finding.id == example.id && scene.isOwn(finding)
        }
        if let object = example.object {
            #expect(
                findings.contains { $0.object.description == own(object) },
                "\(findings.map { "\($0.object): \($0.evidence)" })")
        } else {
            #expect(findings.isEmpty, "\(findings.map { "\($0.object): \($0.evidence)" })")
        }
    }

    @Test func `every rule has a case that it finds and a near miss`() {
        let bad = Set(LintCase.all.filter { $0.object != nil }.map(\.id))
        let good = Set(LintCase.all.filter { $0.object == nil }.map(\.id))
        // Versions are judged without a server, in LintRuleTests.
        for rule in LintRule.all where rule.id != "server-version" {
            #expect(bad.contains(rule.id), "\(rule.id) has no bad case")
            #expect(good.contains(rule.id), "\(rule.id) has no near miss")
        }
        #expect(bad.union(good).isSubset(of: LintRule.identifiers))
    }
}

extension Scene {
    var version: Int {
        get async throws {
            let connection = try await database.connect()
            defer { Task { await connection.close() } }
            return connection.serverVersion
        }
    }

    func lint(
        _ policy: String? = nil, as role: String? = nil, options: Linter.Options = Linter.Options(),
        at now: Timestamp = .now()
    ) async throws -> LintOutcome {
        let connection = try await database.connect(as: role.map(own))
        let file = try policy.map(file)
        return try await Linter(connection, policy: file?.policy, options: options).run(at: now)
    }

    /// Roles and parameters belong to the whole server, and other tests make some too.
    func isOwn(_ finding: Finding) -> Bool {
        guard ["role", "parameter", "tablespace"].contains(finding.object.kind),
            !["password_encryption", "lo_compat_privileges"].contains(finding.object.name)
        else { return true }
        return (finding.object.name + finding.evidence).contains("_" + database.name)
    }
}
