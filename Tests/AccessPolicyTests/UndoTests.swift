import AuditLog
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import AccessPolicy

/// Every apply can be taken back, as long as nothing it touched has changed.
@Suite(.cluster(["allow_in_place_tablespaces": "on"]), .database, .timeLimit(.minutes(3))) struct UndoTests {
    /// A database in which most of what a policy changes is there in another form.
    static let past = #"""
        CREATE ROLE reader@ CREATEDB CONNECTION LIMIT 3 VALID UNTIL '2029-01-01 10:11:12.345678+00';
        CREATE ROLE writer@;
        CREATE ROLE login@ LOGIN;
        CREATE ROLE delegate@;
        ALTER ROLE login@ SET search_path = app, "Odd, ""Name""", public;
        ALTER ROLE login@ SET work_mem = '1MB';
        GRANT writer@ TO login@;
        GRANT delegate@ TO reader@;
        GRANT USAGE, CREATE ON SCHEMA app TO reader@, delegate@;
        GRANT SELECT ON app.parts TO delegate@ WITH GRANT OPTION;
        GRANT SELECT, DELETE ON app.users TO reader@ WITH GRANT OPTION;
        GRANT SELECT (email), UPDATE (id) ON app.users TO reader@;
        GRANT EXECUTE ON FUNCTION app.total(text) TO writer@ WITH GRANT OPTION;
        ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO reader@ WITH GRANT OPTION;
        ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON app.orders TO reader@ USING (user_id = 1 AND note <> 'a''b');
        CREATE POLICY gone ON app.orders FOR INSERT TO PUBLIC WITH CHECK (exists (select 1 from app.users));
        CREATE POLICY floor ON app.orders AS RESTRICTIVE TO writer@, reader@ USING (true);
        SET ROLE delegate@;
        GRANT SELECT ON app.parts TO reader@ WITH GRANT OPTION;
        RESET ROLE;
        """#

    @Test func `an apply of everything is taken back to the last privilege`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.past)
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let outcome = try await log.apply(ApplyTests.everything)
            #expect(outcome.plan.changes.count > 20)
            #expect(try await log.state() != before)
            #expect(try await log.undo(outcome).verdict == .applied)
            #expect(try await log.state().moved(since: before) == [])
        }
    }

    @Test func `roles that an apply made are dropped again`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let outcome = try await log.apply(ApplyTests.everything)
            try await log.undo(outcome)
            #expect(try await log.state().moved(since: before) == [])
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE '%@'") == "0")
        }
    }

    /// Each of two has granted the other what both have from the owner, and each passed it on.
    static let mutual = """
        CREATE ROLE one@; CREATE ROLE two@; CREATE ROLE three@;
        GRANT USAGE ON SCHEMA app TO one@, two@, three@;
        GRANT SELECT ON app.users TO one@ WITH GRANT OPTION;
        SET ROLE one@; GRANT SELECT ON app.users TO two@ WITH GRANT OPTION; RESET ROLE;
        GRANT SELECT ON app.users TO two@ WITH GRANT OPTION;
        SET ROLE two@; GRANT SELECT ON app.users TO one@ WITH GRANT OPTION; GRANT SELECT ON app.users TO three@;
        RESET ROLE;
        """

    @Test func `roles that have granted each other an option get it back in an order that PostgreSQL takes`()
        async throws
    {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.mutual)
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            for roles in [["one@", "two@"], ["one@"], ["two@"], ["one@", "two@", "three@"]] {
                let list = roles.map { "\"\($0)\"" }.joined(separator: ", ")
                let outcome = try await log.apply(
                    """
                    { "version": 1, "grants": [{ "to": [\(list)], "on": { "tables": ["app.users"] }, "privileges": [] }] }
                    """)
                #expect(outcome.verdict == .applied)
                #expect(try await log.undo(outcome).verdict == .applied)
                #expect(try await log.state().moved(since: before) == [], "\(roles)")
            }
        }
    }

    @Test func `names with quotes, line breaks, emoji and 63 bytes come back`() async throws {
        let scene = try Scene()
        let names = ["it's \"mine\"", "a\nb\tc", "👩‍👧 größe", String(repeating: "n", count: 63), "-- x", "\u{2028}"]
        let quoted = names.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }
        try await scene.run(
            "CREATE SCHEMA app; CREATE ROLE reader@;" + quoted.map { "CREATE TABLE app.\($0) (\($0) int);" }.joined())
        let policy = """
            { "version": 1, "roles": { "made 'x' \\"y\\"@": {} },
              "grants": [
                { "to": ["reader@", "made 'x' \\"y\\"@"], "on": { "tables": ["app.*"] }, "privileges": ["SELECT"] } ] }
            """
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let outcome = try await log.apply(policy)
            let receipt = try #require(outcome.undo)
            let bytes = try Files.read(log.folder.appending(receipt.file))
            let read = try #require(UndoText.read(bytes))
            #expect(try UndoText.write(read) == bytes)
            try await log.undo(outcome)
            #expect(try await log.state().moved(since: before) == [])
            #expect(try await log.apply(policy).verdict == .applied)
            #expect(try await scene.plan(policy).isEmpty)
        }
    }

    @Test func `of an apply whose end nobody recorded, the script stays, and undo says so`() async throws {
        let scene = try Scene()
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply("{ \"version\": 1, \"roles\": { \"a@\": {} } }")
            let script = try Files.read(log.folder.appending(try #require(outcome.undo).file))
            // As kill -9 leaves it between COMMIT and the second record.
            let started = try log.log.append(AuditEvent(.policyApply, phase: .started))
            try Files.write(script, to: log.folder.appending("undo/\(started.id).sql"))
            let failure = await scene.failure {
                try await Undoing(try await scene.database.connect()).undo(String(started.seq), audit: log.log).verdict
            }
            #expect(failure.status == .inputMissing)
            #expect(
                failure.sentence
                    == "nobody recorded whether the apply of record \(started.seq) was committed: it was interrupted")
        }
    }

    @Test func `an undo in another database than that of the apply says where to connect`() async throws {
        let scene = try Scene()
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply("{ \"version\": 1, \"roles\": { \"a@\": {} } }")
            let receipt = try #require(outcome.undo)
            let verdict = try await Undoing(try await Cluster.current.connect(to: "postgres"))
                .undo(String(receipt.record), audit: log.log).verdict
            #expect(
                verdict
                    == .moved([
                        "this is database postgres, and the script is for \(scene.database.name): connect to it with -d"
                    ]))
        }
    }

    @Test func `an undo is undone by its own script`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.past)
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(ApplyTests.everything)
            let applied = try await log.state()
            let undone = try await log.undo(outcome)
            #expect(try await log.undo(undone).verdict == .applied)
            #expect(try await log.state().moved(since: applied) == [])
            #expect(try await scene.plan(ApplyTests.everything).isEmpty)
        }
    }

    @Test func `an undo is refused when what it touches has changed, and names it`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(ApplyTests.additive)
            try await scene.run("REVOKE SELECT ON app.users FROM reader@")
            let verdict = try await log.undo(outcome).verdict
            #expect(
                verdict
                    == .moved([
                        scene.own(
                            "privileges on table app.users to reader@, granted by postgres: was SELECT, is gone")
                    ]))
            #expect(try await scene.value("SELECT count(*) FROM pg_roles WHERE rolname = 'reader@'") == "1")
        }
    }

    @Test func `what others changed elsewhere does not stop an undo, and stays`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(ApplyTests.additive)
            try await scene.run("CREATE TABLE app.later (); CREATE ROLE other@; GRANT SELECT ON app.later TO other@")
            #expect(try await log.undo(outcome).verdict == .applied)
            #expect(try await scene.value("SELECT has_table_privilege('other@', 'app.later', 'SELECT')") == "t")
        }
    }

    @Test func `an undo happens once`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(ApplyTests.additive)
            try await log.undo(outcome)
            guard case .moved(let moved) = try await log.undo(outcome).verdict else {
                Issue.record("undone twice")
                return
            }
            let gone = "role reader@: was INHERIT, CONNECTION LIMIT -1, VALID UNTIL infinity, is gone"
            #expect(moved.contains(scene.own(gone)))
        }
    }

    @Test func `a created role that owns something by now is not dropped, and nothing is done`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables)
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(ApplyTests.additive)
            try await scene.run("CREATE TABLE app.own (); ALTER TABLE app.own OWNER TO reader@")
            let before = try await log.state()
            let failure = await scene.failure { try await log.undo(outcome).verdict }
            #expect(failure.sentence.contains("some objects depend on it"), "\(failure.sentence)")
            #expect(failure.sentence.hasPrefix("nothing was done: "))
            #expect(try await log.state() == before)
        }
    }

    @Test func `a password is not undone, the plan says so, and no verifier is in the script`() async throws {
        let scene = try Scene()
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply(RoleTests.login, environment: ["PASSWORD": "secret"])
            #expect(outcome.plan.changes.map(\.kind.isUndoable) == [true, false])
            let receipt = try #require(outcome.undo)
            let path = log.folder.appending(receipt.file)
            let script = String(decoding: try Files.read(path), as: UTF8.self)
            #expect(!script.contains("SCRAM-SHA-256"))
            #expect(script.contains(scene.own("-- not undone: ALTER ROLE \"login@\" PASSWORD '<verifier>'\n")))
            #expect(try await log.undo(outcome).verdict == .applied)
        }
    }

    @Test func `the script beside the record is SQL that psql runs too`() async throws {
        let scene = try Scene()
        try await scene.run(ApplyTests.tables + Self.past)
        try await SceneLog.around(scene) { log async throws in
            let before = try await log.state()
            let receipt = try #require(try await log.apply(ApplyTests.everything).undo)
            let script = try Files.read(log.folder.appending(receipt.file))
            let psql = try await Program.run(
                "/usr/bin/psql", ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                environment: scene.database.environment, input: script)
            #expect(psql.status == 0, "\(psql.stderr)")
            #expect(try await log.state().moved(since: before) == [])
        }
    }

    @Test func `the record names the script and its digest, and a script that was changed is refused`() async throws {
        let scene = try Scene()
        try await SceneLog.around(scene) { log async throws in
            let outcome = try await log.apply("{ \"version\": 1, \"roles\": { \"a@\": {} } }")
            let receipt = try #require(outcome.undo)
            let record = try #require(try LogReader(log.folder).records(last: 1).records.first)
            #expect(record.facts?["undo"] == .text(receipt.file))
            #expect(record.facts?["undo_sha256"] == .text(receipt.sha256))
            let path = log.folder.appending(receipt.file)
            try Files.write(try Files.read(path) + Array("DROP ROLE postgres;\n".utf8), to: path)
            let failure = await scene.failure { try await log.undo(outcome).verdict }
            #expect(failure.status == .malformed)
            #expect(failure.sentence.hasSuffix("is not the one that was recorded: its SHA-256 is another"))
        }
    }

    @Test func `an apply that failed leaves no script, one without changes neither`() async throws {
        let scene = try Scene()
        try await SceneLog.around(scene) { log async throws in
            let failing = """
                { "version": 1, "roles": { "a@": {} },
                  "tests": [{ "as": "a@", "run": "SELECT 1", "expect": { "denied": true } }] }
                """
            let failed = try await log.apply(failing)
            #expect(failed.verdict == .disproved)
            let empty = try await log.apply("{ \"version\": 1 }")
            #expect(empty.undo == nil)
            #expect(!Files.exists(log.folder.appending("undo")))
            let failure = await scene.failure {
                try await Undoing(try await scene.database.connect()).undo("1", audit: log.log).verdict
            }
            #expect(failure.status == .inputMissing)
        }
    }

    /// `DBSEC_TEST_SEEDS=1-20` tries others.
    private static let seeds: [UInt64] = {
        let range = (ProcessInfo.processInfo.environment["DBSEC_TEST_SEEDS"] ?? "1-8").split(separator: "-")
            .compactMap { UInt64($0) }
        return Array(range[0]...range[range.count - 1])
    }()

    @Test(.serialized, arguments: seeds)
    func `random policies over every kind of object are taken back`(
        _ seed: UInt64
    ) async throws {
        let scene = try Scene()
        try await EveryKind.make(in: scene)
        let version: String? = try await scene.value("SHOW server_version_num")
        var random = RandomPolicy(seed: seed, version: version.flatMap { Int($0) } ?? 0)
        try await SceneLog.around(scene) { log async throws in
            for round in 1...3 {
                for statement in random.statements() {
                    try? await scene.run(statement.replacing("DBNAME", with: scene.database.name))
                }
                let policy = random.policy()
                let before = try await log.state()
                let outcome: Outcome
                do {
                    outcome = try await log.provisioner(policy).apply(maxRevokes: 100_000, audit: log.log)
                } catch is NotConverged {
                    // Whether every policy can be applied is another test's claim.
                    continue
                }
                #expect(outcome.verdict == .applied, "seed \(seed), round \(round)")
                if outcome.undo != nil {
                    let undone = try await log.undo(outcome)
                    #expect(undone.verdict == .applied, "seed \(seed), round \(round)")
                }
                let moved = try await log.state().moved(since: before)
                #expect(moved == [], "seed \(seed), round \(round): \(scene.own(policy))")
                _ = try await log.provisioner(policy).apply(maxRevokes: 100_000, audit: log.log)
            }
        }
    }
}
