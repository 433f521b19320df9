import Console
import Platform
import SystemPackage
import Testing

@Suite struct `Numbers as people read them` {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_540_000, "1.5 MB"), (12_345_678_901, "12 GB"),
    ])
    func `sizes`(bytes: Int, text: String) {
        #expect(Words.size(bytes) == text)
    }

    @Test(arguments: [
        (0.04, "0.0 s"), (9.9, "9.9 s"), (12.4, "12 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h"),
    ])
    func `durations`(seconds: Double, text: String) {
        #expect(Words.duration(seconds) == text)
    }

    @Test func `counts with their nouns`() {
        #expect(Words.plural(1, "table") == "1 table")
        #expect(Words.plural(1_234_567, "row") == "1,234,567 rows")
    }

    @Test func `progress tells bytes, rows, rate and time left`() {
        let progress = Progress("dumping app", bytes: 50_000_000, totalBytes: 100_000_000, rows: 1000)
        #expect(
            ProgressLine.line(progress, seconds: 5)
                == "dumping app, 50 MB of 100 MB, 1,000 rows, 10 MB/s, 5.0 s left")
    }
}

@Suite struct `Text from outside` {
    @Test func `cannot drive a terminal`() {
        #expect(Plain.line("a\u{1B}[2Jb\nc\u{202E}d") == "a\\u{1B}[2Jb\\u{A}c\\u{202E}d")
    }
}

@Suite struct `The configuration` {
    private func configured(_ text: String) throws -> Configuration {
        let path = try Files.makeTemporaryDirectory().appending("dbsec.json")
        defer { try? Files.removeTree(path.removingLastComponent()) }
        try Files.write(Array(text.utf8), to: path)
        return try Configuration(path, environment: [:])
    }

    private struct Section: Decodable { let keepLast: Int }

    @Test func `gives each program its section`() throws {
        let configuration = try configured("{ // ours\n\"state\": \"/srv/state\", \"backup\": {\"keepLast\": 7}}")
        #expect(try configuration.section("backup", as: Section.self)?.keepLast == 7)
        #expect(try configuration.section("policy", as: Section.self) == nil)
        #expect(try configuration.state == "/srv/state")
    }

    @Test func `refuses an unknown section with 78 and the nearest name`() throws {
        let failure = #expect(throws: PlainFailure.self) { try configured("{\"backups\": {}}") }
        #expect(failure?.status == .configuration)
        #expect(failure?.sentence.hasSuffix("line 1: backups: unknown key \"backups\" (did you mean backup?)") == true)
    }

    @Test func `says on which line a section is wrong, with 78`() throws {
        let configuration = try configured("{\n\"backup\": {\n\"keepLast\": \"seven\"}}")
        let failure = #expect(throws: PlainFailure.self) { try configuration.section("backup", as: Section.self) }
        #expect(failure?.status == .configuration)
        #expect(failure?.sentence.hasSuffix("line 3: backup.keepLast: expected a whole number") == true)
    }

    @Test func `that was named and is missing is 66`() throws {
        let failure = #expect(throws: FileFailure.self) { try Configuration("/nowhere/dbsec.json", environment: [:]) }
        #expect(failure?.status == .inputMissing)
    }
}
