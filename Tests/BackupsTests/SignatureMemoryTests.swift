import Cryptography
import Platform
import SystemPackage
import TestSupport
import Testing

@testable import Backups

/// What is remembered of signatures never makes a wrong one right.
@Suite struct `Remembering signatures` {
    @Test func `what was right is known again, and other bytes are not`() async throws {
        try await withTemporaryFolder { folder in
            let key = MinisignSecretKey.generate()
            let path = folder.appending("cache/signatures")
            let contents = (0..<120).map { Array("manifest \($0)".utf8) }
            let signatures = try contents.map { try key.sign($0.span, trustedComment: "a test") }
            let first = SignatureMemory(path)
            for (content, signature) in zip(contents, signatures) {
                try first.check(key.publicKey, signature, of: content)
            }
            first.save()
            #expect(try Files.size(path) == 19 + 120 * 32)

            let again = SignatureMemory(path)
            try again.check(key.publicKey, signatures[3], of: contents[3])
            #expect(throws: CryptographyError.self) {
                try again.check(key.publicKey, signatures[3], of: contents[4])
            }
            #expect(throws: CryptographyError.self) {
                try again.check(MinisignSecretKey.generate().publicKey, signatures[3], of: contents[3])
            }
            var changed = signatures[3]
            changed[changed.count - 3] ^= 1
            #expect(throws: CryptographyError.self) { try again.check(key.publicKey, changed, of: contents[3]) }
            // A failure is not remembered either.
            #expect(throws: CryptographyError.self) { try again.check(key.publicKey, changed, of: contents[3]) }
        }
    }

    @Test(arguments: ["", "dbsec signatures 1\n", "dbsec signatures 1\nshort", "something else"])
    func `a file that is none of ours is as none`(_ text: String) async throws {
        try await withTemporaryFolder { folder in
            let path = folder.appending("signatures")
            try Files.write(Array(text.utf8), to: path)
            let key = MinisignSecretKey.generate()
            let content = Array("content".utf8)
            let signature = try key.sign(content.span, trustedComment: "a test")
            try SignatureMemory(path).check(key.publicKey, signature, of: content)
        }
    }

    @Test func `in parallel everything keeps its place, and the first failure is told`() throws {
        #expect(try mapInParallel(Array(0..<1000)) { $0 * 2 } == (0..<1000).map { $0 * 2 })
        #expect(try mapInParallel([Int]()) { $0 } == [])
        let failure = #expect(throws: PlainFailure.self) {
            try mapInParallel(Array(0..<1000)) { number in
                if number % 100 == 7 { throw PlainFailure(.negative, "\(number)") }
            }
        }
        #expect(failure?.sentence == "7")
    }
}
