package import Platform

/// Decrypts an age file; passes on only plaintext that is authentic, and finishes only after the file's final chunk.
package final class AgeDecryptor: ByteSink {
    private enum Place {
        case header(AgeHeaderReader)
        case nonce(fileKey: SecretBytes, bytes: [UInt8])
        case payload(AgeStream, AgeChunks)
        /// Something failed: whatever comes, nothing more is let through.
        case failed(any Error)
        case finished
    }

    private let identities: [AgeIdentity]
    private let next: any ByteSink
    private var place = Place.header(AgeHeaderReader())

    package init(with identities: [AgeIdentity], into next: any ByteSink) {
        self.identities = identities
        self.next = next
    }

    /// - Throws: `headerMalformed`, `noMatch`, `headerMAC` or `payload`, and whatever the next step throws.
    package func write(_ bytes: Span<UInt8>) throws {
        do {
            try take(bytes)
        } catch {
            place = .failed(error)
            throw error
        }
    }

    /// - Throws: `truncated` when the final chunk was not seen.
    package func finish() throws {
        do {
            try end()
            place = .finished
            try next.finish()
        } catch {
            place = .failed(error)
            throw error
        }
    }

    private func take(_ bytes: Span<UInt8>) throws {
        var index = 0
        while index < bytes.count {
            switch place {
            case .header(let reader):
                index = try readHeader(bytes, from: index, reader)
            case .nonce(let fileKey, var nonce):
                nonce.append(bytes[index])
                index += 1
                place =
                    nonce.count < AgeHeader.nonceByteCount
                    ? .nonce(fileKey: fileKey, bytes: nonce)
                    : .payload(
                        try AgeStream(fileKey: fileKey, nonce: nonce), AgeChunks(of: AgeStream.sealedByteCount))
            case .payload(let stream, let chunks):
                try bytes.extracting(index...).withUnsafeBufferPointer { bytes in
                    try chunks.take(bytes) { try self.openMiddle($0, stream) }
                }
                return
            case .failed(let error):
                throw error
            case .finished:
                throw Self.trailing
            }
        }
    }

    private func readHeader(_ bytes: Span<UInt8>, from start: Int, _ reader: AgeHeaderReader) throws -> Int {
        var reader = reader
        guard let (header, end) = try reader.take(bytes, from: start) else {
            place = .header(reader)
            return bytes.count
        }
        place = .nonce(fileKey: try header.open(with: identities), bytes: [])
        return end
    }

    private func openMiddle(_ chunk: UnsafeBufferPointer<UInt8>, _ stream: AgeStream) throws {
        if try stream.open(chunk, .middle, next.write) { return }
        // A final chunk with something behind it is authentic, and the file is still not what was encrypted.
        if try stream.open(chunk, .last, next.write) { throw Self.trailing }
        throw Self.changed(stream)
    }

    private func end() throws {
        switch place {
        case .header, .nonce:
            throw AgeHeaderParser.malformed("is cut off")
        case .payload(let stream, let chunks):
            try openLast(chunks.rest, stream)
        case .failed(let error):
            throw error
        case .finished:
            return
        }
    }

    private func openLast(_ chunk: UnsafeBufferPointer<UInt8>, _ stream: AgeStream) throws {
        guard chunk.count > AEAD.tagByteCount || stream.chunks == 0 else {
            if stream.isAuthentic(chunk, .last) {
                throw CryptographyError(.payload, "the age file ends in an empty chunk, which age never writes")
            }
            throw Self.truncated(stream)
        }
        if try stream.open(chunk, .last, next.write) { return }
        // A full chunk that another one should follow: it is authentic and comes out, the file is cut off all the same.
        if chunk.count == AgeStream.sealedByteCount, try stream.open(chunk, .middle, next.write) {
            throw Self.truncated(stream)
        }
        if chunk.count < AEAD.tagByteCount || stream.isAuthentic(chunk, .middle) { throw Self.truncated(stream) }
        throw Self.changed(stream)
    }

    private static let trailing = CryptographyError(.payload, "the age file goes on after its final chunk")

    private static func changed(_ stream: AgeStream) -> CryptographyError {
        CryptographyError(
            .payload, "the age file was changed, or cut off, in the 64 KiB after \(offset(stream)) bytes of content")
    }

    private static func truncated(_ stream: AgeStream) -> CryptographyError {
        CryptographyError(.truncated, "the age file is cut off after \(offset(stream)) bytes of content")
    }

    private static func offset(_ stream: AgeStream) -> UInt64 {
        stream.chunks * UInt64(AgeStream.chunkByteCount)
    }
}

/// Says why no identity opened a file, with all that its header tells about whom it is for.
enum AgeMismatch {
    static func error(_ stanzas: [AgeStanza], _ identities: [AgeIdentity]) -> CryptographyError {
        let kinds = stanzas.map(\.kind)
        let hasPassphrase = identities.contains { $0.recipient == nil }
        if kinds.contains(AgePassphrase.kind) {
            return hasPassphrase
                ? CryptographyError(.noMatch, "the passphrase is not the one of this age file")
                : CryptographyError(.noMatch, "the age file is encrypted with a passphrase, and none was given")
        }
        let known = kinds.count { $0 == AgeX25519.kind }
        let others = Set(kinds).subtracting([AgeX25519.kind]).sorted().map { "\"\($0)\"" }
        var wanted: [String] = []
        if known > 0 { wanted.append(known == 1 ? "one X25519 recipient" : "\(known) X25519 recipients") }
        if !others.isEmpty { wanted.append("recipients of type \(others.joined(separator: ", "))") }
        let given = identities.compactMap { $0.recipient?.description }
        return CryptographyError(
            .noMatch, "no identity opens this age file: it is for \(wanted.joined(separator: " and "))",
            hint: given.isEmpty ? "give an identity" : "tried the identities of \(given.joined(separator: ", "))")
    }
}
