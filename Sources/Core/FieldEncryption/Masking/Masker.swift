import Cryptography

/// Makes fakes: equal values get equal fakes under one masker, different values of one form different ones, and what a value
/// could be checked by still holds.
package struct Masker: Sendable {
    private let permutation: Permutation

    /// With a key that nobody else has and that is gone with it.
    package init() {
        self.init(key: SecretBytes(random: 32))
    }

    init(key: SecretBytes) {
        permutation = Permutation(key: key)
    }

    /// The fake of a value as text, nil for NULL.
    ///
    /// - Parameters:
    ///   - type: the name of the column's type, whose form the fake must have.
    ///   - limit: how many characters fit; nil for any number.
    package func fake(_ value: String, _ rule: MaskRule, type: String = "text", limit: Int? = nil) -> String? {
        switch rule {
        case .null: return nil
        case .keep: return value
        case .fixed(let text): return text
        case .bytes: return bytes(value)
        case .date: return date(value, hasTime: type.hasPrefix("timestamp"))
        case .ipAddress: return address(value, isNetwork: type == "cidr")
        case .macAddress: return hexadecimal(value)
        case .shape where type == "uuid": return hexadecimal(value)
        case .shape where ["inet", "cidr"].contains(type): return address(value, isNetwork: type == "cidr")
        case .shape where type.hasPrefix("macaddr"): return hexadecimal(value)
        case .shape where ["date", "timestamp", "timestamptz"].contains(type):
            return date(value, hasTime: type != "date")
        case .shape where Self.largest[type] != nil: return number(value, type)
        case .shape where ["numeric", "float4", "float8"].contains(type): return decimal(value)
        case .phone, .nationalID, .paymentCard:
            return Self.largest[type] != nil || type == "numeric"
                ? checkedNumber(value, rule, type) : checked(value, rule)
        case .email: return email(type == "citext" ? value.lowercased() : value, limit)
        case .iban: return iban(value)
        case .name: return name(value, limit)
        case .shape: return shaped(type == "citext" ? value.lowercased() : value)
        }
    }

    private static let largest: [String: Int] = ["int2": 32767, "int4": 2_147_483_647, "int8": .max]

    private func shaped(_ text: String, keeping kept: Int = 0, tweak: String = "") -> String {
        let shape = Shape(text, keeping: kept)
        var digits = shape.digits
        permutation.apply(&digits, radices: shape.radices, tweak: Array(tweak.utf8))
        return shape.text(of: digits)
    }

    /// Applies the permutation until the answer to `test` is the same as for the value: still one to one.
    ///
    /// Among random values one in `1 / p` passes; after many thousand steps without one, the last has to do.
    private func walked(_ text: String, keeping kept: Int = 0, _ test: (String) -> Bool) -> String {
        let wanted = test(text)
        var next = text
        for _ in 0..<20_000 {
            next = shaped(next, keeping: kept)
            if test(next) == wanted { return next }
        }
        return next
    }

    // MARK: Numbers with check digits

    private func checked(_ value: String, _ rule: MaskRule) -> String {
        let sample = SampledValue(value)
        switch rule {
        case .paymentCard where sample.digits.count > 5:
            // The first digit says whose card it is, and how many digits there are.
            guard CheckDigits.luhn(sample.digits) else {
                return walked(value, keeping: 1) { CheckDigits.luhn(SampledValue($0).digits) }
            }
            return card(value)
        case .nationalID:
            let accepting = NationalIdentifier.all.first { $0.accepts(sample) }
            guard let accepting else { return shaped(value) }
            return walked(value) { accepting.accepts(SampledValue($0)) }
        case .phone:
            // Country or area: what is dialled first decides how the rest is checked.
            return shaped(value, keeping: value.hasPrefix("+") ? 2 : 1)
        default: return shaped(value)
        }
    }

    /// The last digit follows from the others, so that one permutation of those does.
    private func card(_ value: String) -> String {
        guard let last = value.lastIndex(where: { $0.isASCII && $0.isNumber }) else { return shaped(value) }
        let payload = shaped(String(value[..<last]), keeping: 1)
        let digit = CheckDigits.luhnDigit(for: SampledValue(payload).digits)
        return "\(payload)\(digit)\(value[value.index(after: last)...])"
    }

    private func checkedNumber(_ value: String, _ rule: MaskRule, _ type: String) -> String {
        let sample = SampledValue(value)
        let limit = Self.largest[type] ?? .max
        let accepting = NationalIdentifier.all.first { $0.accepts(sample) }
        return walked(value) { text in
            guard text.first != "0", type == "numeric" || Int(text).map({ $0 <= limit }) == true else {
                return text == value ? true : false
            }
            switch rule {
            case .paymentCard where CheckDigits.luhn(sample.digits): return CheckDigits.luhn(SampledValue(text).digits)
            case .nationalID: return accepting?.accepts(SampledValue(text)) ?? true
            default: return true
            }
        }
    }

    private func number(_ value: String, _ type: String) -> String {
        let limit = Self.largest[type] ?? .max
        return walked(value) { text in
            let magnitude = text.hasPrefix("-") ? String(text.dropFirst()) : text
            return (magnitude.first != "0" || magnitude.count == 1) && Int(magnitude).map { $0 <= limit } == true
        }
    }

    /// What stands before the point stays: a place within a degree, an amount within one.
    private func decimal(_ value: String) -> String {
        guard let dot = value.firstIndex(of: ".") else { return shapedNumber(value) }
        return value[...dot] + shaped(String(value[value.index(after: dot)...]), tweak: String(value[..<dot]))
    }

    private func shapedNumber(_ value: String) -> String {
        value.contains("e") || value.contains("N") || value.contains("I")
            ? value : walked(value) { $0.first != "0" || $0.count == 1 }
    }

    private func iban(_ value: String) -> String {
        let compact = SampledValue(value).compact
        guard Validators.isIBAN(SampledValue(value)) else {
            return walked(value, keeping: 2) { Validators.isIBAN(SampledValue($0)) }
        }
        let body = Array(shaped(String(decoding: compact[4...], as: UTF8.self)).utf8)
        let check = 98 - CheckDigits.mod97(body + compact[..<2] + [0x30, 0x30])
        let fake = compact[..<2] + Array((check < 10 ? "0\(check)" : "\(check)").utf8) + body
        return filled(value, with: Array(fake))
    }

    /// The form of a text with other letters and digits, in the case of the first ones.
    private func filled(_ form: String, with characters: [UInt8]) -> String {
        var rest = characters[...]
        let bytes = Array(form.utf8).map { byte -> UInt8 in
            guard byte.isDigit || byte.isLetter, let next = rest.popFirst() else { return byte }
            return byte.isSmall && next.isCapital ? next + 0x20 : next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Addresses

    /// Of the domain nothing reaches anybody: it ends in `.example` (RFC 2606).
    private func email(_ value: String, _ limit: Int?) -> String {
        guard let at = value.lastIndex(of: "@") else { return shaped(value) }
        let (local, domain) = (String(value[..<at]), String(value[value.index(after: at)...]).lowercased())
        let host = domain.lastIndex(of: ".").map { String(domain[..<$0]) } ?? domain
        let fake = "\(shaped(local, tweak: domain))@\(shaped(host, tweak: domain)).example"
        if let limit, fake.count > limit { return shaped(value) }
        return fake
    }

    private func address(_ value: String, isNetwork: Bool) -> String {
        guard var address = IPAddress(Array(value.utf8)) else { return shaped(value) }
        let all = address.bytes.count * 8
        // Beyond its length a network has no bits.
        let count = isNetwork ? (address.prefix ?? all) : all
        var bits = (0..<count).map { Int(address.bytes[$0 / 8] >> UInt8(7 - $0 % 8)) & 1 }
        permutation.apply(&bits, radices: Array(repeating: 2, count: count), tweak: [UInt8(address.bytes.count)])
        for (index, bit) in bits.enumerated() {
            let mask = UInt8(1) << UInt8(7 - index % 8)
            address.bytes[index / 8] = bit == 1 ? address.bytes[index / 8] | mask : address.bytes[index / 8] & ~mask
        }
        return address.text
    }

    /// Hexadecimal digits by others; the first two of an address stay, which say what sort it is.
    private func hexadecimal(_ value: String) -> String {
        let bytes = Array(value.utf8)
        let places = bytes.indices.filter { bytes[$0].isHexDigit && ($0 > 1 || bytes.count > 24) }
        var digits = places.map { Int(String(decoding: [bytes[$0]], as: UTF8.self), radix: 16) ?? 0 }
        permutation.apply(&digits, radices: Array(repeating: 16, count: digits.count), tweak: [16])
        var result = bytes
        for (place, digit) in zip(places, digits) {
            let sign = Array((bytes[place].isCapital ? "0123456789ABCDEF" : "0123456789abcdef").utf8)[digit]
            result[place] = sign
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The text form of a `bytea`.
    private func bytes(_ value: String) -> String {
        guard value.hasPrefix("\\x") else { return shaped(value) }
        return "\\x"
            + hexadecimal(String(value.dropFirst(2)) + String(repeating: " ", count: 25)).prefix(value.utf8.count - 2)
    }

    // MARK: Names and dates

    /// Every word by a name of the list, in its case; what stands between them stays.
    private func name(_ value: String, _ limit: Int?) -> String {
        var fake = ""
        var word = ""
        var isFirst = true
        func end() {
            guard !word.isEmpty else { return }
            let list = isFirst ? NameLists.given : NameLists.family
            let number = permutation.number(of: Array(word.lowercased().utf8), tweak: Array("name".utf8))
            let chosen = list[Int(number % UInt64(list.count))]
            let isUpper = word.count > 1 && word == word.uppercased()
            fake += isUpper ? chosen.uppercased() : word.first?.isUppercase == true ? chosen.capitalizedFirst : chosen
            isFirst = false
            word = ""
        }
        for character in value {
            if character.isLetter {
                word.append(character)
            } else {
                end()
                // Digits in a user's name are part of who it is.
                fake += character.isNumber ? shaped(String(character), tweak: value) : String(character)
            }
        }
        end()
        if let limit, fake.count > limit { return shaped(value) }
        return fake
    }

    /// Another day of the same year: ages stay right to the year.
    private func date(_ value: String, hasTime: Bool) -> String {
        let bytes = Array(value.utf8)
        guard let date = CalendarDate(bytes) else {
            return value == "infinity" || value == "-infinity"
                ? value : hasTime || bytes.contains(0x2D) ? "1970-01-01" : shaped(value)
        }
        let days = CalendarDate.isLeap(date.year) ? 366 : 365
        var ordinal = date.day + (1..<date.month).reduce(0) { $0 + CalendarDate.days(in: $1, of: date.year) }
        repeat {
            var digits = [ordinal / 100, ordinal / 10 % 10, ordinal % 10]
            permutation.apply(&digits, radices: [4, 10, 10], tweak: Array("date \(date.year)".utf8))
            ordinal = digits[0] * 100 + digits[1] * 10 + digits[2]
        } while ordinal < 1 || ordinal > days
        var month = 1
        while ordinal > CalendarDate.days(in: month, of: date.year) {
            ordinal -= CalendarDate.days(in: month, of: date.year)
            month += 1
        }
        func two(_ number: Int) -> [UInt8] { [UInt8(0x30 + number / 10), UInt8(0x30 + number % 10)] }
        var fake = bytes
        switch date.order {
        case .yearFirst:
            fake.replaceSubrange(5..<7, with: two(month))
            fake.replaceSubrange(8..<10, with: two(ordinal))
        case .dayFirst:
            fake.replaceSubrange(0..<2, with: two(ordinal))
            fake.replaceSubrange(3..<5, with: two(month))
        case .monthFirst:
            fake.replaceSubrange(0..<2, with: two(month))
            fake.replaceSubrange(3..<5, with: two(ordinal))
        }
        return time(of: fake, day: Array(bytes[..<10]))
    }

    /// A time behind the date becomes another, and midnight stays: it is no time, but a date.
    private func time(of text: [UInt8], day: [UInt8]) -> String {
        guard text.count >= 19, text[13] == 0x3A, text[16] == 0x3A else { return String(decoding: text, as: UTF8.self) }
        let places = [11, 12, 14, 15, 17, 18]
        let old = places.map { Int(text[$0]) - 0x30 }
        guard old.allSatisfy({ (0...9).contains($0) }), old.contains(where: { $0 != 0 }) else {
            return String(decoding: text, as: UTF8.self)
        }
        var seconds = (old[0] * 10 + old[1]) * 3600 + (old[2] * 10 + old[3]) * 60 + old[4] * 10 + old[5]
        repeat {
            var digits = [seconds / 10000, seconds / 1000 % 10, seconds / 100 % 10, seconds / 10 % 10, seconds % 10]
            permutation.apply(&digits, radices: [9, 10, 10, 10, 10], tweak: day)
            seconds = digits.reduce(0) { $0 * 10 + $1 }
        } while seconds >= 86400
        var fake = text
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60]
        for (index, part) in parts.enumerated() {
            fake[places[2 * index]] = UInt8(0x30 + part / 10)
            fake[places[2 * index + 1]] = UInt8(0x30 + part % 10)
        }
        return String(decoding: fake, as: UTF8.self)
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
