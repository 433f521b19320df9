import Cryptography
import Testing

@testable import FieldEncryption

@Suite struct `Fakes` {
    private let masker = Masker(key: SecretBytes("a key of the test, of some length"))

    private func fake(_ value: String, _ rule: MaskRule, type: String = "text", limit: Int? = nil) -> String {
        masker.fake(value, rule, type: type, limit: limit) ?? "NULL"
    }

    @Test func `a permutation gives every value of a form exactly once`() {
        let permutation = Permutation(key: SecretBytes("another key of the test"))
        for radices in [[10, 10, 10], [7], [2, 2, 2, 2, 2, 2, 2], [26, 3, 5]] {
            let count = radices.reduce(1, *)
            var seen = Set<[Int]>()
            for number in 0..<count {
                var rest = number
                var digits = radices.map { radix -> Int in
                    defer { rest /= radix }
                    return rest % radix
                }
                permutation.apply(&digits, radices: radices, tweak: [1])
                seen.insert(digits)
            }
            #expect(seen.count == count)
        }
    }

    @Test(arguments: [
        ("Ab-12 é Ж 漢", MaskRule.shape), ("jane.doe@example.com", .email), ("+49 170 1234567", .phone),
        ("Jane Doe", .name),
        ("1980-05-17", .date), ("192.168.1.20", .ipAddress), ("08:00:2b:01:02:03", .macAddress),
        ("4111 1111 1111 1111", .paymentCard), ("DE89 3704 0044 0532 0130 00", .iban), ("12345678Z", .nationalID),
    ])
    func `equal values get equal fakes in one run, others in another, and never themselves`(
        value: String, rule: MaskRule
    ) {
        #expect(fake(value, rule) == fake(value, rule))
        #expect(fake(value, rule) != value)
        #expect(Set((0..<5).compactMap { _ in Masker().fake(value, rule) }).count > 1)
    }

    @Test func `letters stay letters of their case and script, digits digits, signs as they are`() {
        let value = "Straße 12b, Łódź; Москва, 漢字 (x)"
        let result = fake(value, .shape)
        #expect(SampledValue(result).shape == SampledValue(value).shape)
        #expect(result.utf8.count == value.utf8.count)
        #expect(result.unicodeScalars.filter { (0x4E00...0x9FFF).contains($0.value) }.count == 2)
    }

