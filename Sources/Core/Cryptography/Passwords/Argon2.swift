import CSodium

/// Argon2 (RFC 9106), by libsodium: one lane, salts of 16 bytes.
package enum Argon2 {
    package enum Variant: String, Sendable {
        case id = "argon2id"
        case i = "argon2i"
    }

    package static let saltBytes = 16

    /// Hashes a password with this much memory, so many times over.
    ///
    /// - Throws: `badKey` for what libsodium does not compute; `memory` when there is not enough of it.
    package static func derive(
        _ variant: Variant, from password: Span<UInt8>, salt: [UInt8], memoryKiB: Int, passes: Int, count: Int = 32
    ) throws(CryptographyError) -> [UInt8] {
        Sodium.start()
        guard salt.count == saltBytes, memoryKiB >= 8, passes >= (variant == .id ? 1 : 3), count >= 16 else {
            throw CryptographyError(
                .badKey,
                "argon2 with \(memoryKiB) KiB, \(passes) passes and a salt of \(salt.count) bytes is not possible here")
        }
        let algorithm = variant == .id ? crypto_pwhash_ALG_ARGON2ID13 : crypto_pwhash_ALG_ARGON2I13
        var hash = [UInt8](repeating: 0, count: count)
        let result = password.withPointer { password, length in
            password.withMemoryRebound(to: CChar.self, capacity: length) {
                crypto_pwhash(
                    &hash, UInt64(count), $0, UInt64(length), salt, UInt64(passes), memoryKiB << 10, algorithm)
            }
        }
        guard result == 0 else {
            throw CryptographyError(
                .memory, "there is not enough memory to hash a password", hint: "it needs \(memoryKiB >> 10) MiB")
        }
        return hash
    }

    /// Whether an encoded hash, of any number of lanes and length of salt, was made of this password.
    package static func verify(_ encoded: String, _ password: Span<UInt8>) -> Bool {
        Sodium.start()
        return password.withPointer { password, length in
            password.withMemoryRebound(to: CChar.self, capacity: length) {
                crypto_pwhash_str_verify(encoded, $0, UInt64(length)) == 0
            }
        }
    }
}
