import CLibCrypto
package import Platform

/// SHA-256 by libcrypto, which uses the processor's own instructions; a hash costs no allocation, however short the input.
package struct SHA256 {
    private var context = SHA256_CTX()

    package init() {
        reset()
    }

    package mutating func update(_ bytes: Span<UInt8>) {
        // The three plain functions always return 1: they have no way to fail.
        bytes.withUnsafeBufferPointer { _ = clibcrypto_sha256_update(&context, $0.baseAddress, $0.count) }
    }

    /// The digest of all that was given; the value is then ready for the next message.
    package mutating func finish() -> Digest {
        defer { reset() }
        return Self.finish(&context)
    }

    package static func hash(_ bytes: Span<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    package static func hash(_ bytes: [UInt8]) -> Digest {
        hash(bytes.span)
    }

    /// The hash of one byte and what follows it: a leaf of a Merkle tree.
    package static func hash(_ first: UInt8, _ bytes: Span<UInt8>) -> Digest {
        var (context, first) = (SHA256_CTX(), first)
        _ = clibcrypto_sha256_init(&context)
        _ = clibcrypto_sha256_update(&context, &first, 1)
        bytes.withUnsafeBufferPointer { _ = clibcrypto_sha256_update(&context, $0.baseAddress, $0.count) }
        return finish(&context)
    }

    /// The hash of one byte and two digests: a node of a Merkle tree.
    package static func hash(_ first: UInt8, _ left: Digest, _ right: Digest) -> Digest {
        var context = SHA256_CTX()
        // The first byte is the last of its word, so that one call takes all of it.
        var words = (
            UInt64(first).bigEndian, left.words.0.bigEndian, left.words.1.bigEndian, left.words.2.bigEndian,
            left.words.3.bigEndian, right.words.0.bigEndian, right.words.1.bigEndian, right.words.2.bigEndian,
            right.words.3.bigEndian
        )
        _ = clibcrypto_sha256_init(&context)
        withUnsafeBytes(of: &words) {
            _ = clibcrypto_sha256_update(&context, $0.baseAddress.map { $0 + 7 }, 2 * Digest.byteCount + 1)
        }
        return finish(&context)
    }

    @inline(__always) private static func finish(_ context: inout SHA256_CTX) -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { target in
            _ = clibcrypto_sha256_final(target.bindMemory(to: UInt8.self).baseAddress, &context)
        }
        return Digest(words: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian))
    }

    private mutating func reset() {
        _ = clibcrypto_sha256_init(&context)
    }
}

/// Passes every byte on and keeps its SHA-256 and count: the step before a file that a manifest will name.
package final class HashingSink: ByteSink {
    /// The digest of the whole stream; set by `finish()`.
    package private(set) var digest: Digest?
    package private(set) var count = 0
    private var hash = SHA256()
    private let next: any ByteSink

    package init(into next: any ByteSink) {
        self.next = next
    }

    package func write(_ bytes: Span<UInt8>) throws {
        hash.update(bytes)
        count += bytes.count
        try next.write(bytes)
    }

    package func finish() throws {
        digest = hash.finish()
        try next.finish()
    }
}