    @Test func `checks still hold, and what did not pass still does not`() {
        for number in 0..<40 {
            let card = [4] + (0..<14).map { UInt8((number * 7 + $0 * 3) % 10) }
            let valid = (card + [CheckDigits.luhnDigit(for: card)]).map(String.init).joined()
            #expect(Validators.isPaymentCard(SampledValue(fake(valid, .paymentCard))))
            #expect(fake(valid, .paymentCard).hasPrefix("4"))
        }
        #expect(!CheckDigits.luhn(SampledValue(fake("4111111111111112", .paymentCard)).digits))
        let iban = fake("GB82 WEST 1234 5698 7654 32", .iban)
        #expect(Validators.isIBAN(SampledValue(iban)))
        #expect(SampledValue(iban).shape == "XX99 XXXX 9999 9999 9999 99")
        for (name, value) in [
            ("ES DNI", "12345678Z"), ("PL PESEL", "44051401458"), ("NL BSN", "111222333"),
            ("IT codice fiscale", "RSSMRA85T10A562S"),
        ] {
            let result = SampledValue(fake(value, .nationalID))
            #expect(
                NationalIdentifier.all.first { $0.name == name }?.accepts(result) == true, "\(name): \(result.text)")
        }
    }

    @Test func `numbers stay numbers of their type`() {
        for value in ["7", "1234567890", "2147483647", "-42", "100000"] {
            let result = fake(value, .shape, type: "int4")
            #expect(Int32(result) != nil)
            #expect(result.count == value.count)
        }
        #expect(
            NationalIdentifier.all.first { $0.name == "NL BSN" }?.accepts(
                SampledValue(fake("111222333", .nationalID, type: "int8"))) == true)
        #expect(fake("52.52001", .shape, type: "numeric").hasPrefix("52."))
        #expect(Double(fake("-13.4050", .shape, type: "float8")) != nil)
    }

    @Test func `a date is another day of its year, whichever way it is written`() {
        let days = (1...28).map { fake("1984-02-\($0 < 10 ? "0" : "")\($0)", .date, type: "date") }
        #expect(Set(days).count == 28)
        #expect(days.allSatisfy { $0.hasPrefix("1984-") && CalendarDate(Array($0.utf8)) != nil })
        #expect(CalendarDate(Array(fake("17.05.1980", .date).utf8))?.year == 1980)
        #expect(fake("1980-05-17 00:00:00", .date, type: "timestamp").hasSuffix(" 00:00:00"))
        #expect(fake("1980-05-17 13:45:10+00", .date, type: "timestamptz").hasSuffix("+00"))
        #expect(fake("infinity", .date, type: "date") == "infinity")
    }

    @Test func `an e-mail address leads to nobody, and different ones stay different`() {
        let fakes = (0..<2000).map { fake("person\($0)@mail.example.com", .email) }
        #expect(Set(fakes).count == 2000)
        #expect(fakes.allSatisfy { Validators.isEmail(SampledValue($0)) && $0.hasSuffix(".example") })
        #expect(fake("abcdefgh@ijklmn.de", .email, limit: 18).count == 18)
        #expect(fake("Jane@Example.com", .email, type: "citext") == fake("jane@example.com", .email, type: "citext"))
    }

    @Test func `names are of the list, in the case of the value`() {
        #expect(fake("Jane Doe", .name).split(separator: " ").count == 2)
        #expect(fake("JANE", .name) == fake("JANE", .name).uppercased())
        #expect(fake("jane", .name).lowercased() == fake("Jane", .name).lowercased())
        #expect(fake("Jo", .name, limit: 2).count == 2)
    }

    @Test func `networks keep the bits beyond their length empty`() {
        #expect(fake("10.0.0.0/8", .ipAddress, type: "cidr").hasSuffix(".0.0.0/8"))
        #expect(IPAddress(Array(fake("2001:db8::1", .ipAddress, type: "inet").utf8))?.bytes.count == 16)
    }

    @Test func `bytes become as many other bytes`() {
        let result = fake("\\x01a0b1c2", .bytes, type: "bytea")
        #expect(result.hasPrefix("\\x"))
        #expect(result.utf8.count == 10)
        #expect(result != "\\x01a0b1c2")
    }

    @Test func `a key inside of JSON is replaced and everything else stays byte for byte`() {
        let json = JSONMasker(masker, [["contact", "mail"]: .email, ["tags"]: .shape, ["pin"]: .shape])
        let document =
            #"{ "contact": {"mail" : "a@b.de", "n": 1e400}, "tags": ["x1", 22], "pin": 4711, "mail": "a@b.de", "é\n": null }"#
        let result = json.mask(document)
        #expect(result.hasSuffix(#""mail": "a@b.de", "é\n": null }"#))
        #expect(result.hasPrefix(#"{ "contact": {"mail" : ""#))
        #expect(result.contains("1e400"))
        #expect(!result.contains("4711") && !result.contains(#""x1""#))
        #expect(result.contains(fake("a@b.de", .email)))
        #expect(json.mask("{broken") == "null")
    }

    @Test(arguments: ["plain", "tab\there", "line\nfeed\r", "back\\slash", "\\N", "\u{8}\u{b}\u{c}", ""])
    func `fields of COPY are read and written back as they were`(text: String) {
        var escaped: [UInt8] = []
        RowMasker.appendEscaped(text, to: &escaped)
        #expect(!escaped.contains(0x0A) && !escaped.contains(0x09))
        #expect(RowMasker.unescaped(escaped.span) == text)
    }

    @Test func `rules are read as they are written`() {
        for rule in ["shape", "email", "fixed:x y", "null", "keep", "payment-card"] {
            #expect(MaskRule(rule)?.name == rule)
        }
        #expect(MaskRule("nonsense") == nil)
        #expect(MaskOrder("users.email=email", schemas: ["public"])?.place == "public.users.email")
        #expect(MaskOrder("app.users.email=email", schemas: ["app"])?.place == "app.users.email")
        #expect(MaskOrder("users.data.mail=email", schemas: ["app"])?.path == ["mail"])
        #expect(MaskOrder("users=email", schemas: []) == nil)
    }
}
