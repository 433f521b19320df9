import Platform
import PostgresClient

/// The places in pg_dump's statements where roles stand.
enum RolePlaces {
    /// Whether statements of this kind name roles, besides owners.
    static func are(in kind: String) -> Bool {
        ["ACL", "ACL LANGUAGE", "DEFAULT ACL", "POLICY", "DATABASE PROPERTIES", "USER MAPPING"].contains(kind)
    }

    /// The places of the tokens that name a role, or a word for one such as PUBLIC.
    static func find(in tokens: [SQLTokens.Token], of kind: String) -> [Int] {
        var places: [Int] = []
        var start = 0
        for index in 0...tokens.count where index == tokens.count || tokens[index].isSymbol(";") {
            let words = (start..<index).filter { tokens[$0].kind != .space }
            places += find(tokens, words, kind)
            start = index + 1
        }
        return places
    }

    /// In pg_dump's text a keyword is in capitals, and a name that looks like one is quoted.
    private static func find(_ tokens: [SQLTokens.Token], _ words: [Int], _ kind: String) -> [Int] {
        func after(_ first: String, _ second: String? = nil) -> Int? {
            words.indices.dropFirst().first { place in
                guard let second else { return tokens[words[place - 1]].isWord(first) }
                return place >= 2 && tokens[words[place - 2]].isWord(first) && tokens[words[place - 1]].isWord(second)
            }
        }
        switch kind {
        case "POLICY": return after("TO").map { list(tokens, words, from: $0) } ?? []
        case "USER MAPPING": return after("FOR").map { [words[$0]] } ?? []
        case "DATABASE PROPERTIES": return after("ALTER", "ROLE").map { [words[$0]] } ?? []
        default:
            if let place = after("SESSION", "AUTHORIZATION") { return [words[place]] }
            let subject = after("FOR", "ROLE").map { [words[$0]] } ?? []
            let grantees = words.indices.last { tokens[words[$0]].isWord("TO") || tokens[words[$0]].isWord("FROM") }
            return subject + (grantees.map { list(tokens, words, from: $0 + 1) } ?? [])
        }
    }

    /// Names between commas.
    private static func list(_ tokens: [SQLTokens.Token], _ words: [Int], from start: Int) -> [Int] {
        var places: [Int] = []
        var place = start
        while place < words.count, tokens[words[place]].name != nil {
            places.append(words[place])
            guard place + 1 < words.count, tokens[words[place + 1]].isSymbol(",") else { break }
            place += 2
        }
        return places
    }
}

/// Roles that stand for others: everything that belonged to `app` goes to `app_test`.
///
/// Owners, grants, default privileges, policies, user mappings and settings of roles in a database are given to the other role.
/// Text that people wrote is left as it is: bodies of functions, SET clauses of functions, expressions of policies.
package struct RoleMap: Sendable {
    let names: [String: String]

    package init(_ names: [String: String] = [:]) {
        self.names = names
    }

    /// What a role is called where the backup is restored.
    func name(of role: String) -> String { names[role] ?? role }

    func apply(to item: Dump.Item) throws -> Dump.Item {
        let entry = item.entry
        var changed = item
        changed.entry.owner = name(of: entry.owner)
        if RolePlaces.are(in: entry.kind) { changed.entry.definition = try apply(to: entry.definition, of: entry.kind) }
        guard (changed.entry.owner, changed.entry.definition) != (entry.owner, entry.definition) else { return item }
        changed.raw = try item.raw.replacing(owner: changed.entry.owner, definition: changed.entry.definition)
        return changed
    }

    private func apply(to definition: String, of kind: String) throws -> String {
        var tokens = SQLTokens(definition).tokens
        for place in RolePlaces.find(in: tokens, of: kind) {
            guard let role = tokens[place].name, let other = names[role] else { continue }
            tokens[place] = SQLTokens.Token(kind: .quotedName, text: try Quoting.identifier(other))
        }
        return tokens.text
    }
}

extension Dump {
    mutating func apply(_ map: RoleMap) throws {
        guard !map.names.isEmpty else { return }
        items = try items.map(map.apply)
    }
}
