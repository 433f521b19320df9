package import Platform

/// Takes off the ASCII armor of an age file, strictly by RFC 7468, figure 3; white space may stand around it.
package final class AgeArmorDecoder: ByteSink {
    static let marker = "-----BEGIN AGE ENCRYPTED FILE-----"
    private static let end = "-----END AGE ENCRYPTED FILE-----"
    private static let columns = 64

    private enum Place {
        case before
        case body
        /// A short line was read: only the end may follow.
        case lastLine
        case after
    }

    private let next: any ByteSink
    private var place = Place.before
    private var line: [UInt8] = []

    package init(into next: any ByteSink) {
        self.next = next
    }

    package func write(_ bytes: Span<UInt8>) throws {
        for index in bytes.indices {
            if bytes[index] == UInt8(ascii: "\n") {
                try takeLine()
            } else {
                // White space around the armor may be long; nothing else may.
                guard line.count < 1024 else { throw Self.malformed("has a line that is too long") }
                line.append(bytes[index])
            }
        }
    }

    package func finish() throws {
        if !line.isEmpty { try takeLine() }
        guard case .after = place else { throw Self.malformed("is cut off") }
        try next.finish()
    }

    private func takeLine() throws {
        defer { line.removeAll(keepingCapacity: true) }
        switch place {
        case .before:
            guard !line.allSatisfy(Self.isSpace) else { return }
            // White space may stand before the armor, on lines of its own.
            dropCarriageReturn()
            guard line == Array(Self.marker.utf8) else { throw Self.malformed("does not begin as it must") }
            place = .body
        case .body, .lastLine:
            dropCarriageReturn()
            try takeBody()
        case .after:
            guard line.allSatisfy(Self.isSpace) else { throw Self.malformed("is followed by something") }
        }
    }

    private func takeBody() throws {
        if line.starts(with: "-".utf8) {
            guard line == Array(Self.end.utf8) else { throw Self.malformed("does not end as it must") }
            place = .after
            return
        }
        guard case .body = place, (1...Self.columns).contains(line.count),
            let bytes = Base64.decode(line, padding: .required)
        else { throw Self.malformed("has a malformed line") }
        if line.count < Self.columns || line.last == UInt8(ascii: "=") { place = .lastLine }
        try next.write(bytes.span)
    }

    private func dropCarriageReturn() {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), 0x0b, 0x0c].contains(byte)
    }

    private static func malformed(_ what: String) -> CryptographyError {
        CryptographyError(.armor, "the ASCII armor of the age file \(what)")
    }
}
