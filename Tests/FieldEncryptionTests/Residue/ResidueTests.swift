import AuditLog
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import FieldEncryption

@Suite struct `Looking for many byte strings` {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `finds each, wherever the pieces of the stream end`() {
        let text = bytes("xxalphabetyygammarayalphabetzz")
        let search = PatternSearch([bytes("alphabet"), bytes("gammaray"), bytes("missing")])
        for size in 1...text.count {
            var pass = search.pass()
            for start in stride(from: 0, to: text.count, by: size) {
                pass.feed(Array(text[start..<min(start + size, text.count)]).span)
            }
            #expect(pass.found == [0, 1])
            #expect(pass.count == 3)
            #expect(pass.bytes == text.count)
        }
    }

    @Test func `stretches of zeros between are passed over, and only they`() {
        let search = PatternSearch([bytes("alphabet"), bytes("gammaray")])
        for zeros in [1, 8191, 8192, 8193, 20_000, 40_000] {
            var stream = bytes("alphabet") + [UInt8](repeating: 0, count: zeros) + bytes("gammaray")
            stream += [UInt8](repeating: 0, count: zeros) + bytes("xalphabet")
            for size in [stream.count, 5, 8192, 10_000] {
                var pass = search.pass()
                for start in stride(from: 0, to: stream.count, by: size) {
                    pass.feed(Array(stream[start..<min(start + size, stream.count)]).span)
                }
                #expect((pass.found, pass.count, pass.bytes) == ([0, 1], 3, stream.count))
            }
        }
        // As a wrapped key may have them.
        var pass = PatternSearch([[UInt8](repeating: 0, count: 6)]).pass()
        pass.feed([UInt8](repeating: 0, count: 9000).span)
        #expect(pass.count == 9000 - 5)
    }

    @Test func `patterns that begin alike are told apart`() {
        let search = PatternSearch([bytes("abcdef1"), bytes("abcdef2"), bytes("abcdef")])
        var pass = search.pass()
        pass.feed(bytes("..abcdef2..").span)
        #expect(pass.found == [1, 2])
    }
}

/// Of the servers under test only Debian's has pg_stat_statements.
private let hasStatements = ProcessInfo.processInfo.environment["DBSEC_TEST_POSTGRES"] == nil

private let serverSettings = [
    "shared_preload_libraries": hasStatements ? "pg_stat_statements" : "", "logging_collector": "on",
    "log_statement": "all", "min_wal_size": "2MB", "max_wal_size": "128MB", "wal_compression": "off",
    "autovacuum": "off",
]

/// Of its own server, since WAL and statistics are shared by all databases of one.
@Suite(
    // Small WAL files, since every search reads all of them.
    .cluster(serverSettings, initdb: ["--wal-segsize=1"]), .database, .serialized, .timeLimit(.minutes(10)))
struct `Residue of a plaintext` {
    private static let rows = 20_000
    private static let values = (1...rows).map { "+4917\(10_000_000 + $0 * 7)" }
    private static let column = ResidueSearch.Column(schema: "public", table: "users", column: "phone")

