import AuditLog
import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// Reports in formats for programs, made by the built dbaudit and read by others.
@Suite(.timeLimit(.minutes(5))) struct ReportTests {
    private func withReport<Value>(
        _ arguments: [String], fill: (AuditLog) throws -> Void = { try $0.fillDemo(days: 2) },
        _ body: (ProgramResult, FilePath, AuditLog) async throws -> Value
    ) async throws -> Value {
        try await withFolder { folder in
            let log = try AuditLog.open(folder.appending("audit"), as: source)
            try fill(log)
            let made = try await Program.run(
                "dbaudit", ["report"] + arguments.map { $0.replacing("@", with: folder.string) },
                environment: ["DBSEC_STATE": folder.string])
            return try await body(made, folder, log)
        }
    }

    /// What Python's csv module reads.
    private func rows(_ csv: FilePath) async throws -> [[String]] {
        let script =
            "import csv, json, sys; print(json.dumps(list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))))"
        let output = try await Child("/usr/bin/python3", ["-c", script, csv.string]).run()
        return try JSONDecoder().decode([[String]].self, from: Data(output))
    }

    @Test func `CSV holds every record, and no spreadsheet finds a formula in it`() async throws {
        let formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\"=1", "＝1", hostile]
        let fill = { (log: AuditLog) in
            for text in formulas {
                try log.append(
                    AuditEvent(
                        .logRead, reason: text, role: text, target: AuditTarget(object: text),
                        facts: [text: .text(text)]))
            }
        }
        try await withReport(["--format", "csv", "--no-record"], fill: fill) { made, folder, log in
            #expect(made.status == 0)
            let file = folder.appending("out.csv")
            try Files.write(Array(made.stdout.utf8), to: file)
            let rows = try await rows(file)
            #expect(try rows.count == log.records.count + 1)
            #expect(rows.allSatisfy { $0.count == rows[0].count })
            for cell in rows.dropFirst().flatMap({ $0 }) {
                let first = cell.drop { $0 == " " || $0 == "\"" }.unicodeScalars.first
                #expect(!(first.map { "=+-@\t\r＝＋－＠".unicodeScalars.contains($0) } ?? false), "\(cell)")
                #expect(!cell.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202E}" })
            }
        }
    }

    @Test func `OCSF events have what their classes require`() async throws {
        let fill = { (log: AuditLog) in
            try log.fillDemo(days: 2)
            try log.append(
                AuditEvent(
                    .pgStatement, outcome: .failure, reason: hostile, role: hostile,
                    target: AuditTarget(database: hostile, object: hostile), facts: [hostile: .text(hostile)]))
        }
        try await withReport(["--format", "ocsf", "--out", "@/events.jsonl"], fill: fill) { made, folder, _ in
            #expect(made.status == 0, "\(made.stderr)")
            let script = """
                import json, sys
                allowed = {2004: {1}, 3001: {1, 2, 3, 4, 6, 9, 10, 99}, 3002: {1, 2, 99}, 3005: {1, 2}, 6003: {1, 2, 3, 4, 99},
                           6005: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99}}
                required = {2004: ["finding_info"], 3001: ["user"], 3002: ["user", "service"], 3005: ["user", "privileges"],
                            6003: ["actor", "api", "src_endpoint"], 6005: ["actor", "src_endpoint", "database"]}
                seen = set()
                for line in open(sys.argv[1], encoding="utf-8"):
                    event = json.loads(line)
                    kind = event["class_uid"]
                    seen.add(kind)
                    assert event["activity_id"] in allowed[kind], event
                    assert event["type_uid"] == kind * 100 + event["activity_id"] and event["category_uid"] == kind // 1000
                    assert event["metadata"]["version"] == "1.3.0" and event["metadata"]["product"]["vendor_name"]
                    assert isinstance(event["time"], int) and 0 <= event["severity_id"] <= 6 and event["status_id"] in (0, 1, 2)
                    for name in required[kind]: assert event[name], (name, event)
                print(sorted(seen))
                """
            let output = try await Child("/usr/bin/python3", ["-c", script, folder.appending("events.jsonl").string])
                .run()
            #expect(String(decoding: output, as: UTF8.self) == "[2004, 3001, 3002, 3005, 6003, 6005]\n")
        }
    }

    @Test func `JSON counts all, lists as many as asked, and says so`() async throws {
        try await withReport([
            "--format", "json", "--rows", "20", "--since", "2026-11-25", "--until", "2026-11-26T23:00:00Z",
        ]) { made, _, log in
            struct Document: Decodable {
                struct Records: Decodable {
                    let total: Int
                    let shown: Int
                }
                struct Totals: Decodable {
                    let failures: Int
                    let acts: Int
                }
                let records: Records
                let totals: Totals
            }
            let document = try JSONDecoder().decode(Document.self, from: Data(made.stdout.utf8))
            #expect(document.records.shown == 20 && document.records.total == document.totals.acts)
            var filter = RecordFilter()
            (filter.since, filter.until) = (Timestamp("2026-11-25T00:00:00Z"), Timestamp("2026-11-26T23:00:00Z"))
            #expect(try document.totals.acts == LogReader(log.folder.path).search(filter, last: 0).matching)
            filter.outcome = .failure
            #expect(try document.totals.failures == LogReader(log.folder.path).search(filter, last: 0).matching)
        }
    }

    @Test func `making a report is on record, before anything is read`() async throws {
        try await withReport(["--out", "@/report.html", "--since", "7d"]) { made, folder, log in
            #expect(made.status == 0)
            let record = try #require(try log.records.last)
            #expect(record.action == "log.report" && record.facts?["format"] == "html" && record.facts?["since"] != nil)
            // An auditor's copy has no key: then it must be said.
            try Files.remove(log.folder.signerKey)
            let state = ["DBSEC_STATE": folder.string as String?]
            let refused = try await Program.run("dbaudit", ["report"], environment: state)
            #expect(refused.status != 0 && refused.stdout.isEmpty)
            let allowed = try await Program.run(
                "dbaudit", ["report", "--no-record", "--out", folder.appending("b.html").string], environment: state)
            #expect(allowed.status == 0)
        }
    }

    @Test func `an evidence folder is checked by Python alone, and every change to it shows`() async throws {
        try await withReport(["--pack", "@/evidence", "--action", "backup", "--key", "@/audit/log.vkey"]) {
            made, folder, log in
            #expect(made.status == 0, "\(made.stderr)")
            let evidence = folder.appending("evidence")
            func verify(_ arguments: String...) async throws -> ProgramResult {
                try await Program.run(
                    "/usr/bin/python3", [evidence.appending("verify.py").string, evidence.string] + arguments)
            }
            let sound = try await verify("--key", log.folder.verifierKey.string)
            #expect(sound.status == 0, "\(sound.stdout)\(sound.stderr)")
            #expect(sound.stdout.contains("each of them in the log that was signed"))
            let sums = try await Child(
                "/bin/sh", ["-c", "cd \"$0\" && sha256sum --quiet -c SHA256SUMS", evidence.string]
            ).run()
            #expect(sums.isEmpty)
            let resum = "cd \"$0\" && sha256sum $(find * -type f ! -name SHA256SUMS) > SHA256SUMS"
            for (name, from, to) in [
                ("records.jsonl", "backup.run", "backup.ran"), ("checkpoint", "\n4", "\n5"),
                ("proof.json", "\"]", "0\"]"),
                ("report.html", "Audit report", "Audit rapport"),
            ] {
                let original = try Files.read(evidence.appending(name))
                let text = String(decoding: original, as: UTF8.self)
                let place = try #require(text.firstRange(of: from) ?? text.firstRange(of: "\n"))
                let changed = text[..<place.lowerBound] + to + text[place.upperBound...]
                try Files.write(Array(String(changed).utf8), to: evidence.appending(name))
                #expect(try await verify().status == 1, "\(name)")
                if name != "report.html" {
                    _ = try await Child("/bin/sh", ["-c", resum, evidence.string]).run()
                    #expect(try await verify().status == 1, "\(name), with its sum made anew")
                }
                try Files.write(original, to: evidence.appending(name))
                _ = try await Child("/bin/sh", ["-c", resum, evidence.string]).run()
            }
            // Another log's key is not this one's.
            try await withLog { other in
                let refused = try await verify("--key", other.folder.verifierKey.string)
                #expect(refused.status == 1)
            }
            #expect(try await verify().status == 0)
        }
    }
}
