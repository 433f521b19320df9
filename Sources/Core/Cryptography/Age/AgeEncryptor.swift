package import Platform

/// Encrypts a stream into an age file for its recipients; the stock `age -d` opens it.
package final class AgeEncryptor: ByteSink {
    private let stream: AgeStream
    private let chunks = AgeChunks(of: AgeStream.chunkByteCount)
    private let next: any ByteSink
    private var header: [UInt8]?

    /// - Throws: `badKey` when there is no recipient, one that nothing can be sealed for, or a passphrase beside others.
    package init(to recipients: [AgeRecipient], into next: any ByteSink) throws(CryptographyError) {
        let fileKey = SecretBytes(random: AgeHeader.fileKeyByteCount)
        let nonce = Randomness.bytes(AgeHeader.nonceByteCount)
        header = try AgeHeader(for: recipients, sealing: fileKey).encoded + nonce
        stream = try AgeStream(fileKey: fileKey, nonce: nonce)
        self.next = next
    }

    package func write(_ bytes: Span<UInt8>) throws {
        try writeHeader()
        try bytes.withUnsafeBufferPointer { bytes in
            try chunks.take(bytes) { try stream.seal($0, .middle, next.write) }
        }
    }

    /// Writes the final chunk, without which every reader takes the file for truncated.
    package func finish() throws {
        try writeHeader()
        try stream.seal(chunks.rest, .last, next.write)
        try next.finish()
    }

    private func writeHeader() throws {
        guard let text = header else { return }
        header = nil
        try next.write(text.span)
    }
}
