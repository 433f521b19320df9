import CSodium

/// scrypt (RFC 7914), for the two file formats that use it; new formats of ours take Argon2id.
enum Scrypt {
    static func derive(
        from passphrase: SecretBytes, salt: [UInt8], cost: UInt64, blockSize: UInt32, parallelism: UInt32, count: Int
    ) throws(CryptographyError) -> SecretBytes {
        try SecretBytes(count: count) { target throws(CryptographyError) in
            let result = passphrase.withPointer {
                crypto_pwhash_scryptsalsa208sha256_ll(
                    $0, passphrase.count, salt, salt.count, cost, blockSize, parallelism, target, count)
            }
            guard result == 0 else {
                throw CryptographyError(
                    .memory, "there is not enough memory for the passphrase's work factor",
                    hint: "it needs \(128 * UInt64(blockSize) * cost >> 20) MB")
            }
        }
    }
}
