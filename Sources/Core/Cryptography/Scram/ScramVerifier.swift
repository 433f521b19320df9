import CLibCrypto
package import Platform

/// What PostgreSQL stores in place of a password: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803).
///
/// Made here, so that the password itself never travels, neither to the server nor into its log. Only what `init(_:)` reads
/// may be sent to a server: it would take anything else for the password itself.
package struct ScramVerifier: Equatable, Sendable {
    package let iterations: Int
    package let salt: [UInt8]
    private let storedKey: [UInt8]
    private let serverKey: [UInt8]

    /// PostgreSQL's own default.
    package static let defaultIterations = 4096
    package static let iterationCounts = 4096...10_000_000

    /// A verifier of this password, prepared as PostgreSQL does (SASLprep), with a fresh salt unless one is given.
    ///
    /// - Throws: a failure (65) for an empty password and for one with a NUL character, which the server cannot take.
    package init(
        of password: Span<UInt8>, iterations: Int = defaultIterations, salt: [UInt8] = Randomness.bytes(16)
    ) throws(PlainFailure) {
        guard !password.isEmpty else { throw PlainFailure(.malformed, "the password is empty") }
        for index in password.indices where password[index] == 0 {
            throw PlainFailure(.malformed, "a password contains a NUL character")
        }
        guard (1...Self.iterationCounts.upperBound).contains(iterations), !salt.isEmpty else {
            throw PlainFailure(.usage, "a SCRAM verifier takes 1 to 10,000,000 iterations")
        }
        (storedKey, serverKey) = Self.keys(password, salt, iterations)
        self.iterations = iterations
        self.salt = salt
    }

    /// Reads a verifier strictly; nil for anything else, an md5 hash too.
    package init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "SCRAM-SHA-256" else { return nil }
        let parameters = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard parameters.count == 2, keys.count == 2, let iterations = Int(parameters[0]),
            (1...Self.iterationCounts.upperBound).contains(iterations), String(iterations) == parameters[0],
            let salt = Base64Text.decode(parameters[1], padded: true), !salt.isEmpty,
            let storedKey = Base64Text.decode(keys[0], padded: true), storedKey.count == 32,
            let serverKey = Base64Text.decode(keys[1], padded: true), serverKey.count == 32
        else { return nil }
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// As it stands in `pg_authid.rolpassword`.
    package var text: String {
        func base64(_ bytes: [UInt8]) -> String { Base64Text.encode(bytes, padded: true) }
        return "SCRAM-SHA-256$\(iterations):\(base64(salt))$\(base64(storedKey)):\(base64(serverKey))"
    }

    /// Whether the verifier was made of this password.
    package func isOf(_ password: SecretBytes) -> Bool {
        let (stored, server) = password.withBytes { Self.keys($0, salt, iterations) }
        let isStored = constantTimeEqual(stored.span, storedKey.span)
        return constantTimeEqual(server.span, serverKey.span) && isStored
    }

    /// RFC 5802, section 3.
    private static func keys(
        _ password: Span<UInt8>, _ salt: [UInt8], _ iterations: Int
    ) -> (stored: [UInt8], server: [UInt8]) {
        var prepared = SASLprep.prepared(password)
        defer { wipe(&prepared) }
        var salted = [UInt8](repeating: 0, count: 32)
        defer { wipe(&salted) }
        let result = prepared.span.withPointer { bytes, count in
            bytes.withMemoryRebound(to: CChar.self, capacity: count) {
                PKCS5_PBKDF2_HMAC(
                    $0, CInt(count), salt, CInt(salt.count), CInt(iterations), EVP_sha256(), CInt(salted.count), &salted
                )
            }
        }
        // It fails only without memory.
        guard result == 1 else { fatalError("libcrypto could not derive a key") }
        func code(_ text: String) -> [UInt8] {
            var code = HMACSHA256(key: salted.span)
            code.update(Array(text.utf8).span)
            return code.finish()
        }
        var clientKey = code("Client Key")
        defer { wipe(&clientKey) }
        return (SHA256.hash(clientKey).bytes, code("Server Key"))
    }
}
