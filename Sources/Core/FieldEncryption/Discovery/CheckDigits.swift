/// The check digit schemes that identifiers share.
package enum CheckDigits {
    /// ISO/IEC 7812-1, annex B: payment cards, IMEI, Canada's SIN, Sweden's personal numbers.
    package static func luhn(_ digits: some RandomAccessCollection<UInt8>) -> Bool {
        digits.count > 1 && luhnSum(digits, startsDoubling: false) % 10 == 0
    }

    /// The digit that makes `payload` pass `luhn` when it is put behind it.
    package static func luhnDigit(for payload: some RandomAccessCollection<UInt8>) -> UInt8 {
        UInt8((10 - luhnSum(payload, startsDoubling: true) % 10) % 10)
    }

    private static func luhnSum(_ digits: some RandomAccessCollection<UInt8>, startsDoubling: Bool) -> Int {
        var sum = 0
        var doubles = startsDoubling
        for digit in digits.reversed() {
            let value = Int(digit) * (doubles ? 2 : 1)
            sum += value > 9 ? value - 9 : value
            doubles.toggle()
        }
        return sum
    }

    /// ISO/IEC 7064, MOD 97-10, of capitals and digits, where A counts 10.
    package static func mod97(_ characters: some Sequence<UInt8>) -> Int {
        var rest = 0
        for byte in characters {
            if byte.isDigit {
                rest = (rest * 10 + Int(byte - 0x30)) % 97
            } else {
                rest = (rest * 100 + Int(byte) - 55) % 97
            }
        }
        return rest
    }

    /// ISO/IEC 7064, MOD 11,10: Germany's tax number.
    static func mod11And10(_ digits: some Sequence<UInt8>) -> Bool {
        var product = 10
        var last = 0
        for digit in digits {
            last = (Int(digit) + product) % 10
            product = (last == 0 ? 10 : last) * 2 % 11
        }
        return last == 1
    }

    /// Verhoeff's scheme: India's Aadhaar.
    static func verhoeff(_ digits: some BidirectionalCollection<UInt8>) -> Bool {
        var check = 0
        for (index, digit) in digits.reversed().enumerated() {
            check = multiply(check, permute(index % 8, Int(digit)))
        }
        return check == 0
    }

    /// Multiplication in the dihedral group of order 10.
    private static func multiply(_ left: Int, _ right: Int) -> Int {
        switch (left < 5, right < 5) {
        case (true, true): (left + right) % 5
        case (true, false): (left + right - 5) % 5 + 5
        case (false, true): (left - 5 - right + 5) % 5 + 5
        case (false, false): (left - right + 5) % 5
        }
    }

    private static let permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]

    private static func permute(_ times: Int, _ digit: Int) -> Int {
        (0..<times).reduce(digit) { digit, _ in permutation[digit] }
    }

    static func weighted(_ digits: some Sequence<UInt8>, _ weights: [Int]) -> Int {
        zip(digits, weights).reduce(0) { $0 + Int($1.0) * $1.1 }
    }
}
