import Platform
import Testing

@testable import Backups

@Suite struct ArchiveTests {
    static func makeArchive(minor: UInt8 = 14) -> ArchiveWriter {
        var writer = ArchiveWriter(minor: minor)
        writer.add(7, "TABLE", "people", definition: "CREATE TABLE public.people (id int, name text);\n")
        writer.addTable(9, "people", rows: ["1\tann", "2\tbob", "2\tbob"])
        writer.addTable(10, "empty", rows: [])
        writer.addTable(11, "bare", columns: " ", rows: ["", ""])
        writer.addLargeObjects(12, [(16420, [171, 171, 171, 171, 171]), (16421, [])])
        return writer
    }

    @Test(arguments: [UInt8(14), 15, 16])
    func `the index has rows, bytes and the sum of their digests`(minor: UInt8) throws {
        let (index, toc) = try readArchive(Self.makeArchive(minor: minor).bytes)
        // The digests were computed with Python's hashlib.
        let people = try #require(index.table("people"))
        #expect(people.columns == ["id", "name"])
        #expect(people.rows == 3)
        #expect(people.bytes == 15)
        #expect(people.digest.description == "240862669840babca4a40a7831c298f356bd62e9b03b8deebe82f9ac750e7b58")
        #expect(index.table("empty")?.rows == 0)
        #expect(index.table("empty")?.digest == .zero)
        #expect(index.table("bare")?.rows == 2)
        #expect(
            index.table("bare")?.digest.description
                == "c761888531f8382935f7e99132df72484f5c83c8c9372699492b3236f0a570aa")
        #expect(index.largeObjects.count == 2)
        #expect(index.largeObjects.bytes == 5)
        #expect(
            index.largeObjects.digest.description == "f002c3c643d21036b35274bae4b35e73d0e8aa142cc0ff652aacb64a73a3bc2c")
        #expect(toc?.entries.map(\.kind) == ["TABLE", "TABLE DATA", "TABLE DATA", "TABLE DATA", "BLOBS"])
        #expect(toc?.databaseName == "app")
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1 << 16])
    func `the size of the pieces changes nothing`(piece: Int) throws {
        let bytes = Self.makeArchive().bytes
        let whole = try readArchive(bytes)
        let pieces = try readArchive(bytes, piece: piece)
        #expect(pieces.index == whole.index)
        #expect(pieces.toc == whole.toc)
    }

    @Test(arguments: [1, 2, 3, 5, 1000])
    func `where a dump frames its rows means nothing`(frames: Int) throws {
        var writer = ArchiveWriter()
        writer.addTable(9, "people", rows: ["1\tann", "2\tbob", "2\tbob"], frames: frames)
        let index = try readArchive(writer.bytes).index
        #expect(index.tables == [try #require(readArchive(Self.makeArchive().bytes).index.table("people"))])
    }

    @Test func `an archive that is cut anywhere is refused`() throws {
        let bytes = Self.makeArchive(minor: 16).bytes
        for length in 0..<bytes.count {
            let failure = #expect(throws: PlainFailure.self) { try readArchive(Array(bytes[..<length])) }
            #expect(failure?.status == .malformed, "cut after \(length) of \(bytes.count) bytes")
        }
    }

    @Test func `a byte changed anywhere is an error or a different answer, never a crash`() throws {
        let bytes = Self.makeArchive().bytes
        for index in bytes.indices {
            for change in [UInt8(1), 0x80, 0xff] {
                var damaged = bytes
                damaged[index] ^= change
                do {
                    _ = try readArchive(damaged)
                } catch let failure as PlainFailure {
                    #expect(failure.status == .malformed)
                }
            }
        }
    }

    @Test func `bytes pass on unchanged`() throws {
        let bytes = Self.makeArchive().bytes
        let copy = CollectingSink()
        let reader = ArchiveReader(ContentIndexer(), into: copy)
        for byte in bytes { try reader.write([byte].span) }
        try reader.finish()
        #expect(copy.bytes == bytes)
        #expect(copy.isFinished)
    }

    @Test func `a table of contents beyond the limit is refused before it is kept`() throws {
        var writer = ArchiveWriter()
        for number in 1...200 { writer.add(number, "TABLE", String(repeating: "t", count: 100)) }
        let bytes = writer.bytes
        #expect(throws: PlainFailure.self) { try readArchive(bytes, piece: 512, tocLimit: 8192) }
    }

    @Test func `a compressed archive is refused with the option that helps`() throws {
        var bytes = Self.makeArchive(minor: 15).bytes
        bytes[11] = 1
        let failure = #expect(throws: PlainFailure.self) { try readArchive(bytes) }
        #expect(failure?.sentence.contains("-Z0") == true)
    }

    @Test func `data that comes twice is refused`() throws {
        var writer = ArchiveWriter()
        writer.addTable(9, "people", rows: ["1\tann"])
        let bytes = writer.bytes + writer.blocks
        #expect(throws: PlainFailure.self) { try readArchive(bytes) }
    }

    @Test func `rows without the end mark are refused`() throws {
        var writer = ArchiveWriter()
        writer.addTable(9, "people", rows: ["1\tann"], end: "")
        let bytes = writer.bytes
        #expect(throws: PlainFailure.self) { try readArchive(bytes) }
    }

    @Test func `rows after the end mark are refused`() throws {
        var writer = ArchiveWriter()
        writer.addTable(9, "people", rows: ["1\tann"], end: "\\.\n\n2\tbob\n")
        let bytes = writer.bytes
        #expect(throws: PlainFailure.self) { try readArchive(bytes) }
    }

    @Test func `rows as INSERT statements are refused`() throws {
        var writer = ArchiveWriter()
        writer.add(9, "TABLE DATA", "people", hasData: true)
        let bytes = writer.bytes + [1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]
        let failure = #expect(throws: PlainFailure.self) { try readArchive(bytes) }
        #expect(failure?.sentence.contains("INSERT") == true)
    }
}

