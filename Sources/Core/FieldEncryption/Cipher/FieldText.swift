import FoundationEssentials
import Platform

/// Fields as text: `\x` and hexadecimal digits, as PostgreSQL writes a bytea, or base 64.
package enum FieldText {
    package static func base64(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
    }

    /// Nil for what is neither.
    package static func read(_ text: some Collection<UInt8>) -> [UInt8]? {
        var text = Array(text)
        while let last = text.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: " ") { text.removeLast() }
        if text.starts(with: "\\x".utf8) { return Hex.decode(String(decoding: text.dropFirst(2), as: UTF8.self)) }
        return Data(base64Encoded: Data(text)).map { Array($0) }
    }
}
