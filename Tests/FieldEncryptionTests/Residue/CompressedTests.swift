import Platform
import PostgresClient
import TestSupport
import Testing

@testable import FieldEncryption

@Suite struct `Bytes that may be compressed` {
    private func open(_ bytes: [UInt8], _ method: Decompression.Method, _ size: Int) -> (String, Bool)? {
        Decompression.decompress(bytes.span, 0..<bytes.count, method, size: size).map {
            (String(decoding: $0.bytes, as: UTF8.self), $0.isWhole)
        }
    }

    @Test func `literals and copies, of bytes that are still being written too`() throws {
        // Three bytes as they are, then six from three before; then the same of LZ4, whose copies have 4 and more.
        let pglz = try #require(open([0b1000, 97, 98, 99, 0x03, 0x03], .pglz, 9))
        #expect(pglz == ("abcabcabc", true))
        let lz4 = try #require(open([0x32, 97, 98, 99, 3, 0], .lz4, 9))
        #expect(lz4 == ("abcabcabc", true))
        // A length that goes on in the next byte.
        let long = try #require(open([0b10, 97, 0x0F, 0x01, 7], .pglz, 26))
        #expect(long == (String(repeating: "a", count: 26), true))
    }

    @Test func `what is cut or points before its beginning is no whole value`() throws {
        #expect(open([0b1000, 97, 98, 99, 0x03], .pglz, 9)?.1 == false)
        #expect(open([0b1, 0x03, 0x03], .pglz, 9) == nil)
        #expect(open([0x02, 3, 0], .lz4, 9) == nil)
        #expect(open([0b0, 97, 98], .pglz, 9)?.1 == false)
    }

    @Test(arguments: 1...50) func `no bytes are a danger`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        let search = PatternSearch([Array("impossible".utf8)])
        let bytes = (0..<2 * 8192).map { _ in UInt8(truncatingIfNeeded: next() & next()) }
        for kind in [CompressedValues.Kind.inPlace, .pieces] {
            var values = CompressedValues(kind, page: 8192, search)
            values.feed(bytes.span)
            values.finish()
            #expect(values.found.isEmpty)
        }
        for method in [Decompression.Method.pglz, .lz4] {
            let opened = Decompression.decompress(bytes.span, 0..<bytes.count, method, size: 4096)
            #expect((opened?.bytes.count ?? 0) <= 4096)
        }
    }
}

@Suite(
    .cluster(["min_wal_size": "2MB", "max_wal_size": "64MB", "autovacuum": "off"], initdb: ["--wal-segsize=1"]),
    .database, .timeLimit(.minutes(10)))
struct `Residue in compressed values` {
    private static let column = ResidueSearch.Column(schema: "public", table: "letters", column: "body")
    private static let needles = (1...60).map { "Muster-\($0)@beispiel.example" }

    private func search(
        _ kinds: Set<ResiduePlace.Kind> = [.heap, .toast, .index, .copy]
    ) async throws -> ResidueReport {
        try await ResidueSearch(try await Database.current.connect(), Self.column, needles: Self.needles)
            .run(backups: [], in: kinds)
    }

    private func place(_ kind: ResiduePlace.Kind, of report: ResidueReport) throws -> ResiduePlace {
        try #require(report.places.filter { $0.kind == kind }.max { $0.values < $1.values })
    }

