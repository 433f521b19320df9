import CSodium

/// Authenticated encryption with associated data: what was sealed opens unchanged or not at all.
package enum AEAD: Sendable {
    /// ChaCha20-Poly1305 (RFC 8439): a nonce must never be used twice, and is too short to be random.
    case chaCha20Poly1305
    /// XChaCha20-Poly1305: its nonce is long enough to be random.
    case xChaCha20Poly1305

    package static let keyByteCount = 32
    package static let tagByteCount = 16

    package var nonceByteCount: Int {
        switch self {
        case .chaCha20Poly1305: 12
        case .xChaCha20Poly1305: 24
        }
    }

    /// The ciphertext followed by its tag.
    ///
    /// - Throws: `badKey` when key or nonce have another length.
    package func seal(
        _ plaintext: Span<UInt8>, key: SecretBytes, nonce: [UInt8], associatedData: [UInt8] = []
    ) throws(CryptographyError) -> [UInt8] {
        try check(key, nonce)
        let extra = UInt64(associatedData.count)
        return key.withPointer { key in
            plaintext.withPointer { plaintext, count in
                [UInt8](unsafeUninitializedCapacity: count + Self.tagByteCount) { buffer, initialized in
                    guard let target = buffer.baseAddress else { return }
                    // Sealing cannot fail: the length limit is beyond what fits into memory.
                    switch self {
                    case .chaCha20Poly1305:
                        _ = crypto_aead_chacha20poly1305_ietf_encrypt(
                            target, nil, plaintext, UInt64(count), associatedData, extra, nil, nonce, key)
                    case .xChaCha20Poly1305:
                        _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                            target, nil, plaintext, UInt64(count), associatedData, extra, nil, nonce, key)
                    }
                    initialized = count + Self.tagByteCount
                }
            }
        }
    }

    /// The plaintext.
    ///
    /// - Throws: `notAuthentic` when ciphertext, nonce, associated data or key are not those of the sealing; `badKey` when
    ///   key or nonce have another length.
    package func open(
        _ sealed: Span<UInt8>, key: SecretBytes, nonce: [UInt8], associatedData: [UInt8] = []
    ) throws(CryptographyError) -> [UInt8] {
        try check(key, nonce)
        guard sealed.count >= Self.tagByteCount else { throw Self.notAuthentic }
        var plaintext = [UInt8](repeating: 0, count: sealed.count - Self.tagByteCount)
        let extra = UInt64(associatedData.count)
        let result = key.withPointer { key in
            sealed.withPointer { sealed, count in
                switch self {
                case .chaCha20Poly1305:
                    crypto_aead_chacha20poly1305_ietf_decrypt(
                        &plaintext, nil, nil, sealed, UInt64(count), associatedData, extra, nonce, key)
                case .xChaCha20Poly1305:
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        &plaintext, nil, nil, sealed, UInt64(count), associatedData, extra, nonce, key)
                }
            }
        }
        guard result == 0 else { throw Self.notAuthentic }
        return plaintext
    }

    private static let notAuthentic = CryptographyError(
        .notAuthentic, "the message was changed, or was sealed with another key")

    private func check(_ key: SecretBytes, _ nonce: [UInt8]) throws(CryptographyError) {
        Sodium.start()
        guard key.count == Self.keyByteCount, nonce.count == nonceByteCount else {
            throw CryptographyError(
                .badKey, "this cipher takes a key of \(Self.keyByteCount) and a nonce of \(nonceByteCount) bytes")
        }
    }
}
