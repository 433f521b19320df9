/// Base 64 (RFC 4648, section 4) for salts and hashes inside of password hashes and verifiers.
package enum Base64Text {
    package static func encode(_ bytes: [UInt8], padded: Bool) -> String {
        String(decoding: Base64.encode(bytes, padding: padded ? .required : .none), as: UTF8.self)
    }

    /// Nil for any text that `encode` would not have made.
    package static func decode(_ text: some StringProtocol, padded: Bool) -> [UInt8]? {
        Base64.decode(Array(text.utf8), padding: padded ? .required : .none)
    }
}
