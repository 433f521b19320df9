/// One recipient's share of the file key, as it stands in the header.
struct AgeStanza: Equatable {
    static let columns = 64
    private static let bytesPerLine = columns / 4 * 3

    let arguments: [String]
    let body: [UInt8]

    var kind: String { arguments.first ?? "" }

    /// The stanza's lines, the last of the body shorter than 64 columns, even if empty.
    var encoded: [UInt8] {
        var text = Array("-> \(arguments.joined(separator: " "))\n".utf8)
        var rest = body[...]
        repeat {
            let line = Array(rest.prefix(Self.bytesPerLine))
            rest = rest.dropFirst(line.count)
            text += Base64.encode(line, padding: .none)
            text.append(UInt8(ascii: "\n"))
            if line.count < Self.bytesPerLine { break }
        } while true
        return text
    }
}
