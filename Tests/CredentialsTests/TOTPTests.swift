import Credentials
import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Second factors and peppers, and the keyring behind both.
@Suite(.cluster, .database, .timeLimit(.minutes(10))) struct TOTPTests {
    /// RFC 6238, appendix B, SHA-1, eight digits.
    @Test(arguments: [
        (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ])
    func `RFC 6238's codes come out`(seconds: Int64, code: String) throws {
        var seed = Array("12345678901234567890".utf8)
        let totp = TOTP(seed: SecretBytes(taking: &seed))
        #expect(totp.code(step: seconds / 30, digits: 8) == code)
        let now = Timestamp(seconds: seconds)
        let short = String(code.suffix(6))
        #expect(totp.step(of: short, at: now) == seconds / 30)
        #expect(totp.step(of: short, at: now.advanced(bySeconds: 30)) == seconds / 30)
        #expect(totp.step(of: short, at: now.advanced(bySeconds: 90)) == nil)
        #expect(totp.step(of: code, at: now) == nil)
        #expect(totp.base32 == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        #expect(
            totp.address(issuer: "A Shop", account: "a@b").hasPrefix(
                "otpauth://totp/A%20Shop:a%40b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%20Shop"))
    }

    @Test func `a login with a second factor needs the code, and takes each code once`() async throws {
        let test = try await TestStore.make()
        let keys = CredentialKeys(Keyring.generate(at: .now()))
        let clock = TestClock()
        let store = try await test.open(keys: keys, now: { clock.now })
        try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        let enrolled = try await store.enrollTOTP(login.session, issuer: "Shop")
        let totp = TOTP(seed: try seed(enrolled.secret))
        func code() -> String { totp.code(step: clock.now.microseconds / 30_000_000) }
        // Not before it is confirmed.
        #expect(try await store.login("alice", Password("the right one")).login != nil)
        #expect(try await store.confirmTOTP(login.session, code: "000000") == false || code() == "000000")
        #expect(try await store.confirmTOTP(login.session, code: code()))
        // The code that confirmed is used up.
        let pending = try #require(try await store.login("alice", Password("the right one")).pending)
        #expect(try await store.finish(pending, code: code()).isRefused)
        clock.advance(30)
        #expect(try await store.finish(pending, code: code()).login != nil)
        #expect(try await store.finish(pending, code: code()).isRefused)
        clock.advance(30)
        #expect(try await store.login("alice", Password("the right one"), code: code()).login != nil)
        #expect(try await store.login("alice", Password("the right one"), code: code()).isRefused)
        // A clock that was set back takes no old code.
        clock.advance(-60)
        #expect(try await store.login("alice", Password("the right one"), code: code()).isRefused)
        clock.advance(120)
        #expect(try await store.login("alice", Password("wrong one!"), code: code()).isRefused)
        #expect(try await store.removeTOTP(login.session, code: code()))
        #expect(try await store.login("alice", Password("the right one")).login != nil)
        #expect(try await test.events("totp.enroll") == ["success"])
    }

    @Test func `codes cannot be guessed`() async throws {
        let test = try await TestStore.make()
        let clock = TestClock()
        let store = try await test.open(keys: CredentialKeys(Keyring.generate(at: .now())), now: { clock.now })
        try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        let enrolled = try await store.enrollTOTP(login.session, issuer: "Shop")
        let totp = TOTP(seed: try seed(enrolled.secret))
        #expect(try await store.confirmTOTP(login.session, code: totp.code(step: clock.now.microseconds / 30_000_000)))
        clock.advance(60)
        let right = totp.code(step: clock.now.microseconds / 30_000_000)
        let wrong = right == "123456" ? "654321" : "123456"
        for _ in 0..<2 {
            let pending = try #require(try await store.login("alice", Password("the right one")).pending)
            for _ in 0..<4 { #expect(try await store.finish(pending, code: wrong).isRefused) }
            // Three tries for each attempt, five in all.
            #expect(try await store.finish(pending, code: right).isRefused)
        }
        let pending = try #require(try await store.login("alice", Password("the right one")).pending)
        #expect(try await store.finish(pending, code: right).isRefused)
        _ = try await Administration(test.owner).unlock("alice")
        let again = try #require(try await store.login("alice", Password("the right one")).pending)
        #expect(try await store.finish(again, code: right).login != nil)
        _ = try await Administration(test.owner).removeTOTP("alice")
        #expect(try await store.login("alice", Password("the right one")).login != nil)
    }

    @Test func `a seed is sealed, and opens in its own row only`() async throws {
        let test = try await TestStore.make()
        let store = try await test.open(keys: CredentialKeys(Keyring.generate(at: .now())))
        for name in ["alice", "bob"] { try await store.createAccount(name, Password("the right one")) }
        let alice = try #require(try await store.login("alice", Password("the right one")).login)
        let bob = try #require(try await store.login("bob", Password("the right one")).login)
        let enrolled = try await store.enrollTOTP(alice.session, issuer: "Shop")
        let totp = TOTP(seed: try seed(enrolled.secret))
        let stored = try await test.value("SELECT totp_pending::text FROM dbauth.accounts WHERE identifier = 'alice'")
        totp.seed.withBytes { bytes in #expect(stored?.contains(Hex.encode(bytes)) == false) }
        try await test.owner.execute(
            "UPDATE dbauth.accounts SET totp_pending = (SELECT totp_pending FROM dbauth.accounts WHERE identifier = 'alice')"
        )
        await #expect(throws: FieldError.self) {
            try await store.confirmTOTP(bob.session, code: totp.code(step: Timestamp.now().microseconds / 30_000_000))
        }
        await #expect(throws: CredentialsError.self) {
            try await test.open().enrollTOTP(alice.session, issuer: "Shop")
        }
    }

    @Test func `passwords take the pepper, and a new one at the next login`() async throws {
        let ring = Keyring.generate(at: .now())
        let keys = CredentialKeys(ring)
        let id = try keys.peppers().active
        let test = try await TestStore.make { $0.pepper = id }
        await #expect(throws: CredentialsError.self) { try await test.open() }
        let store = try await test.open(keys: keys)
        let long = Password(String(repeating: "longer than bcrypt takes ", count: 10))
        try await store.createAccount("alice", long)
        #expect(try await store.login("alice", long).login != nil)
        #expect(try await test.value("SELECT pepper FROM dbauth.accounts") == id)
        let other = try await test.open(keys: CredentialKeys(Keyring.generate(at: .now())))
        await #expect(throws: CredentialsError.self) { try await other.login("alice", long) }
        let rotated = CredentialKeys(try ring.addingPending(at: .now()).activatingPending(at: .now()))
        let newID = try rotated.peppers().active
        try await test.owner.execute("UPDATE dbauth.settings SET pepper = \(newID)")
        let renewed = try await test.open(keys: rotated)
        #expect(try await renewed.login("alice", long).login != nil)
        #expect(try await test.value("SELECT pepper FROM dbauth.accounts") == newID)
        #expect(try await renewed.login("alice", long).login != nil)
    }

    private func seed(_ base32: String) throws -> SecretBytes {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        var (bytes, buffer, bits): ([UInt8], Int, Int) = ([], 0, 0)
        for letter in base32 {
            buffer = (buffer << 5 | (try #require(digits.firstIndex(of: letter)))) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return SecretBytes(taking: &bytes)
    }
}
