import CSodium

/// BLAKE2b (RFC 7693) with a key: a code for authenticity, and the way from one key to keys for single purposes.
package enum KeyedBLAKE2b {
    /// The code of bytes under a key, as long as is asked for.
    ///
    /// - Precondition: `count` and the key have at most 64 bytes.
    package static func hash(_ bytes: Span<UInt8>, key: SecretBytes, count: Int = 32) -> [UInt8] {
        Sodium.start()
        var code = [UInt8](repeating: 0, count: count)
        bytes.withPointer { bytes, length in
            key.withPointer {
                _ = crypto_generichash_blake2b(&code, count, bytes, UInt64(length), $0, key.count)
            }
        }
        return code
    }

    /// A key of 32 bytes for the one purpose that label and parts say.
    static func derive(_ label: String, _ parts: [[UInt8]], from key: SecretBytes) -> SecretBytes {
        var purpose: [UInt8] = []
        for part in [Array(label.utf8)] + parts { FieldFormat.appendPrefixed(part, to: &purpose) }
        return SecretBytes(count: 32) { target in
            purpose.span.withPointer { bytes, length in
                key.withPointer {
                    _ = crypto_generichash_blake2b(target, 32, bytes, UInt64(length), $0, key.count)
                }
            }
        }
    }
}
