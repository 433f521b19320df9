import Cryptography
import FoundationEssentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import FieldEncryption

@Suite struct `Keys of data subjects` {
    private func ring(_ byte: UInt8 = 7) throws -> RingKey {
        var bytes = [UInt8](repeating: byte, count: 32)
        return try RingKey(SecretBytes(taking: &bytes))
    }

    private func key(_ subject: String = "4711") throws -> SubjectKey {
        var bytes = (0..<32).map { UInt8($0) }
        return try SubjectKey(secret: SecretBytes(taking: &bytes), subject: subject)
    }

    private func code(_ body: () throws -> Void) throws -> FieldError.Code? {
        do {
            try body()
            return nil
        } catch let error as FieldError {
            return error.code
        }
    }

    /// Frozen: `Documentation/erasure.md` says how they are made, and values outlive programs.
    @Test func `version 1 can always be read`() throws {
        struct Vectors: Decodable {
            let keyID, wrapped, commitment, field: String
        }
        let file = packageRoot.appending("Tests/Fixtures/fields/subject-version1.json")
        let vectors = try JSONDecoder().decode(Vectors.self, from: Data(Files.read(file)))
        let key = try key()
        #expect(key.id.description == vectors.keyID)
        let nonce = [UInt8](repeating: 9, count: 24)
        let (wrapped, commitment) = try key.wrapped(by: ring(), nonce: nonce)
        #expect(Hex.encode(wrapped) == vectors.wrapped)
        #expect(Hex.encode(commitment) == vectors.commitment)
        let field = key.seal(Array("0171 1234567".utf8), context: "users.phone", nonce: nonce)
        #expect(Hex.encode(field) == vectors.field)
        let bytes = try #require(Hex.decode(vectors.field))
        #expect(try key.open(bytes, context: "users.phone", .column) == Array("0171 1234567".utf8))
    }

    @Test func `a wrapped key opens for its subject, its ring and unchanged, and else not`() throws {
        let keyring = Keyring.test()
        let ring = try keyring.activeKey()
        let key = SubjectKey.generate(for: "4711")
        let (wrapped, commitment) = try key.wrapped(by: ring)
        func open(_ wrapped: [UInt8], _ commitment: [UInt8], _ subject: String = "4711") throws -> FieldKeyID {
            try SubjectKey(
                unwrapping: wrapped, commitment: commitment, subject: subject, id: key.id, in: keyring
            ).id
        }
        #expect(try open(wrapped, commitment) == key.id)
        #expect(try code { _ = try open(wrapped, commitment, "4712") } == .notAuthentic)
        for place in [8, 40, wrapped.count - 1] {
            var changed = wrapped
            changed[place] ^= 1
            #expect(try code { _ = try open(changed, commitment) } == .notAuthentic)
        }
        var other = commitment
        other[0] ^= 1
        #expect(try code { _ = try open(wrapped, other) } == .notAuthentic)
        #expect(try code { _ = try open(Array(wrapped.dropLast()), commitment) } == .malformed)
        let stranger = try key.wrapped(by: try self.ring(3))
        #expect(try code { _ = try open(stranger.wrapped, stranger.commitment) } == .unknownKey)
    }

    @Test func `a field opens in its column and row alone, and under no other key`() throws {
        let key = SubjectKey.generate(for: "4711")
        let row = try #require(RowID("6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"))
        let field = key.seal(Array("x".utf8), context: "users.phone", .row(row))
        #expect(field[0] == 2)
        #expect(try key.open(field, context: "users.phone", .row(row)) == Array("x".utf8))
        #expect(try code { _ = try key.open(field, context: "users.mail", .row(row)) } == .notAuthentic)
        #expect(try code { _ = try key.open(field, context: "users.phone", .column) } == .notAuthentic)
        let other = SubjectKey.generate(for: "4711")
        #expect(try code { _ = try other.open(field, context: "users.phone", .row(row)) } == .unknownKey)
        #expect(try code { _ = try key.open([1] + field.dropFirst(), context: "users.phone", .row(row)) } == .malformed)
    }

    private func time(_ day: Int64) -> Timestamp { Timestamp(seconds: 1_800_000_000 + day * 86400) }

    private func entry(cleared: [String]) -> SubjectStore.Entry {
        SubjectStore.Entry(
            subject: "4711", id: FieldKeyID(number: 1), created: time(10), erased: time(20), cleared: cleared)
    }

    private func backup(_ day: Int64, until: Int64?) -> RetainedCopy {
        RetainedCopy(
            name: "main/\(day)", taken: time(day), expires: until.map(time), kept: "kept", contexts: ["users.phone"])
    }

