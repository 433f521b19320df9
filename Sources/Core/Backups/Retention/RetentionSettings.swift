import Platform

/// What the section `backup` of the configuration says about how long backups stay; the section's other words are passed over.
package struct RetentionSettings: Decodable, Sendable {
    /// From `keepLast`, `keepDays`, `keepWithin`, `keepHourly`, `keepDaily`, `keepWeekly`, `keepMonthly`, `keepYearly` and
    /// `keepTags`.
    package var rules: Set<RetentionRule> = []
    /// From `requireProof`.
    package var requiredProof: ProofLevel?
    package var graceHours: Int
    /// From `appendOnly` and `lockDays`.
    package var storage = Pruning.Storage.removable

    package static let defaultGraceHours = 24

    package init(
        _ rules: Set<RetentionRule> = [], requiredProof: ProofLevel? = nil,
        graceHours: Int = RetentionSettings.defaultGraceHours, storage: Pruning.Storage = .removable
    ) {
        (self.rules, self.requiredProof, self.graceHours, self.storage) = (rules, requiredProof, graceHours, storage)
    }

    private enum Keys: String, CodingKey, CaseIterable {
        case keepLast, keepDays, keepWithin, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepTags
        case requireProof, graceHours, appendOnly, lockDays
    }

    private static let numbered: [(Keys, @Sendable (Int) -> RetentionRule)] = [
        (.keepLast, { .last($0) }), (.keepDays, { .days($0) }), (.keepHourly, { .each(.hourly, $0) }),
        (.keepDaily, { .each(.daily, $0) }), (.keepWeekly, { .each(.weekly, $0) }),
        (.keepMonthly, { .each(.monthly, $0) }), (.keepYearly, { .each(.yearly, $0) }),
    ]

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        for (key, rule) in Self.numbered {
            if let number = try container.decodeIfPresent(Int.self, forKey: key) { rules.insert(rule(number)) }
        }
        if let text = try container.decodeIfPresent(String.self, forKey: .keepWithin) {
            guard let span = CalendarSpan(text) else {
                throw Rejected(
                    "\"\(text)\" is no length of time: write 30d, 6m or 2y5m7d3h",
                    at: container.codingPath + [Keys.keepWithin])
            }
            rules.insert(.within(span))
        }
        for tag in try container.decodeIfPresent([String].self, forKey: .keepTags) ?? [] { rules.insert(.tagged(tag)) }
        requiredProof = try container.decodeIfPresent(ProofLevel.self, forKey: .requireProof)
        graceHours = try container.decodeIfPresent(Int.self, forKey: .graceHours) ?? Self.defaultGraceHours
        if let days = try container.decodeIfPresent(Int.self, forKey: .lockDays) { storage = .locked(days: days) }
        if try container.decodeIfPresent(Bool.self, forKey: .appendOnly) == true { storage = .appendOnly }
    }
}
