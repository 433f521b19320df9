import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite struct `A file of smoke tests` {
    @Test func `has statements with remarks`() throws {
        let tests = try SmokeTest.read(
            """
            -- What must be there.
            SELECT count(*) > 0 FROM public.orders;
            -- database: shop
            -- expect: 17; and more
            SELECT 'a;b', $$;$$;
              SELECT 2
            """, named: "x.sql")
        #expect(
            tests == [
                SmokeTest(
                    database: nil, query: "SELECT count(*) > 0 FROM public.orders", expected: nil, line: 2),
                SmokeTest(database: "shop", query: "SELECT 'a;b', $$;$$", expected: "17; and more", line: 5),
                SmokeTest(database: "shop", query: "SELECT 2", expected: nil, line: 6),
            ])
    }

    @Test(arguments: ["", "-- only a remark\n", "-- expect:\nSELECT 1"]) func `that asks nothing is refused`(
        text: String
    ) {
        let failure = #expect(throws: PlainFailure.self) { try SmokeTest.read(text, named: "x.sql") }
        #expect(failure?.status == .malformed)
    }
}

@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct `Smoke tests in a proof` {
    @Test func `see what is there, as a role that may change nothing`() async throws {
        let database = try Database.current
        try await database.run(
            """
            CREATE SCHEMA hidden; CREATE TABLE hidden.t AS SELECT 7 AS x; ALTER TABLE hidden.t ENABLE ROW LEVEL SECURITY;
            REVOKE CONNECT ON DATABASE "\(database.name)" FROM PUBLIC;
            CREATE TABLE people AS SELECT 1 AS id
            """)
        try await withProducer { producer in
            let backup = try await producer.back(database).backup
            let good = """
                SELECT true; SELECT x FROM hidden.t; SELECT count(*) FROM people;
                -- expect: dbsec_smoke
                SELECT session_user;
                -- database: elsewhere
                SELECT false;
                """
            let equal = try await producer.prover(asking: good).prove(backup, level: .restore)
            #expect(equal.differences == [])
            #expect(equal.proof.verdict == .equal)
            #expect(equal.proof.databases.first?.smokeTests == 4)
            let bad = """
                SELECT false; SELECT NULL; SELECT 1 WHERE false;
                -- expect: 8
                SELECT x FROM hidden.t;
                DELETE FROM people; RESET SESSION AUTHORIZATION; SET ROLE postgres;
                COPY people TO PROGRAM 'true'; SELECT nothing
                """
            let different = try await producer.prover(asking: bad).prove(backup, level: .restore)
            #expect(different.proof.verdict == .different)
            let found = different.differences.map { $0.replacing("\(database.name): smoke test in ", with: "") }
            #expect(
                found.prefix(4) == [
                    "line 1: it says false", "line 1: it says NULL", "line 1: it gives no row",
                    "line 3: it says 7 instead of 8",
                ])
            #expect(found.count == 9)
            for (place, part) in [
                (4, "read-only transaction"), (5, "no row"), (6, "permission denied"), (7, "pg_execute_server_program"),
                (8, "does not exist"),
            ] {
                guard place < found.count else { continue }
                #expect(found[place].contains(part), "\(found[place])")
            }
            #expect(try backup.proofs(trusted: producer.keys.trustedKeys()).proven.isEmpty)
        }
    }
}

@Suite(.cluster, .database, .serialized, .timeLimit(.minutes(3))) struct `A round of proofs` {
    @Test func `takes the unproved first, then the oldest proof, and stops in time`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            var backups: [StoredBackup] = []
            for _ in 0..<3 {
                backups.append(try await producer.back(database).backup)
                try await Task.sleep(for: .seconds(1.1))
            }
            let trusted = try producer.keys.trustedKeys()
            func order(_ level: ProofLevel = .decode, limit: Double? = nil, each: Double = 0) throws -> [String] {
                var round = try ProofRound.due(backups, level: level, trusted: trusted)
                round.limit = limit
                var found: [String] = []
                while let next = round.next(after: each * Double(found.count)) { found.append(next.label) }
                #expect(round.left == 3 - found.count)
                return found
            }
            let labels = backups.map(\.label)
            #expect(try order() == labels.reversed())
            let prover = try producer.prover()
            _ = try await prover.prove(backups[2], level: .decode)
            _ = try await prover.prove(backups[0], level: .decode)
            #expect(try order() == [labels[1], labels[2], labels[0]])
            // A shallower proof is none.
            #expect(try order(.restore) == labels.reversed())
            _ = try await prover.prove(backups[1], level: .archive)
            #expect(try order() == [labels[1], labels[2], labels[0]])
            // The first is begun; after it is known that one takes 60 seconds, and 70 have room for no second.
            #expect(try order(.restore, limit: 70, each: 60) == [labels[2]])
            #expect(try order(.restore, limit: 130, each: 60) == [labels[2], labels[1]])
        }
    }
}

extension Producer {
    fileprivate func prover(asking text: String) throws -> Prover {
        let plain = try prover()
        return Prover(
            keys: plain.keys, identities: plain.identities, signer: plain.signer, scratch: plain.scratch,
            program: plain.program, smokeTests: try SmokeTest.read(text, named: "smoke.sql"))
    }
}
