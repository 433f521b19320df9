import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster(["max_connections": "12", "max_locks_per_transaction": "10"]), .serialized, .timeLimit(.minutes(2)))
struct `The doctor` {
    @Test func `finds nothing that fails where all is well`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await withProducer { producer in
            let findings = await producer.doctor(database).examine()
            #expect(findings.filter { $0.verdict == .fail } == [])
            #expect(findings.verdict("server") == .ok)
            #expect(findings.verdict("pg_dump") == .ok)
            #expect(findings.verdict("clock") == .ok)
            #expect(findings.verdict("disk") == .ok)
            #expect(findings.verdict("database \(database.name)") == .ok)
            #expect(findings.verdict("passwords") == .ok)
            // One host holds everything in these tests.
            #expect(findings.verdict("custody") == .warn)
            // And it would not let a run fail.
            _ = try await producer.run([database.name])
            #expect(try Files.list(producer.repository.root) == ["main"], "nothing is left of the probes")
        }
    }

    @Test func `names what a role may not read, each with its remedy, and a run agrees`() async throws {
        let database = try await Cluster.current.makeDatabase()
        let role = "\(database.name)_doc"
        try await database.run("CREATE ROLE \"\(role)\" LOGIN; CREATE TABLE a (x int); CREATE TABLE b (x int)")
        try await withProducer { producer in
            let doctor = producer.doctor(database, as: role) { $0.configurationFiles = true }
            let findings = await doctor.examine()
            let table = try #require(findings.first { $0.topic == "database \(database.name)" })
            #expect(table.verdict == .fail)
            #expect(table.text == "this role may not read public.a (such tables: 2)")
            #expect(table.remedy?.contains("pg_read_all_data") == true)
            #expect(findings.verdict("passwords") == .warn)
            #expect(findings.verdict("configuration files") == .fail)
            try await database.run(
                """
                GRANT pg_read_all_data TO "\(role)";
                ALTER TABLE b ENABLE ROW LEVEL SECURITY; ALTER TABLE b FORCE ROW LEVEL SECURITY
                """)
            let hidden = try #require(await doctor.examine().first { $0.topic == "database \(database.name)" })
            #expect(hidden.text == "row security hides rows from this role, as of public.b (tables: 1)")
            #expect(hidden.remedy?.contains("BYPASSRLS") == true)
            // pg_read_all_data does not cover large objects, which pg_dump reads last.
            try await database.run("ALTER ROLE \"\(role)\" BYPASSRLS; SELECT lo_from_bytea(6161, 'x')")
            let closed = try #require(await doctor.examine().first { $0.topic == "database \(database.name)" })
            #expect(closed.text == "this role may not read 1 large objects")
            let server = database.parameters.with(user: role)
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.run([database.name], server: server)
            }
            #expect(failure?.sentence == closed.text)
            try await database.run("GRANT SELECT ON LARGE OBJECT 6161 TO \"\(role)\"")
            #expect(await doctor.examine().verdict("database \(database.name)") == .ok)
            #expect(
                try await producer.run([database.name], server: server).index.databases[0].content.largeObjects.count
                    == 1)
        }
    }

    @Test func `counts lock slots, and says how many there must be`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await database.run(
            "DO $$ BEGIN FOR n IN 1..150 LOOP EXECUTE format('CREATE TABLE t%s ()', n); END LOOP; END $$")
        try await withProducer { producer in
            let doctor = producer.doctor(database) { $0.jobs = 1 }
            let locks = try #require(await doctor.examine().first { $0.topic == "locks" })
            #expect(locks.verdict == .fail)
            #expect(locks.text == "150 lock slots needed, 120 there are (max_locks_per_transaction = 10)")
            #expect(locks.remedy == "set max_locks_per_transaction = 25 and restart the server")
        }
    }

    @Test func `says what is missing before anything was made`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await withTemporaryFolder { folder in
            var hooks = RunHooks()
            (hooks.before, hooks.after) = (["/nonexistent/mount"], ["true"])
            let doctor = Doctor(
                server: database.parameters, repository: Repository(folder.appending("backups")),
                keys: KeyFolder(folder.appending("keys")), audit: folder.appending("audit"),
                options: BackupRun.Options(), hooks: hooks, environment: ["PGPASSWORD": "x", "PATH": "/bin"],
                now: { .now().advanced(bySeconds: 400) })
            let findings = await doctor.examine()
            for topic in ["keys", "audit log", "repository", "hook before", "clock"] {
                #expect(findings.verdict(topic) == .fail, "\(topic)")
            }
            #expect(findings.verdict("hook after") == .ok)
            let environment = try #require(findings.first { $0.topic == "environment" })
            #expect(environment.text == "this session has PGPASSWORD, and cron's does not")
            let unreachable = Doctor(
                server: database.parameters.with(user: "nobody_at_all"), repository: doctor.repository,
                keys: doctor.keys,
                audit: doctor.audit, options: BackupRun.Options(), hooks: RunHooks(), environment: [:], now: { .now() })
            #expect(await unreachable.examine().verdict("server") == .fail)
        }
    }

    @Test func `counts the days since somebody showed that backups can be opened`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await withTemporaryFolder { folder in
            let producer = try await Producer.ready(in: folder)
            // As if it had been written down and taken away.
            let text = try Files.readSecret(producer.keys.identityFile)
            let identity = try AgeIdentity.parse(text.span)
            try Files.remove(producer.keys.identityFile)
            #expect(await producer.doctor(database).examine().verdict("keys") == .fail, "nobody has shown an identity")
            _ = try producer.keys.confirm(identity, at: .now().advanced(bySeconds: -200 * 86400))
            let old = try #require(await producer.doctor(database).examine().first { $0.topic == "custody" })
            #expect(old.verdict == .warn)
            #expect(old.text.hasPrefix("it is 200 days since"))
            _ = try producer.keys.confirm(identity)
            #expect(await producer.doctor(database).examine().verdict("custody") == .ok)
        }
    }

    @Test func `sees what a killed run left, and a run that is under way`() async throws {
        let database = try await Cluster.current.makeDatabase()
        try await withProducer { producer in
            try Files.createDirectory(producer.repository.folder(of: "main").appending("20200101T000000Z"))
            #expect(await producer.doctor(database).examine().verdict("leftovers") == .warn)
            let lock = try FileLock(producer.repository.lock(of: "main"))
            let found = await producer.doctor(database).examine().first { $0.topic == "leftovers" }
            #expect(found?.text == "a run is under way")
            withExtendedLifetime(lock) {}
        }
    }
}

extension [Doctor.Finding] {
    fileprivate func verdict(_ topic: String) -> Doctor.Finding.Verdict? { first { $0.topic == topic }?.verdict }
}

extension Producer {
    fileprivate func doctor(
        _ database: Database, as role: String? = nil, _ change: (inout BackupRun.Options) -> Void = { _ in }
    ) -> Doctor {
        var options = BackupRun.Options(databases: DatabaseSelection([database.name]))
        options.programs = database.cluster.installation.folder
        change(&options)
        let server = role.map { database.parameters.with(user: $0) } ?? database.parameters
        return Doctor(
            server: server, repository: repository, keys: keys, audit: folder.appending("audit"), options: options,
            hooks: RunHooks(), environment: [:], now: { .now() })
    }
}
