import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// Hostile names, and policies, views and tables that are allowed and hardly ever seen.
@Suite(.cluster, .database, .timeLimit(.minutes(3))) struct StrangeDatabaseTests {
    private static let script = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .appending("Fixtures/strange.sql")

    private func scene() async throws -> Scene {
        let scene = try Scene()
        try await scene.run(String(decoding: try Files.read(Self.script), as: UTF8.self))
        return scene
    }

    @Test func `the lint bears it, and says of each table that it could not decide why`() async throws {
        let scene = try await scene()
        let outcome = try await scene.lint()
        let found = Set(outcome.findings.filter(scene.isOwn).map { "\($0.id) \($0.object)" })
        let schema = "\"S c'h\"\"ema.1\""
        for expected in [
            "policy-always-true policy g on \(schema).grp", "policy-always-true policy w on \(schema).wide",
            "policy-always-true policy e on \(schema).empty_part", "policy-recursion table \(schema).ra",
            "policy-recursion table \(schema).tree", "view-definer-over-rls view \(schema).bar",
            "partition-without-rls table \(schema).inh_child", "user-mapping-public foreign server \"s v\"",
            "sequence-usage-missing table \(schema).\"t;DROP TABLE x;--\"",
        ] { #expect(found.contains(expected), "\(expected)") }
        #expect(!found.contains { $0.hasSuffix(".inv") || $0.hasSuffix(".over_inv") })
        #expect(outcome.notes.contains { $0.contains("EXPLAIN failed: boom") && $0.contains("\(schema).raising") })
        #expect(outcome.notes.contains { $0.contains("division by zero") && $0.contains("\(schema).divide") })
    }

    @Test func `a remedy is a statement that the server takes, whatever the names in it`() async throws {
        let scene = try await scene()
        let connection = try await scene.database.connect()
        let prefixes = ["GRANT", "REVOKE", "ALTER FUNCTION", "ALTER VIEW", "ALTER TABLE", "DROP USER MAPPING"]
        let remedies = try await scene.lint().findings.filter(scene.isOwn).flatMap(\.remedy).filter { remedy in
            prefixes.contains(where: remedy.hasPrefix) && !remedy.contains("...")
        }
        #expect(remedies.count > 8)
        for remedy in remedies {
            await #expect(throws: Never.self, "\(remedy)") {
                try await connection.transaction {
                    try await connection.undoing { try await connection.script(SQL(raw: remedy)) }
                }
            }
        }
    }

    @Test func `it is inspected as a document that plans empty, and its access is told`() async throws {
        let scene = try await scene()
        let connection = try await scene.database.connect()
        let inspection = try await Inspection.inspect(connection, schema: "S c'h\"ema.1")
        #expect(inspection.differences == [])
        #expect(inspection.document.contains("t;DROP TABLE x;--"))
        let report = try await AccessReader(connection).report(at: .now())
        #expect(try ReportPage.html(of: report).contains("t;DROP TABLE x;--"))
    }
}
