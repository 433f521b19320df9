import Testing

@testable import Cryptography

@Suite struct SecretBytesTests {
    @Test func `taking bytes over wipes where they came from`() {
        var source: [UInt8] = [1, 2, 3]
        let secret = SecretBytes(taking: &source)
        #expect(source.isEmpty)
        #expect(secret.withBytes { [$0[0], $0[1], $0[2]] } == [1, 2, 3])
    }

    @Test func `a secret shows itself in no printing, dump or reflection`() {
        var source = Array("hunter2".utf8)
        let secret = SecretBytes(taking: &source)
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\([secret])", dumped] {
            #expect(text.contains("<secret>"))
            #expect(!text.contains("104") && !text.contains("hunter2") && !text.contains("0x"))
        }
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `secrets are equal when their bytes are`() {
        func secret(_ text: String) -> SecretBytes {
            var bytes = Array(text.utf8)
            return SecretBytes(taking: &bytes)
        }
        #expect(secret("one") == secret("one"))
        #expect(secret("one") != secret("two"))
        #expect(secret("one") != secret("ones"))
        #expect(secret("") == secret(""))
        #expect(SecretBytes(random: 32) != SecretBytes(random: 32))
    }

    @Test func `writing to a secret ends the process`() async {
        await #expect(processExitsWith: .failure) {
            let secret = SecretBytes(random: 32)
            secret.withPointer { UnsafeMutablePointer(mutating: $0)[0] = 1 }
        }
    }

    @Test func `random bytes differ every time`() {
        #expect(Randomness.bytes(32) != Randomness.bytes(32))
        #expect(Randomness.bytes(0).isEmpty)
    }
}
