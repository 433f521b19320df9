import AuditLog
import Platform
import SystemPackage
import TestSupport
import Testing

/// Logs of a server that logrotate has compressed.
@Suite(.timeLimit(.minutes(2))) struct PackedLogTests {
    private struct Scene {
        let folder: FilePath
        let log: AuditLog

        var logs: FilePath { folder.appending("logs") }

        func ingest(_ place: FilePath? = nil) async throws -> Ingest.Summary {
            var ingest = try await opened()
            try await ingest.takePacked(from: place ?? logs)
            try ingest.take(from: place ?? logs)
            return ingest.summary
        }

        /// A child that another test starts holds a copy of the last run's lock for as long as it takes to become itself.
        private func opened() async throws -> Ingest {
            while true {
                do {
                    return try Ingest(into: log, folder: folder.appending("ingest"), options: Ingest.Options())
                } catch let failure as any Failure where failure.status == .temporary {
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        }

        func write(_ numbers: ClosedRange<Int>, to name: String) throws {
            let text = numbers.map { Self.line($0) }.joined()
            try Files.write(Array(text.utf8), to: logs.appending(name), durable: false)
        }

        private static func line(_ number: Int) -> String {
            "2026-11-26 17:15:\(10 + number).000 UTC,\"ann\",\"shop\",1,\"10.0.0.7:51234\",6b086942.6be6,\(number),\"x\","
                + "2026-11-26 17:15:05 UTC,3/9,0,LOG,00000,\"statement: SELECT c\(number)\",,,,,,,,,"
                + "\"psql\",\"client backend\",,0\n"
        }

        /// Compresses a file in the logs' folder, as logrotate has it done some days before.
        func pack(_ name: String, with program: String = "gzip", ending: String = ".gz") async throws {
            let line =
                "cd \"$0\" && \"$1\" -qc < \"$2\" > \"$2$3\" && rm \"$2\" && touch -d '2 days ago' \"$2$3\""
            _ = try await Child("/bin/sh", ["-c", line, logs.string, program, name, ending]).run()
        }

        /// The columns that were asked for, in order.
        var taken: [Int] {
            get throws {
                try log.records.compactMap { record in
                    guard case .text(let text)? = record.facts?["statement"] else { return nil }
                    return Int(text.drop { !$0.isNumber })
                }
            }
        }
    }

    private func withScene(_ body: (Scene) async throws -> Void) async throws {
        try await withFolder { folder in
            try Files.createDirectory(folder.appending("logs"))
            try await body(Scene(folder: folder, log: try AuditLog.open(folder.appending("audit"), as: source)))
        }
    }

    @Test(arguments: [("gzip", ".gz"), ("zstd", ".zst"), ("xz", ".xz"), ("bzip2", ".bz2")])
    func `what was compressed is taken first, once, and without a gap`(program: String, ending: String) async throws {
        try await withScene { scene in
            try scene.write(1...3, to: "pg.csv.2")
            try await scene.pack("pg.csv.2", with: program, ending: ending)
            try scene.write(4...5, to: "pg.csv.1")
            try scene.write(6...6, to: "pg.csv")
            #expect(try await scene.ingest().lines == 6)
            #expect(try scene.taken == Array(1...6))
            // Not unpacked again, also after a batch that had nothing to do with it.
            try scene.write(6...7, to: "pg.csv")
            #expect(try await scene.ingest().lines == 1)
            let memory = try Files.read(scene.folder.appending("ingest/memory.json"))
            #expect(String(decoding: memory, as: UTF8.self).contains("\"packed\":[\""))
            #expect(try await scene.ingest().lines == 0)
            // Nothing of it lies about, and what was forgotten is known again by its content.
            #expect(try Set(Files.list(scene.folder.appending("ingest"))) == ["lock", "memory.json"])
            try Files.removeTree(scene.folder.appending("ingest"))
            #expect(try await scene.ingest().lines == 0)
            #expect(try scene.log.records.allSatisfy { $0.action != "pg.finding" })
        }
    }

    @Test func `what was taken in part before it was compressed is gone on with`() async throws {
        try await withScene { scene in
            try scene.write(1...30, to: "pg.csv")
            #expect(try await scene.ingest().lines == 30)
            try scene.write(1...34, to: "pg.csv")
            try await scene.pack("pg.csv")
            try scene.write(35...36, to: "pg.csv")
            #expect(try await scene.ingest().lines == 6)
            #expect(try scene.taken == Array(1...36))
        }
    }

    @Test func `a compressed file is taken by name, and in a folder left alone while it is written`() async throws {
        try await withScene { scene in
            try scene.write(1...2, to: "pg.csv")
            try await scene.pack("pg.csv")
            let packed = scene.logs.appending("pg.csv.gz")
            _ = try await Child("/usr/bin/touch", [packed.string]).run()
            #expect(try await scene.ingest().lines == 0)
            #expect(try await scene.ingest(packed).lines == 2)
        }
    }

    @Test func `a file that is damaged is a finding, once, and holds nothing up`() async throws {
        try await withScene { scene in
            try scene.write(1...2, to: "pg.csv.1")
            try await scene.pack("pg.csv.1")
            let packed = scene.logs.appending("pg.csv.1.gz")
            let bytes = try Files.read(packed)
            try Files.write(Array(bytes.dropLast(10)), to: packed)
            let touch = { try await Child("/usr/bin/touch", ["-d", "2 days ago", packed.string]).run() }
            _ = try await touch()
            try scene.write(3...3, to: "pg.csv")
            let first = try await scene.ingest()
            #expect(first.lines == 1 && first.findings >= 1 && first.passedOver == [packed.string])
            let finding = try #require(try scene.log.records.first { $0.action == "pg.finding" })
            #expect(finding.reason?.contains("cannot be unpacked: gzip failed with status 1") == true)
            #expect(try await scene.ingest().findings == 0)
            // By name it is an error.
            try Files.removeTree(scene.folder.appending("ingest"))
            await #expect(throws: ChildFailure.self) { try await scene.ingest(packed) }
            // Put right, it is another file.
            try Files.write(bytes, to: packed)
            _ = try await touch()
            #expect(try await scene.ingest().lines == 2)
        }
    }

    @Test func `what is no regular file is passed over, and by name refused`() async throws {
        try await withScene { scene in
            try scene.write(1...2, to: "pg.csv")
            let odd =
                "cd \"$0\" && head -c 70M /dev/zero | gzip > e.log.gz && touch -d '2 days ago' e.log.gz && mkfifo a.log && ln -s ../logs b.log && ln -s /nonexistent c.csv && mkdir d.json"
            _ = try await Child("/bin/sh", ["-c", odd, scene.logs.string]).run()
            #expect(try await scene.ingest().lines == 2)
            let failure = try await failing { _ = try await scene.ingest(scene.logs.appending("a.log")) }
            #expect(failure.status == .malformed && failure.sentence.contains("is no regular file"))
        }
    }

    @Test func `without the program the others are taken, and the user is told what to install`() async throws {
        try await withScene { scene in
            try scene.write(1...2, to: "pg.csv.1")
            try await scene.pack("pg.csv.1", with: "xz", ending: ".xz")
            try scene.write(3...3, to: "pg.csv")
            let environment: [String: String?] = [
                "DBSEC_STATE": scene.folder.string, "DBSEC_CONFIG": nil, "PATH": scene.folder.string,
            ]
            let folder = try await Program.run(
                "dbaudit", ["ingest", "--from", scene.logs.string], environment: environment)
            #expect(folder.status == 0 && folder.stdout.hasPrefix("took 1 line "), "\(folder.stdout)")
            #expect(folder.stderr.contains("xz is not there to unpack it: install it (apt-get install xz-utils)"))
            let named = try await Program.run(
                "dbaudit", ["ingest", "--from", scene.logs.appending("pg.csv.1.xz").string], environment: environment)
            #expect(named.status == 69 && named.stderr.contains("hint: install it"), "\(named.stderr)")
        }
    }
}
