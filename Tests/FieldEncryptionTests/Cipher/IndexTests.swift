import Cryptography
import FieldEncryption
import Platform
import Testing

@Suite struct IndexTests {
    @Test(arguments: [
        ("lowercase", "ÄRGER Straße", "ärger straße"),
        ("trim", " \t Ada Lovelace\n", "Ada Lovelace"),
        ("digits", "+49 (171) 12-34", "491711234"),
        ("last4", "4111 1111 1111 1234", "1234"),
        ("last4", "ab", "ab"),
        ("email-domain", "Ada@home@Example.ORG", "example.org"),
        ("email-domain", "nothing", ""),
        ("phone", "+49 171/1234", "+491711234"),
        ("phone", "0049 171 1234", "+491711234"),
        ("phone+49", "0171 1234", "+491711234"),
        ("phone+49", "+43 171 1234", "+431711234"),
        ("phone", "0171 1234", "01711234"),
        ("nfc", "e\u{301}", "\u{E9}"),
    ])
    func `a transform makes equal what people call equal`(name: String, value: String, same: String) throws {
        let transform = try #require(BlindIndex.Transform(name))
        #expect(transform.description == name)
        let cipher = FieldCipher(.test())
        let transformed = try cipher.column("t.c", indexes: [BlindIndex("i", [transform])])
        let plain = try cipher.column("t.c", indexes: [BlindIndex("i")])
        #expect(try transformed.index("i", of: value) == plain.index("i", of: same))
    }

    @Test(arguments: ["", "phone+", "phone+4x", "phone+1234", "lower"])
    func `a transform that is none is refused`(name: String) {
        #expect(BlindIndex.Transform(name) == nil)
    }

    // Unicode's own examples (NormalizationTest.txt, part 0 and 1): the standard library's name for this is underscored.
    @Test(arguments: [
        ("\u{1E0A}", "\u{1E0A}"), ("D\u{307}", "\u{1E0A}"), ("\u{1E0C}\u{307}", "\u{1E0C}\u{307}"),
        ("D\u{307}\u{323}", "\u{1E0C}\u{307}"), ("\u{212B}", "\u{C5}"), ("A\u{30A}", "\u{C5}"),
        ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"), ("\u{FB01}", "\u{FB01}"), ("\u{958}", "\u{915}\u{93C}"),
        ("a\u{315}\u{300}\u{5AE}\u{300}b", "\u{E0}\u{5AE}\u{300}\u{315}b"),
    ])
    func `the composed form is Unicode's`(value: String, composed: String) throws {
        let cipher = FieldCipher(.test())
        let normal = try cipher.column("t.c", indexes: [BlindIndex("i", [.nfc])])
        let plain = try cipher.column("t.c", indexes: [BlindIndex("i")])
        #expect(try normal.index("i", of: value) == plain.index("i", of: composed))
    }

    @Test func `an index has as many bits as it was given, and is a prefix of the full one`() throws {
        let cipher = FieldCipher(.test())
        let full = try #require(try cipher.column("t.c", indexes: [BlindIndex("i")]).index("i", of: "Ada"))
        #expect(full.count == 32)
        for bits in [1, 7, 8, 9, 13, 16, 255] {
            let column = try cipher.column("t.c", indexes: [BlindIndex("i", bits: bits)])
            let value = try #require(try column.index("i", of: "Ada"))
            #expect(value.count == (bits + 7) / 8)
            var expected = Array(full[..<value.count])
            if bits % 8 != 0 { expected[value.count - 1] &= UInt8(truncatingIfNeeded: 0xFF << (8 - bits % 8)) }
            #expect(value == expected)
        }
    }

    @Test func `every column and every index has values of its own`() throws {
        let cipher = FieldCipher(.test())
        func value(_ context: String, _ name: String) throws -> [UInt8]? {
            try cipher.column(context, indexes: [BlindIndex(name)]).index(name, of: "Ada")
        }
        let values = [try value("t.c", "i"), try value("t.c", "j"), try value("t.d", "i"), try value("t.ci", "")]
        #expect(Set(values).count == 4)
    }

    @Test func `a compound index keeps its parts apart, and NULL has no value`() throws {
        let column = try FieldCipher(.test()).column("t.c", indexes: [BlindIndex("i", [.lowercase], parts: 2)])
        #expect(try column.index("i", of: "ab", "c") != column.index("i", of: "a", "bc"))
        #expect(try column.index("i", of: "AB", "c") == column.index("i", of: "ab", "C"))
        #expect(try column.index("i", of: "ab", nil) == nil)
        #expect(try cipherCode { _ = try column.index("i", of: "ab") } == .usage)
        #expect(try cipherCode { _ = try column.index("j", of: "ab") } == .usage)
    }

    @Test func `searching works while a rotation is half done`() throws {
        let first = Keyring.test()
        let index = BlindIndex("exact", [.lowercase], bits: 20)
        let before = try FieldCipher(first).column("t.c", indexes: [index])
        let old = try #require(try before.index("exact", of: "Ada"))
        let pending = try first.addingPending(at: Timestamp(seconds: 1_800_000_100))
        #expect(try FieldCipher(pending).column("t.c", indexes: [index]).index("exact", of: "ADA") == old)
        let after = try FieldCipher(first.rotated()).column("t.c", indexes: [index])
        let new = try #require(try after.index("exact", of: "ada"))
        #expect(new != old)
        #expect(try after.searchValues("exact", of: "aDa") == [new, old])
        #expect(try after.searchValues("exact", of: nil) == [])
    }
}
