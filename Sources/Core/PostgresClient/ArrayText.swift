/// PostgreSQL's text form of one-dimensional arrays: `{a,"b c",NULL}` (Documentation, 8.15.6).
package enum ArrayText {
    private static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    /// Quotes every element, which is always right: a bare NULL, blanks and commas have meanings of their own.
    package static func write(_ elements: [String?]) -> [UInt8] {
        var bytes = [UInt8(ascii: "{")]
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            guard let element else {
                bytes += "NULL".utf8
                continue
            }
            bytes.append(quote)
            for byte in element.utf8 {
                if byte == quote || byte == backslash { bytes.append(backslash) }
                bytes.append(byte)
            }
            bytes.append(quote)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// The elements of an array, nil for NULL; nil for anything else than a one-dimensional array.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> [String?]? {
        // "[0:2]={...}" is an array that does not begin at 1.
        var rest = bytes[...]
        if rest.first == UInt8(ascii: "[") {
            guard let equals = rest.firstIndex(of: UInt8(ascii: "=")) else { return nil }
            rest = rest[(equals + 1)...]
        }
        guard rest.first == UInt8(ascii: "{"), rest.last == UInt8(ascii: "}") else { return nil }
        rest = rest.dropFirst().dropLast()
        if rest.isEmpty { return [] }

        var elements: [String?] = []
        while true {
            guard let element = takeElement(from: &rest) else { return nil }
            elements.append(element.isNull ? nil : String(decoding: element.bytes, as: UTF8.self))
            guard let separator = rest.popFirst() else { return elements }
            guard separator == UInt8(ascii: ",") else { return nil }
        }
    }

    /// As `read`, of a copy.
    package static func elements(of text: String) -> [String?]? {
        Array(text.utf8).withUnsafeBufferPointer { read($0) }
    }

    private struct Element {
        var bytes: [UInt8] = []
        var isQuoted = false
        var isNull: Bool { !isQuoted && bytes.elementsEqual("NULL".utf8) }
    }

    private static func takeElement(from rest: inout Slice<UnsafeBufferPointer<UInt8>>) -> Element? {
        var element = Element()
        if rest.first == quote {
            rest.removeFirst()
            element.isQuoted = true
        }
        while let byte = rest.first {
            if !element.isQuoted && byte == UInt8(ascii: ",") { break }
            rest.removeFirst()
            switch byte {
            case quote: return element.isQuoted ? element : nil
            case backslash:
                guard let escaped = rest.popFirst() else { return nil }
                element.bytes.append(escaped)
            case UInt8(ascii: "{") where !element.isQuoted: return nil
            default: element.bytes.append(byte)
            }
        }
        // A quoted element ends with its quote above; an empty bare one does not exist.
        return element.isQuoted || element.bytes.isEmpty ? nil : element
    }
}
