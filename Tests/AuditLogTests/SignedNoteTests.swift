import AuditLog
import Cryptography
import Testing

@Suite struct SignedNoteTests {
    /// The example key of C2SP signed-note.
    static let published = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

    static let key = SignerKey(name: "host/dbsec/root/1", key: Ed25519.SigningKey.generate())

    @Test func `a public key published elsewhere is read, and printed as it was`() throws {
        let key = try VerifierKey(parsing: Self.published + "\n")
        #expect(key.name == "example.com/foo")
        #expect(key.keyID == 0x530d_903a)
        #expect("\(key)" == Self.published)
    }

    @Test(arguments: [
        "", "+", "example.com/foo", "example.com/foo+530d903a",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "exa mple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ]) func `a damaged public key is refused`(text: String) {
        #expect(throws: AuditFailure.self) { try VerifierKey(parsing: text) }
    }

    @Test func `a private key survives its file, which is wiped once read`() throws {
        var file = Self.key.encoded()
        #expect(String(decoding: file, as: UTF8.self).hasPrefix("PRIVATE+KEY+host/dbsec/root/1+"))
        let read = try SignerKey(parsing: &file)
        #expect(read.verifier == Self.key.verifier)
        #expect(file.isEmpty)
        #expect(read.sign("a\n").isSigned(by: Self.key.verifier))
    }

    @Test func `a private key with another id is refused`() {
        var file = Array(
            String(decoding: Self.key.encoded(), as: UTF8.self).replacing("root/1", with: "root/2").utf8)
        #expect(throws: AuditFailure.self) { try SignerKey(parsing: &file) }
    }

    @Test func `a note says the same after printing and reading`() throws {
        let note = Self.key.sign("first\n\nsecond\n")
        #expect(note.encoded.hasPrefix("first\n\nsecond\n\n\u{2014} host/dbsec/root/1 "))
        #expect(try SignedNote(parsing: Array(note.encoded.utf8)) == note)
    }

    @Test func `a note whose text was changed is not signed`() throws {
        let note = Self.key.sign("size 5\n")
        let forged = SignedNote(text: "size 6\n", signatures: note.signatures)
        #expect(note.isSigned(by: Self.key.verifier))
        #expect(!forged.isSigned(by: Self.key.verifier))
    }

    @Test func `signatures of unknown keys are passed over, and alone they count for nothing`() throws {
        let stranger = SignerKey(name: "elsewhere", key: Ed25519.SigningKey.generate())
        let (own, other) = (Self.key.sign("t\n"), stranger.sign("t\n"))
        #expect(SignedNote(text: "t\n", signatures: other.signatures + own.signatures).isSigned(by: Self.key.verifier))
        #expect(!other.isSigned(by: Self.key.verifier))
    }

    @Test func `one false signature under the key's name condemns the note`() throws {
        let (own, other) = (Self.key.sign("t\n"), Self.key.sign("u\n"))
        let note = SignedNote(text: "t\n", signatures: own.signatures + other.signatures)
        #expect(!note.isSigned(by: Self.key.verifier))
    }

    @Test(arguments: [
        "", "\n", "text\n", "text\n\n", "text\n\nunsigned\n", "text\n\n\u{2014} name AAAA\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n\u{2014} name AAAAAAAA", "te\u{7}xt\n\n\u{2014} name AAAAAAAA\n", "te\rxt\n\n\u{2014} name AAAAAAAA\n",
        "text\n\n\u{2014}  AAAAAAAA\n", "text\n\n\u{2014} na+me AAAAAAAA\n", "text\n\n\u{2014} name AAAAAAA\n",
        "\n\u{2014} name AAAAAAAA\n", "text\n\n\u{2014} name AAAAAAAA\n\n",
    ]) func `what is not exactly a signed note is refused`(text: String) {
        #expect(throws: AuditFailure.self) { try SignedNote(parsing: Array(text.utf8)) }
    }

    @Test func `a note that is not UTF-8 is refused`() {
        let bytes = Array("te".utf8) + [0xff] + Array("xt\n\n\u{2014} name AAAAAAAA\n".utf8)
        #expect(throws: AuditFailure.self) { try SignedNote(parsing: bytes) }
    }

    @Test func `a checkpoint says the same after printing and reading`() throws {
        let checkpoint = Checkpoint(origin: "host/dbsec/root/1", size: 0, root: MerkleHash.empty)
        #expect(
            checkpoint.text == "host/dbsec/root/1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
        #expect(try Checkpoint(parsing: checkpoint.text) == checkpoint)
    }

    @Test(arguments: [
        "o\n1\n", "o\n01\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "o\n-1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", "o\n1\n47DEQpj8\n",
        "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n",
        "o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "o\n9999999999999999999\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
    ]) func `what is not exactly a checkpoint is refused`(text: String) {
        #expect(throws: AuditFailure.self) { try Checkpoint(parsing: text) }
    }
}
