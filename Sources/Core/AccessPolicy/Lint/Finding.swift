/// How much a finding matters; ordered, so that `>=` asks whether a threshold is reached.
package enum LintSeverity: String, Sendable, Comparable, CaseIterable, Codable {
    case info
    case warning
    case error

    private var rank: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .error: 2
        }
    }

    package static func < (left: LintSeverity, right: LintSeverity) -> Bool { left.rank < right.rank }
}

/// What a finding is about, by its words: `table public.orders`, `policy own_orders on public.orders`, `role app`.
package struct LintObject: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let kind: String
    package let name: String
    /// The schema that holds it; nil for roles, the database and the server.
    package let schema: String?

    package init(_ kind: String, _ name: String, schema: String? = nil) {
        self.kind = kind
        self.name = name
        self.schema = schema
    }

    package var description: String { "\(kind) \(name)" }

    package static func < (left: LintObject, right: LintObject) -> Bool {
        (left.kind, left.name) < (right.kind, right.name)
    }

    static func relation(_ kind: String, _ name: ObjectName) -> LintObject {
        LintObject(kind, name.description, schema: name.schema)
    }

    static func policy(_ policy: String, on table: ObjectName) -> LintObject {
        LintObject("policy", "\(spelled(policy)) on \(table)", schema: table.schema)
    }

    static func role(_ name: String) -> LintObject { LintObject("role", spelled(name)) }
}

/// One thing that is not as it should be, with what shows it and what would mend it.
package struct Finding: Sendable, Encodable {
    /// Stable: baselines and pipelines refer to it.
    package let id: String
    package let severity: LintSeverity
    package let object: LintObject
    package let evidence: String
    /// Statements that would mend it; a choice between several, or what SQL cannot do, stands in comments.
    package let remedy: [String]
    /// Where the reason is written down.
    package let source: String
    /// Why this finding was accepted, when a baseline names it.
    package let accepted: String?

    init(
        id: String, severity: LintSeverity, object: LintObject, evidence: String, remedy: [String], source: String,
        accepted: String? = nil
    ) {
        self.id = id
        self.severity = severity
        self.object = object
        self.evidence = evidence
        self.remedy = remedy
        self.source = source
        self.accepted = accepted
    }

    func accepted(because reason: String) -> Finding {
        Finding(
            id: id, severity: severity, object: object, evidence: evidence, remedy: remedy, source: source,
            accepted: reason)
    }

    private enum Keys: String, CodingKey {
        case id, severity, object, evidence, remedy, source, accepted
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(id, forKey: .id)
        try container.encode(severity, forKey: .severity)
        try container.encode(object.description, forKey: .object)
        try container.encode(evidence, forKey: .evidence)
        try container.encode(remedy, forKey: .remedy)
        try container.encode(source, forKey: .source)
        try container.encodeIfPresent(accepted, forKey: .accepted)
    }
}
