import Credentials
import Cryptography
import Platform
import PostgresClient
import TestSupport
import Testing

/// Sessions, passwords and resets on a real server.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct SessionTests {
    private func begin() async throws -> (TestStore, LoginStore, Login) {
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        return (
            test, store, try #require(try await store.login("alice", Password("the right one"), from: "10.0.0.1").login)
        )
    }

    @Test func `a token that was altered by one bit opens nothing`() async throws {
        let (test, store, login) = try await begin()
        let bytes = Array(login.session.text.utf8)
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 1
            #expect(try await store.session(Token(String(decoding: altered, as: UTF8.self))) == nil)
        }
        #expect(try await store.session(Token("")) == nil)
        #expect(try await store.session(Token(String(repeating: "x", count: 1 << 20))) == nil)
        #expect(try await store.session(Token("'; DROP TABLE dbauth.sessions; --\0")) == nil)
        #expect(try await store.session(login.session) != nil)
        // Neither the token nor its plain hash is in the table.
        let rows = try await test.owner.query("SELECT s::text FROM dbauth.sessions s")
        for row in rows {
            let text: String = try row[0]
            #expect(!text.contains(login.session.text) && !text.contains(Hex.encode(login.session.sha256)))
        }
    }

    @Test func `sessions end by logout, by age and by idleness`() async throws {
        let (test, store, login) = try await begin()
        #expect(try await store.logout(login.session))
        #expect(try await store.session(login.session) == nil)
        #expect(try await store.logout(login.session) == false)
        let old = try #require(try await store.login("alice", Password("the right one")).login)
        try await test.owner.execute(
            "UPDATE dbauth.sessions SET expires_at = now() - interval '1 second' WHERE id = \(old.sessionID)::uuid")
        #expect(try await store.session(old.session) == nil)
        let idle = try #require(try await store.login("alice", Password("the right one")).login)
        try await test.owner.execute(
            "UPDATE dbauth.sessions SET last_seen_at = now() - interval '50 minutes' WHERE id = \(idle.sessionID)::uuid"
        )
        #expect(try await store.session(idle.session) != nil)
        // It was seen just now, so that an hour begins again.
        let seen = try await test.value(
            "SELECT (last_seen_at > now() - interval '20 minutes')::text FROM dbauth.sessions WHERE id = \(idle.sessionID)::uuid"
        )
        #expect(seen == "true")
        try await test.owner.execute(
            "UPDATE dbauth.sessions SET last_seen_at = now() - interval '61 minutes' WHERE id = \(idle.sessionID)::uuid"
        )
        #expect(try await store.session(idle.session) == nil)
    }

    @Test func `one lists and revokes one's own sessions and no others`() async throws {
        let (_, store, login) = try await begin()
        try await store.createAccount("bob", Password("the right one"))
        let bob = try #require(try await store.login("bob", Password("the right one")).login)
        let second = try #require(try await store.login("alice", Password("the right one"), from: "10.0.0.2").login)
        let third = try #require(try await store.login("alice", Password("the right one")).login)
        let list = try await store.sessions(of: login.session)
        #expect(list.map(\.id) == [login.sessionID, second.sessionID, third.sessionID])
        #expect(list.map(\.isThis) == [true, false, false])
        #expect(try await store.revokeSession(bob.sessionID, by: login.session) == 0)
        #expect(try await store.revokeSession(second.sessionID, by: login.session) == 1)
        #expect(try await store.session(second.session) == nil)
        #expect(try await store.revokeSession(by: login.session) == 1)
        #expect(try await store.session(third.session) == nil)
        #expect(try await store.session(login.session) != nil)
        #expect(try await store.session(bob.session) != nil)
        #expect(try await store.sessions(of: Token.random()).isEmpty)
    }

    @Test func `a changed password ends all other sessions and known devices`() async throws {
        let (test, store, login) = try await begin()
        let other = try #require(try await store.login("alice", Password("the right one")).login)
        #expect(
            try await store.changePassword(login.session, old: Password("wrong"), new: Password("a new one")) == false)
        await #expect(throws: CredentialsError.self) {
            try await store.changePassword(login.session, old: Password("the right one"), new: Password("short"))
        }
        #expect(
            try await store.changePassword(login.session, old: Password("the right one"), new: Password("a new one")))
        #expect(try await store.session(login.session) != nil)
        #expect(try await store.session(other.session) == nil)
        #expect(try await test.count("SELECT count(*) FROM dbauth.devices") == 0)
        #expect(try await store.login("alice", Password("the right one")).isRefused)
        #expect(try await store.login("alice", Password("a new one")).login != nil)
        #expect(try await test.events("password.change") == ["failure wrong password", "success"])
    }

    @Test func `a stolen session is no place to guess the password at`() async throws {
        let (test, store, login) = try await begin()
        for _ in 0..<5 {
            #expect(
                try await store.changePassword(login.session, old: Password("guess"), new: Password("a new one"))
                    == false)
        }
        #expect(
            try await store.changePassword(login.session, old: Password("the right one"), new: Password("a new one"))
                == false)
        #expect(try await test.events("password.change").last == "failure locked")
    }

    @Test func `a reset works once, soon, and ends every session`() async throws {
        let (test, store, login) = try await begin()
        #expect(try await store.requestReset("nobody") == nil)
        let token = try #require(try await store.requestReset("ALICE", from: "10.0.0.9"))
        #expect(try await store.finishReset(Token.random(), new: Password("a new one")) == false)
        #expect(try await store.finishReset(token, new: Password("a new one")))
        #expect(try await store.finishReset(token, new: Password("another one")) == false)
        #expect(try await store.session(login.session) == nil)
        #expect(try await store.login("alice", Password("a new one")).login != nil)
        let late = try #require(try await store.requestReset("alice"))
        try await test.owner.execute("UPDATE dbauth.resets SET expires_at = now() - interval '1 second'")
        #expect(try await store.finishReset(late, new: Password("a newer one")) == false)
        // Five in half an hour, for known and unknown names.
        for _ in 0..<5 { _ = try await store.requestReset("alice") }
        #expect(try await store.requestReset("alice") == nil)
        #expect(
            try await test.events("password.reset") == ["failure no such token", "success"]
                + Array(repeating: "failure no such token", count: 2))
    }

    @Test func `a reset unlocks`() async throws {
        let (_, store, _) = try await begin()
        for _ in 0..<6 { _ = try await store.login("alice", Password("guess"), from: "10.0.0.1") }
        let token = try #require(try await store.requestReset("alice"))
        #expect(try await store.finishReset(token, new: Password("a new one")))
        #expect(try await store.login("alice", Password("a new one"), from: "10.0.0.1").login != nil)
    }

    @Test(arguments: [
        "'; DROP TABLE dbauth.accounts; --", "$$; SELECT 1 $$", "a\0b", String(repeating: "x", count: 1 << 20),
        "\u{FFFD}\u{202E}",
        "%", "", " ", "{}[]\"\\", "admin'--",
    ])
    func `metacharacters and megabytes are names like any other`(name: String) async throws {
        let (test, store, _) = try await begin()
        #expect(try await store.login(name, Password("guess"), code: name, from: nil, device: Token(name)).isRefused)
        #expect(try await store.requestReset(name) == nil)
        #expect(try await store.check(name) == nil)
        #expect(try await store.login("alice", Password(name.isEmpty ? "x" : name)).isRefused)
        #expect(try await test.count("SELECT count(*) FROM dbauth.accounts") == 1)
        if !name.isEmpty, name.utf8.count < 1000, !name.utf8.contains(0), name != " " {
            try await store.createAccount(name, Password("metacharacters"))
            #expect(try await store.login(name, Password("metacharacters")).login != nil)
        } else {
            await #expect(throws: (any Error).self) { try await store.createAccount(name, Password("metacharacters")) }
        }
        await #expect(throws: CredentialsError.self) {
            try await store.login("alice", Password("x"), from: "10.0.0.1; DROP")
        }
    }
}
