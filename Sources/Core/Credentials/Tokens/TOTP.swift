package import Cryptography
package import Platform

/// Time-based one-time passwords (RFC 6238) as authenticator apps make them: SHA-1, six digits, 30 seconds.
package struct TOTP: Sendable {
    package let seed: SecretBytes

    static let period: Int64 = 30
    /// Clocks differ: one step before and one after are taken too.
    static let tolerance: Int64 = 1

    package init(seed: SecretBytes) {
        self.seed = seed
    }

    /// RFC 4226 wants 160 bits.
    package static func random() -> TOTP {
        TOTP(seed: SecretBytes(random: 20))
    }

    /// The code of a time step, of six to eight digits.
    package func code(step: Int64, digits: Int = 6) -> String {
        let message = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * Int64($0))) }
        let hash = HMACSHA1.code(key: seed, message)
        let offset = Int(hash[19] & 15)
        let number = hash[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
        let modulus: UInt32 = (0..<digits).reduce(1) { power, _ in power * 10 }
        let text = String(number % modulus)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The time step that a code belongs to, which must never be taken again; nil for a wrong code.
    package func step(of code: String, at now: Timestamp) -> Int64? {
        let typed = Array(code.utf8.filter { $0 != 0x20 })
        let current = now.microseconds / 1_000_000 / Self.period
        var found: Int64?
        // All of them, always: how long it takes does not tell which one it was.
        for step in (current - Self.tolerance)...(current + Self.tolerance)
        where constantTimeEqual(Array(self.code(step: step).utf8).span, typed.span) {
            found = step
        }
        return found
    }

    /// For a QR code: what authenticator apps read.
    package func address(issuer: String, account: String) -> String {
        "otpauth://totp/\(Self.escaped(issuer)):\(Self.escaped(account))?secret=\(base32)&issuer=\(Self.escaped(issuer))"
    }

    /// For typing in.
    package var base32: String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        return seed.withBytes { bytes in
            var (text, buffer, bits): ([UInt8], UInt32, Int) = ([], 0, 0)
            for index in bytes.indices {
                buffer = buffer << 8 | UInt32(bytes[index])
                bits += 8
                while bits >= 5 {
                    bits -= 5
                    text.append(digits[Int(buffer >> UInt32(bits) & 31)])
                }
            }
            if bits > 0 { text.append(digits[Int(buffer << UInt32(5 - bits) & 31)]) }
            return String(decoding: text, as: UTF8.self)
        }
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E].contains(byte)
            return isPlain ? String(Unicode.Scalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}
