/// A text as places that can be permuted and signs that stay: digits become digits, letters letters of their case and script.
struct Shape {
    private enum Sign {
        case fixed(Unicode.Scalar)
        /// First of a block of characters, of which one is meant.
        case place(block: Block)
    }

    /// Characters of one sort and one length in UTF-8; where capitals and small letters take turns, every other one.
    private struct Block {
        let first: UInt32
        let count: Int
        var step: UInt32 = 1

        init(_ first: UInt32, _ count: Int, step: UInt32 = 1) {
            (self.first, self.count, self.step) = (first, count, step)
        }

        /// The characters from `first` on, of which `value` is one, that have its case.
        init(alternating first: UInt32, _ count: Int, with value: UInt32) {
            self.init(first + (value - first) % 2, count, step: 2)
        }
    }

    private var signs: [Sign] = []
    private(set) var digits: [Int] = []
    private(set) var radices: [Int] = []

    /// - Parameter keeping: how many of the first letters and digits stay as they are.
    init(_ text: String, keeping kept: Int = 0) {
        var left = kept
        for scalar in text.unicodeScalars {
            guard let block = Self.block(of: scalar), left <= 0 else {
                if Self.block(of: scalar) != nil { left -= 1 }
                signs.append(.fixed(scalar))
                continue
            }
            signs.append(.place(block: block))
            digits.append(Int((scalar.value - block.first) / block.step))
            radices.append(block.count)
        }
    }

    func text(of digits: [Int]) -> String {
        var text = String.UnicodeScalarView()
        var next = 0
        for sign in signs {
            switch sign {
            case .fixed(let scalar): text.append(scalar)
            case .place(let block):
                text.append(Unicode.Scalar(block.first + UInt32(digits[next]) * block.step) ?? "?")
                next += 1
            }
        }
        return String(text)
    }

    /// The characters that one may become; nil for what stays.
    private static func block(of scalar: Unicode.Scalar) -> Block? {
        let value = scalar.value
        return switch value {
        case 0x30...0x39: Block(0x30, 10)
        case 0x41...0x5A: Block(0x41, 26)
        case 0x61...0x7A: Block(0x61, 26)
        case 0..<0xC0: nil
        // Letters with accents, without the signs for multiplying and dividing between them.
        case 0xC0...0xD6: Block(0xC0, 23)
        case 0xD8...0xDE: Block(0xD8, 7)
        case 0xDF...0xF6: Block(0xDF, 24)
        case 0xF8...0xFF: Block(0xF8, 8)
        case 0x100...0x137: Block(alternating: 0x100, 28, with: value)
        case 0x139...0x148: Block(alternating: 0x139, 8, with: value)
        case 0x14A...0x177: Block(alternating: 0x14A, 23, with: value)
        case 0x179...0x17E: Block(alternating: 0x179, 3, with: value)
        case 0x391...0x3A1: Block(0x391, 17)
        case 0x3B1...0x3C9: Block(0x3B1, 25)
        case 0x410...0x42F: Block(0x410, 32)
        case 0x430...0x43F: Block(0x430, 16)
        case 0x440...0x44F: Block(0x440, 16)
        case 0x4E00...0x9FFF: Block(0x4E00, 0x5200)
        case 0xAC00...0xD7A3: Block(0xAC00, 11172)
        // The rest by blocks of 64, which never hold a surrogate beside a character.
        default: Block(value & ~63, 64)
        }
    }
}
