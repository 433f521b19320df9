import CSodium

/// Base 64 (RFC 4648, section 4) as keys and stanzas are written: canonical only, in constant time.
enum Base64 {
    enum Padding {
        case none
        case required
    }

    static func encode(_ bytes: [UInt8], padding: Padding) -> [UInt8] {
        Sodium.start()
        let capacity = sodium_base64_encoded_len(bytes.count, variant(padding))
        // One more than the text has: libsodium ends it with a zero. No second buffer, which could keep a secret.
        return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard let start = text.baseAddress else { return }
                _ = bytes.span.withPointer { bytes, count in
                    sodium_bin2base64(start, capacity, bytes, count, variant(padding))
                }
            }
            initialized = capacity - 1
        }
    }

    /// Nil for any text that `encode` would not have made.
    static func decode(_ text: [UInt8], padding: Padding) -> [UInt8]? {
        Sodium.start()
        let capacity = text.count / 4 * 3 + 3
        var bytes = [UInt8](repeating: 0, count: capacity)
        var count = 0
        let result = text.span.withPointer { text, length in
            text.withMemoryRebound(to: CChar.self, capacity: length) {
                sodium_base642bin(&bytes, capacity, $0, length, nil, &count, nil, variant(padding))
            }
        }
        guard result == 0 else { return nil }
        bytes.removeLast(capacity - count)
        return bytes
    }

    private static func variant(_ padding: Padding) -> CInt {
        switch padding {
        case .none: sodium_base64_VARIANT_ORIGINAL_NO_PADDING
        case .required: sodium_base64_VARIANT_ORIGINAL
        }
    }
}
