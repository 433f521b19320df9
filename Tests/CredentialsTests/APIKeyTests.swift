import Credentials
import Platform
import PostgresClient
import TestSupport
import Testing

/// API keys: their form, and their life in a store.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct APIKeyTests {
    @Test func `a key is read back, and any letter changed in it is noticed without a database`() throws {
        let key = try APIKey.random(prefix: "acme_live")
        #expect(key.text.hasPrefix("acme_live_\(key.shortID)_") && key.text.utf8.count == 10 + 10 + 1 + 43 + 6)
        #expect(try APIKey(key.text) == key)
        #expect(!"\(key)".contains(key.text.suffix(40)))
        let bytes = Array(key.text.utf8)
        for index in bytes.indices {
            var altered = bytes
            altered[index] ^= 1
            #expect(throws: CredentialsError.self) { try APIKey(String(decoding: altered, as: UTF8.self)) }
        }
        for text in [
            "", "_", "acme", "acme__", String(repeating: "a_", count: 500_000),
            "acme_1234567890_" + String(repeating: "0", count: 49),
        ] {
            #expect(throws: CredentialsError.self) { try APIKey(text) }
        }
        for prefix in ["", "Acme", "a b", "1a", String(repeating: "a", count: 33), "a'; --"] {
            #expect(throws: CredentialsError.self) { try APIKey.random(prefix: prefix) }
        }
    }

    @Test func `a key is used, rotated with an overlap, and revoked`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open()
        let id = try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        let key = try await store.createAPIKey(login.session, prefix: "acme", name: "laptop", scopes: ["orders:read"])
        let holder = try #require(try await store.check(key.text))
        #expect(
            holder.accountID == id && holder.identifier == "alice" && holder.scopes == ["orders:read"]
                && holder.name == "laptop")
        #expect(try await store.check(APIKey.random(prefix: "acme").text) == nil)
        let stored = try await test.value("SELECT k::text FROM dbauth.api_keys k")
        #expect(stored?.contains(String(key.text.suffix(49))) == false)
        #expect(try await test.value("SELECT last_used_at::text FROM dbauth.api_keys") != nil)

        let new = try #require(try await store.rotate(key))
        #expect(try await store.check(key.text) != nil)
        #expect(try await store.check(new.text)?.scopes == ["orders:read"])
        #expect(try await store.rotate(key) == nil)
        try await test.owner.execute("UPDATE dbauth.api_keys SET revoked_at = now() WHERE short_id = \(key.shortID)")
        #expect(try await store.check(key.text) == nil)
        let newID = try #require(try await store.check(new.text)).keyID
        #expect(try await store.revokeAPIKey(newID, by: Token.random()) == false)
        #expect(try await store.revokeAPIKey(newID, by: login.session))
        #expect(try await store.check(new.text) == nil)
        #expect(try await test.events("apikey.use") == ["failure revoked", "failure revoked"])
        #expect(try await test.events("apikey.rotate") == ["success"])
    }

    @Test func `a key ends with its time and with its account`() async throws {
        let test = try await TestStore.make()
        let administration = try await Administration(test.owner)
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        let service = try await administration.createAPIKey(
            of: nil, prefix: "svc", name: "export", scopes: [], expires: .now().advanced(bySeconds: 3600))
        let own = try await administration.createAPIKey(
            of: "alice", prefix: "acme", name: "laptop", scopes: [], expires: nil)
        #expect(try await store.check(service.text)?.accountID == nil)
        #expect(try await store.check(own.text)?.identifier == "alice")
        _ = try await administration.setActive("alice", false)
        #expect(try await store.check(own.text) == nil)
        try await test.owner.execute(
            "UPDATE dbauth.api_keys SET expires_at = now() WHERE short_id = \(service.shortID)")
        #expect(try await store.check(service.text) == nil)
        #expect(try await test.events("apikey.use") == ["failure inactive", "failure expired"])
        await #expect(throws: CredentialsError.self) {
            try await administration.createAPIKey(of: "nobody", prefix: "acme", name: "x", scopes: [], expires: nil)
        }
        await #expect(throws: CredentialsError.self) { try await administration.revokeAPIKey("0000000000") }
        #expect(try await administration.apiKeys().map(\.name) == ["export", "laptop"])
    }
}
