import FoundationEssentials

/// Standard base64 with padding, read strictly: one text for one run of bytes.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
    }

    /// Nil for anything that `encode` would not have written.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        let text = Array(text)
        guard let bytes = Data(base64Encoded: Data(text)).map({ Array($0) }), Array(encode(bytes).utf8) == text else {
            return nil
        }
        return bytes
    }
}
