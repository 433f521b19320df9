import AuditLog
import Glibc
import Platform
import SystemPackage
import TestSupport
import Testing

/// A folder with a log of a server in it, and an audit log that takes it.
private struct Scene {
    let folder: FilePath
    let log: AuditLog

    var logs: FilePath { folder.appending("logs") }

    static func run<Value>(_ body: (Scene) throws -> Value) throws -> Value {
        let folder = try Files.makeTemporaryDirectory()
        defer { try? Files.removeTree(folder) }
        try Files.createDirectory(folder.appending("logs"))
        return try body(Scene(folder: folder, log: try AuditLog.open(folder.appending("audit"), as: source)))
    }

    @discardableResult
    func ingest(_ path: FilePath? = nil, _ change: (inout Ingest.Options) -> Void = { _ in }) throws -> Ingest.Summary {
        var options = Ingest.Options()
        change(&options)
        var ingest = try opened(options)
        try ingest.take(from: path ?? logs)
        return ingest.summary
    }

    /// A child that another test starts holds a copy of the last run's lock for as long as it takes to become itself.
    private func opened(_ options: Ingest.Options) throws -> Ingest {
        while true {
            do {
                return try Ingest(into: log, folder: folder.appending("ingest"), options: options)
            } catch let failure as any Failure where failure.status == .temporary {
                usleep(50_000)
            }
        }
    }

    func write(_ text: String, to name: String) throws {
        try Files.write(Array(text.utf8), to: logs.appending(name), durable: false)
    }

    /// As a server appends: to the same file.
    func append(_ text: String, to name: String) throws {
        let file = try Files.open(logs.appending(name), .writeOnly, options: .append)
        defer { try? file.close() }
        try file.writeAll(Array(text.utf8))
    }

    /// What was taken, without the receipts: the action and the statement, or the reason.
    var taken: [String] {
        get throws {
            try log.records.filter { $0.action.hasPrefix("pg.") }.map { record in
                if case .text(let text)? = record.facts?["statement"] { return "\(record.action) \(text)" }
                return "\(record.action) \(record.reason ?? "")"
            }
        }
    }
}

/// One line of a csvlog.
private func line(
    _ number: Int, _ message: String, user: String = "ann", session: String = "6b086942.6be6", severity: String = "LOG",
    sqlstate: String = "00000", statement: String = "", second: Int = 10
) -> String {
    func quoted(_ text: String) -> String { text.isEmpty ? "" : "\"\(text.replacing("\"", with: "\"\""))\"" }
    return
        "2026-11-26 17:15:\(second).000 UTC,\(quoted(user)),\"shop\",1,\"10.0.0.7:51234\",\(session),\(number),\"x\","
        + "2026-11-26 17:15:05 UTC,3/9,0,\(severity),\(sqlstate),\(quoted(message)),,,,,,\(quoted(statement)),,,"
        + "\"psql\",\"client backend\",,0\n"
}

private func asked(_ number: Int, _ statement: String, user: String = "ann") -> String {
    line(number, "statement: \(statement)", user: user, second: 10 + number)
}

@Suite struct IngestTests {
    @Test func `every line is taken once, however often one asks`() throws {
        try Scene.run { scene in
            try scene.write(asked(1, "SELECT a") + asked(2, "SELECT b"), to: "pg.csv")
            #expect(try scene.ingest().lines == 2)
            #expect(try scene.ingest().lines == 0)
            try scene.append(asked(3, "SELECT c") + asked(4, "SELECT d").dropLast(20), to: "pg.csv")
            #expect(try scene.ingest().lines == 1)
            try scene.append(String(asked(4, "SELECT d").suffix(20)), to: "pg.csv")
            #expect(try scene.ingest().lines == 1)
            #expect(try scene.taken.map { $0.suffix(1) } == ["a", "b", "c", "d"])
            #expect(try scene.log.verify().isIntact)
        }
    }

    @Test func `rotation by renaming, by copying, and by new names loses nothing and repeats nothing`() throws {
        try Scene.run { scene in
            let long = String(repeating: "x", count: 1500)
            try scene.write(asked(1, "SELECT \(long)") + asked(2, "SELECT a"), to: "pg.csv")
            try scene.ingest()
            // Renamed, and a new file in its place.
            try scene.append(asked(3, "SELECT b"), to: "pg.csv")
            try Files.rename(scene.logs.appending("pg.csv"), to: scene.logs.appending("pg.csv.1"))
            try scene.write(asked(4, "SELECT c") + asked(5, "SELECT \(long)"), to: "pg.csv")
            #expect(try scene.ingest().lines == 3)
            // Copied, and cut to nothing.
            try scene.append(asked(6, "SELECT d"), to: "pg.csv")
            try Files.write(Files.read(scene.logs.appending("pg.csv")), to: scene.logs.appending("pg.csv.0"))
            let file = try FileDescriptor.open(scene.logs.appending("pg.csv"), .writeOnly, options: .truncate)
            try file.close()
            #expect(try scene.ingest().lines == 1)
            try scene.append(asked(7, "SELECT e"), to: "pg.csv")
            #expect(try scene.ingest().lines == 1)
            // A name with a time in it.
            try scene.write(asked(8, "SELECT f"), to: "pg-2026-11-27.csv")
            #expect(try scene.ingest().lines == 1)
            #expect(try scene.taken.filter { $0.count < 40 }.map { $0.suffix(1) } == ["a", "b", "c", "d", "e", "f"])
            #expect(try !scene.taken.contains { $0.contains("missing") })
        }
    }

