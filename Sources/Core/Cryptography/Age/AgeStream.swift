import CSodium

/// The payload's chunks (STREAM): each sealed under the payload key with its number and whether it is the last.
///
/// One buffer for what comes out is kept from chunk to chunk and wiped at the end.
final class AgeStream {
    static let chunkByteCount = 64 << 10
    static let sealedByteCount = chunkByteCount + AEAD.tagByteCount

    enum Position {
        case middle
        case last
    }

    private(set) var chunks: UInt64 = 0
    private let key: SecretBytes
    private let output: UnsafeMutablePointer<UInt8>
    private var nonce = [UInt8](repeating: 0, count: 12)

    init(fileKey: SecretBytes, nonce: [UInt8]) throws(CryptographyError) {
        key = try HKDFSHA256.derive(from: fileKey, salt: nonce, info: Array("payload".utf8))
        output = .allocate(capacity: Self.sealedByteCount)
        output.initialize(repeating: 0, count: Self.sealedByteCount)
    }

    deinit {
        sodium_memzero(output, Self.sealedByteCount)
        output.deallocate()
    }

    /// Seals the next chunk and lends the result until the next call.
    func seal(
        _ chunk: UnsafeBufferPointer<UInt8>, _ position: Position, _ body: (Span<UInt8>) throws -> Void
    ) throws {
        setNonce(position)
        _ = withStart(of: chunk) { start in
            key.withPointer { key in
                crypto_aead_chacha20poly1305_ietf_encrypt(
                    output, nil, start, UInt64(chunk.count), nil, 0, nil, nonce, key)
            }
        }
        chunks += 1
        try body(UnsafeBufferPointer(start: output, count: chunk.count + AEAD.tagByteCount).span)
    }

    /// Opens the next chunk if it is authentic at this position, and then lends the plaintext; else false.
    func open(
        _ chunk: UnsafeBufferPointer<UInt8>, _ position: Position, _ body: (Span<UInt8>) throws -> Void
    ) throws -> Bool {
        guard isOpened(chunk, position) else { return false }
        chunks += 1
        try body(UnsafeBufferPointer(start: output, count: chunk.count - AEAD.tagByteCount).span)
        return true
    }

    /// Whether the next chunk is authentic at this position; its plaintext goes nowhere.
    func isAuthentic(_ chunk: UnsafeBufferPointer<UInt8>, _ position: Position) -> Bool {
        isOpened(chunk, position)
    }

    // libsodium checks the tag before it writes the first byte of plaintext.
    private func isOpened(_ chunk: UnsafeBufferPointer<UInt8>, _ position: Position) -> Bool {
        guard chunk.count >= AEAD.tagByteCount else { return false }
        setNonce(position)
        return withStart(of: chunk) { start in
            key.withPointer { key in
                crypto_aead_chacha20poly1305_ietf_decrypt(
                    output, nil, nil, start, UInt64(chunk.count), nil, 0, nonce, key)
            }
        } == 0
    }

    private func withStart<R>(of chunk: UnsafeBufferPointer<UInt8>, _ body: (UnsafePointer<UInt8>) -> R) -> R {
        chunk.span.withPointer { start, _ in body(start) }
    }

    /// Eleven bytes of counter, big endian, of which eight are ever used, and the mark of the last chunk.
    private func setNonce(_ position: Position) {
        for index in 0..<8 { nonce[3 + index] = UInt8(truncatingIfNeeded: chunks >> UInt64(56 - 8 * index)) }
        nonce[11] = position == .last ? 1 : 0
    }
}

/// Cuts a stream into chunks of one size; a chunk that is full waits until it is known whether more follows.
final class AgeChunks {
    private let size: Int
    private let buffer: UnsafeMutablePointer<UInt8>
    private var count = 0

    init(of size: Int) {
        self.size = size
        buffer = .allocate(capacity: size)
        buffer.initialize(repeating: 0, count: size)
    }

    deinit {
        sodium_memzero(buffer, size)
        buffer.deallocate()
    }

    /// What is left when the stream ends: its last chunk, full or not.
    var rest: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: buffer, count: count) }

    /// Calls `body` for every full chunk that another byte follows; chunks that lie in `bytes` whole are not copied.
    func take(_ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        guard var next = bytes.baseAddress else { return }
        var left = bytes.count
        while left > 0 {
            if count == size {
                count = 0
                try body(UnsafeBufferPointer(start: buffer, count: size))
            } else if count == 0, left > size {
                try body(UnsafeBufferPointer(start: next, count: size))
                next += size
                left -= size
            } else {
                let taken = min(size - count, left)
                (buffer + count).update(from: next, count: taken)
                count += taken
                next += taken
                left -= taken
            }
        }
    }
}
