import Cryptography
import Platform
import Testing

/// What a reader of age files must never do, over a file of three chunks and a bit.
@Suite(.timeLimit(.minutes(5))) struct AgeFileTests {
    static let chunk = 65_536
    static let sealedChunk = 65_552
    static let plain = content(3 * chunk + 100)

    let identity: AgeIdentity
    let file: [UInt8]
    /// Where the first chunk begins: after header and nonce.
    let start: Int

    init() throws {
        identity = try AgeIdentity.generate()
        file = try encrypt(Self.plain, to: [try #require(identity.recipient)])
        start = file.count - Self.plain.count - 4 * 16
    }

    @Test func `a file comes back whole, in whatever pieces it is written`() throws {
        for piece in [1, 17, 4096, 65_535, 65_536, 65_552, 65_553, 200_000] {
            let (small, end) = (piece == 1 ? content(70_000) : Self.plain, CollectingSink())
            let again = try encrypt(small, to: [try #require(identity.recipient)], piece: piece)
            try push(again, through: AgeDecryptor(with: [identity], into: end), piece: piece)
            #expect(end.bytes == small)
            #expect(end.isFinished)
        }
    }

    @Test func `a file cut at any chunk boundary, or a byte beside it, is an error, and only whole chunks came out`()
        throws
    {
        var cuts = [0, 1, start - 17, start - 16, start - 15, start - 1, start, start + 1]
        for chunk in 1...3 { cuts += [-17, -1, 0, 1, 16, 17].map { start + chunk * Self.sealedChunk + $0 } }
        cuts += [file.count - 1, file.count - 16, file.count - 17]
        for cut in cuts {
            let (code, released) = try read(Array(file[..<cut]))
            #expect(
                code == (cut < start ? .headerMalformed : code == .payload ? .payload : .truncated), "cut at \(cut)")
            try checkReleased(released, chunks: max(0, (cut - start) / Self.sealedChunk), "cut at \(cut)")
        }
        let (atBoundary, _) = try read(Array(file[..<(start + 2 * Self.sealedChunk)]))
        #expect(atBoundary == .truncated)
    }

    @Test func `a small file cut anywhere is an error`() throws {
        let small = try encrypt(content(20), to: [try #require(identity.recipient)])
        for cut in small.indices {
            let (code, released) = try read(Array(small[..<cut]))
            #expect(code != nil, "cut at \(cut)")
            #expect(released.isEmpty)
        }
    }

    @Test func `one bit changed anywhere in header and nonce is an error, and nothing comes out`() throws {
        for index in 0..<start {
            var changed = file
            changed[index] ^= 1
            let (code, released) = try read(changed)
            #expect(code != nil, "byte \(index)")
            #expect(released.isEmpty, "byte \(index)")
        }
    }

    @Test func `one bit changed in any chunk or tag is an error, and only the chunks before it came out`() throws {
        for chunk in 0...3 {
            let first = start + chunk * Self.sealedChunk
            let last = min(first + Self.sealedChunk, file.count) - 1
            for index in [first, (first + last) / 2, last - 16, last - 15, last] {
                var changed = file
                changed[index] ^= 0x80
                let (code, released) = try read(changed)
                #expect(code == .payload, "byte \(index)")
                try checkReleased(released, chunks: chunk, "byte \(index)")
            }
        }
    }

    @Test func `chunks swapped, doubled, left out or followed by something are an error`() throws {
        let head = Array(file[..<start])
        let chunks = (0...3).map { chunk in
            Array(file[(start + chunk * Self.sealedChunk)...].prefix(Self.sealedChunk))
        }
        for order in [[1, 0, 2, 3], [0, 0, 1, 2, 3], [0, 2, 3], [3], [0, 1, 3], [0, 1, 2, 3, 3]] {
            let (code, released) = try read(head + order.flatMap { chunks[$0] })
            #expect(code == .payload, "\(order)")
            #expect(isPrefix(released), "\(order)")
        }
        #expect(try read(file + [0]).0 == .payload)
    }

    @Test func `nothing passes after an error, and the next step is never finished`() throws {
        var changed = file
        changed[start] ^= 1
        let end = CollectingSink()
        let decryptor = AgeDecryptor(with: [identity], into: end)
        #expect(throws: CryptographyError.self) { try push(changed, through: decryptor) }
        #expect(throws: CryptographyError.self) { try push(file, through: decryptor) }
        #expect(throws: CryptographyError.self) { try decryptor.finish() }
        #expect(end.bytes.isEmpty && !end.isFinished)
    }

    @Test func `a wrong identity is told what the file wants, with status 65`() throws {
        let other = try AgeIdentity.generate()
        do {
            _ = try decrypt(file, with: [other])
            Issue.record("it opened")
        } catch let error as CryptographyError {
            #expect(error.code == .noMatch)
            #expect(error.status == .malformed)
            #expect(error.sentence == "no identity opens this age file: it is for one X25519 recipient")
            #expect(error.hint == "tried the identities of \(try #require(other.recipient))")
        }
    }

    @Test func `a passphrase opens what it sealed, another one does not, and it stands alone`() throws {
        let passphrase = try AgeRecipient.passphrase(SecretBytes("one"), workFactor: 10)
        let sealed = try encrypt(content(10), to: [passphrase])
        #expect(try decrypt(sealed, with: [.passphrase(SecretBytes("one"))]) == content(10))
        #expect(try code { _ = try decrypt(sealed, with: [.passphrase(SecretBytes("two"))]) } == .noMatch)
        #expect(try code { _ = try decrypt(sealed, with: [identity]) } == .noMatch)
        let recipient = try #require(identity.recipient)
        #expect(try code { _ = try encrypt([], to: [passphrase, recipient]) } == .badKey)
        #expect(try code { _ = try encrypt([], to: []) } == .badKey)
    }

    @Test func `what is no age file fails at its first line, armor with its name`() throws {
        #expect(try read(Array("PGDMP and then some more of a dump".utf8)).0 == .headerMalformed)
        let armored = Array("-----BEGIN AGE ENCRYPTED FILE-----\n".utf8)
        do {
            _ = try decrypt(armored, with: [identity])
            Issue.record("it opened")
        } catch let error as CryptographyError {
            #expect(error.sentence == "the age file is ASCII armored, where a binary one is expected")
        }
    }

    private func read(_ bytes: [UInt8]) throws -> (CryptographyError.Code?, [UInt8]) {
        let end = CollectingSink()
        let code = try code { try push(bytes, through: AgeDecryptor(with: [identity], into: end), piece: 100_000) }
        #expect(end.isFinished == (code == nil))
        return (code, end.bytes)
    }

    private func checkReleased(_ released: [UInt8], chunks: Int, _ comment: Comment) throws {
        // A full chunk may still wait for what follows it.
        #expect(released.count.isMultiple(of: Self.chunk) && released.count <= chunks * Self.chunk, comment)
        #expect(isPrefix(released), comment)
    }

    private func isPrefix(_ released: [UInt8]) -> Bool {
        released.count <= Self.plain.count
            && constantTimeEqual(
                released.span, Self.plain.span.extracting(..<released.count))
    }
}
