import Cryptography
import FoundationEssentials
import Platform
import Testing

@Suite struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `a message hashes to what FIPS 180 says`(message: String, expected: String) {
        #expect(SHA256.hash(Array(message.utf8)).hex == expected)
    }

    @Test func `a message in pieces hashes as in one piece, and the value is ready for the next one`() {
        var hash = SHA256()
        for piece in ["a", "", "bc"] { hash.update(Array(piece.utf8).span) }
        #expect(hash.finish() == SHA256.hash(Array("abc".utf8)))
        #expect(hash.finish() == SHA256.hash([]))
    }

    @Test func `the words of a digest are its bytes as one big number`() {
        let digest = SHA256.hash(Array("abc".utf8))
        #expect(digest.words.0 == 0xba78_16bf_8f01_cfea)
        #expect(digest.words.3 == 0xb410_ff61_f200_15ad)
        let again = Digest(digest.bytes.span)
        #expect(again == digest)
        #expect(Digest(hex: digest.hex) == digest)
    }

    @Test func `text that is no digest is refused`() {
        #expect(Digest(hex: "ba78") == nil)
        #expect(Digest(hex: String(repeating: "g", count: 64)) == nil)
        let short = Digest([UInt8](repeating: 1, count: 31).span)
        #expect(short == nil)
    }

    @Test func `a digest is one hexadecimal string in JSON`() throws {
        let digest = SHA256.hash(Array("abc".utf8))
        let json = try JSONEncoder().encode([digest])
        #expect(String(decoding: json, as: UTF8.self) == "[\"\(digest.hex)\"]")
        #expect(try JSONDecoder().decode([Digest].self, from: json) == [digest])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([Digest].self, from: Data(#"["ba78"]"#.utf8)) }
    }

    @Test func `a hashing sink passes every byte on and knows count and digest at the end`() throws {
        let end = CollectingSink()
        let sink = HashingSink(into: end)
        try sink.write(Array("a".utf8).span)
        try sink.write(Array("bc".utf8).span)
        try sink.finish()
        #expect(end.bytes == Array("abc".utf8))
        #expect(end.isFinished)
        #expect(sink.count == 3)
        #expect(sink.digest == SHA256.hash(Array("abc".utf8)))
    }
}