    @Test func `a log that was cut or changed after it was read is a finding`() throws {
        try Scene.run { scene in
            let long = String(repeating: "x", count: 1500)
            let whole = asked(1, "SELECT \(long)") + asked(2, "SELECT a") + asked(3, "SELECT b")
            try scene.write(whole, to: "pg.csv")
            try scene.ingest()
            let file = try FileDescriptor.open(scene.logs.appending("pg.csv"), .readWrite)
            try file.resize(to: Int64(whole.utf8.count - 200))
            try file.close()
            #expect(try scene.ingest().findings == 1)
            #expect(try scene.taken.last?.contains("lines were cut off") == true)
            try scene.write(whole.replacing("SELECT a", with: "SELECT z") + asked(4, "SELECT c"), to: "pg.csv")
            try scene.ingest()
            #expect(try scene.taken.contains { $0.contains("was changed after its first") })
        }
    }

    @Test func `gaps in a session's numbers are found, over files and over runs`() throws {
        try Scene.run { scene in
            try scene.write(line(1, "connection authorized: user=ann") + asked(2, "SELECT a"), to: "a.csv")
            try scene.ingest()
            try scene.write(asked(3, "SELECT b") + asked(6, "SELECT c"), to: "b.csv")
            try scene.ingest()
            try scene.append(asked(7, "SELECT d") + asked(9, "SELECT e"), to: "b.csv")
            try scene.ingest()
            #expect(
                try scene.taken.filter { $0.hasPrefix("pg.finding") } == [
                    "pg.finding lines 4 to 5 of session 6b086942.6be6 are missing",
                    "pg.finding line 8 of session 6b086942.6be6 is missing",
                ])
        }
    }

    @Test func `no password reaches the log, wherever it stood`() throws {
        try Scene.run { scene in
            let statement = "ALTER ROLE ann PASSWORD 'hunter2'"
            let audit = "AUDIT: SESSION,1,1,ROLE,ALTER ROLE,,,\"\(statement)\",hunter2"
            try scene.write(
                asked(1, statement) + line(2, audit)
                    + line(
                        3, "syntax error at or near \"hunter2\"", severity: "ERROR", sqlstate: "42601",
                        statement: "ALTER ROLE ann PASSWORT hunter2x 'hunter2'".replacing("hunter2x ", with: ""))
                    + line(
                        4, "invalid input syntax for type integer: \"hunter2\"", severity: "ERROR", sqlstate: "22P02",
                        statement: "SELECT 'hunter2'::int")
                    + line(
                        5, "password authentication failed for user \"hunter2\"", user: "hunter2",
                        session: "6b086943.1", severity: "FATAL", sqlstate: "28P01")
                    + line(1, "connection authorized: user=hunter2", user: "hunter2", session: "6b086943.2")
                    + line(
                        2, "role \"hunter2\" does not exist", user: "hunter2", session: "6b086943.2", severity: "FATAL",
                        sqlstate: "28000")
                    + line(6, "could not connect: host=h password=hunter2 user=u", severity: "ERROR", sqlstate: "08001"),
                to: "pg.csv")
            for detail in StatementDetail.allCases {
                try? Files.removeTree(scene.folder.appending("ingest"))
                try scene.ingest { $0.detail = detail }
            }
            for name in try Files.list(scene.log.folder.path) {
                let text = String(decoding: try Files.read(scene.log.folder.path.appending(name)), as: UTF8.self)
                #expect(!text.contains("hunter2"), "\(name)")
            }
            let values = SensitiveValues(scene.log.folder)
            #expect(
                try scene.log.records.allSatisfy { !values.values(of: $0).values.contains { $0.contains("hunter2") } })
        }
    }

    @Test func `a failed statement says what pgaudit knew of it`() throws {
        try Scene.run { scene in
            try scene.write(
                line(1, "AUDIT: SESSION,1,1,WRITE,INSERT,TABLE,public.t,INSERT INTO t VALUES (1),<none>")
                    + line(
                        2, "duplicate key value violates unique constraint \"t_pkey\"", severity: "ERROR",
                        sqlstate: "23505", statement: "INSERT INTO t VALUES (1)"),
                to: "pg.csv")
            try scene.ingest()
            let failure = try #require(try scene.log.records.first { $0.action == "pg.failure" })
            #expect(failure.outcome == .failure && failure.actor.role == "ann")
            #expect(failure.facts?["audit_line"] == .number(1) && failure.facts?["class"] == "WRITE")
            #expect(failure.reason == "duplicate key value violates unique constraint \"t_pkey\"")
            #expect(failure.sensitive?["address"] != nil)
        }
    }

    @Test(arguments: [
        ("SET log_statement = 'none'", "log_statement"), ("set session pgaudit.log to none", "pgaudit.log"),
        ("SET LOCAL \"log_min_messages\" = panic", "log_min_messages"), ("RESET ALL", "all"),
        ("ALTER SYSTEM SET logging_collector = off", "logging_collector"), ("ALTER SYSTEM RESET ALL", "all"),
        ("ALTER ROLE ann SET pgaudit.log = 'none'", "pgaudit.log"),
        ("ALTER DATABASE shop SET log_duration = off", "log_duration"),
        ("SELECT set_config('pgaudit.log', 'none', false)", "pgaudit.log"),
        ("UPDATE pg_settings SET setting = 'none' WHERE name = 'log_statement'", "log_statement"),
        ("/* x */ SET/**/pgaudit.log = 'none'", "pgaudit.log"),
    ])
    func `changes to settings of logging are findings`(statement: String, setting: String) throws {
        try Scene.run { scene in
            try scene.write(
                asked(1, statement) + asked(2, "SET work_mem = '1GB'; UPDATE t SET log_in = 1"), to: "pg.csv")
            try scene.ingest()
            let finding = try #require(try scene.log.records.first { $0.action == "pg.finding" })
            #expect(finding.facts?["setting"] == .text(setting))
        }
    }

    @Test func `sessions of superusers are findings, once each, by name and by SET ROLE`() throws {
        try Scene.run { scene in
            try scene.write(
                asked(1, "SELECT 1", user: "postgres") + asked(2, "SELECT 2", user: "postgres")
                    + line(1, "statement: SET ROLE boss", session: "6b086942.7"),
                to: "pg.csv")
            try scene.ingest { $0.superusers.insert("boss") }
            #expect(
                try scene.taken.filter { $0.hasPrefix("pg.finding") } == [
                    "pg.finding a session of the superuser postgres, who could switch the server's own log off",
                    "pg.finding the session goes on as boss",
                ])
        }
    }

    @Test func `a memory that is lost, old, or ahead of the log neither repeats nor loses a line`() throws {
        try Scene.run { scene in
            let memory = scene.folder.appending("ingest/memory.json")
            try scene.write(asked(1, "SELECT a"), to: "pg.csv")
            try scene.ingest()
            let old = try Files.read(memory)
            try scene.append(asked(2, "SELECT b"), to: "pg.csv")
            try scene.ingest()
            // Killed after the append and before the rename: the new memory is still called next.
            try Files.rename(memory, to: scene.folder.appending("ingest/memory.next.json"))
            try Files.write(old, to: memory)
            try scene.append(asked(3, "SELECT c"), to: "pg.csv")
            try scene.ingest()
            // Killed before the append: the next one was never in the log.
            try Files.write(old, to: scene.folder.appending("ingest/memory.next.json"))
            try scene.append(asked(4, "SELECT d"), to: "pg.csv")
            try scene.ingest()
            try Files.removeTree(scene.folder.appending("ingest"))
            try scene.append(asked(5, "SELECT e"), to: "pg.csv")
            try scene.ingest()
            try Files.write(old, to: memory)
            try scene.append(asked(6, "SELECT f"), to: "pg.csv")
            try scene.ingest()
            #expect(try scene.taken.map { $0.suffix(1) } == ["a", "b", "c", "d", "e", "f"])
        }
    }

    @Test func `a log whose time zone is unknown is refused, not taken without a line`() throws {
        try Scene.run { scene in
            try scene.write(
                (asked(1, "SELECT a") + asked(2, "SELECT b")).replacing(".000 UTC", with: ".000 IST"), to: "pg.csv")
            #expect(throws: PlainFailure.self) { try scene.ingest() }
            #expect(try scene.ingest { $0.zone = 19800 }.lines == 2)
        }
    }

    @Test func `the same lines in csvlog and jsonlog are taken once`() throws {
        try Scene.run { scene in
            try scene.write(asked(1, "SELECT a"), to: "pg.csv")
            try scene.write(
                #"{"timestamp":"2026-11-26 17:15:10.000 UTC","user":"ann","session_id":"6b086942.6be6","line_num":1,"error_severity":"LOG","message":"statement: SELECT a"}"#
                    + "\n",
                to: "pg.json")
            #expect(try scene.ingest().lines == 1)
        }
    }
}
