import AuditLog
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport

@testable import AccessPolicy

/// One test's database, and roles that no other test touches: roles belong to the whole server, so that `@` behind a
/// role's name in a policy or script stands for the database's own name.
struct Scene {
    let database: Database

    init() throws {
        database = try Database.current
    }

    func own(_ text: String) -> String {
        text.replacing("@", with: "_" + database.name)
    }

    func file(_ policy: String) throws -> PolicyFile {
        try PolicyFile(bytes: Array(own(policy).utf8), named: "policy p.json")
    }

    /// Runs a script of the test's own, `@` replaced.
    func run(_ script: String, as role: String? = nil) async throws {
        try await database.run(own(script), as: role.map(own))
    }

    func value(_ query: String, as role: String? = nil) async throws -> String? {
        try await database.value(own(query), as: role.map(own))
    }

    func plan(
        _ policy: String, as role: String? = nil, environment: [String: String] = [:]
    ) async throws -> Plan {
        let file = try file(policy)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: environment)
        let connection = try await database.connect(as: role.map(own))
        return try await Provisioner(connection, file, passwords: passwords).plan()
    }

    @discardableResult
    func apply(
        _ policy: String, as role: String? = nil, maxRevokes: Int = 20, environment: [String: String] = [:]
    ) async throws -> Outcome {
        let file = try file(policy)
        let passwords = try await GivenPasswords.fetch(file.policy, environment: environment)
        let connection = try await database.connect(as: role.map(own))
        return try await withTemporaryFolder { folder in
            let log = try AuditLog.open(
                folder.appending("audit"), as: AuditSource(program: "test", version: "0", environment: [:]))
            return try await Provisioner(connection, file, passwords: passwords).apply(
                maxRevokes: maxRevokes, audit: log)
        }
    }

    func test(_ policy: String) async throws -> [TestResult] {
        let connection = try await database.connect()
        return try await Provisioner(connection, try file(policy), passwords: GivenPasswords()).test()
    }

    /// The sentence and status with which `body` fails; what it did instead, when it does not.
    func failure(_ body: () async throws -> some Any) async -> (sentence: String, status: ExitStatus) {
        do {
            return ("succeeded: \(try await body())", .success)
        } catch let failure as any Failure {
            return (failure.sentence, failure.status)
        } catch {
            return ("\(error)", .internalError)
        }
    }
}
