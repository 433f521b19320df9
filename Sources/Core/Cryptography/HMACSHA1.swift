import CLibCrypto

/// HMAC-SHA1, for the one-time codes of RFC 6238 alone: that is what authenticator apps compute.
package enum HMACSHA1 {
    package static func code(key: SecretBytes, _ message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 20)
        var count: CUnsignedInt = 0
        let made = key.withPointer { HMAC(EVP_sha1(), $0, CInt(key.count), message, message.count, &code, &count) }
        // It fails only without memory.
        guard made != nil, count == 20 else { fatalError("libcrypto could not compute a code") }
        return code
    }
}
