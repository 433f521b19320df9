import CSodium

/// Unpredictable bytes, for nonces, salts and run identifiers; secrets are made by `SecretBytes(random:)`.
package enum Randomness {
    package static func bytes(_ count: Int) -> [UInt8] {
        Sodium.start()
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let start = buffer.baseAddress { randombytes_buf(start, count) }
            initialized = count
        }
    }
}
