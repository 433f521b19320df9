import CSodium

/// BLAKE2b (RFC 7693) without a key.
enum BLAKE2b {
    /// - Precondition: `count` is at most 64.
    static func hash(_ bytes: Span<UInt8>, count: Int) -> [UInt8] {
        Sodium.start()
        var digest = [UInt8](repeating: 0, count: count)
        bytes.withPointer { bytes, length in
            _ = crypto_generichash_blake2b(&digest, count, bytes, UInt64(length), nil, 0)
        }
        return digest
    }
}
