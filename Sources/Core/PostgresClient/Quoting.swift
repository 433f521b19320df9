package import Platform

/// The one place where names and texts are made safe to stand inside a statement.
package enum Quoting {
    /// PostgreSQL keeps 63 bytes of a name and drops the rest with a mere notice (NAMEDATALEN).
    package static let longestName = 63

    /// A name in double quotes, always quoted, so that neither case nor keywords nor spaces matter.
    ///
    /// - Throws: for a name that PostgreSQL cannot hold: empty, with a NUL, or so long that it would be cut.
    package static func identifier(_ name: String) throws(PlainFailure) -> String {
        guard !name.isEmpty else { throw PlainFailure(.malformed, "a name in a statement is empty") }
        guard !name.utf8.contains(0) else {
            throw PlainFailure(.malformed, "the name \"\(shown(name))\" contains a NUL character")
        }
        guard name.utf8.count <= longestName else {
            throw PlainFailure(
                .malformed, "the name \"\(name)\" is longer than \(longestName) bytes",
                hint: "PostgreSQL would cut it, and it could then name something else")
        }
        return enclose(name, in: UInt8(ascii: "\""))
    }

    /// A text in single quotes, for statements that cannot bind values; in `E''` form when it holds a backslash.
    ///
    /// Connections set `standard_conforming_strings`, and the `E''` form is right whatever its value.
    package static func literal(_ text: String) throws(PlainFailure) -> String {
        guard !text.utf8.contains(0) else {
            throw PlainFailure(.malformed, "a text contains a NUL character, which PostgreSQL cannot hold")
        }
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return enclose(text, in: UInt8(ascii: "'")) }
        let doubled = text.utf8.flatMap { $0 == UInt8(ascii: "\\") ? [$0, $0] : [$0] }
        return "E" + enclose(String(decoding: doubled, as: UTF8.self), in: UInt8(ascii: "'"))
    }

    /// Works on bytes: in UTF-8 no byte of a longer character equals a quote, while Swift's `Character`s could swallow
    /// a quote that a combining mark follows.
    private static func enclose(_ text: String, in quote: UInt8) -> String {
        var bytes = [quote]
        bytes.reserveCapacity(text.utf8.count + 2)
        for byte in text.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func shown(_ name: String) -> String {
        String(decoding: name.utf8.map { $0 == 0 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
