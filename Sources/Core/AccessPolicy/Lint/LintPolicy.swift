/// A policy of a table: one that is there, or one that the document declares and the database does not have yet.
struct LintPolicy: Sendable {
    let relation: UInt32
    let table: ObjectName
    let name: String
    let isPermissive: Bool
    let command: PolicyCommand
    /// 0 is PUBLIC.
    let roles: [UInt32]
    let using: String?
    let check: String?
    /// The columns of its own table that it depends on, as the catalog records them.
    let columns: Set<String>
    let functions: Set<UInt32>
    let relations: Set<UInt32>
    /// Its place in the document, when it is not in the database yet.
    let place: String?

    var object: LintObject { .policy(name, on: table) }

    var clauses: [PolicyClause] {
        [using.map { (PolicyClause.Kind.using, $0) }, check.map { (.check, $0) }].compactMap(\.self)
            .map { PolicyClause(policy: self, kind: $0.0, text: $0.1) }
    }

    func applies(to command: PolicyCommand) -> Bool { self.command == .all || self.command == command }

    /// Where to look: nothing for a policy that is there.
    var prefix: String { place.map { "\($0), not yet in the database: " } ?? "" }
}

/// One expression of a policy.
struct PolicyClause: Sendable {
    enum Kind: String, Sendable {
        case using = "USING"
        case check = "WITH CHECK"
    }

    let policy: LintPolicy
    let kind: Kind
    let text: String
    let expression: PolicyExpression

    init(policy: LintPolicy, kind: Kind, text: String) {
        self.policy = policy
        self.kind = kind
        self.text = text
        expression = PolicyExpression(text, table: policy.table.name)
    }

    /// The clause and its text on one line, for evidence.
    var words: String {
        let line = text.split { $0 == "\n" || $0 == " " || $0 == "\t" }.joined(separator: " ")
        return "\(policy.prefix)\(kind.rawValue) (\(line.count > 200 ? line.prefix(200) + "..." : line[...]))"
    }
}
