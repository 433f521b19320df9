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

    @Test func `an application encrypts for a person, and reads what is not under that key yet`() throws {
        let keyring = Keyring.test()
        let cipher = FieldCipher(keyring)
        let phone = try cipher.column("users.phone")
        let (made, stored) = try cipher.makeSubject("4711")
        let sealed = try phone.encrypt("0171 1234567", for: made)
        let person = try cipher.subject("4711", stored)
        #expect(person.id == "4711")
        #expect(try phone.decryptText(sealed, for: person) == "0171 1234567")
        #expect(try phone.decrypt(sealed, for: person) == Array("0171 1234567".utf8))
        #expect(try phone.decryptText(phone.encrypt("old"), for: person) == "old")
        #expect(try phone.encrypt([1, 2], for: person)[0] == 2)
        #expect(try cipherCode { _ = try phone.decrypt(phone.encrypt([0xFF], for: person), for: made) } == nil)
        #expect(try cipherCode { _ = try phone.decryptText(phone.encrypt([0xFF], for: person), for: made) } == .notText)

        #expect(try cipherCode { _ = try phone.decrypt(sealed) } == .unknownKey)
        #expect(try cipherCode { _ = try cipher.column("users.mail").decrypt(sealed, for: person) } == .notAuthentic)
        let (other, _) = try cipher.makeSubject("4712")
        #expect(try cipherCode { _ = try phone.decrypt(sealed, for: other) } == .unknownKey)
        #expect(try cipherCode { _ = try cipher.subject("4712", stored) } == .notAuthentic)
        #expect(try cipherCode { _ = try FieldCipher(.test()).subject("4711", stored) } == .unknownKey)
        let erased = FieldSubject.Stored(keyID: stored.keyID, wrapped: nil, commitment: nil)
        #expect(try cipherCode { _ = try cipher.subject("4711", erased) } == .destroyedKey)
        #expect(try cipherCode { _ = try cipher.makeSubject("") } == .usage)
        // A ring that was rotated since opens it still.
        #expect(try FieldCipher(keyring.rotated()).subject("4711", stored).id == "4711")
        let bound = try cipher.column("users.mail", binding: .row)
        let row = "6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11"
        let mail = try bound.encrypt("a@b.example", row: row, for: person)
        #expect(try bound.decryptText(mail, row: row, for: person) == "a@b.example")
        #expect(try cipherCode { _ = try bound.encrypt("a", for: person) } == .usage)
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
        let cleared = entry(cleared: ["heap", "wal"])
        #expect(Erasure(cleared, backups: [], wal: .init()).state == .erased)
        #expect(Erasure(entry(cleared: ["wal"]), backups: [], wal: .init()).state == .erasing)
        #expect(Erasure(cleared, backups: nil, wal: .init()).state == .erasing)
        #expect(Erasure(cleared, backups: [], wal: .init(isArchived: true)).state == .erasing)
        #expect(
            Erasure(entry(cleared: ["heap", "wal", "archive"]), backups: [], wal: .init(isArchived: true)).state
                == .erased)
        #expect(Erasure(entry(cleared: []), backups: [], wal: .init()).state == .erasing)
        #expect(Erasure(cleared, backups: [], wal: .init(receivers: 1)).state == .erasing)
        #expect(
            Erasure(entry(cleared: ["heap", "standby", "wal"]), backups: [], wal: .init(receivers: 1)).state == .erased)
        // One that was taken after the erasure holds nothing.
        #expect(Erasure(cleared, backups: [backup(21, until: nil)], wal: .init()).state == .erased)
    }

    @Test func `the end is that of the last copy, and none where one has none`() {
        let cleared = entry(cleared: ["heap", "wal"])
        let dated = Erasure(cleared, backups: [backup(5, until: 36), backup(12, until: 43)], wal: .init())
        #expect(dated.until == time(43))
        #expect(dated.copies.count == 2)
        #expect(dated.copies[0].what.contains("before it had a key"))
        let open = Erasure(cleared, backups: [backup(5, until: nil), backup(12, until: 43)], wal: .init())
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
            let reader = try await host.database.connect()
            try await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            _ = try await reader.query("SELECT count(*) FROM pg_class")
            let erasing = try await host.run("subject", "erase", "7", "--yes")
            #expect(erasing.status == 1)
            #expect(erasing.stdout.contains("an old version of the row in dbpii.subjects"))
            try await reader.execute("COMMIT")
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

    private struct Answer: Decodable {
        struct Copy: Decodable {
            let what, todo: String
            let until: String?
        }
        let state: String
        let until: String?
        let copies: [Copy]
    }

    @Test func `backups that hold the key are named with their end`() async throws {
        try await withFieldHost { host in
            let config = host.folder.appending("dbsec.json")
            let copies = host.folder.appending("copies")
            func configure(_ rules: String, _ copies: String = "[]") throws {
                try Files.write(Array("{ \"backup\": { \(rules), \"copies\": \(copies) } }".utf8), to: config)
            }
            try configure(#""keepDays": 14, "keepLast": 3, "graceHours": 0"#)
            let environment = host.environment.merging(["DBSEC_CONFIG": config.string]) { $1 }
            let named: [String: String?] = ["DBSEC_CONFIG": config.string]
            func backup(_ arguments: String...) async throws {
                let result = try await Program.run("dbbackup", arguments, environment: environment)
                #expect(result.status == 0, "\(result.stdout) \(result.stderr)")
            }
            func erase(_ arguments: String...) async throws -> Answer {
                let result = try await Program.run(
                    "dbpii", ["subject", "erase", "7", "--json"] + arguments, environment: environment)
                #expect(result.status == 1, "\(result.stderr)")
                return try JSONDecoder().decode(Answer.self, from: Data(result.stdout.utf8))
            }
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            try await backup("init", "--keep-identity-here")
            #expect(try await host.run("subject", "create", "7").status == 0)
            try await backup("run", host.database.name)
            let answer = try await erase("--yes", "--cleared", "wal")
            #expect(answer.state == "erasing" && answer.copies.count == 1)
            #expect(answer.copies[0].what.contains("the wrapped key and the fields under it"))
            // Fourteen days, and one for the night after them; three newer ones are there long before.
            let days = try #require(answer.until.flatMap { Timestamp($0) }).seconds(since: .now()) / 86400
            #expect(days > 14.5 && days < 15.01)
            // A backup that is taken now holds nothing, and is not named.
            try await backup("run", host.database.name)
            #expect(try await erase().copies.count == 1)

            let folder = host.folder.appending("backups/main")
            let label = try #require(try Files.list(folder).filter { !$0.hasPrefix(".") }.sorted().first)
            try await backup("hold", label, "--reason", "lawsuit")
            let held = try await erase()
            #expect(held.until == nil && held.copies[0].todo.hasPrefix("held: lawsuit"))
            try await backup("hold", "--release", label)
            try configure(#""keepTags": ["yearly"]"#)
            #expect(try await erase().copies[0].until != nil)
            try configure(#""graceHours": 0"#)
            #expect(try await erase().copies[0].todo.hasPrefix("no rule in the configuration"))

            // What a prune has given up lies there until its time of grace is over.
            try await backup("prune", "--keep-last", "1", "--grace-hours", "24")
            let given = try await erase()
            #expect(given.copies.count == 1 && given.copies[0].todo.hasPrefix("given up, and removed by"))
            #expect(given.copies[0].what.contains("the wrapped key"))

            // Nor does anybody know what is in a backup whose signature is wrong, or in a place that cannot be read.
            let manifest = folder.appending(label).appending("manifest.json")
            try Files.write(Files.read(manifest) + [10], to: manifest)
            #expect(try await erase().copies[0].what.contains("nobody can tell what it holds"))
            try configure(#""graceHours": 0"#, "[\"\(copies)\"]")
            let unreadable = try await erase()
            #expect(unreadable.copies.count == 2)
            #expect(unreadable.copies[1].what.contains("there is no folder \(copies)"))

            try await host.database.run("CREATE TABLE t (c text)")
            let residue = try await host.run(
                "residue", "--table", "t", "--column", "c", "--needles", "-", input: "not anywhere\n",
                environment: named)
            #expect(residue.status == 1)
            func lines(_ text: String) -> Int { residue.stdout.split(separator: "\n").count { $0.contains(text) } }
            #expect(lines("holds the table as it was at") == 1)
            #expect(lines("may hold the table: ") == 2)
        }
    }

    @Test func `many fields of one person go through as they come`() async throws {
        try await withFieldHost { host in
            try await host.database.run(
                """
                CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), owner text, note text)
                    PARTITION BY HASH (id);
                CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                CREATE TABLE notes_1 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                INSERT INTO notes (owner, note) SELECT 'o''' || n % 2, repeat('n' || n, 20000) FROM generate_series(1, 120) n;
                """)
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(
                try await host.run(
                    "column", "start", "--table", "notes", "--column", "note", "--row-column", "id"
                ).status == 0)
            #expect(try await host.run("column", "backfill", "--table", "notes", "--column", "note").status == 0)
            #expect(try await host.run("subject", "link", "--table", "notes", "--column", "owner").status == 0)
            let made = try await host.run("subject", "create", "o'1", "--adopt")
            #expect(made.stdout.hasSuffix("put 60 fields under it\n"), "\(made.stdout) \(made.stderr)")
            #expect(
                try await host.database.value(
                    "SELECT count(*) FROM notes WHERE get_byte(note_enc, 0) = 2 AND owner = 'o''1'") == "60")
            let result = try await host.run("subject", "export", "o'1", "--json")
            let document = try JSONDecoder().decode(Exported.self, from: Data(result.stdout.utf8))
            #expect(document.subject == "o'1" && document.schema == 1)
            #expect(document.fields.count == 60)
            let wanted = (0..<60).map { String(repeating: "n\($0 * 2 + 1)", count: 20000) }
            #expect(Set(document.fields.map(\.value)) == Set(wanted))
            #expect(document.fields.allSatisfy { $0.column == "public.notes.note" })
            // A table that was renamed is never passed over in silence, and found again under its new name.
            try await host.database.run("ALTER TABLE notes RENAME TO remarks")
            let lost = try await host.run("subject", "export", "o'1")
            #expect(lost.status == 66 && lost.stderr.contains("public.notes is linked to subjects, and is not there"))
            #expect(try await host.run("column", "rotate", "--table", "remarks", "--column", "note").status == 0)
            #expect(try await host.run("subject", "export", "o'1", "--json").stdout.contains("public.remarks.note"))
            #expect(try await host.run("subject", "create", "nobody").status == 0)
            #expect(try await host.run("subject", "export", "nobody").stdout == "nothing is stored of nobody\n")
            #expect(
                try await host.run("subject", "export", "nobody", "--json").stdout
                    == "{\"fields\":[],\"schema\":1,\"subject\":\"nobody\"}\n")
            #expect(try await host.run("subject", "link", "--table", "remarks", "--remove").status == 0)
            #expect(try await host.run("subject", "link", "--table", "remarks", "--remove").status == 66)
        }
    }

    private struct Exported: Decodable {
        struct Field: Decodable { let column, value: String }
        let fields: [Field]
        let schema: Int
        let subject: String
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
        // Who has a snapshot from before may still see the row, and it stays for as long.
        let reader = try await Database.current.connect()
        try await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        _ = try await reader.query("SELECT count(*) FROM pg_class")
        try await store.erase("secret-subject")
        #expect(try await store.clearDeadRows(attempts: 2) == false)
        var kept = search.pass()
        let still = try await heap()
        kept.feed(still.span)
        #expect(kept.count == 1)
        try await reader.execute("COMMIT")
        #expect(try await store.clearDeadRows(attempts: 1000))
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

@Suite(
    .cluster(["wal_level": "replica", "max_wal_senders": "2", "min_wal_size": "32MB", "max_wal_size": "128MB"]),
    .database,
    .timeLimit(.minutes(10)))
struct `A person's key in the WAL` {
    @Test func `is not gone while a slot holds the files, nor while a standby has them`() async throws {
        try await withFieldHost { host in
            #expect(try await host.run("keys", "init", "--keep-identity-here").status == 0)
            #expect(try await host.run("subject", "create", "7").status == 0)
            try await host.database.run("SELECT pg_create_physical_replication_slot('holds', true)")
            let held = try await host.run("subject", "erase", "7", "--yes", "--no-backups", "--purge-wal")
            #expect(held.status == 1 && held.stdout.contains("the server's WAL, in which the wrapped key was written"))
            #expect(held.stderr.contains("a replication slot, the archive or wal_keep_size holds them"))
            try await host.database.run("SELECT pg_drop_replication_slot('holds')")
            try await withStandby { _ in
                let sent = try await host.run("subject", "erase", "7", "--no-backups", "--purge-wal")
                #expect(sent.status == 1 && sent.stdout.contains("the WAL files of 1 standbys"), "\(sent.stdout)")
                let told = try await host.run("subject", "erase", "7", "--no-backups", "--cleared", "standby")
                #expect(told.stdout == "7: erased\n", "\(told.stdout) \(told.stderr)")
            }
        }
    }
}