    /// As pgcrypto and an UPDATE would do it.
    private func encryptInPlace() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE users (id int PRIMARY KEY, phone text);
            INSERT INTO users SELECT i, '+4917' || 10000000 + i * 7 FROM generate_series(1, \(Self.rows)) i;
            CREATE INDEX users_phone ON users (phone);
            ANALYZE users
            """)
        try await database.run("UPDATE users SET phone = encode(sha256(phone::bytea), 'base64')")
        try await database.run("VACUUM users")
    }

    private func search(
        _ needles: [String], in kinds: Set<ResiduePlace.Kind> = Set(ResiduePlace.Kind.allCases)
    ) async throws -> ResidueReport {
        try await ResidueSearch(try await Database.current.connect(), Self.column, needles: needles)
            .run(backups: [], in: kinds)
    }

    private func place(_ kind: ResiduePlace.Kind, of report: ResidueReport) throws -> ResiduePlace {
        let places = report.places.filter { $0.kind == kind }
        return try #require(places.max { $0.values < $1.values })
    }

    @Test func `an UPDATE in place and VACUUM leave thousands of plaintexts, and a purge clears them`() async throws {
        try await encryptInPlace()
        let before = try await search(Self.values)
        #expect(before.verdict == .found)
        #expect(try place(.heap, of: before).values > 10_000)
        #expect(try place(.index, of: before).values > 10_000)
        #expect(try place(.wal, of: before).values > 10_000)
        #expect(before.places.allSatisfy { $0.values <= Self.values.count })
        #expect(try place(.statistics, of: before).values > 50)
        #expect(try place(.log, of: before).verdict == .clean)
        #expect(try place(.statements, of: before).verdict == .clean)

        let connection = try await Database.current.connect()
        let purge = ResiduePurge(connection, Self.column)
        let steps = try await purge.plan(for: before)
        #expect(steps.map(\.clears) == [.heap, .statistics, .wal])
        try await withTemporaryFolder { folder in
            let audit = try AuditLog.open(
                folder.appending("audit"), as: AuditSource(program: "tests", version: "0", environment: [:]))
            try await purge.run(steps, audit: audit)
        }
        let after = try await search(Self.values)
        for kind in [ResiduePlace.Kind.heap, .index, .toast, .statistics, .wal] {
            let left = try place(kind, of: after)
            #expect(left.verdict == .clean, "\(kind): \(left.values) values, \(left.occurrences) times")
        }
        #expect(after.verdict == .clean)
    }

    @Test func `a dropped column stays in the rows until they are rewritten`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE users (id int PRIMARY KEY, phone text);
            INSERT INTO users SELECT i, '+4918' || 10000000 + i * 7 FROM generate_series(1, 500) i;
            ALTER TABLE users DROP COLUMN phone
            """)
        let values = (1...500).map { "+4918\(10_000_000 + $0 * 7)" }
        #expect(try place(.heap, of: try await search(values, in: [.heap])).values == 500)
        try await database.run("VACUUM FULL users")
        #expect(try place(.heap, of: try await search(values, in: [.heap])).verdict == .clean)
    }

    @Test func `rows that hold the values now are no residue`() async throws {
        try await Database.current.run(
            "CREATE TABLE users (phone text); INSERT INTO users SELECT '+4919' || 10000000 + i FROM generate_series(1, 300) i"
        )
        let connection = try await Database.current.connect()
        let values = try await ResidueSearch.sample(connection, Self.column, count: 100)
        #expect(values.count == 100)
        let heap = try place(.heap, of: try await search(values, in: [.heap]))
        #expect(heap.verdict == .clean)
        #expect(heap.why == "only the 100 rows that hold the values now")
    }

    @Test func `values that are not stored as text are unknown, and never clean`() async throws {
        try await Database.current.run("CREATE TABLE users (phone bigint); INSERT INTO users VALUES (4917012345678)")
        let heap = try place(.heap, of: try await search(["4917012345678"], in: [.heap]))
        #expect(heap.verdict == .unknown)
        #expect(heap.why == "values of type int8 are stored in another form, and cannot be recognised")
    }

    @Test func `literals in statements are found in the log, and in pg_stat_statements`() async throws {
        let database = try Database.current
        try await database.run("CREATE TABLE users (phone text)")
        if hasStatements { try await database.run("CREATE EXTENSION pg_stat_statements") }
        // A utility statement keeps its literals.
        try await database.run("DO $$ BEGIN PERFORM 'needle-in-a-log-4711'; END $$")
        let report = try await search(["needle-in-a-log-4711"], in: [.log, .statements])
        #expect(try place(.log, of: report).verdict == .found)
        #expect(try place(.log, of: report).occurrences >= 1)
        guard hasStatements else {
            #expect(try place(.statements, of: report).why == "it is not loaded")
            return
        }
        #expect(try place(.statements, of: report).verdict == .found)
        let connection = try await database.connect()
        let steps = try await ResiduePurge(connection, Self.column).plan(for: report)
        #expect(
            steps.contains { $0.clears == .statements && $0.sql.first?.contains("pg_stat_statements_reset") == true })
        #expect(steps.contains { $0.clears == .log && $0.sql.isEmpty })
    }

    @Test func `short values are not looked for, and a role that is no superuser is refused`() async throws {
        try await Database.current.run("CREATE TABLE users (phone text)")
        let report = try await search(["12345", "1234567"], in: [.heap])
        #expect((report.needles, report.short) == (1, 1))
        await #expect(throws: PlainFailure.self) { _ = try await search(["12345"]) }
        let role = "plain_\(UInt32.random(in: 1...9_999_999))"
        try await Database.current.run("CREATE ROLE \(role) LOGIN")
        let connection = try await Database.current.connect(as: role)
        let error = await #expect(throws: PlainFailure.self) {
            try await ResidueSearch(connection, Self.column, needles: ["1234567"]).run(backups: nil)
        }
        #expect(error?.status == .permission)
    }

    @Test func `the program says what it found, plans, clears, and asks before`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE users (id int, phone text);
            INSERT INTO users SELECT i, 'secret-value-' || i FROM generate_series(1, 200) i;
            UPDATE users SET phone = md5(phone)
            """)
        try await withTemporaryFolder { folder in
            let file = folder.appending("needles")
            try Files.write(Array((1...200).map { "secret-value-\($0)\n" }.joined().utf8), to: file)
            let arguments = ["residue", "--table", "users", "--column", "phone", "--needles", file.string]
            let environment = database.environment.merging(["DBSEC_STATE": folder.string]) { $1 }
            let found = try await Program.run("dbpii", arguments + ["--json"], environment: environment)
            #expect(found.status == 1)
            #expect(found.stdout.contains("\"verdict\":\"found\""))
            #expect(!found.stdout.contains("secret-value-1"))
            let plan = try await Program.run("dbpii", arguments + ["--purge", "--dry-run"], environment: environment)
            #expect(plan.stdout.contains("VACUUM (FULL, ANALYZE) \"public\".\"users\";"))
            let refused = try await Program.run("dbpii", arguments + ["--purge"], environment: environment)
            #expect(refused.status == 64)
            let purged = try await Program.run(
                "dbpii", arguments + ["--purge", "--yes", "--allow-unknown"], environment: environment)
            #expect(purged.status == 0, "\(purged.stdout) \(purged.stderr)")
            #expect(purged.stdout.contains("no repository was named"))
            let again = try await Program.run("dbpii", arguments, environment: environment)
            #expect(again.status == 1)
            #expect(again.stdout.hasSuffix("looked for 200 values of public.users.phone: unknown\n"))
        }
    }
}
