package import Platform
import PostgresClient

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

    package init(
        name: String, to grantees: [Grantee], for command: PolicyCommand = .all, isRestrictive: Bool = false,
        using: String? = nil, check: String? = nil
    ) {
        self.name = name
        self.grantees = grantees
        self.command = command
        self.isRestrictive = isRestrictive
        self.using = using
        self.check = check
    }
}

/// `column = setting`: the template behind `match`.
package struct Match: Sendable {
    package let column: String
    package let type: String
    package let setting: String

    package init(column: String, type: String, setting: String) {
        self.column = column
        self.type = type
        self.setting = setting
    }

    /// True for the rows whose column equals the setting, for none when it is unset or empty, and fast.
    ///
    /// A setting that was reset is '' and not NULL, so a bare cast would raise; the sub-select makes the planner compute
    /// it once for the statement and not once for each row.
    package func expression() throws(PlainFailure) -> String {
        let value = "nullif(pg_catalog.current_setting(\(try Quoting.literal(setting)), true), '')"
        return "\(try Quoting.identifier(column)) = (SELECT \(value)::\(type))"
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
        if let match = try container.decodeIfPresent(Match.self, forKey: .match) {
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
            using: using, check: check)
    }
}

extension Match: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case column, type, setting
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let type = try container.decode(String.self, forKey: .type)
        // The type stands in SQL as it is; these characters spell every type name and nothing else.
        let isType = !type.isEmpty && type.allSatisfy { $0.isLetter || $0.isNumber || "_ .,()[]\"".contains($0) }
        guard isType else { throw container.rejection(.type, "\"\(type)\" is not the name of a type") }
        let setting = try container.decode(String.self, forKey: .setting)
        guard setting.contains("."), !setting.hasPrefix("."), !setting.hasSuffix(".") else {
            throw container.rejection(
                .setting, "\"\(setting)\" is not a setting of your own, as app.user_id would be")
        }
        self.init(column: try container.decode(String.self, forKey: .column), type: type, setting: setting)
    }
}
