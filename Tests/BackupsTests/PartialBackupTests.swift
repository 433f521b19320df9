import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster, .timeLimit(.minutes(2))) struct `A run of several databases` {
    @Test func `covers those that patterns choose, each at its recorded instant`() async throws {
        let (one, two) = (try await tagged("sel_a", "CREATE TABLE t AS SELECT 1 AS x"), try await tagged("sel_b"))
        _ = try await tagged("sel_test")
        try await withProducer { producer in
            let made = try await producer.run(["sel*"], except: ["*test"])
            #expect(made.manifest.databases.map(\.name) == [one.name, two.name])
            #expect(made.index.databases.map(\.facts.name) == [one.name, two.name])
            #expect(made.manifest.databases.allSatisfy { $0.snapshot >= made.manifest.started })
            #expect(made.failed.isEmpty)
            #expect(made.manifest.failed == nil)
        }
    }

    @Test func `lists extensions with their versions`() async throws {
        let database = try await tagged("ext")
        let made = try await withProducer { try await $0.run([database.name]) }
        #expect(
            made.index.databases[0].facts.extensions == [.init(name: "plpgsql", version: "1.0", schema: "pg_catalog")])
    }

    @Test func `a database that cannot be dumped does not lose the others`() async throws {
        let good = try await tagged("part_a", "CREATE TABLE t AS SELECT 1 AS x")
        let bad = try await tagged("part_b", "CREATE TABLE held AS SELECT 1 AS x")
        let holder = try await bad.connect()
        try await holder.script("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        try await withProducer { producer in
            let made = try await producer.run(["part_*"]) { $0.lockWait = 1 }
            #expect(made.manifest.databases.map(\.name) == [good.name])
            #expect(made.failed.map(\.name) == [bad.name])
            #expect(made.failed.first?.failure.status == .temporary)
            #expect(made.answer(BackupRun.Options()) == .negative)
            // The manifest is public: no table's name is in it; the index has the whole sentence.
            #expect(
                made.manifest.failed == [
                    .init(name: bad.name, reason: "locked, or in the way of others, for too long")
                ])
            #expect(made.index.failed?.first?.reason.hasPrefix("table public.held is locked by session") == true)
            #expect(made.manifest.data(of: bad.name).isEmpty && made.manifest.dump(of: bad.name) == nil)
            #expect(try Files.list(made.backup.folder).count == made.manifest.files.count + 2)

            let health = try Health.read(producer.repository, keys: producer.keys)
            #expect(health.databases.map(\.database) == [good.name])
            let problems = health.problems(HealthLimits(), at: .now()) { String($0) }
            #expect(
                problems == [
                    "main/\(bad.name) could not be backed up: locked, or in the way of others, for too long"
                ])
            let decided = try Pruning(
                repository: producer.repository, keys: producer.keys, policy: RetentionPolicy([.last(1)]),
                now: { .now() }
            ).decide("main")
            #expect(decided.decisions.first?.backup.complete == [good.name])
            let proof = try await producer.prover().prove(made.backup, level: .decode).proof
            #expect(proof.verdict == .equal)
            #expect(proof.databases.map(\.name) == [good.name])
        }
        await holder.close()
    }

    @Test func `an older backup stays while a newer one lacks its database`() async throws {
        let bad = try await tagged("keep_b", "CREATE TABLE held AS SELECT 1 AS x")
        _ = try await tagged("keep_a")
        try await withProducer { producer in
            let first = try await producer.run(["keep_*"])
            let holder = try await bad.connect()
            try await holder.script("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
            _ = try await producer.run(["keep_*"]) { $0.lockWait = 1 }
            await holder.close()
            let decided = try Pruning(
                repository: producer.repository, keys: producer.keys, policy: RetentionPolicy([.last(1)]),
                now: { .now() }
            ).decide("main")
            let older = decided.decisions.first { $0.backup.label == first.backup.label }
            #expect(older?.isKept == true)
            #expect(older?.reasons == ["number 1 of the last 1 of \"\(bad.name)\""])
        }
    }

    @Test func `a database that is dropped while it is dumped does not lose the others`() async throws {
        let gone = try await tagged("drop_b", "CREATE TABLE t AS SELECT 1 AS x")
        let good = try await tagged("drop_a", "CREATE TABLE t AS SELECT 1 AS x")
        try await withTemporaryFolder { folder in
            let real = gone.cluster.installation.folder
            for (name, first) in [
                ("pg_dump", "case \"$*\" in *drop_b*) sleep 2;; esac"), ("pg_dumpall", ":"),
            ] {
                try Files.write(
                    Array("#!/bin/sh\n\(first)\nexec \(real.appending(name)) \"$@\"\n".utf8),
                    to: folder.appending(name), mode: [.ownerReadWriteExecute])
            }
            try await withProducer { producer in
                async let made = producer.run(["drop_*"], programs: folder)
                let watch = try await gone.connect()
                while try await watch.query(
                    "SELECT FROM pg_locks WHERE relation = 'public.t'::regclass AND mode = 'AccessShareLock'"
                ).isEmpty { try await Task.sleep(for: .milliseconds(20)) }
                await watch.close()
                let admin = try await gone.cluster.connect()
                try await admin.execute("DROP DATABASE drop_b WITH (FORCE)")
                await admin.close()
                #expect(try await made.failed.map(\.name) == ["drop_b"])
                #expect(try await made.manifest.databases.map(\.name) == [good.name])
                let proof = try await producer.prover().prove(made.backup, level: .decode).proof
                #expect(proof.verdict == .equal)
            }
        }
    }

    @Test func `where all fail there is no backup, and the first failure is told`() async throws {
        let database = try await tagged("none", "CREATE TABLE held AS SELECT 1 AS x")
        let holder = try await database.connect()
        try await holder.script("BEGIN; LOCK TABLE public.held IN ACCESS EXCLUSIVE MODE")
        try await withProducer { producer in
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.run([database.name]) { $0.lockWait = 1 }
            }
            #expect(failure?.status == .temporary)
            let backups = try producer.repository.backups()
            #expect(backups.isEmpty)
        }
        await holder.close()
    }

    @Test func `a table that the role may not read is named with the remedy, before anything is dumped`() async throws {
        let database = try await tagged("unread", "CREATE TABLE a (x int); CREATE TABLE b (x int)")
        try await database.run("CREATE ROLE \"\(database.name)_r\" LOGIN")
        let server = database.parameters.with(user: "\(database.name)_r")
        try await withProducer { producer in
            let failure = await #expect(throws: PlainFailure.self) {
                try await producer.run([database.name], server: server)
            }
            #expect(failure?.status == .permission)
            #expect(failure?.sentence == "this role may not read table public.a and of 1 more")
            #expect(failure?.hint?.contains("pg_read_all_data") == true)
        }
    }

    @Test func `several at a time hold the same as one by one`() async throws {
        for number in 1...5 {
            _ = try await tagged(
                "par_\(number)", "CREATE TABLE t AS SELECT n FROM generate_series(1, \(number) * 1000) n")
        }
        try await withProducer { producer in
            let together = try await producer.run(["par_*"]) { $0.jobs = 4 }
            let apart = try await producer.run(["par_*"]) { $0.jobs = 1 }
            #expect(together.index.databases.map(\.content) == apart.index.databases.map(\.content))
            #expect(together.index.databases.map(\.content.rows) == [1000, 2000, 3000, 4000, 5000])
            #expect(together.manifest.files.map(\.name) == apart.manifest.files.map(\.name))
        }
    }

    private func tagged(_ name: String, _ content: String? = nil) async throws -> Database {
        let cluster = try Cluster.current
        let connection = try await cluster.connect()
        try await connection.execute("CREATE DATABASE \(identifier: name)")
        await connection.close()
        let database = Database(cluster: cluster, name: name)
        if let content { try await database.run(content) }
        return database
    }
}
