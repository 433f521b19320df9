package import Platform

/// What was found of a plaintext in one place where it may survive.
package struct ResiduePlace: Sendable, Encodable {
    package enum Verdict: String, Sendable, Encodable {
        case found
        case clean
        /// It could not be looked at, and `why` says why.
        case unknown
    }

    package enum Kind: String, Sendable, Encodable, CaseIterable {
        case heap, toast, index, copy, statistics, wal, statements, log, archive, standby, backup
    }

    package let kind: Kind
    package let name: String
    package var verdict: Verdict
    /// Which of the values were found, by their numbers, and how often any.
    var found: Set<Int> = []
    package var values: Int { found.count }
    package var occurrences = 0
    package var bytes = 0
    /// Values that were decompressed to look into them.
    package var compressed = 0
    package var why: String?

    package init(_ kind: Kind, _ name: String, _ verdict: Verdict, why: String? = nil) {
        (self.kind, self.name, self.verdict, self.why) = (kind, name, verdict, why)
    }

    private enum Keys: String, CodingKey {
        case kind, name, verdict, values, occurrences, bytes, compressed, why
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(name, forKey: .name)
        try container.encode(verdict, forKey: .verdict)
        try container.encode(values, forKey: .values)
        try container.encode(occurrences, forKey: .occurrences)
        try container.encode(bytes, forKey: .bytes)
        try container.encode(compressed, forKey: .compressed)
        try container.encodeIfPresent(why, forKey: .why)
    }
}

/// What a search for residue came to.
package struct ResidueReport: Sendable {
    package let table: String
    package let column: String
    /// How many values were looked for.
    package let needles: Int
    /// Values too short to look for.
    package let short: Int
    package var places: [ResiduePlace]

    /// `found` anywhere, else `unknown` where something could not be looked at.
    package var verdict: ResiduePlace.Verdict {
        if places.contains(where: { $0.verdict == .found }) { return .found }
        return places.contains { $0.verdict == .unknown } ? .unknown : .clean
    }
}

/// A backup or a copy of a key that outlives what is done in the database.
package struct RetainedCopy: Sendable, Encodable {
    package let name: String
    /// Nil for a place that could not be read.
    package let taken: Timestamp?
    /// When it will be gone by the rules; nil when they do not say.
    package let expires: Timestamp?
    /// Why it is kept, or when it goes.
    package let kept: String
    /// The contexts of encrypted columns that its manifest names.
    package let contexts: [String]
    /// Why it is not known what is in it: its signature is missing or wrong, it is no whole backup, it could not be read.
    package let doubt: String?

    package init(
        name: String, taken: Timestamp?, expires: Timestamp?, kept: String, contexts: [String], doubt: String? = nil
    ) {
        (self.name, self.taken, self.expires, self.kept) = (name, taken, expires, kept)
        (self.contexts, self.doubt) = (contexts, doubt)
    }
}