    @Test func `erased is said only when nothing is left`() {
        let cleared = entry(cleared: ["wal"])
        #expect(Erasure(cleared, backups: [], archivesWAL: false).state == .erased)
        #expect(Erasure(cleared, backups: nil, archivesWAL: false).state == .erasing)
        #expect(Erasure(cleared, backups: [], archivesWAL: true).state == .erasing)
        #expect(Erasure(entry(cleared: ["wal", "archive"]), backups: [], archivesWAL: true).state == .erased)
        #expect(Erasure(entry(cleared: []), backups: [], archivesWAL: false).state == .erasing)
        // One that was taken after the erasure holds nothing.
        #expect(Erasure(cleared, backups: [backup(21, until: nil)], archivesWAL: false).state == .erased)
    }

    @Test func `the end is that of the last copy, and none where one has none`() {
        let cleared = entry(cleared: ["wal"])
        let dated = Erasure(cleared, backups: [backup(5, until: 36), backup(12, until: 43)], archivesWAL: false)
        #expect(dated.until == time(43))
        #expect(dated.copies.count == 2)
        #expect(dated.copies[0].what.contains("before it had a key"))
        let open = Erasure(cleared, backups: [backup(5, until: nil), backup(12, until: 43)], archivesWAL: false)
        #expect(open.until == nil)
    }
}

@Suite(.cluster(["min_wal_size": "32MB", "max_wal_size": "128MB"]), .database, .timeLimit(.minutes(10)))
struct `Forgetting a person` {
    private static let setup = """
        CREATE TABLE users (id integer PRIMARY KEY, phone text);
        INSERT INTO users SELECT n, 'number ' || n FROM generate_series(1, 20) n;
        """

