import Credentials
import Cryptography
import Platform
import PostgresClient
import TestSupport
import Testing

/// Logins, lockout and events on a real server.
@Suite(.cluster(["max_connections": "300"]), .database, .timeLimit(.minutes(10))) struct LoginTests {
    @Test func `the right password opens a session, and everything else is refused with one answer`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        let id = try await store.createAccount("Alice@Example.com", Password("the right one"))
        let login = try #require(try await store.login(" alice@example.COM ", Password("the right one")).login)
        #expect(login.accountID == id)
        let session = try #require(try await store.session(login.session))
        #expect(session.identifier == "Alice@Example.com" && session.id == login.sessionID)
        _ = try await test.owner.query("SELECT dbauth.admin_set_active('alice@example.com', false)")
        #expect(try await store.session(login.session) == nil)
        #expect(try await store.login("alice@example.com", Password("the right one")).isRefused)
        #expect(try await store.login("alice@example.com", Password("the wrong one")).isRefused)
        #expect(try await store.login("nobody@example.com", Password("the right one")).isRefused)
        #expect(
            try await test.events("login") == ["success", "failure inactive", "failure inactive", "failure unknown"])
        await #expect(throws: CredentialsError.self) {
            try await store.createAccount("ALICE@example.com", Password("12345678"))
        }
        await #expect(throws: CredentialsError.self) { try await store.createAccount("bob", Password("short")) }
    }

    @Test func `the fifth failure locks, for half an hour, from that network only`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        for _ in 0..<5 { #expect(try await store.login("alice", Password("guess"), from: "10.0.0.7").isRefused) }
        #expect(try await store.login("alice", Password("the right one"), from: "10.0.0.7").isRefused)
        // The same /24 is the same network, another is another.
        #expect(try await store.login("alice", Password("the right one"), from: "10.0.0.200").isRefused)
        #expect(try await store.login("alice", Password("the right one"), from: "10.0.1.7").login != nil)
        #expect(try await test.events("lockout") == ["success"])
        let minutes = try await test.count(
            "SELECT round(extract(epoch FROM max(locked_until) - now()) / 60)::int FROM dbauth.buckets")
        #expect((25...30).contains(minutes))
        // Half an hour later.
        try await test.owner.execute(
            """
            UPDATE dbauth.buckets SET locked_until = locked_until - interval '30 minutes', began_at = began_at - interval '30 minutes'
            WHERE locked_until > '-infinity'
            """)
        #expect(try await store.login("alice", Password("the right one"), from: "10.0.0.7").login != nil)
    }

    @Test func `a success forgets the failures before it, and unlock forgets all`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        for _ in 0..<3 {
            for _ in 0..<4 { #expect(try await store.login("alice", Password("guess")).isRefused) }
            #expect(try await store.login("alice", Password("the right one")).login != nil)
        }
        for _ in 0..<6 { _ = try await store.login("alice", Password("guess")) }
        #expect(try await store.login("alice", Password("the right one")).isRefused)
        let administration = try await Administration(test.owner)
        _ = try await administration.unlock("alice")
        #expect(try await store.login("alice", Password("the right one")).login != nil)
        await #expect(throws: CredentialsError.self) { try await administration.unlock("nobody") }
    }

    @Test func `progressive lockouts double`() async throws {
        let test = try await TestStore.make { $0.isProgressive = true }
        let store = try await test.open()
        for minutes in [30, 60, 120] {
            for _ in 0..<5 { _ = try await store.login("nobody", Password("guess")) }
            let locked = try await test.count(
                "SELECT round(extract(epoch FROM max(locked_until) - now()) / 60)::int FROM dbauth.buckets WHERE id < 65536"
            )
            #expect((minutes - 5...minutes).contains(locked))
            try await test.owner.execute(
                "UPDATE dbauth.buckets SET locked_until = now(), began_at = now() - interval '1 hour' WHERE locked_until > now()"
            )
        }
    }

    @Test func `200 guesses at once count as 200 and lock once`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open(connections: 16)
        try await store.createAccount("alice", Password("the right one"))
        // Straight at the two functions: 200 hashes would say nothing about the counting.
        let attempts = try await withThrowingTaskGroup(of: (String, Int).self) { group in
            let parameters = test.database.parameters.with(user: test.role)
            for worker in 0..<20 {
                group.addTask {
                    let connection = try await Connection.open(parameters)
                    for _ in 0..<10 {
                        let attempt: String = try await connection.query(
                            "SELECT attempt FROM dbauth.begin_login('alice', '10.0.0.1')"
                        ).one()[0]
                        let outcome: String = try await connection.query(
                            "SELECT outcome FROM dbauth.finish_login(\(attempt)::uuid, 'wrong', \([UInt8](repeating: 1, count: 32)))"
                        ).one()[0]
                        guard outcome == "refused" else { throw PlainFailure(.internalError, "not refused") }
                    }
                    await connection.close()
                    return ("", worker)
                }
            }
            return try await group.reduce(into: 0) { count, _ in count += 10 }
        }
        #expect(attempts == 200)
        #expect(try await test.count("SELECT max(failures) FROM dbauth.buckets WHERE id < 65536") == 200)
        #expect(try await test.events("lockout") == ["success"])
        let reasons = try await test.events("login")
        #expect(reasons.count { $0 == "failure wrong password" } == 5)
        #expect(reasons.count { $0 == "failure locked" } == 195)
    }

    @Test func `guesses from many addresses stop at the cap and do not lock the owner's browser out`() async throws {
        let test = try await TestStore.make { $0.identifierTries = 20 }
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        let owner = try #require(try await store.login("alice", Password("the right one"), from: "192.0.2.1").login)
        for network in 0..<40 {
            #expect(try await store.login("alice", Password("guess"), from: "10.\(network).0.1").isRefused)
        }
        let reasons = try await test.events("login")
        #expect(reasons.count { $0 == "failure wrong password" } == 20)
        #expect(reasons.count { $0 == "failure locked" } == 20)
        // Without the cookie the owner waits as all do; with it nothing is to be waited for.
        #expect(try await store.login("alice", Password("the right one"), from: "192.0.2.1").isRefused)
        #expect(
            try await store.login("alice", Password("the right one"), from: "198.51.100.1", device: owner.device).login
                != nil)
        // The owner's success gives the guesser nothing back.
        #expect(try await store.login("alice", Password("the right one"), from: "10.50.0.1").isRefused)
        // A stolen cookie has five tries.
        for _ in 0..<5 { _ = try await store.login("alice", Password("guess"), device: owner.device) }
        #expect(try await store.login("alice", Password("the right one"), device: owner.device).isRefused)
        // Another's cookie is none.
        try await store.createAccount("mallory", Password("the right one"))
        let other = try #require(try await store.login("mallory", Password("the right one")).login)
        #expect(
            try await store.login("alice", Password("the right one"), from: "10.60.0.1", device: other.device).isRefused
        )
    }

    @Test func `an attempt is answered once, and what is never answered is a failure`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        let settings: Row = try await test.owner.query("SELECT * FROM dbauth.begin_login('alice')").one()
        let attempt: String = try settings["attempt"]
        let hasher = PasswordHasher(scheme: .bcrypt(cost: 10))
        let result = try await hasher.compute(
            PasswordSettings(settings["settings"], pepper: nil), Password("the right one"))
        func finish(_ text: String) async throws -> String {
            try await test.owner.query(
                "SELECT outcome FROM dbauth.finish_login(\(attempt)::uuid, \(text), \(Token.random().sha256))"
            ).one()[0]
        }
        #expect(try await finish("wrong") == "refused")
        #expect(try await finish(result) == "refused")
        // The database is lost in the middle: nothing is open, and the next login tells what became of it.
        _ = try await test.owner.query("SELECT * FROM dbauth.begin_login('alice')")
        try await test.owner.execute("UPDATE dbauth.attempts SET expires_at = now() - interval '1 second'")
        #expect(try await store.login("alice", Password("the right one")).login != nil)
        #expect(try await test.events("login").contains("failure abandoned"))
        #expect(try await test.count("SELECT count(*) FROM dbauth.attempts") == 0)
    }

    @Test func `a hash that is weaker than the policy is made anew, unseen`() async throws {
        let test = try await TestStore.make()
        let administration = try await Administration(test.owner)
        // The table holds no hash even before the first login.
        let hash = try Crypt.hash(Array("old password".utf8).span, settings: "$6$rounds=1000$saltsalt")
        _ = try await administration.add("old", hash: hash)
        #expect(
            try await test.count("SELECT count(*) FROM dbauth.accounts a WHERE a::text LIKE '%' || \(hash) || '%'") == 0
        )
        let store = try await test.open()
        #expect(try await store.login("old", Password("old password")).login != nil)
        #expect(try await test.value("SELECT left(settings, 7) FROM dbauth.accounts") == "$2b$04$")
        #expect(try await test.events("password.upgrade") == ["success"])
        #expect(try await store.login("old", Password("old password")).login != nil)
    }

    @Test func `a hash that cannot be relayed needs the legacy role, once`() async throws {
        let test = try await TestStore.make()
        let administration = try await Administration(test.owner)
        // Three lanes: libsodium's own known answer.
        _ = try await administration.add(
            "lanes",
            hash: "$argon2id$v=19$m=4096,t=1,p=3$PkEgcHJldHR5IGxvbmcgc2FsdA$HUqx5Z1b/ZypnUrvvJ5UC2Q+T6Q1WwASK/Kr9dRbGA0"
        )
        let secret = "K3S=KyH#)36_?]LxeR8QNKw6X=gFbxai$C%29V*"
        #expect(try await test.open().login("lanes", Password(secret)).isRefused)
        // The application's role cannot see the hash.
        let app = try await Connection.open(test.database.parameters.with(user: test.role))
        await #expect(throws: PostgresError.self) {
            try await app.query("SELECT dbauth.legacy_hash(gen_random_uuid())")
        }
        try await StoreSchema(test.owner).grant("dbauth_legacy", to: test.role)
        let store = try await test.open(legacy: true)
        #expect(try await store.login("lanes", Password("wrong")).isRefused)
        #expect(try await store.login("lanes", Password(secret)).login != nil)
        #expect(try await test.value("SELECT legacy FROM dbauth.accounts") == nil)
        #expect(try await test.open().login("lanes", Password(secret)).login != nil)
    }

    @Test func `a lost database refuses, and the next login works`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open(connections: 2)
        try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        try await test.owner.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = \(test.role)")
        // Idle connections died: the store notices and connects anew.
        #expect(try await store.session(login.session) != nil)
        try await test.owner.execute("ALTER ROLE \(identifier: test.role) NOLOGIN")
        try await test.owner.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = \(test.role)")
        await #expect(throws: PostgresError.self) { try await store.login("alice", Password("the right one")) }
        try await test.owner.execute("ALTER ROLE \(identifier: test.role) LOGIN")
        #expect(try await store.login("alice", Password("the right one")).login != nil)
    }

    @Test func `a login that loses its database in the middle opens nothing, and is recorded`() async throws {
        let test = try await TestStore.make { $0.scheme = .bcrypt(cost: 14) }
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        try await test.owner.execute("UPDATE dbauth.settings SET attempt_time = '1 second'")
        // The hash takes more than half a second, in which the login has begun and not ended.
        let login = Task { try await store.login("alice", Password("the right one")) }
        while try await test.count("SELECT count(*) FROM dbauth.attempts") == 0 {
            try await Task.sleep(for: .milliseconds(5))
        }
        try await test.owner.execute("ALTER ROLE \(identifier: test.role) NOLOGIN")
        try await test.owner.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE usename = \(test.role)")
        await #expect(throws: PostgresError.self) { try await login.value }
        #expect(try await test.count("SELECT count(*) FROM dbauth.sessions") == 0)
        try await test.owner.execute("ALTER ROLE \(identifier: test.role) LOGIN")
        // Whoever comes next finds it, once its time is over.
        try await Task.sleep(for: .seconds(1))
        _ = try await store.login("bob", Password("the right one"))
        #expect(try await test.events("login").contains("failure abandoned"))
    }
}
