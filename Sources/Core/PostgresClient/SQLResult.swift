import Platform

/// One value of a result where it lies; only valid while its result lives.
package struct Cell {
    /// nil is NULL.
    let bytes: UnsafeBufferPointer<UInt8>?
    let type: UInt32
    let isBinary: Bool

    /// The value in text form, when that is how it came.
    var text: String? {
        guard let bytes, !isBinary else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A whole number in binary form, big-endian, when it is of this type and of its size.
    func integer<Number: FixedWidthInteger>(_ number: Number.Type, ofType wanted: UInt32) -> Number? {
        guard let bytes, isBinary, type == wanted, bytes.count == Number.bitWidth / 8 else { return nil }
        return bytes.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}

/// A type that values of a result can be read as.
package protocol SQLResult {
    /// nil when the cell holds something else.
    init?(_ cell: Cell)
}

/// A type whose arrays can be read from a result.
package protocol SQLResultElement {
    static func elements(_ cell: Cell) -> [Self]?
}

extension Optional: SQLResult where Wrapped: SQLResult {
    package init?(_ cell: Cell) {
        if cell.bytes == nil {
            self = Self.none
        } else if let value = Wrapped(cell) {
            self = .some(value)
        } else {
            return nil
        }
    }
}

extension String: SQLResult {
    /// text, varchar, bpchar, name, "char", json, xml, unknown: their binary form is their text.
    private static let textTypes: Set<UInt32> = [25, 1043, 1042, 19, 18, 114, 142, 705]

    package init?(_ cell: Cell) {
        guard let bytes = cell.bytes, !cell.isBinary || Self.textTypes.contains(cell.type) else { return nil }
        self = String(decoding: bytes, as: UTF8.self)
    }
}

extension Bool: SQLResult {
    package init?(_ cell: Cell) {
        guard let bytes = cell.bytes, cell.type == 16, bytes.count == 1 else { return nil }
        self = bytes[0] == (cell.isBinary ? 1 : UInt8(ascii: "t"))
    }
}

extension Int64: SQLResult {
    package init?(_ cell: Cell) {
        if cell.isBinary {
            let small: Int64? =
                cell.integer(Int16.self, ofType: 21).map { Int64($0) }
                ?? cell.integer(Int32.self, ofType: 23).map { Int64($0) }
                ?? cell.integer(UInt32.self, ofType: 26).map { Int64($0) }
            guard let value = small ?? cell.integer(Int64.self, ofType: 20) else { return nil }
            self = value
        } else {
            guard let text = cell.text, let value = Int64(text) else { return nil }
            self = value
        }
    }
}

extension Int: SQLResult {
    package init?(_ cell: Cell) {
        guard let value = Int64(cell) else { return nil }
        self = Int(value)
    }
}

extension UInt32: SQLResult {
    package init?(_ cell: Cell) {
        guard let value = Int64(cell).flatMap({ UInt32(exactly: $0) }) else { return nil }
        self = value
    }
}

extension Double: SQLResult {
    package init?(_ cell: Cell) {
        if cell.isBinary {
            if let bits = cell.integer(UInt64.self, ofType: 701) {
                self = Double(bitPattern: bits)
            } else if let bits = cell.integer(UInt32.self, ofType: 700) {
                self = Double(Float(bitPattern: bits))
            } else {
                return nil
            }
        } else {
            guard let text = cell.text, let value = Double(text) else { return nil }
            self = value
        }
    }
}

extension Array: SQLResult where Element: SQLResultElement {
    package init?(_ cell: Cell) {
        guard let elements = Element.elements(cell) else { return nil }
        self = elements
    }
}

/// An array of bytes is a `bytea`.
extension UInt8: SQLResultElement {
    package static func elements(_ cell: Cell) -> [UInt8]? {
        guard let bytes = cell.bytes, cell.type == 17 else { return nil }
        if cell.isBinary { return Array(bytes) }
        // Connections set bytea_output = hex: \x and two digits a byte.
        guard bytes.starts(with: "\\x".utf8) else { return nil }
        return Hex.decode(String(decoding: bytes.dropFirst(2), as: UTF8.self))
    }
}

extension Optional: SQLResultElement where Wrapped: SQLResult {
    package static func elements(_ cell: Cell) -> [Wrapped?]? {
        guard let bytes = cell.bytes, !cell.isBinary, let texts = ArrayText.read(bytes) else { return nil }
        var values: [Wrapped?] = []
        for text in texts {
            guard var text else {
                values.append(nil)
                continue
            }
            // The element's own type is not known here; in text form only Bool would ask, and it is checked below.
            let value = text.withUTF8 {
                Wrapped(Cell(bytes: $0, type: Wrapped.self == Bool.self ? 16 : 0, isBinary: false))
            }
            guard let value else { return nil }
            values.append(value)
        }
        return values
    }
}

extension SQLResultElement where Self: SQLResult {
    /// An array without NULLs.
    package static func elements(_ cell: Cell) -> [Self]? {
        guard let values = [Self?].init(cell) else { return nil }
        let present = values.compactMap(\.self)
        return present.count == values.count ? present : nil
    }
}

extension String: SQLResultElement {}
extension Bool: SQLResultElement {}
extension Int: SQLResultElement {}
extension Int64: SQLResultElement {}
extension UInt32: SQLResultElement {}
extension Double: SQLResultElement {}
