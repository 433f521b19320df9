import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// `dbbackup run` and `doctor` of a whole night, as their users run them.
@Suite(.cluster, .serialized, .timeLimit(.minutes(3))) struct `A nightly run` {
    @Test func `takes patterns, names what failed, and answers no`() async throws {
        try await withNight { night in
            try await night.make("shop", "CREATE TABLE t AS SELECT n FROM generate_series(1, 500) n")
            try await night.make("shop_test")
            let held = try await night.make("crm", "CREATE TABLE held (x int)")
            let first = try await night.dbbackup("run", "--exclude", "*_test", "--exclude", "postgres", "--json")
            #expect(first.status == 0, "\(first.stderr)")
            let document = try night.json(first)
            #expect((document["databases"] as? [[String: Any]])?.map { $0["name"] as? String } == ["crm", "shop"])

            let holder = try await held.connect()
            try await holder.script("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
            let second = try await night.dbbackup("run", "--quiet", "crm", "sho?", "--lock-wait-timeout", "1")
            await holder.close()
            #expect(second.status == 1)
            #expect(
                second.stderr.hasPrefix("warning: crm is not in the backup: table public.held is locked by session "))
            #expect(second.stderr.contains("its query began 20"))
            #expect(try await night.dbbackup("list").stdout.contains("shop; failed: crm"))
            let show = try await night.dbbackup("show", "latest")
            #expect(show.stdout.contains("failed       crm: locked, or in the way of others, for too long"))
            let check = try await night.dbbackup("check")
            #expect(check.stdout.contains("main/crm could not be backed up: locked"))
            let labels = try night.labels()
            let diff = try await night.dbbackup("diff", labels[0], labels[1])
            #expect(diff.status == 1)
            #expect(diff.stdout.contains("could not be dumped for the later backup"))
            #expect(!diff.stdout.contains("disappeared"))
        }
    }

    @Test func `tells what was lost, and its hooks`() async throws {
        try await withNight { night in
            let database = try await night.make("lossy", "CREATE TABLE t AS SELECT n FROM generate_series(1, 500) n")
            let log = night.folder.appending("hooks")
            let script =
                "printf '%s %s %s\\n' $DBSEC_BACKUP_EVENT \"$DBSEC_BACKUP_STATUS\" \"$DBSEC_BACKUP_REASON\" >> \(log)"
            let hook = "[\"/bin/sh\", \"-c\", \(try night.quoted(script))]"
            try night.configure(
                """
                "databases": ["lossy"], "maxLoss": 10,
                "hooks": { "before": \(hook), "after": \(hook), "failed": \(hook), "timeLimit": 30 }
                """)
            #expect(try await night.dbbackup("run").status == 0)
            try await database.run("DELETE FROM t WHERE n <= 100")
            let lost = try await night.dbbackup("run", "--fail-on-anomaly", "--json")
            #expect(lost.status == 1)
            #expect(lost.stderr.hasPrefix("warning: table public.t of lossy has 400 rows, and had 500 in 20"))
            let anomalies = try night.json(lost)["anomalies"] as? [[String: Any]]
            #expect(anomalies?.first?["kind"] as? String == "rows lost")
            #expect(
                try String(decoding: Files.read(log), as: UTF8.self)
                    == "before  \nafter 0 \nbefore  \nfailed 1 1 anomalies\n")
            try night.configure("\"hooks\": { \"before\": [\"/bin/false\"] }")
            let refused = try await night.dbbackup("run")
            #expect(refused.status == 69)
            #expect(
                refused.stderr
                    == "error: the hook \"before\" (/bin/false) failed with status 1\nhint: no backup was begun\n")
            #expect(try night.labels().count == 2)
        }
    }

    @Test func `is configured strictly`() async throws {
        try await withNight { night in
            for (text, problem) in [
                ("\"jobs\": 0", "jobs is from 1 to 64"), ("\"hooks\": { \"befor\": [] }", "did you mean"),
                ("\"hooks\": { \"before\": [] }", "before is a program and its arguments"),
                ("\"ping\": \"file:///etc/passwd\"", "ping is a URL"),
            ] {
                try night.configure(text)
                let run = try await night.dbbackup("run")
                #expect(run.status == 78)
                #expect(run.stderr.contains(problem), "\(run.stderr)")
            }
        }
    }

    @Test func `works in cron's empty environment`() async throws {
        try await withNight { night in
            try await night.make("cronly", "CREATE TABLE t AS SELECT 1 AS x")
            let run = try await Program.run(
                "/usr/bin/env",
                [
                    "-i", "PATH=/usr/bin:/bin", Program.path("dbbackup").string, "run", "--quiet", "cronly",
                    "--state", night.state.string, "--config", night.configuration.string, "-h", night.host, "-U",
                    "postgres",
                    "--pg-bin", try Cluster.current.installation.folder.string,
                ])
            #expect(run.status == 0, "\(run.stderr)")
            #expect(run.stdout.isEmpty && run.stderr.isEmpty)
            #expect(try night.labels().count == 1)
        }
    }

    @Test func `is preceded by a doctor who says what would go wrong`() async throws {
        try await withNight { night in
            let database = try await night.make("patient", "CREATE TABLE t (x int); CREATE ROLE patient_r LOGIN")
            let well = try await night.dbbackup("doctor", "patient")
            #expect(well.status == 0, "\(well.stdout)")
            #expect(well.stdout.contains("ok    database patient: tables: 1, all readable"))
            let ill = try await night.dbbackup("doctor", "patient", "-U", "patient_r", "--json")
            #expect(ill.status == 1)
            let findings = try night.json(ill)["findings"] as? [[String: Any]]
            let table = findings?.first { $0["topic"] as? String == "database patient" }
            #expect(table?["verdict"] as? String == "fail")
            #expect(table?["remedy"] as? String == "GRANT pg_read_all_data TO the role")
            try await database.run("GRANT pg_read_all_data TO patient_r")
            #expect(try await night.dbbackup("doctor", "patient", "-U", "patient_r").status == 0)
            #expect(try await night.dbbackup("run", "patient", "-U", "patient_r").status == 0)
        }
    }

    private func withNight(_ body: (Night) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let cluster = try Cluster.current
            let night = Night(folder: folder, host: cluster.server.folder.string, cluster: cluster)
            try night.configure("")
            let made = try await night.dbbackup("init", "--keep-identity-here")
            #expect(made.status == 0, "\(made.stderr)")
            try await body(night)
        }
    }

    private struct Night: Sendable {
        let folder: FilePath
        let host: String
        let cluster: Cluster

        var state: FilePath { folder.appending("state") }
        var configuration: FilePath { folder.appending("dbsec.json") }

        func configure(_ backup: String) throws {
            try Files.write(Array("{ \"backup\": { \(backup) } }\n".utf8), to: configuration)
        }

        func quoted(_ text: String) throws -> String {
            String(
                decoding: try JSONSerialization.data(withJSONObject: text, options: .fragmentsAllowed), as: UTF8.self)
        }

        func dbbackup(_ arguments: String...) async throws -> ProgramResult {
            try await Program.run(
                "dbbackup", arguments,
                environment: [
                    "DBSEC_STATE": state.string, "DBSEC_CONFIG": configuration.string, "PGHOST": host, "PGPORT": "5432",
                    "PGUSER": "postgres", "PGDATABASE": nil, "DBSEC_POSTGRES": cluster.installation.folder.string,
                ])
        }

        @discardableResult
        func make(_ name: String, _ content: String? = nil) async throws -> Database {
            let connection = try await cluster.connect()
            try await connection.execute("CREATE DATABASE \(identifier: name)")
            await connection.close()
            let database = Database(cluster: cluster, name: name)
            if let content { try await database.run(content) }
            return database
        }

        func labels() throws -> [String] {
            try Files.list(state.appending("backups/main")).filter { $0 != ".lock" }
        }

        func json(_ result: ProgramResult) throws -> [String: Any] {
            try #require(JSONSerialization.jsonObject(with: Data(result.stdout.utf8)) as? [String: Any])
        }
    }
}
