extension DatabaseFacts {
    /// What a restored database is otherwise than it was recorded; what a dump's table of contents says is compared there.
    func differences(to copy: DatabaseFacts) -> [String] {
        var found: [String] = []
        func compare(_ what: String, _ ours: String?, _ theirs: String?) {
            if ours != theirs { found.append("\(what) is \(theirs ?? "none") instead of \(ours ?? "none")") }
        }
        compare("the encoding", encoding, copy.encoding)
        compare("the collation", collate, copy.collate)
        compare("the character type", ctype, copy.ctype)
        compare("the locale provider", localeProvider, copy.localeProvider)
        compare("the locale", locale, copy.locale)
        compare("the collation's rules", icuRules, copy.icuRules)
        compare("the connection limit", String(connectionLimit), String(copy.connectionLimit))
        let there = Dictionary(copy.extensions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for wanted in extensions {
            compare("the version of the extension \(wanted.name)", wanted.version, there[wanted.name]?.version)
            compare("the schema of the extension \(wanted.name)", wanted.schema, there[wanted.name]?.schema)
        }
        return found
    }

    /// Collations of another version may sort otherwise; indexes are made anew, so that nothing is wrong, but to be known.
    func collationNotes(to copy: DatabaseFacts) -> [String] {
        var notes: [String] = []
        func compare(_ what: String, _ ours: String?, _ theirs: String?) {
            guard let ours, let theirs, ours != theirs else { return }
            notes.append("\(what) has the version \(theirs) here, not \(ours)")
        }
        compare("the collation of \"\(name)\"", collationVersion, copy.collationVersion)
        for collation in collations {
            let other = copy.collations.first { $0.schema == collation.schema && $0.name == collation.name }
            compare("the collation \(collation.schema).\(collation.name)", collation.version, other?.version)
        }
        return notes
    }
}
