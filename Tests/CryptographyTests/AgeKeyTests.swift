import Cryptography
import Platform
import Testing

@Suite struct AgeKeyTests {
    @Test func `an identity file may hold comments, empty lines and several identities`() throws {
        let (one, two) = (try AgeIdentity.generate(), try AgeIdentity.generate())
        let text = "# one\n\n\(try text(one))\r\n#two\n\(try text(two))"
        let file = Array(text.utf8)
        let read = try AgeIdentity.parse(file.span)
        #expect(read.map(\.recipient) == [one.recipient, two.recipient])
    }

    @Test func `an identity file that is wrong names the line and shows nothing of it`() throws {
        let identity = try text(AgeIdentity.generate())
        let changed = identity.dropLast() + (identity.hasSuffix("Q") ? "P" : "Q")
        let file = Array("# a comment\n\(changed)\n".utf8)
        do {
            _ = try AgeIdentity.parse(file.span)
            Issue.record("it was read")
        } catch {
            #expect(error.code == .badKey)
            #expect(error.sentence == "line 2: this is not an age identity")
            #expect(!error.description.contains(identity.dropFirst(20).prefix(10)))
        }
    }

    @Test func `a file without an identity, or itself encrypted, is refused`() throws {
        for text in ["", "# nothing\n", "age-encryption.org/v1\n-> X25519 abc\n"] {
            let file = Array(text.utf8)
            #expect(throws: CryptographyError.self) { try AgeIdentity.parse(file.span) }
        }
    }

    @Test func `recipient and identity are not taken for each other, nor what is of another kind`() throws {
        let identity = try AgeIdentity.generate()
        let (secret, recipient) = (try text(identity), try #require(identity.recipient).description)
        #expect(try AgeRecipient(parsing: recipient) == identity.recipient)
        for text in [secret, recipient.uppercased(), recipient + "q", "age1", "age1yubikey1qqqq", ""] {
            #expect(try code { _ = try AgeRecipient(parsing: text) } == .badKey, "\(text.prefix(8))")
        }
        for text in [recipient, secret.lowercased(), "AGE-PLUGIN-YUBIKEY-1QQQQ", ""] {
            #expect(try code { _ = try AgeIdentity(text) } == .badKey, "\(text.prefix(8))")
        }
    }

    @Test func `any one character of a recipient mistyped is noticed`() throws {
        let recipient = Array(try #require(try AgeIdentity.generate().recipient).description.utf8)
        for index in 4..<recipient.count {
            var changed = recipient
            changed[index] = changed[index] == UInt8(ascii: "q") ? UInt8(ascii: "p") : UInt8(ascii: "q")
            let text = String(decoding: changed, as: UTF8.self)
            #expect(throws: CryptographyError.self) { try AgeRecipient(parsing: text) }
        }
    }

    @Test func `an identity shows itself in no printing`() throws {
        let identity = try AgeIdentity.generate()
        let secret = try text(identity)
        var dumped = ""
        dump(identity, to: &dumped)
        #expect("\(identity)" == "<age identity>")
        #expect(!dumped.contains(secret.dropFirst(16).prefix(12)))
        #expect(dumped.contains("<secret>"))
    }

    private func text(_ identity: AgeIdentity) throws -> String {
        try #require(identity.text).string
    }
}
