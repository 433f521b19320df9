import CSodium

/// HMAC-SHA256 (RFC 2104), in pieces; its key is wiped with it.
package struct HMACSHA256: ~Copyable {
    package static let byteCount = 32

    // In memory of its own, since a copy on the stack could not be wiped.
    private let state = UnsafeMutablePointer<crypto_auth_hmacsha256_state>.allocate(capacity: 1)

    package init(key: Span<UInt8>) {
        Sodium.start()
        key.withPointer { key, count in _ = crypto_auth_hmacsha256_init(state, key, count) }
    }

    package init(key: SecretBytes) {
        Sodium.start()
        key.withPointer { _ = crypto_auth_hmacsha256_init(state, $0, key.count) }
    }

    deinit {
        sodium_memzero(state, MemoryLayout<crypto_auth_hmacsha256_state>.size)
        state.deallocate()
    }

    package mutating func update(_ bytes: Span<UInt8>) {
        bytes.withPointer { bytes, count in _ = crypto_auth_hmacsha256_update(state, bytes, UInt64(count)) }
    }

    /// The code of all that was given; nothing can be added after it.
    package mutating func finish() -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Self.byteCount)
        _ = crypto_auth_hmacsha256_final(state, &code)
        return code
    }
}

/// HKDF-SHA256 (RFC 5869): keys for one purpose each, out of one secret.
package enum HKDFSHA256 {
    package static let byteCountLimit = 255 * HMACSHA256.byteCount

    /// - Throws: `badKey` when more is asked than RFC 5869 allows.
    package static func derive(
        from secret: SecretBytes, salt: [UInt8], info: [UInt8], count: Int = 32
    ) throws(CryptographyError) -> SecretBytes {
        guard count <= byteCountLimit else {
            throw CryptographyError(.badKey, "HKDF-SHA256 gives at most \(byteCountLimit) bytes, not \(count)")
        }
        var extract = HMACSHA256(key: salt.span)
        secret.withBytes { extract.update($0) }
        var extracted = extract.finish()
        defer { wipe(&extracted) }

        return SecretBytes(count: count) { target in
            var block: [UInt8] = []
            var filled = 0
            var counter: UInt8 = 1
            while filled < count {
                var expand = HMACSHA256(key: extracted.span)
                expand.update(block.span)
                expand.update(info.span)
                expand.update([counter].span)
                wipe(&block)
                block = expand.finish()
                let taken = min(block.count, count - filled)
                for index in 0..<taken { target[filled + index] = block[index] }
                filled += taken
                counter &+= 1
            }
            wipe(&block)
        }
    }
}
