import PostgresClient
import TestSupport

@testable import AccessPolicy

extension Scene {
    /// The policy's proof on the database as it stands.
    func prove(
        _ policy: String, as role: String? = nil, isStrict: Bool = false
    ) async throws -> Proof {
        let connection = try await database.connect(as: role.map(own))
        return try await prove(policy, on: connection, isStrict: isStrict)
    }

    func prove(_ policy: String, on connection: Connection, isStrict: Bool = false) async throws -> Proof {
        try await Provisioner(connection, try file(policy), passwords: GivenPasswords()).proof(isStrict: isStrict)
    }

    /// A table of documents with the policy of their owners applied.
    func withDocuments() async throws {
        try await run(ProverScene.table)
        try await apply(ProverScene.policy())
    }
}

/// Documents that belong to somebody: what the prover's tests are about.
enum ProverScene {
    static let table = """
        CREATE SCHEMA app;
        CREATE TABLE app.docs (id bigint PRIMARY KEY, owner text, kind text);
        INSERT INTO app.docs VALUES (1, 'a', 'x'), (2, 'b', 'x');
        """

    static let own = """
        { "name": "own", "to": ["reader@"], "match": { "column": "owner", "type": "text", "setting": "app.user" } }
        """

    static func policy(_ policies: String = own, tests: String = "", budget: Int = 60, more: String = "") -> String {
        """
        { "version": 1, "roles": { "reader@": {}, "login@": { "login": true, "memberOf": ["reader@"] } },
          "grants": [
            { "to": ["reader@"], "on": { "schemas": ["app"] }, "privileges": ["USAGE"] },
            { "to": ["reader@"], "on": { "tables": ["app.docs"] }, "privileges": ["SELECT", "INSERT", "UPDATE"] } ],
          "rowSecurity": { "app.docs": { "policies": [ \(policies) ] } },
          "proofBudget": \(budget), "tests": [ \(tests) ] \(more) }
        """
    }

    static func test(
        _ run: String, _ expect: String, given: String? = nil, user: String? = "a", as role: String = "login@"
    ) -> String {
        let settings = user.map { "\"with\": { \"app.user\": \"\($0)\" }, " } ?? ""
        let given = given.map { "\"given\": [\"\($0)\"], " } ?? ""
        return "{ \"as\": \"\(role)\", \(settings)\(given)\"run\": \"\(run)\", \"expect\": { \(expect) } }"
    }
}
