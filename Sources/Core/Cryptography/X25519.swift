import CSodium

/// X25519 key agreement (RFC 7748).
package enum X25519 {
    package static let byteCount = 32

    package static func publicKey(of secret: SecretBytes) throws(CryptographyError) -> [UInt8] {
        try check(secret.count)
        var point = [UInt8](repeating: 0, count: byteCount)
        let result = secret.withPointer { crypto_scalarmult_curve25519_base(&point, $0) }
        guard result == 0 else { throw CryptographyError(.badKey, "the secret has no X25519 public key") }
        return point
    }

    /// - Throws: `badKey` for a point of low order, with which every secret would give the same all-zero result.
    package static func sharedSecret(
        _ secret: SecretBytes, with point: [UInt8]
    ) throws(CryptographyError) -> SecretBytes {
        try check(secret.count)
        try check(point.count)
        return try SecretBytes(count: byteCount) { target throws(CryptographyError) in
            guard secret.withPointer({ crypto_scalarmult_curve25519(target, $0, point) }) == 0 else {
                throw CryptographyError(.badKey, "the X25519 public key is of low order")
            }
        }
    }

    private static func check(_ count: Int) throws(CryptographyError) {
        Sodium.start()
        guard count == byteCount else {
            throw CryptographyError(.badKey, "an X25519 key has \(byteCount) bytes, not \(count)")
        }
    }
}
