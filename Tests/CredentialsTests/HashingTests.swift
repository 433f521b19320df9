import Credentials
import Cryptography
import Platform
import Testing

@Suite(.timeLimit(.minutes(5))) struct HashingTests {
    private let quick = PasswordHasher(scheme: .bcrypt(cost: 10))

    @Test func `every known answer of libxcrypt and Openwall is verified`() async throws {
        var refused = 0
        for line in try vectors("crypt.txt") {
            let (hash, secret) = (line[0], try password(hex: line[1]))
            if hash.hasPrefix("$2"), secret.byteCount > 72 {
                await #expect(throws: CredentialsError.self) { try await quick.verify(secret, against: hash) }
                refused += 1
            } else {
                #expect(try await quick.verify(secret, against: hash).matches, "\(hash)")
                var other = Array("not that one".utf8)
                #expect(try await quick.verify(Password(taking: &other), against: hash).matches == false)
            }
        }
        #expect(refused > 0)
    }

    @Test func `libsodium's answers for Argon2 come out`() throws {
        for line in try vectors("argon2.txt") {
            let variant = try #require(Argon2.Variant(rawValue: line[0]))
            let salt = Array(try #require(Hex.decode(line[2])).prefix(16))
            let secret = try #require(Hex.decode(line[1]))
            let (passes, memory) = (try #require(Int(line[3])), try #require(Int(line[4])))
            let hash = try Argon2.derive(
                variant, from: secret.span, salt: salt, memoryKiB: memory >> 10, passes: passes,
                count: line[5].count / 2)
            #expect(Hex.encode(hash) == line[5])
        }
    }

    @Test(arguments: [
        (
            "$argon2id$v=19$m=4096,t=1,p=3$PkEgcHJldHR5IGxvbmcgc2FsdA$HUqx5Z1b/ZypnUrvvJ5UC2Q+T6Q1WwASK/Kr9dRbGA0",
            "K3S=KyH#)36_?]LxeR8QNKw6X=gFbxai$C%29V*"
        ),
        ("$argon2id$v=19$m=4882,t=2,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE", ""),
    ])
    func `libsodium's encoded hashes are verified, those of several lanes too`(hash: String, text: String) async throws
    {
        #expect(try await quick.verify(Password(text), against: hash).matches)
        #expect(try await quick.verify(Password(text + "x"), against: hash).matches == false)
    }

    @Test(arguments: [HashScheme.bcrypt(cost: 10), .standard])
    func `a hash is of its password and of no other, and never the same twice`(scheme: HashScheme) async throws {
        let hasher = PasswordHasher(scheme: scheme)
        let secret = Password("correct horse battery staple")
        let (one, two) = (try await hasher.hash(secret), try await hasher.hash(secret))
        #expect(one != two)
        #expect(one.hasPrefix(scheme.prefix))
        #expect(try await hasher.verify(secret, against: one) == .init(matches: true, needsRehash: false))
        #expect(try await hasher.verify(Password("correct horse battery stapler"), against: one).matches == false)
    }

    @Test func `bcrypt refuses what it would cut`() async throws {
        let longest = String(repeating: "a", count: 72)
        let hash = try await quick.hash(Password(longest))
        #expect(try await quick.verify(Password(longest), against: hash).matches)
        await #expect(throws: CredentialsError.self) { try await quick.hash(Password(longest + "a")) }
        await #expect(throws: CredentialsError.self) { try await quick.verify(Password(longest + "a"), against: hash) }
        // Bytes count, not letters: 37 times two.
        await #expect(throws: CredentialsError.self) {
            try await quick.hash(Password(String(repeating: "é", count: 37)))
        }
        await #expect(throws: CredentialsError.self) { try await quick.hash(Password("nul\0nul")) }
    }

    @Test(arguments: [
        "", "*0", "*1", "x", "$2b$10$", "$2b$31$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", "$9$x$y",
        "rqXexS6ZhobKA",
        "$argon2id$v=19$m=99999999,t=9,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
        "$argon2id$v=19$m=64,t=+2,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
        "$6$rounds=999999999$salt$hash", "$2b$10$'; DROP TABLE x; --abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDi",
    ])
    func `what is no hash is an error and matches nothing`(text: String) async throws {
        await #expect(throws: CredentialsError.self) { try await quick.verify(Password("*0"), against: text) }
    }

    @Test func `a megabyte of hash or password is an answer, not a crash`() async throws {
        let large = String(repeating: "$2b$10$", count: 150_000)
        await #expect(throws: CredentialsError.self) { try await quick.verify(Password("x"), against: large) }
        let hash = try await PasswordHasher().hash(Password(large))
        #expect(try await quick.verify(Password(large), against: hash).matches)
        await #expect(throws: CredentialsError.self) {
            try await quick.verify(Password(large), against: "$6$salt$hash")
        }
        #expect(throws: CredentialsError.self) { try PasswordRules().check(Password(large)) }
    }

    @Test(arguments: [
        ("$2b$10$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", HashScheme.bcrypt(cost: 10), false),
        ("$2b$12$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", .bcrypt(cost: 10), false),
        ("$2y$10$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", .bcrypt(cost: 12), true),
        ("$2b$12$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", .standard, true),
        (
            "$argon2id$v=19$m=65536,t=3,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
            .standard, false
        ),
        (
            "$argon2id$v=19$m=65536,t=3,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
            .bcrypt(cost: 12), false
        ),
        (
            "$argon2id$v=19$m=4096,t=1,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
            .standard, true
        ),
        (
            "$argon2i$v=19$m=65536,t=3,p=1$bA81arsiXysd3WbTRzmEOw$Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE",
            .standard, true
        ),
        ("$1$salt$hash", .bcrypt(cost: 10), true),
    ])
    func `only what is weaker than the policy is hashed anew`(hash: String, scheme: HashScheme, weaker: Bool) throws {
        #expect(try PasswordHasher(scheme: scheme).needsRehash(hash) == weaker)
    }

    @Test func `settings lead to the hash that stands behind them`() async throws {
        let secret = Password("relayed")
        for line in ["$2b$10$", "$argon2id$", "$6$"] {
            let hash: String =
                switch line {
                case "$6$": try secret.secret.withBytes { try Crypt.hash($0, settings: "$6$rounds=1000$saltsalt") }
                case "$2b$10$": try await quick.hash(secret)
                default: try await PasswordHasher().hash(secret)
                }
            let settings = try #require(StoredHash(hash).settings)
            #expect(hash.hasPrefix(settings.text) && hash != settings.text)
            #expect(try PasswordSettings(settings.text, pepper: nil) == settings)
            #expect(try await quick.compute(settings, secret) == hash)
        }
    }

    @Test func `a pepper goes into the hash, is named by it, and lifts bcrypt's limit`() async throws {
        let (old, new) = (SecretBytes(random: 32), SecretBytes(random: 32))
        let first = PasswordHasher(scheme: .bcrypt(cost: 10), peppers: PepperRing(active: "a1", keys: ["a1": old]))
        let long = Password(String(repeating: "long ", count: 40))
        let hash = try await first.hash(long)
        #expect(hash.hasPrefix("$pepper=a1$2b$10$"))
        #expect(try await first.verify(long, against: hash) == .init(matches: true, needsRehash: false))
        let rotated = PasswordHasher(
            scheme: .bcrypt(cost: 10), peppers: PepperRing(active: "b2", keys: ["a1": old, "b2": new]))
        #expect(try await rotated.verify(long, against: hash) == .init(matches: true, needsRehash: true))
        await #expect(throws: CredentialsError.self) { try await quick.verify(long, against: hash) }
        let wrong = PasswordHasher(scheme: .bcrypt(cost: 10), peppers: PepperRing(active: "a1", keys: ["a1": new]))
        #expect(try await wrong.verify(long, against: hash).matches == false)
    }

    @Test func `a password is nowhere to be read`() {
        let secret = Password("hunter2hunter2")
        #expect("\(secret) \(String(reflecting: secret))".contains("hunter2") == false)
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `length counts letters and not bytes`() throws {
        #expect(Password("Grüße 日本").characterCount == 8)
        try PasswordRules(minimumLength: 8).check(Password("Grüße 日本"))
        #expect(throws: CredentialsError.self) { try PasswordRules(minimumLength: 9).check(Password("Grüße 日本")) }
    }

    @Test func `the list of common passwords misses none and rarely errs`() throws {
        let list = (0..<20_000).map { "Password\($0)" }.joined(separator: "\r\n")
        let filter = try Blocklist(Array(list.utf8), rate: 0.001)
        #expect(filter.count == 20_000)
        for number in stride(from: 0, to: 20_000, by: 7) { #expect(filter.contains(Password("pASSWORD\(number)"))) }
        let wrong = (0..<20_000).reduce(0) { $0 + (filter.contains(Password("other\($1)")) ? 1 : 0) }
        #expect(wrong < 100, "\(wrong) of 20,000 at a rate of one in a thousand")
        #expect(throws: CredentialsError.self) {
            try PasswordRules(minimumLength: 8, blocklist: filter).check(Password("password17"))
        }
    }
}
