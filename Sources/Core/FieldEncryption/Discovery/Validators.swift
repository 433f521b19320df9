/// Whether a value looks like one of a kind: the answer counts only as a share over many values of one column.
enum Validators {
    static func isEmail(_ value: SampledValue) -> Bool {
        guard value.bytes.count <= 254, value.spaces == 0, let at = value.bytes.firstIndex(of: 0x40), at > 0,
            value.bytes.lastIndex(of: 0x40) == at
        else { return false }
        let (local, domain) = (value.bytes[..<at], value.bytes[(at + 1)...])
        guard !local.contains(where: { $0 == 0x2F || $0 == 0x3A || $0 < 0x21 }) else { return false }
        let labels = domain.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard labels.count >= 2, let last = labels.last, last.count >= 2, last.allSatisfy({ $0.isLetter || $0 >= 0x80 })
        else { return false }
        return labels.allSatisfy { label in
            !label.isEmpty && label.allSatisfy { $0.isLetter || $0.isDigit || $0 == 0x2D || $0 >= 0x80 }
        }
    }

    /// How much a value looks like a telephone number: 0, 1 for mere digits, 2 with the marks of one.
    static func phone(_ value: SampledValue) -> Int {
        guard (7...15).contains(value.digits.count), value.letters == 0, value.isASCII, value.bytes.count <= 24 else {
            return 0
        }
        guard let first = value.bytes.first, first.isDigit || first == 0x2B || first == 0x28 else { return 0 }
        guard value.bytes.allSatisfy({ $0.isDigit || "+-()./ ".utf8.contains($0) }) else { return 0 }
        if first == 0x2B { return value.digits[0] == 0 ? 0 : 2 }
        if isDate(value) != nil || isIPAddress(value) { return 0 }
        let separators = value.separators
        if separators.isEmpty { return value.digits[0] == 0 && value.digits.count >= 9 ? 2 : 1 }
        // An amount, a version or a card has separators too.
        if separators == [0x2E] || value.digits.count > 13 || isSSNShaped(value) { return 1 }
        return value.digits[0] == 0 || separators.contains(0x28) || separators.count >= 2 ? 2 : 1
    }

    private static func isSSNShaped(_ value: SampledValue) -> Bool {
        value.bytes.count == 11 && value.bytes[3] == 0x2D && value.bytes[6] == 0x2D
    }

    static func isPaymentCard(_ value: SampledValue) -> Bool {
        guard (13...19).contains(value.digits.count), value.letters == 0, value.isASCII else { return false }
        guard value.bytes.allSatisfy({ $0.isDigit || $0 == 0x20 || $0 == 0x2D }), value.bytes.first?.isDigit == true
        else { return false }
        guard (2...6).contains(value.digits[0]), value.digits.contains(where: { $0 != value.digits[0] }) else {
            return false
        }
        return CheckDigits.luhn(value.digits)
    }

    static func isIBAN(_ value: SampledValue) -> Bool {
        let text = value.compact
        guard value.isASCII, (15...34).contains(text.count), text[0].isCapital, text[1].isCapital, text[2].isDigit,
            text[3].isDigit, value.separators.allSatisfy({ $0 == 0x20 || $0 == 0x2D })
        else { return false }
        return CheckDigits.mod97(text[4...] + text[..<4]) == 1
    }

    static func isIPAddress(_ value: SampledValue) -> Bool {
        IPAddress(value.bytes) != nil
    }

    /// An address of four small numbers is more likely a version.
    static func isVersionLike(_ value: SampledValue) -> Bool {
        guard let address = IPAddress(value.bytes), address.bytes.count == 4 else { return false }
        return address.bytes.allSatisfy { $0 < 32 }
    }

    static func isMACAddress(_ value: SampledValue) -> Bool {
        let text = value.bytes
        guard text.count == 17 || text.count == 23 || text.count == 14 else { return false }
        let groups = text.split(omittingEmptySubsequences: false) { [0x3A, 0x2D, 0x2E].contains($0) }
        let size = text.count == 14 ? 4 : 2
        guard groups.count == (text.count == 14 ? 3 : (text.count + 1) / 3) else { return false }
        return groups.allSatisfy { $0.count == size && $0.allSatisfy(\.isHexDigit) }
    }

    /// The year of a date, with or without a time behind it.
    static func isDate(_ value: SampledValue) -> Int? {
        CalendarDate(value.bytes)?.year
    }

    private static let genders: Set<String> = [
        "m", "f", "w", "d", "x", "h", "k", "v", "male", "female", "man", "woman", "diverse", "divers", "other",
        "unknown",
        "männlich", "weiblich", "homme", "femme", "masculin", "féminin", "masculino", "femenino", "feminino", "hombre",
        "mujer", "maschio", "femmina", "mann", "frau", "herr", "mr", "mrs", "ms", "mx", "herren", "non-binary",
        "nonbinary", "mężczyzna", "kobieta", "vrouw", "u", "he/him", "she/her", "they/them", "mme", "sr", "sra",
    ]

    static func isGender(_ value: SampledValue) -> Bool {
        value.bytes.count <= 14 && genders.contains(value.text.lowercased().filter { $0 != "." })
    }

    static func isCoordinate(_ value: SampledValue) -> Bool {
        // Both in one text, as "52.52, 13.40"; or one number with decimals.
        let parts = value.text.split { $0 == "," || $0 == ";" || $0 == " " || $0 == "(" || $0 == ")" }
        guard (1...2).contains(parts.count) else { return false }
        return parts.allSatisfy { part in
            guard let dot = part.firstIndex(of: "."), part.distance(from: dot, to: part.endIndex) > 3,
                let number = Double(part)
            else { return false }
            return abs(number) <= 180
        }
    }

    /// Marks of password hashes and private keys, which are what they are in any column.
    static func isSecret(_ value: SampledValue) -> Bool {
        for prefix in [
            "$2a$", "$2b$", "$2y$", "$argon2", "$6$", "$5$", "$y$", "$scrypt$", "pbkdf2_", "SCRAM-SHA-256$",
            "-----BEGIN ",
            "{SSHA", "sk_live_", "ghp_", "xoxb-", "AGE-SECRET-KEY-",
        ] where value.text.hasPrefix(prefix) {
            return true
        }
        return false
    }

    /// A code of the International Classification of Diseases, as `E11.9`.
    static func isDiagnosis(_ value: SampledValue) -> Bool {
        let text = value.bytes
        guard (3...7).contains(text.count), text[0].isCapital, text[1].isDigit, text[2].isDigit else { return false }
        return text.count == 3
            || (text[3] == 0x2E && text.count > 4 && text[4...].allSatisfy { $0.isDigit || $0.isCapital })
    }

    /// The country whose postal codes look so, where the shape alone tells.
    static func isTellingPostalCode(_ value: SampledValue) -> Bool {
        switch value.shape {
        case "XX9 9XX", "X9 9XX", "XX99 9XX", "X99 9XX", "XX9X 9XX", "X9X 9XX": true
        case "9999 XX", "9999XX": true
        case "X9X 9X9", "X9X9X9": true
        case "9999-999", "99999-999", "99-999": true
        default: false
        }
    }

    static func isPostalCode(_ value: SampledValue) -> Bool {
        if isTellingPostalCode(value) { return true }
        switch value.shape {
        case "99999", "9999", "99999-9999", "999 99", "999999", "X-99999", "XX-9999", "XX-99999": return true
        default: return false
        }
    }
}
