/// Decides what kind of personal data a column holds, if any: by its name, its type, and the share of its values that look
/// like one of a kind.
///
/// Columns are judged, not values: one number in ten passes a check digit by chance, a column of them does not.
package struct ColumnJudge: Sendable {
    /// Below this many values their shares say little.
    private static let few = 5

    package init() {}

    /// The most likely kind, or nil where nothing speaks for one.
    package func judge(_ sample: ColumnSample) -> ColumnFinding? {
        guard Self.readableTypes.contains(sample.type) else { return nil }
        let distinct = Array(Set(sample.values)).sorted()
        let values = distinct.prefix(300).map(SampledValue.init)
        let facts = Facts(sample: sample, values: values)
        let names = NameDictionary.judge(column: sample.name, table: sample.table)
        let verdicts = PersonalKind.allCases.compactMap { kind in verdict(kind, facts, names[kind]) }
        guard let best = verdicts.max(by: { $0.confidence < $1.confidence }), best.confidence > 0.05 else { return nil }
        return ColumnFinding(
            schema: sample.schema, table: sample.table, column: sample.column,
            path: sample.path.isEmpty ? nil : sample.path, type: sample.type, kind: best.kind,
            confidence: (best.confidence * 100).rounded() / 100, reasons: best.reasons,
            evidence: evidence(values, best.test), sampled: sample.values.count)
    }

    private func evidence(_ values: [SampledValue], _ test: (@Sendable (SampledValue) -> Bool)?) -> [String] {
        let telling = test.map { values.filter($0) } ?? values
        var shapes: [String] = []
        for value in telling.isEmpty ? values : telling where shapes.count < 3 && !shapes.contains(value.shape) {
            shapes.append(value.shape)
        }
        return shapes
    }

    private static let textTypes: Set<String> = ["text", "varchar", "bpchar", "citext", "name", "json", "jsonb"]
    private static let readableTypes: Set<String> = textTypes.union([
        "int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz", "inet", "cidr", "macaddr", "macaddr8",
        "float4",
        "float8", "enum", "point",
    ])

    private struct Facts {
        let sample: ColumnSample
        let values: [SampledValue]

        var isText: Bool { ColumnJudge.textTypes.contains(sample.type) }
        var isWhole: Bool { ["int2", "int4", "int8", "numeric"].contains(sample.type) }
        var hasMany: Bool { sample.values.count >= ColumnJudge.few }

        /// A handful of values for many rows is a list of choices, not a list of people.
        var isChoice: Bool {
            sample.type == "enum" || (sample.values.count >= 30 && values.count * 12 <= sample.values.count)
        }

        func share(_ test: (SampledValue) -> Bool) -> Double {
            values.isEmpty ? 0 : Double(values.count(where: test)) / Double(values.count)
        }
    }

    private struct Verdict {
        let kind: PersonalKind
        let confidence: Double
        let reasons: [String]
        let test: (@Sendable (SampledValue) -> Bool)?
    }

    /// What the values say: how sure they make, which share did so, and how the share is called.
    private struct Shown {
        var certainty = 0.0
        var words: String?
        /// What the values allow the name to count for.
        var nameFactor = 1.0
        var test: (@Sendable (SampledValue) -> Bool)?
    }

    private func verdict(_ kind: PersonalKind, _ facts: Facts, _ name: NameDictionary.Strength?) -> Verdict? {
        guard var shown = shown(kind, facts, hasName: name != nil) else { return nil }
        if kind.isShownByValues, facts.hasMany, shown.certainty < 0.05 {
            shown.nameFactor = min(shown.nameFactor, 0.15)
        }
        let byName = (name?.rawValue ?? 0) * shown.nameFactor
        let confidence = 1 - (1 - byName) * (1 - shown.certainty)
        guard confidence > 0 else { return nil }
        let nameWords = name.map { "its name (\(facts.sample.name))\($0 == .weak ? ", weakly" : "")" }
        return Verdict(
            kind: kind, confidence: min(confidence, 0.99), reasons: [nameWords, shown.words].compactMap(\.self),
            test: shown.test)
    }

    /// nil where the type cannot hold the kind.
    private func shown(_ kind: PersonalKind, _ facts: Facts, hasName: Bool) -> Shown? {
        switch kind {
        case .email: return facts.isText ? byShare(facts, "are e-mail addresses", 0.95, Validators.isEmail) : nil
        case .iban: return facts.isText ? iban(facts) : nil
        case .paymentCard: return facts.isText || facts.isWhole ? card(facts, hasName) : nil
        case .ipAddress: return address(facts)
        case .macAddress:
            if facts.sample.type.hasPrefix("macaddr") { return Shown(certainty: 0.97, words: "its type") }
            return facts.isText ? byShare(facts, "are MAC addresses", 0.97, Validators.isMACAddress) : nil
        case .phone: return facts.isText || facts.isWhole ? phone(facts) : nil
        case .nationalID: return facts.isText || facts.isWhole ? nationalID(facts, hasName) : nil
        case .birthDate: return birthDate(facts, hasName)
        case .name: return facts.isText ? personName(facts, hasName) : nil
        case .address: return facts.isText ? streetAddress(facts) : nil
        case .postalCode: return facts.isText || facts.sample.type == "int4" ? postalCode(facts) : nil
        case .city: return facts.isText ? city(facts) : nil
        case .gender: return facts.isText || facts.sample.type == "enum" ? gender(facts, hasName) : nil
        case .coordinates: return coordinates(facts, hasName)
        case .secret: return facts.isText ? secret(facts) : nil
        case .passport, .drivingLicence: return facts.isText ? documentNumber(facts) : nil
        case .health: return facts.isText ? health(facts) : nil
        }
    }

    private func byShare(
        _ facts: Facts, _ words: String, _ top: Double, _ test: @escaping @Sendable (SampledValue) -> Bool
    ) -> Shown {
        let share = facts.share(test)
        guard share > 0 else { return Shown(test: test) }
        // Half of the values passing a test that chance does not pass is enough.
        let certainty = facts.hasMany ? min(top, share * 1.6 * top) : top * 0.6 * share
        return Shown(certainty: certainty, words: "\(percent(share)) of its values \(words)", test: test)
    }

    private func iban(_ facts: Facts) -> Shown {
        var shown = byShare(facts, "pass as IBAN", 0.97, Validators.isIBAN)
        // An account number of another form is one too.
        if shown.certainty < 0.05, facts.share({ $0.digits.count >= 6 && $0.letters <= 6 }) > 0.8 {
            shown.certainty = 0.06
            shown.nameFactor = 0.8
        }
        return shown
    }

    private func card(_ facts: Facts, _ hasName: Bool) -> Shown {
        let share = facts.share(Validators.isPaymentCard)
        guard share > (facts.values.count >= 20 ? 0.4 : 0.8) else {
            // The last four digits, or a masked number, under the name of one.
            let isMasked = facts.share { $0.text.contains("*") || $0.text.lowercased().contains("x") } > 0.5
            return Shown(certainty: isMasked && hasName ? 0.3 : 0, test: Validators.isPaymentCard)
        }
        return byShare(facts, "pass Luhn's check as card numbers", 0.95, Validators.isPaymentCard)
    }

    private func address(_ facts: Facts) -> Shown? {
        if facts.sample.type == "inet" { return Shown(certainty: 0.95, words: "its type") }
        if facts.sample.type == "cidr" { return Shown(certainty: 0.3, words: "its type") }
        guard facts.isText else { return nil }
        if facts.hasMany, facts.share(Validators.isVersionLike) > 0.7 { return Shown(nameFactor: 0.3) }
        return byShare(facts, "are IP addresses", 0.95, Validators.isIPAddress)
    }

    private func phone(_ facts: Facts) -> Shown {
        let marked = facts.share { Validators.phone($0) == 2 }
        let possible = facts.share { Validators.phone($0) > 0 }
        let test: @Sendable (SampledValue) -> Bool = { Validators.phone($0) > 0 }
        if marked > 0.4, !facts.isWhole {
            let certainty = facts.hasMany ? 0.85 * min(1, marked * 1.3) : 0.4
            return Shown(
                certainty: certainty, words: "\(percent(marked)) of its values are written as numbers to call",
                test: test)
        }
        guard possible > 0.6 else { return Shown(nameFactor: facts.hasMany ? 0.2 : 1, test: test) }
        return Shown(certainty: 0.1, words: "\(percent(possible)) of its values could be numbers to call", test: test)
    }

    private func nationalID(_ facts: Facts, _ hasName: Bool) -> Shown {
        var best = Shown()
        for identifier in NationalIdentifier.all {
            let share = facts.share(identifier.accepts)
            let luck = Double(identifier.luckyPerThousand) / 1000
            // As rare as the share would be by chance: a few values of a weak scheme say nothing.
            guard share > max(0.5, luck * 6), Double(facts.values.count) * share >= 4 else { continue }
            let certainty =
                luck < 0.02 ? 0.95 * min(1, share * 1.2) : (share > 0.85 && facts.values.count >= 12 ? 0.9 : 0.4)
            guard certainty > best.certainty else { continue }
            best = Shown(
                certainty: certainty, words: "\(percent(share)) of its values pass as \(identifier.name)",
                test: identifier.accepts)
        }
        // No value has a digit: these are no numbers of any state.
        if facts.hasMany, facts.share({ $0.digits.count >= 5 }) < 0.5 { best.nameFactor = 0.15 }
        return best
    }

    private func birthDate(_ facts: Facts, _ hasName: Bool) -> Shown? {
        let type = facts.sample.type
        guard facts.isText || ["date", "timestamp", "timestamptz", "int2", "int4"].contains(type) else { return nil }
        let test: @Sendable (SampledValue) -> Bool = { (Validators.isDate($0) ?? 0) >= 1900 }
        if type.hasPrefix("int") {
            guard hasName else { return nil }
            let share = facts.share {
                $0.bytes.count == 4 && ($0.bytes.starts(with: [0x31, 0x39]) || $0.bytes.starts(with: [0x32, 0x30]))
            }
            return Shown(certainty: share * 0.5, words: share > 0 ? "its values are years" : nil)
        }
        let years = facts.values.compactMap(Validators.isDate).sorted()
        guard let first = years.first, let last = years.last, first >= 1880 else {
            return Shown(nameFactor: facts.hasMany ? 0.2 : 1, test: test)
        }
        let share = Double(years.count) / Double(facts.values.count)
        guard share > 0.6 else { return Shown(nameFactor: 0.3, test: test) }
        // Births of people spread over decades and lie long ago; what happens in a shop lies in the last years.
        let median = years[years.count / 2]
        let isSpread = last - first >= 20 && median < last - 8 && median < 2012
        let words = "its dates run from \(first) to \(last)"
        if hasName { return Shown(certainty: isSpread ? 0.7 : 0.4, words: words, test: test) }
        return Shown(certainty: facts.hasMany && isSpread ? 0.45 : 0, words: words, test: test)
    }

    private func personName(_ facts: Facts, _ hasName: Bool) -> Shown {
        guard !facts.values.isEmpty else { return Shown() }
        let listed = facts.share(NameLists.holdsName)
        let shaped = facts.share(NameLists.looksLikeName)
        let test: @Sendable (SampledValue) -> Bool = NameLists.holdsName
        if facts.isChoice { return Shown(nameFactor: 0.1, test: test) }
        let words = "\(percent(listed)) of its values hold a common name"
        if listed > 0.5, shaped > 0.7 {
            return Shown(certainty: facts.hasMany ? 0.75 : 0.3, words: words, test: test)
        }
        if listed > 0.12, shaped > 0.5 { return Shown(certainty: hasName ? 0.5 : 0.3, words: words, test: test) }
        // What signs in need not look like a name.
        if hasName, facts.share({ $0.letters * 2 > $0.bytes.count && $0.spaces == 0 }) > 0.8, shaped <= 0.5 {
            return Shown(nameFactor: facts.share({ $0.digits.isEmpty }) > 0.95 && listed == 0 ? 0.5 : 0.9, test: test)
        }
        if facts.hasMany, listed < 0.03 { return Shown(nameFactor: shaped > 0.7 ? 0.8 : 0.15, test: test) }
        return Shown(nameFactor: shaped > 0.5 ? 1 : 0.4, test: test)
    }

    private func streetAddress(_ facts: Facts) -> Shown {
        var shown = byShare(facts, "look like street addresses", 0.9, NameLists.isAddress)
        guard facts.hasMany, shown.certainty < 0.05 else { return shown }
        // A house number or a street alone; but not an address of the Internet, and not a word from a list.
        let isOther =
            facts.share { Validators.isEmail($0) || Validators.isIPAddress($0) || $0.text.contains("://") } > 0.3
        let isHex = facts.share { $0.spaces == 0 && $0.bytes.count > 20 } > 0.5
        shown.nameFactor = isOther || isHex || facts.isChoice ? 0.1 : 0.9
        return shown
    }

    private func postalCode(_ facts: Facts) -> Shown {
        let telling = facts.share(Validators.isTellingPostalCode)
        let share = facts.share(Validators.isPostalCode)
        guard share > 0.5 else {
            return Shown(nameFactor: facts.hasMany ? 0.2 : 1, test: Validators.isPostalCode)
        }
        let certainty = telling > 0.8 ? 0.55 : 0.2
        return Shown(
            certainty: facts.hasMany ? certainty : 0.1,
            words: "\(percent(share)) of its values are shaped like postal codes",
            test: Validators.isPostalCode)
    }

    private func city(_ facts: Facts) -> Shown {
        let share = facts.share(NameLists.isCity)
        let isWords = facts.share { $0.digits.count <= 1 && $0.letters > 2 } > 0.7
        guard share > 0.1 else {
            return Shown(nameFactor: facts.hasMany && !isWords ? 0.15 : 1, test: NameLists.isCity)
        }
        return Shown(
            certainty: share > 0.3 ? 0.55 : 0.3, words: "\(percent(share)) of its values are known cities",
            test: NameLists.isCity)
    }

    private func gender(_ facts: Facts, _ hasName: Bool) -> Shown {
        let share = facts.share(Validators.isGender)
        guard share > 0.75, facts.values.count <= 12, !facts.values.isEmpty else {
            return Shown(test: Validators.isGender)
        }
        // A lone "x" or "m" may be anything.
        let certainty = facts.values.count > 1 && facts.values.contains { $0.bytes.count > 2 } ? 0.6 : 0.15
        return Shown(certainty: certainty, words: "its values are genders", test: Validators.isGender)
    }

    private func coordinates(_ facts: Facts, _ hasName: Bool) -> Shown? {
        if facts.sample.type == "point" { return Shown(certainty: 0.3, words: "its type") }
        guard facts.isText || ["numeric", "float4", "float8"].contains(facts.sample.type), hasName else { return nil }
        return byShare(facts, "are coordinates", 0.6, Validators.isCoordinate)
    }

    private func secret(_ facts: Facts) -> Shown {
        var shown = byShare(facts, "are password hashes or keys", 0.97, Validators.isSecret)
        if facts.hasMany, facts.isChoice || facts.share({ $0.spaces > 1 }) > 0.5 { shown.nameFactor = 0.2 }
        return shown
    }

    private func documentNumber(_ facts: Facts) -> Shown {
        guard facts.hasMany else { return Shown() }
        let share = facts.share { (5...14).contains($0.bytes.count) && $0.digits.count >= 2 && $0.spaces <= 2 }
        return Shown(
            certainty: 0, words: share > 0.7 ? "\(percent(share)) of its values are shaped like document numbers" : nil,
            nameFactor: share > 0.7 ? 1.1 : 0.3)
    }

    private func health(_ facts: Facts) -> Shown {
        let share = facts.share(Validators.isDiagnosis)
        guard facts.hasMany, share > 0.8, facts.values.contains(where: { $0.text.contains(".") }) else {
            return Shown()
        }
        return Shown(
            certainty: 0.5, words: "\(percent(share)) of its values look like ICD codes", test: Validators.isDiagnosis)
    }

    private func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
