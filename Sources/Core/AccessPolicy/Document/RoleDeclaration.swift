package import Platform

/// A role as declared; an attribute that is nil was not written.
package struct RoleDeclaration: Sendable {
    package let name: String
    package var attributes = RoleAttributes()
    package var validUntil: Expiry?
    package var settings: [RoleSetting] = []
    /// For the connected database alone; there they win over `settings`.
    package var settingsInDatabase: [RoleSetting] = []
    package var password: PasswordSource?
    package var memberOf: [MembershipDeclaration] = []
    /// What becomes of a role that shall not be there; nil for one that shall.
    package var retirement: Retirement?

    package init(name: String) {
        self.name = name
    }

    /// The place in the document, as errors and reasons name it.
    package var place: String { spell([AnyKey("roles"), AnyKey(name)]) }
}

/// The attributes that `CREATE ROLE` and `ALTER ROLE` share; nil where nothing is said.
package struct RoleAttributes: Sendable, Hashable {
    package var login: Bool?
    package var createdb: Bool?
    package var createrole: Bool?
    package var inherit: Bool?
    package var replication: Bool?
    package var bypassRls: Bool?
    package var connectionLimit: Int?

    package init() {}
}

/// When a password stops working.
package enum Expiry: Sendable, Hashable {
    case never
    case at(Timestamp)

    /// As `VALID UNTIL` takes it.
    package var text: String {
        switch self {
        case .never: "infinity"
        case .at(let time): time.microseconds.isMultiple(of: 1_000_000) ? time.brief : time.description
        }
    }
}

package struct RoleSetting: Sendable, Hashable {
    package let name: String
    /// One value; several for a setting that is a list of names, such as `search_path`.
    package let values: [String]
}

/// Where a password comes from: never from the document itself.
package enum PasswordSource: Sendable, Hashable {
    case environment(String)
    case file(String)
    case command([String])
}

package struct MembershipDeclaration: Sendable, Hashable {
    package let role: String
    package var admin: Bool?
    /// From PostgreSQL 16 on.
    package var inherit: Bool?
    /// From PostgreSQL 16 on.
    package var set: Bool?
    /// The last moment at which it holds; nil for one without an end.
    package var until: Timestamp?

    package init(
        role: String, admin: Bool? = nil, inherit: Bool? = nil, set: Bool? = nil, until: Timestamp? = nil
    ) {
        self.role = role
        self.admin = admin
        self.inherit = inherit
        self.set = set
        self.until = until
    }
}

extension RoleDeclaration: NamedDecodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case login, createdb, createrole, inherit, replication, bypassRls, connectionLimit, superuser
        case validUntil, settings, settingsInDatabase, password, memberOf
        case state, reassignTo, drop
    }

    init(named name: String, from decoder: any Decoder) throws {
        if let problem = Self.problem(withName: name) { throw decoder.rejection(problem) }
        let container = try decoder.strict(Keys.self)
        if try container.decodeIfPresent(Bool.self, forKey: .superuser) == true {
            throw container.rejection(.superuser, "a policy never makes a superuser")
        }
        self.init(name: name)
        if try container.decodeIfPresent(RolePresence.self, forKey: .state) == .absent {
            for key in container.allKeys where ![.state, .reassignTo, .drop].contains(key) {
                throw container.rejection(key, "an absent role has only reassignTo or drop")
            }
            retirement = try Retirement(
                of: name, heir: try container.decodeIfPresent(String.self, forKey: .reassignTo),
                drops: try container.decodeIfPresent(Bool.self, forKey: .drop), at: decoder)
            return
        }
        for key in [Keys.reassignTo, .drop] where container.contains(key) {
            throw container.rejection(key, "only a role with \"state\": \"absent\" has this")
        }
        attributes.login = try container.decodeIfPresent(Bool.self, forKey: .login)
        attributes.createdb = try container.decodeIfPresent(Bool.self, forKey: .createdb)
        attributes.createrole = try container.decodeIfPresent(Bool.self, forKey: .createrole)
        attributes.inherit = try container.decodeIfPresent(Bool.self, forKey: .inherit)
        attributes.replication = try container.decodeIfPresent(Bool.self, forKey: .replication)
        attributes.bypassRls = try container.decodeIfPresent(Bool.self, forKey: .bypassRls)
        attributes.connectionLimit = try container.decodeIfPresent(Int.self, forKey: .connectionLimit)
        if let limit = attributes.connectionLimit, !(-1...Int(Int32.max)).contains(limit) {
            throw container.rejection(.connectionLimit, "\(limit) is not a limit: 0 or more, or -1 for none")
        }
        validUntil = try container.decodeIfPresent(Expiry.self, forKey: .validUntil)
        settings = try container.named(RoleSetting.self, forKey: .settings).sorted { $0.name < $1.name }
        settingsInDatabase = try container.named(RoleSetting.self, forKey: .settingsInDatabase)
            .sorted { $0.name < $1.name }
        password = try container.decodeIfPresent(PasswordSource.self, forKey: .password)
        memberOf = try container.decodeIfPresent([MembershipDeclaration].self, forKey: .memberOf) ?? []
        for (index, membership) in memberOf.enumerated() {
            if membership.role == name {
                throw container.rejection(.memberOf, at: index, "a role cannot be a member of itself")
            }
            if memberOf[..<index].contains(where: { $0.role == membership.role }) {
                throw container.rejection(.memberOf, at: index, "role \"\(membership.role)\" is listed twice")
            }
        }
    }

    private static func problem(withName name: String) -> String? {
        if name.isEmpty { return "a role needs a name" }
        if name == "public" || name == "PUBLIC" || name == "none" {
            return "\"\(name)\" is a word of PostgreSQL's own, not a role"
        }
        if name.hasPrefix("pg_") { return "role names that start with pg_ are PostgreSQL's own" }
        if name.utf8.count > 63 { return "the name is longer than PostgreSQL's 63 bytes" }
        if name.utf8.contains(0) { return "the name holds a zero byte" }
        return nil
    }
}

