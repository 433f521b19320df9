/// One value of a sample, with what every validator asks first counted once.
struct SampledValue: Sendable {
    let text: String
    let bytes: [UInt8]
    /// The decimal digits in order, as numbers.
    let digits: [UInt8]
    let letters: Int
    let spaces: Int
    let isASCII: Bool

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
        var digits: [UInt8] = []
        var (letters, spaces, isASCII) = (0, 0, true)
        for byte in bytes {
            switch byte {
            case 0x30...0x39: digits.append(byte - 0x30)
            case 0x41...0x5A, 0x61...0x7A: letters += 1
            case 0x20: spaces += 1
            case 0x80...0xBF: isASCII = false
            // The first byte of a longer character, most of which are letters.
            case 0xC0...: (letters, isASCII) = (letters + 1, false)
            default: break
            }
        }
        self.digits = digits
        self.letters = letters
        self.spaces = spaces
        self.isASCII = isASCII
    }

    /// Everything but letters and digits, in order.
    var separators: [UInt8] {
        bytes.filter { !($0.isDigit || $0.isLetter || $0 >= 0x80) }
    }

    /// Letters in capitals and digits, without anything between them.
    var compact: [UInt8] {
        bytes.compactMap { byte in
            byte.isDigit || byte.isCapital ? byte : byte.isSmall ? byte - 0x20 : nil
        }
    }

    /// What the value looks like, and nothing else: `Xxxx 99-9`.
    var shape: String {
        var shape = ""
        for scalar in text.unicodeScalars.prefix(40) {
            if scalar.properties.numericType != nil {
                shape += "9"
            } else if scalar.properties.isAlphabetic {
                shape += scalar.properties.isUppercase ? "X" : "x"
            } else {
                shape.unicodeScalars.append(scalar.value < 32 ? " " : scalar)
            }
        }
        return text.unicodeScalars.count > 40 ? shape + "..." : shape
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isCapital: Bool { (0x41...0x5A).contains(self) }
    var isSmall: Bool { (0x61...0x7A).contains(self) }
    var isLetter: Bool { isCapital || isSmall }
    var isHexDigit: Bool { isDigit || (0x41...0x46).contains(self) || (0x61...0x66).contains(self) }
}
