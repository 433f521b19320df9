import Cryptography
import Platform
import Testing

/// Project Wycheproof's files, every case of them.
@Suite(.timeLimit(.minutes(5))) struct WycheproofTests {
    struct Document<Case: Decodable>: Decodable {
        struct Group: Decodable {
            let tests: [Case]
        }

        let numberOfTests: Int
        let testGroups: [Group]

        var tests: [Case] { testGroups.flatMap(\.tests) }
    }

    struct AEADCase: Decodable {
        let tcId: Int
        let key, iv, aad, msg, ct, tag: String
        let result: String
    }

    @Test(arguments: [
        ("chacha20_poly1305_test.json", AEAD.chaCha20Poly1305, 325),
        ("xchacha20_poly1305_test.json", AEAD.xChaCha20Poly1305, 315),
    ])
    func `sealed messages open as they should`(name: String, cipher: AEAD, count: Int) throws {
        let tests = try VectorFolder.wycheproof(name, Document<AEADCase>.self).tests
        #expect(tests.count == count)
        for test in tests {
            let key = try secret(test.key)
            let (nonce, extra) = (try bytes(test.iv), try bytes(test.aad))
            let (message, sealed) = (try bytes(test.msg), try bytes(test.ct + test.tag))
            let opened = try? cipher.open(sealed.span, key: key, nonce: nonce, associatedData: extra)
            #expect(opened == (test.result == "valid" ? message : nil), "case \(test.tcId)")
            guard test.result == "valid" else { continue }
            let again = try cipher.seal(message.span, key: key, nonce: nonce, associatedData: extra)
            #expect(again == sealed, "case \(test.tcId)")
        }
    }

    struct HKDFCase: Decodable {
        let tcId: Int
        let ikm, salt, info, okm: String
        let size: Int
        let result: String
    }

    @Test func `HKDF-SHA256 derives the keys it should, and refuses sizes that are too large`() throws {
        let tests = try VectorFolder.wycheproof("hkdf_sha256_test.json", Document<HKDFCase>.self).tests
        #expect(tests.count == 86)
        for test in tests {
            let derived = try? HKDFSHA256.derive(
                from: secret(test.ikm), salt: bytes(test.salt), info: bytes(test.info), count: test.size)
            #expect(derived?.bytes == (test.result == "valid" ? try bytes(test.okm) : nil), "case \(test.tcId)")
        }
    }

    struct X25519Case: Decodable {
        let tcId: Int
        let flags: [String]
        let `public`, `private`, shared: String
        let result: String
    }

    @Test func `X25519 agrees on the right secret, and on none with a point of low order`() throws {
        let tests = try VectorFolder.wycheproof("x25519_test.json", Document<X25519Case>.self).tests
        #expect(tests.count == 518)
        for test in tests {
            let expected = try bytes(test.shared)
            let shared = try? X25519.sharedSecret(secret(test.private), with: bytes(test.public))
            let isZero = expected.allSatisfy { $0 == 0 }
            #expect(shared?.bytes == (isZero ? nil : expected), "case \(test.tcId)")
        }
    }

    struct Ed25519Document: Decodable {
        struct Group: Decodable {
            struct Key: Decodable {
                let pk: String
            }

            let publicKey: Key
            let tests: [Ed25519Case]
        }

        let testGroups: [Group]
    }

    struct Ed25519Case: Decodable {
        let tcId: Int
        let msg, sig: String
        let result: String
    }

    @Test func `Ed25519 takes every valid signature and no invalid one`() throws {
        let groups = try VectorFolder.wycheproof("ed25519_test.json", Ed25519Document.self).testGroups
        #expect(groups.map(\.tests.count).reduce(0, +) == 210)
        for group in groups {
            let key = try Ed25519.PublicKey(bytes(group.publicKey.pk))
            for test in group.tests where test.result != "acceptable" {
                let (message, signature) = (try bytes(test.msg), try bytes(test.sig))
                let isValid = key.isValid(signature.span, for: message.span)
                #expect(isValid == (test.result == "valid"), "case \(test.tcId)")
            }
        }
    }

    private func bytes(_ hex: String) throws -> [UInt8] {
        try #require(Hex.decode(hex))
    }

    private func secret(_ hex: String) throws -> SecretBytes {
        var bytes = try bytes(hex)
        return SecretBytes(taking: &bytes)
    }
}
