/// What the minisign formats share: lines of a comment and of base 64, and names for keys.
enum MinisignFile {
    static let untrusted = "untrusted comment: "
    static let trusted = "trusted comment: "
    /// The key's own algorithm, and that of a signature over the message itself.
    static let plain = Array("Ed".utf8)
    /// A signature over the message's BLAKE2b-512.
    static let prehashed = Array("ED".utf8)

    /// The lines without their ends; a line feed at the very end ends the last one.
    static func lines(_ file: Span<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = [[]]
        for index in file.indices {
            if file[index] == UInt8(ascii: "\n") {
                if lines[lines.count - 1].last == UInt8(ascii: "\r") { lines[lines.count - 1].removeLast() }
                lines.append([])
            } else {
                lines[lines.count - 1].append(file[index])
            }
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    static func line(_ bytes: [UInt8]) -> [UInt8] {
        Base64.encode(bytes, padding: .required) + [UInt8(ascii: "\n")]
    }

    static func comment(_ prefix: String, _ text: String) -> [UInt8] {
        Array("\(prefix)\(text)\n".utf8)
    }

    /// Text of one line; a control character could forge a second one on somebody's terminal.
    static func isComment(_ text: String) -> Bool {
        text.utf8.count <= 8000 && text.unicodeScalars.allSatisfy { $0 == "\t" || ($0.value >= 32 && $0.value != 127) }
    }
}

/// The eight bytes that name a minisign key pair; no proof of anything.
package struct MinisignKeyID: Hashable, Sendable, CustomStringConvertible {
    static let byteCount = 8

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Sixteen digits as minisign prints them: the bytes as a little-endian number.
    package var description: String {
        let digits = Array("0123456789ABCDEF")
        return String(bytes.reversed().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
