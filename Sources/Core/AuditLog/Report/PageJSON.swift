import Platform

/// Builds JSON that can stand inside of an HTML page: nothing in it looks like markup.
struct PageJSON {
    private(set) var bytes: [UInt8] = []
    private var needsComma = false

    mutating func object(_ name: String? = nil, _ body: (inout PageJSON) -> Void) {
        container(name, "{", "}", body)
    }

    mutating func array(_ name: String? = nil, _ body: (inout PageJSON) -> Void) {
        container(name, "[", "]", body)
    }

    mutating func member(_ name: String, _ text: String?) {
        guard let text else { return }
        key(name)
        string(text)
        needsComma = true
    }

    mutating func member(_ name: String, _ number: Int?) {
        guard let number else { return }
        key(name)
        bytes += Array("\(number)".utf8)
        needsComma = true
    }

    mutating func member(_ name: String, _ flag: Bool) {
        key(name)
        bytes += Array((flag ? "true" : "false").utf8)
        needsComma = true
    }

    mutating func element(_ text: String) {
        separate()
        string(text)
        needsComma = true
    }

    mutating func element(_ number: Int) {
        separate()
        bytes += Array("\(number)".utf8)
        needsComma = true
    }

    private mutating func container(
        _ name: String?, _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout PageJSON) -> Void
    ) {
        if let name { key(name) } else { separate() }
        bytes.append(UInt8(ascii: open))
        needsComma = false
        body(&self)
        bytes.append(UInt8(ascii: close))
        needsComma = true
    }

    private mutating func key(_ name: String) {
        separate()
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var previous: (UInt8, UInt8) = (0, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"): escape(UInt32(byte))
            case 0xA8, 0xA9:
                // U+2028 and U+2029 end a line in JavaScript.
                guard previous == (0xE2, 0x80) else {
                    bytes.append(byte)
                    break
                }
                bytes.removeLast(2)
                escape(byte == 0xA8 ? 0x2028 : 0x2029)
            default: bytes.append(byte)
            }
            previous = (previous.1, byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ value: UInt32) {
        let digits = Array("0123456789abcdef".utf8)
        bytes += [UInt8(ascii: "\\"), UInt8(ascii: "u")]
        for shift in [12, 8, 4, 0] as [UInt32] { bytes.append(digits[Int(value >> shift & 15)]) }
    }
}