    /// Rewrites the table until nothing is left: rows that a session may still see, also one that only connects, are taken along.
    private func rewritten(_ kind: ResiduePlace.Kind) async throws -> ResiduePlace {
        for _ in 0..<500 {
            try await Database.current.run("VACUUM FULL letters")
            let found = try place(kind, of: try await search())
            if found.verdict == .clean { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
        return try place(kind, of: try await search())
    }

    private func supports(_ method: String) async throws -> Bool {
        try await Database.current.value(
            "SELECT '\(method)' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'") == "t"
    }

    /// Not every server under test was built with lz4.
    @Test(arguments: ["pglz", "lz4"]) func `is found in rows that VACUUM has let go of`(method: String) async throws {
        guard try await supports(method) else { return }
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE letters (id int, body text COMPRESSION \(method));
            INSERT INTO letters SELECT i, repeat('Dear Sir or Madam, ', 60) || 'Muster-' || i || '@beispiel.example' ||
                repeat(' and so on', 200) FROM generate_series(1, 60) i;
            """)
        #expect(try await database.value("SELECT DISTINCT pg_column_compression(body) FROM letters") == method)
        #expect(try await database.value("SELECT max(pg_column_size(body)) < 1000 FROM letters") == "t")
        try await database.run("DELETE FROM letters WHERE id <> 60")
        try await database.run("VACUUM letters")
        let before = try await search([.heap, .wal])
        // What VACUUM moves within a page is written over others.
        #expect(try place(.heap, of: before).values > 50)
        #expect(try place(.heap, of: before).compressed > 50)
        #expect(try place(.wal, of: before).verdict != .clean)
        try await database.run("DELETE FROM letters")
        let after = try await rewritten(.heap)
        #expect(after.verdict == .clean && after.compressed == 0)
    }

    @Test(arguments: ["pglz", "lz4"]) func `is found in pieces out of line, deleted too`(method: String) async throws {
        guard try await supports(method) else { return }
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE letters (id int, body text COMPRESSION \(method));
            INSERT INTO letters SELECT i, (SELECT string_agg(md5(i || '/' || n) || md5(i || '/' || n), '') ||
                'Muster-' || i || '@beispiel.example' || string_agg(md5(n || i::text) || md5(n || i::text), '')
                FROM generate_series(1, 150) n) FROM generate_series(1, 60) i;
            """)
        #expect(try await database.value("SELECT DISTINCT pg_column_compression(body) FROM letters") == method)
        #expect(try await database.value("SELECT min(pg_column_size(body)) > 4000 FROM letters") == "t")
        try await database.run("DELETE FROM letters")
        try await database.run("VACUUM (TRUNCATE false) letters")
        let before = try place(.toast, of: try await search())
        #expect(before.verdict == .found)
        #expect(before.values == 60)
        #expect(try await rewritten(.toast).verdict == .clean)
    }

    @Test func `is found over the edge of two pieces`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE letters (body text); ALTER TABLE letters ALTER body SET STORAGE EXTERNAL;
            INSERT INTO letters SELECT repeat('x', 1996 - i) || 'Muster-' || i || '@beispiel.example' || repeat('y', 5000)
            FROM generate_series(1, 20) i
            """)
        #expect(try place(.toast, of: try await search([.heap])).values == 20)
    }

    @Test func `copies are found through triggers, views and columns of the same name`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE TABLE letters (id int PRIMARY KEY, body text);
            CREATE SCHEMA audit;
            CREATE TABLE audit.before (at timestamptz DEFAULT now(), old jsonb);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO audit.before (old) VALUES (to_jsonb(OLD)); RETURN NEW; END $$;
            CREATE TRIGGER keep BEFORE UPDATE ON letters FOR EACH ROW EXECUTE FUNCTION keep();
            CREATE VIEW addresses AS SELECT id, body FROM letters;
            CREATE MATERIALIZED VIEW "first ten" AS SELECT * FROM addresses WHERE id <= 10;
            CREATE TABLE letters_old (body text); CREATE TABLE other (body int); CREATE TABLE unrelated (note text);
            INSERT INTO letters SELECT i, 'Muster-' || i || '@beispiel.example' FROM generate_series(1, 60) i;
            INSERT INTO letters_old SELECT body FROM letters WHERE id < 4;
            INSERT INTO unrelated SELECT body FROM letters;
            REFRESH MATERIALIZED VIEW "first ten";
            UPDATE letters SET body = md5(body);
            CREATE FUNCTION foreign_code() RETURNS trigger LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
            CREATE TRIGGER foreign_code AFTER DELETE ON letters FOR EACH ROW EXECUTE FUNCTION foreign_code();
            """)
        let found = try await search()
        let copies = Dictionary(
            uniqueKeysWithValues: found.places.filter { $0.kind == .copy }.map { ($0.name, $0) })
        #expect(copies.keys.sorted() == ["audit.before", "foreign_code", "public.first ten", "public.letters_old"])
        #expect(copies["audit.before"]?.values == 60)
        #expect(copies["audit.before"]?.why?.contains("named by the trigger function keep of the table") == true)
        #expect(copies["public.first ten"]?.values == 10)
        #expect(copies["public.first ten"]?.why?.contains("REFRESH MATERIALIZED VIEW") == true)
        #expect(copies["public.letters_old"]?.values == 3)
        #expect(copies["foreign_code"]?.verdict == .unknown)
        let steps = try await ResiduePurge(try await database.connect(), Self.column).plan(for: found)
        let todo = try #require(steps.first { $0.clears == .copy })
        #expect(todo.sql.isEmpty && todo.what.contains("audit.before, which is named by the trigger function keep"))

        // Once the column is gone, its name is all that is known of it.
        try await database.run(
            "DROP MATERIALIZED VIEW \"first ten\"; DROP VIEW addresses; ALTER TABLE letters DROP COLUMN body")
        let after = try await search().places.filter { $0.kind == .copy }.map(\.name)
        #expect(after == ["foreign_code", "audit.before", "public.letters_old", "public.other"])
    }
}
