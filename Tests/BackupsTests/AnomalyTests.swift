import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

struct `What is less than the last time` {
    private static let last = LastContent(databases: [
        "shop": .init(
            label: "A", bytes: 10_000_000,
            rows: ["public.orders": 1000, "public.small": 20, "public.sessions": 5000])
    ])

    private func anomalies(
        _ tables: [(String, Int, Int)], present: Set<String> = ["shop"],
        _ change: (inout AnomalyLimits) -> Void = { _ in }
    ) -> [String] {
        let content = ContentIndex(
            tables: tables.map {
                .init(name: TableName(schema: "public", name: $0.0), columns: [], rows: $0.1, bytes: $0.2)
            },
            largeObjects: .init())
        var limits = AnomalyLimits()
        change(&limits)
        return Self.last.anomalies(in: index("shop", content), present: present, limits).map(\.sentence)
    }

    @Test func `is nothing where everything grew`() {
        #expect(anomalies([("orders", 1001, 9_000_000), ("small", 0, 0), ("sessions", 5000, 1_000_000)]) == [])
    }

    @Test func `is a table with less than half of its rows`() {
        #expect(
            anomalies([("orders", 499, 9_000_000), ("small", 1, 0), ("sessions", 5000, 0)]) == [
                "table public.orders of shop has 499 rows, and had 1000 in A"
            ])
    }

    @Test func `is less by another measure where one is set`() {
        let tables = [("orders", 900, 9_500_000), ("small", 20, 0), ("sessions", 5000, 0)]
        #expect(anomalies(tables) == [])
        #expect(anomalies(tables) { $0.maxLoss = 5 } == ["table public.orders of shop has 900 rows, and had 1000 in A"])
    }

    @Test func `is a table that is gone, however small`() {
        #expect(
            anomalies([("orders", 1000, 10_000_000), ("sessions", 5000, 0)]) == [
                "table public.small of shop had 20 rows in A and is gone"
            ])
    }

    @Test func `is a database that shrank as a whole, or is gone`() {
        #expect(
            anomalies([("orders", 1000, 4_000_000), ("small", 20, 0), ("sessions", 5000, 0)]) == [
                "database shop holds 4000000 bytes, and held 10000000 in A"
            ])
        #expect(anomalies([], present: []) == ["database shop was in A and is on the server no more"])
    }

    @Test func `is never a table that may lose what it wants`() {
        #expect(
            anomalies([("orders", 1000, 10_000_000), ("small", 20, 0), ("sessions", 0, 0)]) {
                $0.ignored = [NamePattern("*.sessions")]
            } == [])
    }
}

private func index(_ database: String, _ content: ContentIndex) -> IndexDocument {
    IndexDocument(
        label: "B", run: "",
        cluster: ClusterFacts(
            systemIdentifier: "", serverVersion: "", serverVersionNumber: 0, isStandby: false, bootstrapSuperuser: "",
            roles: [], memberships: [], tablespaces: [], settings: [:]),
        databases: [
            DatabaseIndex(
                facts: DatabaseFacts(
                    name: database, oid: 1, owner: "", encoding: "", collate: "", ctype: "", localeProvider: "",
                    monetaryLocale: "", tablespace: "", connectionLimit: 0, settings: [], extensions: [],
                    collations: [],
                    notCovered: []),
                content: content, definitions: [])
        ])
}

@Suite(.cluster, .database, .timeLimit(.minutes(2))) struct `The producer remembers` {
    @Test func `what there was, and tells what is gone at the next run, once`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) n; CREATE TABLE gone (x int)")
        try await withProducer { producer in
            #expect(try await producer.run([database.name]).anomalies.isEmpty)
            let file = producer.folder.appending("last").appending("main.json")
            #expect(try Files.readSecret(file).isEmpty == false, "only its owner may read it")
            try await database.run("DELETE FROM t WHERE n > 100; DROP TABLE gone")
            let second = try await producer.run([database.name])
            #expect(second.anomalies.map(\.kind) == [.tableGone, .rowsLost])
            #expect(second.answer(BackupRun.Options()) == .success)
            var strict = BackupRun.Options()
            strict.anomalies.fail = true
            #expect(second.answer(strict) == .negative)
            #expect(try await producer.run([database.name]).anomalies.isEmpty)
        }
    }
}
