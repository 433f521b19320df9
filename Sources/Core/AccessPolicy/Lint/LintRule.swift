import PostgresClient

/// One rule as a value: what it is called, how much it matters, and a pure function that finds it.
package struct LintRule: Sendable {
    /// What a rule says of one object; the rule itself adds the rest.
    struct Hit: Sendable {
        let object: LintObject
        let evidence: String
        let remedy: [SQL]
        /// Where this case matters more or less than the rule's usual.
        let severity: LintSeverity?

        init(_ object: LintObject, _ evidence: String, fix remedy: SQL..., severity: LintSeverity? = nil) {
            self.object = object
            self.evidence = evidence
            self.remedy = remedy
            self.severity = severity
        }
    }

    package let id: String
    package let severity: LintSeverity
    package let title: String
    package let source: String
    private let check: @Sendable (LintFacts) -> [Hit]

    init(
        _ id: String, _ severity: LintSeverity, _ title: String, source: String,
        _ check: @escaping @Sendable (LintFacts) -> [Hit]
    ) {
        self.id = id
        self.severity = severity
        self.title = title
        self.source = source
        self.check = check
    }

    /// What the rule finds, once for each object and in their order.
    func findings(in facts: LintFacts) throws -> [Finding] {
        var merged: [LintObject: Finding] = [:]
        for hit in check(facts) {
            let remedy = try hit.remedy.map { Self.safe(try $0.text()) }
            let severity = hit.severity ?? severity
            guard let first = merged[hit.object] else {
                merged[hit.object] = Finding(
                    id: id, severity: severity, object: hit.object, evidence: hit.evidence, remedy: remedy,
                    source: source)
                continue
            }
            merged[hit.object] = Finding(
                id: id, severity: max(severity, first.severity), object: hit.object,
                evidence: first.evidence.contains(hit.evidence)
                    ? first.evidence : "\(first.evidence); \(hit.evidence)",
                remedy: first.remedy + remedy.filter { !first.remedy.contains($0) }, source: source)
        }
        return merged.values.sorted { $0.object < $1.object }
    }

    /// A comment stays one line: names and settings in it were chosen by others, and people paste remedies into psql.
    private static func safe(_ remedy: String) -> String {
        guard remedy.hasPrefix("--") else { return remedy }
        return remedy.split { $0.isNewline }.joined(separator: " ")
    }

    /// Every rule, in the order of Documentation/lint.md.
    package static let all: [LintRule] =
        RowSecurityRules.all + BypassRules.all + SideDoorRules.all + PolicyRules.all + PolicyExpressionRules.all
        + PolicySubqueryRules.all + PolicySettingRules.all + FunctionRules.all + GrantRules.all + ObjectRules.all
        + RoleRules.all + MembershipRules.all + ServerRules.all + DocumentRules.all

    package static let identifiers: Set<String> = Set(all.map(\.id)).union(Baseline.ruleIdentifiers)
}

/// The chapters and lists that the rules cite.
enum LintSource {
    static let rowSecurity = "PostgreSQL, 5.9 Row Security Policies"
    static let createPolicy = "PostgreSQL, CREATE POLICY"
    static let createView = "PostgreSQL, CREATE VIEW"
    static let rules = "PostgreSQL, 41.5 Rules and Privileges"
    static let functionSecurity = "PostgreSQL, 22.6 Function Security"
    static let createFunction = "PostgreSQL, CREATE FUNCTION, Writing SECURITY DEFINER Functions Safely"
    static let privileges = "PostgreSQL, 5.8 Privileges"
    static let attributes = "PostgreSQL, 22.2 Role Attributes"
    static let predefined = "PostgreSQL, 22.5 Predefined Roles"
    static let defaults = "PostgreSQL, ALTER DEFAULT PRIVILEGES"
    static let volatility = "PostgreSQL, 38.7 Function Volatility Categories"
    static let schemas = "PostgreSQL, 5.10.6 Usage Patterns; CVE-2018-1058"
    static let measured = "own measurement on PostgreSQL 15, 16 and 18"
}
