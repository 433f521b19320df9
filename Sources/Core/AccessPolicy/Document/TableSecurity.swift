import Platform

/// Row-level security of one table as declared; nil where nothing is said.
package struct TableSecurity: Sendable {
    package let table: ObjectName
    /// The key under `rowSecurity`, as written.
    package let key: String
    /// Naming a table here means row security is on, unless `enable` says false.
    package let enable: Bool
    package let force: Bool?
    package let policies: [PolicyDeclaration]

    package init(
        table: ObjectName, key: String? = nil, enable: Bool = true, force: Bool? = nil,
        policies: [PolicyDeclaration] = []
    ) {
        self.table = table
        self.key = key ?? table.description
        self.enable = enable
        self.force = force
        self.policies = policies
    }

    package var place: String { spell([AnyKey("rowSecurity"), AnyKey(key)]) }
}

/// The command that a policy is for.
package enum PolicyCommand: String, Sendable, CaseIterable, Encodable, Decodable {
    case all = "ALL"
    case select = "SELECT"
    case insert = "INSERT"
    case update = "UPDATE"
    case delete = "DELETE"

    package var hasUsing: Bool { self != .insert }
    package var hasCheck: Bool { self != .select && self != .delete }

    package init(from decoder: any Decoder) throws {
        self = try decoder.word(among: Self.allCases, kind: "command")
    }
}

package struct PolicyDeclaration: Sendable {
    package let name: String
    package let grantees: [Grantee]
    package let command: PolicyCommand
    package let isRestrictive: Bool
    package let using: String?
    package let check: String?
    /// The template that `using` and `check` were made from.
    package let match: Match?

    package init(
        name: String, to grantees: [Grantee], for command: PolicyCommand = .all, isRestrictive: Bool = false,
        using: String? = nil, check: String? = nil, match: Match? = nil
    ) {
        self.name = name
        self.grantees = grantees
        self.command = command
        self.isRestrictive = isRestrictive
        self.using = using
        self.check = check
        self.match = match
    }
}

extension TableSecurity: NamedDecodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case enable, force, policies
    }

    init(named name: String, from decoder: any Decoder) throws {
        let table: ObjectName
        do throws(NameParser.Problem) {
            table = try NameParser.object(name)
        } catch {
            throw decoder.rejection(error.sentence)
        }
        let container = try decoder.strict(Keys.self)
        let policies = try container.decodeIfPresent([PolicyDeclaration].self, forKey: .policies) ?? []
        for (index, policy) in policies.enumerated() {
            guard policies[..<index].contains(where: { $0.name == policy.name }) else { continue }
            throw container.rejection(.policies, at: index, "policy \"\(policy.name)\" is declared twice")
        }
        for (index, policy) in policies.enumerated() where policy.match?.through?.table == table {
            throw container.rejection(
                .policies, at: index,
                "match goes through \(table) itself, whose policies PostgreSQL would ask again, without end")
        }
        self.init(
            table: table, key: name,
            enable: try container.decodeIfPresent(Bool.self, forKey: .enable) ?? true,
            force: try container.decodeIfPresent(Bool.self, forKey: .force),
            policies: policies)
    }
}

extension PolicyDeclaration: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case command = "for"
        case name, to, restrictive, using, check, match
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let name = try container.decode(String.self, forKey: .name)
        guard !name.isEmpty, name.utf8.count <= 63 else {
            throw container.rejection(.name, "a policy's name has 1 to 63 bytes")
        }
        let command = try container.decodeIfPresent(PolicyCommand.self, forKey: .command) ?? .all
        var using = try container.decodeIfPresent(String.self, forKey: .using)
        var check = try container.decodeIfPresent(String.self, forKey: .check)
        let match = try container.decodeIfPresent(Match.self, forKey: .match)
        if let match {
            guard using == nil, check == nil else {
                throw container.rejection(.match, "match writes USING and WITH CHECK itself: leave using and check out")
            }
            let expression = try match.expression()
            using = command.hasUsing ? expression : nil
            check = command.hasCheck ? expression : nil
        }
        if using != nil, !command.hasUsing {
            throw container.rejection(.using, "a policy for INSERT has no USING: say check")
        }
        if check != nil, !command.hasCheck {
            throw container.rejection(.check, "a policy for \(command.rawValue) has no WITH CHECK: say using")
        }
        guard (command.hasUsing ? using : check) != nil else {
            throw decoder.rejection(
                "policy \"\(name)\" has no \(command.hasUsing ? "using" : "check"), nor match to write it")
        }
        self.init(
            name: name,
            to: try container.parsed(.to) { Grantee($0) },
            for: command,
            isRestrictive: try container.decodeIfPresent(Bool.self, forKey: .restrictive) ?? false,
            using: using, check: check, match: match)
    }
}