    @Test func `a subject's fields move under its key, are handed out, and are noise once it is erased`() async throws {
        try await withFieldHost { host in
            try await host.database.run(Self.setup)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(try await host.run("column", "start", "--table", "users", "--column", "phone").status == 0)
            #expect(try await host.run("column", "backfill", "--table", "users", "--column", "phone").status == 0)
            #expect(try await host.run("subject", "link", "--table", "users", "--column", "id").status == 0)
            let made = try await host.run("subject", "create", "7", "--adopt")
            #expect(made.status == 0, "\(made.stderr)")
            #expect(made.stdout.hasSuffix("put 1 field under it\n"))
            let first = "SELECT get_byte(phone_enc, 0)::text FROM users WHERE id ="
            #expect(try await host.database.value("\(first) 7") == "2")
            #expect(try await host.database.value("\(first) 8") == "1")

            let exported = try await host.run("subject", "export", "7")
            #expect(exported.stdout == "public.users.phone: number 7\n")
            #expect(try host.audit.contains { $0.contains("subject.export") && $0.contains("\"fields\":1") })
            #expect(try !host.audit.contains { $0.contains("number 7") })
            #expect(try await host.run("subject", "create", "7").status == 1)

            let field = try await host.run(
                "subject", "encrypt", "7", "--context", "users.phone", input: "number seven\n")
            try await host.database.run("UPDATE users SET phone_enc = '\(field.stdout.dropLast())' WHERE id = 7")
            #expect(try await host.run("subject", "export", "7").stdout == "public.users.phone: number seven\n")

            let dry = try await host.run("subject", "erase", "7", "--dry-run", "--no-backups")
            #expect(dry.status == 1 && dry.stdout.contains("would be erasing"))
            #expect(try await host.run("subject", "erase", "7").status == 64)
            let erasing = try await host.run("subject", "erase", "7", "--yes")
            #expect(erasing.status == 1)
            #expect(erasing.stdout.contains("7: erasing with no date at which it ends"))
            #expect(erasing.stdout.contains("nobody has said where they are"))
            #expect(erasing.stdout.contains("1 plaintext in public.users.phone"))
            #expect(!erasing.stdout.contains("7: erased"))
            let refused = try await host.run("subject", "export", "7")
            #expect(refused.status == 1)
            #expect(refused.stderr == "error: the key of the subject \"7\" was erased\n")
            #expect(try await host.run("subject", "list").stdout.contains("erasing"))

            // The column goes on its way, and neither rotation nor verification stumbles over what is under another key.
            try await host.database.run("UPDATE users SET phone = NULL, phone_enc = phone_enc WHERE id = 7")
            #expect(try await host.run("subject", "create", "9", "--adopt").status == 0)
            let verified = try await host.run("verify")
            #expect(verified.status == 0, "\(verified.stdout) \(verified.stderr)")
            #expect(try await host.run("keys", "rotate").status == 0)
            #expect(try await host.run("keys", "rotate", "--activate").status == 0)
            let rotated = try await host.run("column", "rotate", "--table", "users", "--column", "phone")
            #expect(rotated.status == 0, "\(rotated.stdout) \(rotated.stderr)")
            #expect(try await host.database.value("\(first) 9") == "2")
            #expect(try await host.run("subject", "export", "9").stdout == "public.users.phone: number 9\n")
            #expect(try await host.run("subject", "rewrap").stdout == "wrapped 1 key anew\n")
            #expect(try await host.run("subject", "export", "9").stdout == "public.users.phone: number 9\n")
            let erased = try await host.run("subject", "erase", "7", "--no-backups", "--purge-wal")
            #expect(erased.status == 0, "\(erased.stdout) \(erased.stderr)")
            #expect(erased.stdout == "7: erased\n")
            #expect(try await host.run("subject", "list").stdout.contains("erased"))
            #expect(
                try await host.database.value(
                    "SELECT wrapped IS NULL AND commitment IS NULL FROM dbpii.subjects WHERE subject = '7'")
                    == "t")
        }
    }

    @Test func `backups that hold the key are named with their end`() async throws {
        try await withFieldHost { host in
            let config = host.folder.appending("dbsec.json")
            try Files.write(Array(#"{ "backup": { "keepDays": 14, "graceHours": 0 } }"#.utf8), to: config)
            let environment = host.environment.merging(["DBSEC_CONFIG": config.string]) { $1 }
            func backup(_ arguments: String...) async throws {
                let result = try await Program.run("dbbackup", arguments, environment: environment)
                #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
            }
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            try await backup("init", "--keep-identity-here")
            #expect(try await host.run("subject", "create", "7").status == 0)
            try await backup("run", host.database.name)
            let erasing = try await host.run(
                "subject", "erase", "7", "--yes", "--cleared", "wal", "--json",
                environment: ["DBSEC_CONFIG": config.string])
            #expect(erasing.status == 1, "\(erasing.stderr)")
            struct Answer: Decodable {
                struct Copy: Decodable { let what, until: String }
                let state, until: String
                let copies: [Copy]
            }
            let answer = try JSONDecoder().decode(Answer.self, from: Data(erasing.stdout.utf8))
            #expect(answer.state == "erasing")
            #expect(answer.copies.count == 1)
            #expect(answer.copies[0].what.contains("the wrapped key and the fields under it"))
            // Fourteen days, and one for the night after them.
            let days = try #require(Timestamp(answer.until)).seconds(since: .now()) / 86400
            #expect(days > 14.5 && days < 15.01)
            // A backup that is taken now holds nothing, and is not named.
            try await backup("run", host.database.name)
            let again = try await host.run(
                "subject", "erase", "7", "--json", environment: ["DBSEC_CONFIG": config.string])
            #expect(try JSONDecoder().decode(Answer.self, from: Data(again.stdout.utf8)).copies.count == 1)
            try await host.database.run("CREATE TABLE t (c text)")
            let residue = try await host.run(
                "residue", "--table", "t", "--column", "c", "--needles", "-", input: "not anywhere\n",
                environment: ["DBSEC_CONFIG": config.string])
            #expect(residue.status == 1)
            #expect(
                residue.stdout.split(separator: "\n").filter { $0.contains("holds the table as it was at") }.count == 2)
        }
    }

    @Test func `the wrapped key is in no file of the server afterwards`() async throws {
        let connection = try await Database.current.connect()
        let store = SubjectStore(connection)
        _ = try await store.create("secret-subject", .test())
        let wrapped: [UInt8] = try await connection.query("SELECT wrapped FROM dbpii.subjects").one()[0]
        func heap() async throws -> [UInt8] {
            try await connection.execute("CHECKPOINT")
            return try await connection.query(
                "SELECT pg_catalog.pg_read_binary_file(pg_catalog.pg_relation_filepath('dbpii.subjects'))"
            ).one()[0]
        }
        let search = PatternSearch([wrapped])
        var before = search.pass()
        let old = try await heap()
        before.feed(old.span)
        #expect(before.count == 1)
        try await store.erase("secret-subject")
        var after = search.pass()
        let new = try await heap()
        after.feed(new.span)
        #expect(after.count == 0)
        #expect(after.bytes > 0)
    }

    @Test func `wrapping goes along with a rotation, and a key that still wraps is not destroyed`() async throws {
        let connection = try await Database.current.connect()
        let store = SubjectStore(connection)
        let old = Keyring.test()
        let key = try await store.create("1", old)
        let new = try old.rotated()
        let needs = try await ColumnCatalog(connection).columns(under: try old.activeKey().id)
        #expect(needs == ["subjects: 1 wrapped keys (dbpii subject rewrap)"])
        #expect(try await store.rewrap(new) == 1)
        #expect(try await store.rewrap(new) == 0)
        #expect(try await ColumnCatalog(connection).columns(under: try old.activeKey().id).isEmpty)
        #expect(try await store.key("1", new).id == key.id)
    }
}
