import CSodium

/// Ed25519 signatures (RFC 8032).
package enum Ed25519 {
    package static let signatureByteCount = 64

    /// Signs; made from a seed of 32 bytes, which is all that has to be kept.
    package struct SigningKey: Sendable {
        package static let seedByteCount = 32

        package let publicKey: PublicKey
        private let expanded: SecretBytes

        /// - Throws: `badKey` unless the seed has 32 bytes.
        package init(seed: SecretBytes) throws(CryptographyError) {
            guard seed.count == Self.seedByteCount else {
                throw CryptographyError(.badKey, "an Ed25519 seed has 32 bytes, not \(seed.count)")
            }
            self.init(checked: seed)
        }

        private init(checked seed: SecretBytes) {
            var publicBytes = [UInt8](repeating: 0, count: PublicKey.byteCount)
            expanded = SecretBytes(count: Int(crypto_sign_ed25519_SECRETKEYBYTES)) { target in
                // Always 0: any 32 bytes are a seed.
                _ = seed.withPointer { crypto_sign_ed25519_seed_keypair(&publicBytes, target, $0) }
            }
            publicKey = PublicKey(checked: publicBytes)
        }

        package static func generate() -> SigningKey {
            SigningKey(checked: SecretBytes(random: seedByteCount))
        }

        /// The seed, to be written into a key file.
        package var seed: SecretBytes {
            expanded.withPointer { key in
                SecretBytes(count: Self.seedByteCount) { target in
                    // The first half of libsodium's secret key is the seed.
                    target.update(from: key, count: Self.seedByteCount)
                }
            }
        }

        package func sign(_ message: Span<UInt8>) -> [UInt8] {
            var signature = [UInt8](repeating: 0, count: signatureByteCount)
            message.withPointer { message, count in
                _ = expanded.withPointer { crypto_sign_ed25519_detached(&signature, nil, message, UInt64(count), $0) }
            }
            return signature
        }
    }

    /// Checks signatures.
    package struct PublicKey: Hashable, Sendable {
        package static let byteCount = 32

        package let bytes: [UInt8]

        /// - Throws: `badKey` unless there are 32 bytes.
        package init(_ bytes: [UInt8]) throws(CryptographyError) {
            guard bytes.count == Self.byteCount else {
                throw CryptographyError(.badKey, "an Ed25519 public key has 32 bytes, not \(bytes.count)")
            }
            self.bytes = bytes
        }

        fileprivate init(checked bytes: [UInt8]) {
            self.bytes = bytes
        }

        /// False for a signature of another length, another message or another key.
        package func isValid(_ signature: Span<UInt8>, for message: Span<UInt8>) -> Bool {
            guard signature.count == signatureByteCount else { return false }
            Sodium.start()
            return signature.withPointer { signature, _ in
                message.withPointer { message, count in
                    crypto_sign_ed25519_verify_detached(signature, message, UInt64(count), bytes) == 0
                }
            }
        }
    }
}
