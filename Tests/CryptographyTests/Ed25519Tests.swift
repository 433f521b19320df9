import Cryptography
import Platform
import Testing

@Suite struct Ed25519Tests {
    @Test func `the seed of RFC 8032, test 2, gives its key and its signature`() throws {
        var seed = try #require(Hex.decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
        let key = try Ed25519.SigningKey(seed: SecretBytes(taking: &seed))
        #expect(
            Hex.encode(key.publicKey.bytes) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let signature = key.sign([0x72].span)
        #expect(
            Hex.encode(signature) == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    }

    @Test func `a signature holds for its message and key only`() throws {
        let key = Ed25519.SigningKey.generate()
        let message = Array("the manifest".utf8)
        let signature = key.sign(message.span)
        func holds(_ signature: [UInt8], _ message: [UInt8], _ key: Ed25519.PublicKey) -> Bool {
            key.isValid(signature.span, for: message.span)
        }
        #expect(holds(signature, message, key.publicKey))
        #expect(!holds(signature, Array("the manifesto".utf8), key.publicKey))
        #expect(!holds(signature.dropLast(), message, key.publicKey))
        #expect(!holds(signature, message, Ed25519.SigningKey.generate().publicKey))
    }

    @Test func `a key made again from its seed signs the same`() throws {
        let key = Ed25519.SigningKey.generate()
        let again = try Ed25519.SigningKey(seed: key.seed)
        #expect(again.publicKey == key.publicKey)
        let message: [UInt8] = [1, 2]
        let (first, second) = (key.sign(message.span), again.sign(message.span))
        #expect(first == second)
    }

    @Test func `keys of another length are refused`() {
        #expect(throws: CryptographyError.self) { try Ed25519.SigningKey(seed: SecretBytes(random: 31)) }
        #expect(throws: CryptographyError.self) { try Ed25519.PublicKey([1, 2, 3]) }
    }
}
