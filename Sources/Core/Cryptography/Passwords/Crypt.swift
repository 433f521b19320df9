import CLibCrypt
import CSodium
import Glibc

/// The password hashes of crypt(5), by libxcrypt: bcrypt, yescrypt, SHA-crypt and the older ones.
package enum Crypt {
    /// Longer passwords are refused by libxcrypt, whatever the scheme.
    package static let passwordLimit = 511

    /// Hashes a password as the settings say: scheme, cost and salt, or a whole hash that has them in front.
    ///
    /// - Throws: `passphrase` for a password that C cannot take whole; `badKey` for settings that libxcrypt does not know.
    package static func hash(_ password: Span<UInt8>, settings: String) throws(CryptographyError) -> String {
        guard password.count <= passwordLimit else {
            throw CryptographyError(.passphrase, "the password is longer than \(passwordLimit) bytes")
        }
        // C would stop reading there, and any password with the same beginning would do.
        for index in password.indices where password[index] == 0 {
            throw CryptographyError(.passphrase, "the password contains a NUL character")
        }
        let phrase = UnsafeMutablePointer<CChar>.allocate(capacity: password.count + 1)
        let size = MemoryLayout<crypt_data>.size
        guard let work = calloc(1, size) else {
            throw CryptographyError(.memory, "there is not enough memory to hash a password")
        }
        defer {
            sodium_memzero(phrase, password.count + 1)
            phrase.deallocate()
            sodium_memzero(work, size)
            free(work)
        }
        for index in password.indices { phrase[index] = CChar(bitPattern: password[index]) }
        phrase[password.count] = 0
        // crypt_rn gives null for a failure, where crypt_r gives a token that looks like a hash.
        guard let hash = crypt_rn(phrase, settings, work, CInt(size)) else {
            throw CryptographyError(.badKey, "the password hash's scheme, cost or salt is not one that crypt(5) knows")
        }
        return String(cString: hash)
    }

    /// Settings with a fresh random salt, as `$2b$12$...` for the prefix `$2b$` and the cost 12.
    package static func freshSettings(prefix: String, cost: Int) throws(CryptographyError) -> String {
        let random = Randomness.bytes(16)
        var text = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        let made = random.span.withPointer { random, count in
            random.withMemoryRebound(to: CChar.self, capacity: count) {
                crypt_gensalt_rn(prefix, UInt(cost), $0, CInt(count), &text, CInt(text.count)) != nil
            }
        }
        guard made else { throw CryptographyError(.badKey, "\(prefix) takes no cost of \(cost)") }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }
}
