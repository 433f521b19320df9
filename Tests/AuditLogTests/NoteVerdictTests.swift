import AuditLog
import Cryptography
import FoundationEssentials
import Platform
import SystemPackage
import Testing

/// Our reading of signed notes agrees with golang.org/x/mod's sumdb/note, case by case of its own tests, and C2SP's examples hold.
@Suite struct NoteVerdictTests {
    static let peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

    /// Where Go takes more than one spelling of the same bytes, and we take one.
    static let stricter: Set<String> = ["base64 with a bit too many"]

    /// `scripts/test-interop` has Go write the file anew and compares.
    @Test func `every verdict is the one of golang.org x mod`() throws {
        let verdicts = try Self.verdicts()
        #expect(verdicts.cases.count == 34)
        for one in verdicts.cases where !Self.stricter.contains(one.name) {
            #expect(try says(one.note, one.key) == one.says, "\(one.name)")
        }
        for one in verdicts.cases where Self.stricter.contains(one.name) {
            #expect(try says(one.note, one.key) == "m", "\(one.name)")
        }
    }

    @Test func `a note with one byte changed is judged as golang.org x mod judges it`() throws {
        let changes = try Self.verdicts().changes
        let note = changes.note
        var (compared, stricter) = (0, 0)
        for (place, says) in zip(note.indices, zip4(changes.raised, changes.removed, changes.doubled, changes.cut)) {
            var raised = note
            raised[place] += 1
            let variants: [([UInt8], String)] = [
                (raised, says.0), (Array(note[..<place] + note[(place + 1)...]), says.1),
                (Array(note[...place] + note[place...]), says.2), (Array(note[..<place]), says.3),
            ]
            for (variant, expected) in variants {
                let ours = try self.says(variant, changes.key)
                compared += 1
                if ours == "m", expected != "m" { stricter += 1 } else { #expect(ours == expected, "byte \(place)") }
            }
        }
        // The two spare bits in the last letter of a signature: Go passes over them.
        #expect(compared == 4 * note.count && stricter <= 2, "\(stricter) of \(compared)")
    }

    @Test func `a public key of which a letter is missing, or another, is none`() throws {
        #expect(try VerifierKey(parsing: Self.peter).keyID == 0xc74f_20a3)
        for text in Self.mangled(Self.peter) + [
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            #expect(throws: AuditFailure.self, "\(text)") { try VerifierKey(parsing: text) }
        }
    }

    @Test func `a private key of which a letter is missing, or another, is none`() throws {
        for text in Self.mangled(Self.peterSecret) {
            var bytes = Array(text.utf8)
            #expect(throws: AuditFailure.self, "\(text)") { try SignerKey(parsing: &bytes) }
        }
    }

    @Test func `a text is signed as golang.org x mod signs it`() throws {
        var bytes = Array(Self.peterSecret.utf8)
        let key = try SignerKey(parsing: &bytes)
        #expect("\(key.verifier)" == Self.peter)
        let text = """
            If you think cryptography is the answer to your problem,
            then you don't know what your problem is.

            """
        #expect(
            key.sign(text).encoded == text + """

                \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

                """)
        #expect(String(decoding: key.encoded(), as: UTF8.self) == Self.peterSecret + "\n")
    }

    @Test func `the example of C2SP signed-note is signed by its key`() throws {
        let note = try SignedNote(
            parsing: Array(
                """
                This is an example message.

                \u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=

                """.utf8))
        #expect(note.text == "This is an example message.\n")
        #expect(note.isSigned(by: try VerifierKey(parsing: SignedNoteTests.published)))
        #expect(!note.isSigned(by: try VerifierKey(parsing: Self.peter)))
    }

    @Test func `a note of C2SP signed-note with empty lines and accents in its text is read`() throws {
        let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n"
        let signature =
            "\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
        let note = try SignedNote(parsing: Array("\(text)\n\(signature)".utf8))
        #expect(note.text == text)
        #expect(note.signatures.map(\.name) == ["quasimodo.example/salvatore"])
        #expect(note.signatures.first?.keyID == 0x367b_a04b)
    }

    @Test func `the example of C2SP tlog-checkpoint is read`() throws {
        let text = """
            example.com/behind-the-sofa
            20852163
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

            \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=

            """
        let checkpoint = try SignedCheckpoint(parsing: Array(text.utf8))
        #expect(checkpoint.checkpoint.origin == "example.com/behind-the-sofa" && checkpoint.size == 20_852_163)
        #expect(checkpoint.root.hex == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62")
        #expect(checkpoint.encoded == text)
    }

    // MARK: What the tests above are made of

    private struct Verdicts: Decodable {
        struct Case: Decodable {
            let name: String
            let note: [UInt8]
            let key: String
            let says: String

            private enum CodingKeys: CodingKey { case name, note, key, says }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                name = try container.decode(String.self, forKey: .name)
                note = Array(try container.decode(Data.self, forKey: .note))
                key = try container.decode(String.self, forKey: .key)
                says = try container.decode(String.self, forKey: .says)
            }
        }

        struct Changes: Decodable {
            let note: [UInt8]
            let key: String
            let raised: String
            let removed: String
            let doubled: String
            let cut: String

            private enum CodingKeys: CodingKey { case note, key, raised, removed, doubled, cut }

            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                note = Array(try container.decode(Data.self, forKey: .note))
                key = try container.decode(String.self, forKey: .key)
                raised = try container.decode(String.self, forKey: .raised)
                removed = try container.decode(String.self, forKey: .removed)
                doubled = try container.decode(String.self, forKey: .doubled)
                cut = try container.decode(String.self, forKey: .cut)
            }
        }

        let cases: [Case]
        let changes: Changes
    }

    private static func verdicts() throws -> Verdicts {
        let file = FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures/note/verdicts.json")
        return try JSONDecoder().decode(Verdicts.self, from: Data(Files.read(file)))
    }

    /// In Go's letters: good, malformed, unverified, invalid.
    private func says(_ bytes: [UInt8], _ key: String) throws -> String {
        let key = try VerifierKey(parsing: key)
        guard let note = try? SignedNote(parsing: bytes) else { return "m" }
        if note.isSigned(by: key) { return "g" }
        return note.signatures.contains { $0.name == key.name && $0.keyID == key.keyID } ? "i" : "u"
    }

    /// Every part of the text but the whole, and the text with each letter replaced by the next one.
    private static func mangled(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var result: [String] = []
        for start in bytes.indices {
            for end in start + 1...bytes.count where start > 0 || end < bytes.count {
                result.append(String(decoding: bytes[start..<end], as: UTF8.self))
            }
            var other = bytes
            other[start] += 1
            result.append(String(decoding: other, as: UTF8.self))
        }
        return result
    }
}

private func zip4(_ a: String, _ b: String, _ c: String, _ d: String) -> [(String, String, String, String)] {
    let texts = [a, b, c, d].map { $0.map { String($0) } }
    return texts[0].indices.map { (texts[0][$0], texts[1][$0], texts[2][$0], texts[3][$0]) }
}