extension Expiry: Decodable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        if text == "infinity" {
            self = .never
        } else if let time = Timestamp(rfc3339: text) ?? Timestamp(text + "T00:00:00Z") {
            self = .at(time)
        } else {
            throw decoder.rejection(
                "\"\(text)\" is not a date, a time (2027-01-31T18:00:00Z, or +02:00 for Z) or infinity")
        }
    }
}

extension RoleSetting: NamedDecodable {
    init(named name: String, from decoder: any Decoder) throws {
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        let isName = words.allSatisfy { word in
            !word.isEmpty && word.allSatisfy { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        }
        guard isName else { throw decoder.rejection("\"\(name)\" is not the name of a setting") }
        let container = try decoder.singleValueContainer()
        if let values = try? container.decode([String].self) {
            guard !values.isEmpty else { throw decoder.rejection("the list is empty") }
            self.init(name: name, values: values)
        } else {
            let value = try container.decode(Scalar.self).text ?? ""
            if Self.lists.contains(name.lowercased()), value.contains(",") {
                throw decoder.rejection("\(name) is a list of names: write [\"one\", \"other\"]")
            }
            self.init(name: name, values: [value])
        }
    }
}

extension PasswordSource: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case env, file, command
    }

    package init(from decoder: any Decoder) throws {
        guard (try? decoder.singleValueContainer().decode(String.self)) == nil else {
            throw decoder.rejection(
                "a password never stands in a policy: name an environment variable, a file or a command")
        }
        let container = try decoder.strict(Keys.self)
        guard container.allKeys.count == 1, let key = container.allKeys.first else {
            throw decoder.rejection("exactly one of env, file and command is expected")
        }
        switch key {
        case .env: self = .environment(try container.decode(String.self, forKey: .env))
        case .file: self = .file(try container.decode(String.self, forKey: .file))
        case .command:
            let words = try container.decode([String].self, forKey: .command)
            guard !words.isEmpty else { throw container.rejection(.command, "the list is empty") }
            self = .command(words)
        }
    }
}

extension MembershipDeclaration: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case role, admin, inherit, set, until
    }

    package init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.init(role: name)
            return
        }
        let container = try decoder.strict(Keys.self)
        self.init(
            role: try container.decode(String.self, forKey: .role),
            admin: try container.decodeIfPresent(Bool.self, forKey: .admin),
            inherit: try container.decodeIfPresent(Bool.self, forKey: .inherit),
            set: try container.decodeIfPresent(Bool.self, forKey: .set),
            until: try container.deadline(forKey: .until))
    }
}