@Suite struct ContentTests {
    @Test func `the order of rows does not matter, their content does`() throws {
        func index(_ rows: [String]) throws -> ContentIndex {
            var writer = ArchiveWriter()
            writer.addTable(9, "people", rows: rows)
            return try readArchive(writer.bytes).index
        }
        let first = try index(["1\tann", "2\tbob", "2\tbob"])
        #expect(try index(["2\tbob", "1\tann", "2\tbob"]) == first)
        #expect(try first.differences(to: index(["2\tbob", "1\tann", "2\tbob"])) == [])
        #expect(
            try first.differences(to: index(["1\tann", "2\tbob"])).map(\.description)
                == ["table public.people: 2 rows instead of 3"])
        #expect(
            try first.differences(to: index(["1\tann", "1\tann", "2\tbob"])).map(\.description)
                == ["table public.people: the content of its 3 rows differs"])
        // A pair of equal rows replaced by another pair: an exclusive or would not see it.
        #expect(try index(["2\tbob", "2\tbob"]) != index(["1\tann", "1\tann"]))
    }

    @Test func `partitions are summed at the root, in the order of one of them`() throws {
        func index(_ left: [String], _ right: [String]) throws -> ContentIndex {
            var writer = ArchiveWriter()
            writer.add(1, "TABLE", "h")
            writer.add(2, "TABLE", "middle")
            writer.add(3, "TABLE", "h0")
            writer.add(4, "TABLE", "h1")
            writer.add(5, "TABLE ATTACH", "middle", dependencies: [2, 1])
            writer.add(6, "TABLE ATTACH", "h0", dependencies: [3, 2])
            writer.add(7, "TABLE ATTACH", "h1", dependencies: [4, 1])
            writer.addTable(9, "h0", rows: left)
            writer.addTable(10, "h1", columns: " (name, id)", rows: right)
            return try readArchive(writer.bytes).index
        }
        let one = try index(["1\tann", "2\tbob"], ["cy\t3"])
        #expect(one.tables.map(\.name.name) == ["h"])
        #expect(one.rows == 3)
        #expect(try index(["3\tcy"], ["bob\t2", "ann\t1"]) == one)
        #expect(try index(["3\tcy"], ["2\tbob", "ann\t1"]) != one)
    }

    @Test func `a cycle of partitions ends`() throws {
        var writer = ArchiveWriter()
        writer.add(3, "TABLE", "a")
        writer.add(4, "TABLE", "b")
        writer.add(5, "TABLE ATTACH", "a", dependencies: [3, 4])
        writer.add(6, "TABLE ATTACH", "b", dependencies: [4, 3])
        let toc = try #require(readArchive(writer.bytes).toc)
        #expect(toc.partitionRoots.count == 2)
    }

    @Test func `a dump with moved columns is read in the recorded order`() throws {
        var before = ArchiveWriter()
        before.addTable(9, "child", columns: " (own, inherited, last)", rows: ["o\ti\t\\N", "p\tj\t"])
        var after = ArchiveWriter()
        after.addTable(9, "child", columns: " (inherited, own, last)", rows: ["j\tp\t", "i\to\t\\N"], frames: 3)
        let recorded = try readArchive(before.bytes).index
        #expect(try readArchive(after.bytes).index != recorded)
        #expect(try readArchive(after.bytes, orders: recorded.columnOrders).index == recorded)
    }

    @Test func `a row that looks like the end mark is a row`() throws {
        var writer = ArchiveWriter()
        writer.addTable(9, "marks", columns: " (text)", rows: ["\\\\.", "\\\\", "."], frames: 2)
        #expect(try readArchive(writer.bytes).index.table("marks")?.rows == 3)
    }

    @Test(arguments: [
        ("COPY public.users (id, email) FROM stdin;\n", ["public", "users"], ["id", "email"]),
        (
            "COPY \"a.b\".\"say \"\"hi\"\" (x)\" (\"c,d\", \"e)\") FROM stdin;\n", ["a.b", "say \"hi\" (x)"],
            ["c,d", "e)"]
        ),
        ("COPY public.bare  FROM stdin;\n", ["public", "bare"], []),
    ])
    func `the columns are those of the COPY statement`(text: String, table: [String], columns: [String]) throws {
        let statement = try CopyStatement(text)
        #expect(statement.table == table)
        #expect(statement.columns == columns)
    }

    @Test(arguments: ["", "COPY", "COPY public.users (id FROM stdin;", "COPY \"open (id) FROM stdin;", "SELECT 1;"])
    func `another statement is refused`(text: String) {
        #expect(throws: PlainFailure.self) { try CopyStatement(text) }
    }
}
