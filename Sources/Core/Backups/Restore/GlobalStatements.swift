import Platform

/// The statements of a backup's globals that make roles, as pg_dumpall writes them.
struct GlobalStatements {
    /// What makes one role: CREATE, its attributes with the password's verifier, its settings and comment.
    private var making: [String: [String]] = [:]
    private var order: [String] = []
    private var memberships: [Membership] = []

    private struct Membership {
        let roles: [String]
        let statement: String
    }

    init(_ globals: String) {
        for statement in SQLTokens(globals).statements { read(statement) }
    }

    /// Every role that the backup knows how to make.
    var roles: [String] { order }

    /// What makes these roles and their memberships; roles that are there already stay as they are.
    func making(_ wanted: Set<String>, beside present: Set<String>) -> [String] {
        let known = wanted.intersection(order)
        let all = known.union(present)
        return order.filter(known.contains).flatMap { making[$0] ?? [] }
            + memberships.filter { membership in
                membership.roles.allSatisfy(all.contains) && membership.roles.contains(where: known.contains)
            }.map(\.statement)
    }

    private mutating func read(_ statement: [SQLTokens.Token]) {
        let words = statement.filter { $0.kind != .space }
        guard words.count >= 3, let name = words[2].name else { return }
        if words[0].isWord("CREATE"), words[1].isWord("ROLE") {
            if making[name] == nil { order.append(name) }
            making[name] = [statement.text]
        } else if words[0].isWord("ALTER"), words[1].isWord("ROLE") {
            making[name]?.append(statement.text)
        } else if words.count >= 4, words[0].isWord("COMMENT"), words[2].isWord("ROLE"), let role = words[3].name {
            making[role]?.append(statement.text)
        } else if words.count >= 4, words[0].isWord("GRANT"), words[2].isWord("TO"),
            let role = words[1].name, let member = words[3].name
        {
            // Who granted it may have another name here, or no right to.
            let end = statement.indices.first { statement[$0].isWord("GRANTED") } ?? statement.endIndex
            memberships.append(Membership(roles: [role, member], statement: Array(statement[..<end]).text))
        }
    }
}
