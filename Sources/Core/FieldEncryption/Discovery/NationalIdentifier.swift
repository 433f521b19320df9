/// A state's numbers for people, as far as a value alone can show that it is one.
struct NationalIdentifier: Sendable {
    /// `ES DNI`.
    let name: String
    /// How many of a thousand random values of the same shape pass.
    let luckyPerThousand: Int
    let accepts: @Sendable (SampledValue) -> Bool

    /// Which of them a value passes.
    static let all: [NationalIdentifier] = [
        NationalIdentifier(name: "US SSN", luckyPerThousand: 20, accepts: isSSN),
        NationalIdentifier(name: "GB NINO", luckyPerThousand: 30, accepts: isNINO),
        NationalIdentifier(name: "GB NHS", luckyPerThousand: 91) { value in
            guard isNumber(value, of: 10, separators: " -") else { return false }
            let check = 11 - CheckDigits.weighted(value.digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11
            return check % 11 == Int(value.digits[9]) && check != 10
        },
        NationalIdentifier(name: "ES DNI", luckyPerThousand: 43, accepts: isDNI),
        NationalIdentifier(name: "IT codice fiscale", luckyPerThousand: 1, accepts: isCodiceFiscale),
        NationalIdentifier(name: "FR NIR", luckyPerThousand: 3, accepts: isNIR),
        NationalIdentifier(name: "PL PESEL", luckyPerThousand: 10) { value in
            guard isNumber(value, of: 11, separators: "") else { return false }
            let sum = CheckDigits.weighted(value.digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3])
            let month = Int(value.digits[2]) * 10 + Int(value.digits[3])
            return (10 - sum % 10) % 10 == Int(value.digits[10]) && (1...12).contains(month % 20)
                && isDay(value.digits[4], value.digits[5])
        },
        NationalIdentifier(name: "NL BSN", luckyPerThousand: 91) { value in
            guard isNumber(value, of: 9, separators: ". ") else { return false }
            let sum = CheckDigits.weighted(value.digits, [9, 8, 7, 6, 5, 4, 3, 2]) - Int(value.digits[8])
            return sum % 11 == 0 && sum > 0
        },
        NationalIdentifier(name: "DE Steuer-ID", luckyPerThousand: 30, accepts: isSteuerID),
        NationalIdentifier(name: "PT NIF", luckyPerThousand: 60) { value in
            guard isNumber(value, of: 9, separators: " "), [1, 2, 3].contains(value.digits[0]) else { return false }
            let check = 11 - CheckDigits.weighted(value.digits, [9, 8, 7, 6, 5, 4, 3, 2]) % 11
            return (check > 9 ? 0 : check) == Int(value.digits[8])
        },
        NationalIdentifier(name: "BR CPF", luckyPerThousand: 10, accepts: isCPF),
        NationalIdentifier(name: "BE NN", luckyPerThousand: 5) { value in
            guard isNumber(value, of: 11, separators: ".- ") else { return false }
            let number = value.digits[..<9].reduce(0) { $0 * 10 + Int($1) }
            let check = Int(value.digits[9]) * 10 + Int(value.digits[10])
            let month = Int(value.digits[2]) * 10 + Int(value.digits[3])
            return month <= 12 && [97 - number % 97, 97 - (2_000_000_000 + number) % 97].contains(check)
        },
        NationalIdentifier(name: "CH AHV", luckyPerThousand: 1) { value in
            guard isNumber(value, of: 13, separators: ". "), value.digits.starts(with: [7, 5, 6]) else { return false }
            let sum = CheckDigits.weighted(value.digits, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3])
            return (10 - sum % 10) % 10 == Int(value.digits[12])
        },
        NationalIdentifier(name: "SE personnummer", luckyPerThousand: 8) { value in
            guard isNumber(value, of: 10, separators: "-+") || isNumber(value, of: 12, separators: "-") else {
                return false
            }
            let digits = value.digits.suffix(10)
            let month = Int(digits[digits.startIndex + 2]) * 10 + Int(digits[digits.startIndex + 3])
            return (1...12).contains(month) && isDay(digits[digits.startIndex + 4], digits[digits.startIndex + 5])
                && CheckDigits.luhn(digits)
        },
        NationalIdentifier(name: "FI HETU", luckyPerThousand: 5, accepts: isHETU),
        NationalIdentifier(name: "CA SIN", luckyPerThousand: 90) { value in
            isNumber(value, of: 9, separators: " -") && value.digits[0] != 0 && value.digits[0] != 8
                && CheckDigits.luhn(value.digits)
        },
        NationalIdentifier(name: "IN Aadhaar", luckyPerThousand: 80) { value in
            isNumber(value, of: 12, separators: " -") && value.digits[0] > 1 && CheckDigits.verhoeff(value.digits)
        },
    ]

    /// Digits alone, or with some of these characters between them.
    private static func isNumber(_ value: SampledValue, of count: Int, separators: String) -> Bool {
        guard value.digits.count == count, value.letters == 0, value.isASCII else { return false }
        let allowed = Array(separators.utf8)
        return value.bytes.allSatisfy { $0.isDigit || allowed.contains($0) }
            && value.bytes.count - count <= 4 && value.digits.contains { $0 != value.digits[0] }
    }

    private static func isDay(_ tens: UInt8, _ ones: UInt8) -> Bool {
        (1...31).contains(Int(tens) * 10 + Int(ones))
    }

    /// Without its dashes it is any number of nine digits.
    private static let isSSN: @Sendable (SampledValue) -> Bool = { value in
        guard value.bytes.count == 11, value.bytes[3] == 0x2D, value.bytes[6] == 0x2D, value.digits.count == 9 else {
            return false
        }
        let area = value.digits[..<3].reduce(0) { $0 * 10 + Int($1) }
        return area != 0 && area != 666 && area < 900 && value.digits[3...4] != [0, 0]
            && value.digits[5...8] != [0, 0, 0, 0]
    }

    private static let isNINO: @Sendable (SampledValue) -> Bool = { value in
        let text = value.compact
        guard text.count == 9, value.isASCII, text[..<2].allSatisfy(\.isCapital), text[2..<8].allSatisfy(\.isDigit),
            (0x41...0x44).contains(text[8])
        else { return false }
        return !"DFIQUV".utf8.contains(text[0]) && !"DFIQUVO".utf8.contains(text[1])
    }

    private static let isDNI: @Sendable (SampledValue) -> Bool = { value in
        var text = value.compact
        guard text.count == 9, value.isASCII, value.bytes.count <= 12, text[8].isCapital else { return false }
        // A foreigner's number begins with X, Y or Z, which stand for 0, 1 and 2.
        if (0x58...0x5A).contains(text[0]) { text[0] = text[0] - 0x58 + 0x30 }
        guard text[..<8].allSatisfy(\.isDigit) else { return false }
        let number = text[..<8].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return Array("TRWAGMYFPDXBNJZSQVHLCKE".utf8)[number % 23] == text[8]
    }

    private static let oddValues = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ]

    private static let isCodiceFiscale: @Sendable (SampledValue) -> Bool = { value in
        let text = value.compact
        guard text.count == 16, value.isASCII, text[..<6].allSatisfy(\.isCapital), text[15].isCapital,
            text[8].isCapital, "ABCDEHLMPRST".utf8.contains(text[8])
        else { return false }
        var sum = 0
        for (index, byte) in text[..<15].enumerated() {
            let number = byte.isDigit ? Int(byte - 0x30) : Int(byte - 0x41)
            sum += index % 2 == 0 ? oddValues[number] : number
        }
        return sum % 26 == Int(text[15] - 0x41)
    }

    private static let isNIR: @Sendable (SampledValue) -> Bool = { value in
        let text = value.compact
        guard text.count == 15, value.isASCII, [0x31, 0x32, 0x37, 0x38].contains(text[0]) else { return false }
        // Corsica's departments 2A and 2B count as 19 and 18.
        var digits = text
        if digits[5] == 0x32, digits[6] == 0x41 || digits[6] == 0x42 {
            (digits[5], digits[6]) = (0x31, digits[6] == 0x41 ? 0x39 : 0x38)
        }
        guard digits.allSatisfy(\.isDigit) else { return false }
        let number = digits[..<13].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return 97 - number % 97 == Int(digits[13] - 0x30) * 10 + Int(digits[14] - 0x30)
    }

    /// One digit occurs twice or three times, the others once at most.
    private static let isSteuerID: @Sendable (SampledValue) -> Bool = { value in
        guard isNumber(value, of: 11, separators: " "), value.digits[0] != 0 else { return false }
        var counts = [Int](repeating: 0, count: 10)
        for digit in value.digits[..<10] { counts[Int(digit)] += 1 }
        return counts.filter { $0 > 1 }.count == 1 && counts.allSatisfy { $0 < 4 }
            && CheckDigits.mod11And10(value.digits)
    }

    private static let isCPF: @Sendable (SampledValue) -> Bool = { value in
        guard isNumber(value, of: 11, separators: ".-") else { return false }
        func check(_ count: Int) -> Int {
            let sum = CheckDigits.weighted(value.digits[..<count], Array((2...(count + 1)).reversed()))
            return sum * 10 % 11 % 10
        }
        return check(9) == Int(value.digits[9]) && check(10) == Int(value.digits[10])
    }

    private static let isHETU: @Sendable (SampledValue) -> Bool = { value in
        let text = value.bytes
        guard text.count == 11, "+-ABCDEFYXWVU".utf8.contains(text[6]), text[..<6].allSatisfy(\.isDigit),
            text[7...9].allSatisfy(\.isDigit)
        else { return false }
        let number = (text[..<6] + text[7...9]).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return Array("0123456789ABCDEFHJKLMNPRSTUVWXY".utf8)[number % 31] == text[10]
    }
}
