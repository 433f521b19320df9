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
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { target in
            _ = clibcrypto_sha256_final(target.bindMemory(to: UInt8.self).baseAddress, &context)
        }
        reset()
        return Digest(words: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian))
    }

    package static func hash(_ bytes: Span<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    package static func hash(_ bytes: [UInt8]) -> Digest {
        hash(bytes.span)
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
