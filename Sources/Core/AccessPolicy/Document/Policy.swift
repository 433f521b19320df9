import Platform

/// A policy as its author wrote it: who may do what, on what, and how that is proved.
package struct Policy: Sendable {
    package enum Mode: String, Sendable, CaseIterable, Codable {
        /// What is declared is made so; the rest is reported and left alone.
        case additive
        /// Inside `manages`, what is not declared is taken away; never does an omission widen access.
        case authoritative
    }

    package let mode: Mode
    package let manages: Manages?
    package let roles: [RoleDeclaration]
    package let owners: [OwnerDeclaration]
    package var grants: [GrantDeclaration]
    package let defaultPrivileges: [DefaultDeclaration]
    package let rowSecurity: [TableSecurity]
    package let tests: [AccessTest]
    /// Owners, besides superusers and the connected role, whose functions may run during tests.
    package let trustedOwners: [String]
    /// Seconds that the tests may take while row security changes hold their locks.
    package let proofBudget: Int
    /// Only a test that is `proved` passes: neither `vacuous` nor `unknown` will do.
    package var strict: Bool
    /// Names of the databases it is for, with `*` for any run of characters; none for the connected one.
    package let databases: [NamePattern]

    package init(
        mode: Mode = .additive, manages: Manages? = nil, roles: [RoleDeclaration] = [],
        owners: [OwnerDeclaration] = [], grants: [GrantDeclaration] = [],
        defaultPrivileges: [DefaultDeclaration] = [], rowSecurity: [TableSecurity] = [], tests: [AccessTest] = [],
        trustedOwners: [String] = [], proofBudget: Int = 5, strict: Bool = false, databases: [NamePattern] = []
    ) {
        self.mode = mode
        self.manages = manages
        self.roles = roles
        self.owners = owners
        self.grants = grants
        self.defaultPrivileges = defaultPrivileges
        self.rowSecurity = rowSecurity
        self.tests = tests
        self.trustedOwners = trustedOwners
        self.proofBudget = proofBudget
        self.strict = strict
        self.databases = databases
    }

    /// All that is declared of future objects, with its place: `future` of grants, and `defaultPrivileges`.
    package var futures: [(place: String, declared: DefaultDeclaration)] {
        grants.enumerated().compactMap { index, grant in
            grant.future.map { ("grants[\(index)].future", $0) }
        } + defaultPrivileges.enumerated().map { ("defaultPrivileges[\($0)]", $1) }
    }
}

/// What an authoritative policy answers for: nothing outside of it is ever taken away.
package struct Manages: Sendable, Hashable {
    package let schemas: [NamePattern]
    package let roles: [NamePattern]
    /// Privileges on the connected database, and on what stands in it outside of schemas.
    package let database: Bool
    /// Privileges on what all databases of the server share: tablespaces and parameters.
    package let cluster: Bool
    /// `PUBLIC` is managed only where it is named; no pattern reaches it.
    package let everyone: Bool

    package init(schemas: [String], roles: [String], database: Bool = true, cluster: Bool = false) {
        self.schemas = schemas.map(NamePattern.init)
        self.roles = roles.filter { $0 != "PUBLIC" }.map(NamePattern.init)
        self.database = database
        self.cluster = cluster
        self.everyone = roles.contains("PUBLIC")
    }

    package func covers(schema: String) -> Bool { schemas.contains { $0.matches(schema) } }

    /// Every schema there is and will be.
    package var coversEverySchema: Bool { schemas.contains { $0.text == "*" } }

    package func covers(_ grantee: Grantee) -> Bool {
        switch grantee {
        case .everyone: everyone
        case .role(let name): roles.contains { $0.matches(name) }
        }
    }
}

/// A name with `*` for any run of characters.
package struct NamePattern: Sendable, Hashable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package func matches(_ name: String) -> Bool {
        let pieces = text.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count > 1, let first = pieces.first, let last = pieces.last else { return name == text }
        guard name.hasPrefix(first), name.hasSuffix(last), name.count >= first.count + last.count else { return false }
        var rest = name.dropFirst(first.count).dropLast(last.count)
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let found = rest.firstRange(of: piece) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }
}

extension Policy: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case schema = "$schema"
        case version, mode, manages, roles, owners, grants, defaultPrivileges, rowSecurity, tests, trustedOwners
        case proofBudget, strict, databases
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        _ = try container.decodeIfPresent(String.self, forKey: .schema)
        let version = try container.decode(Int.self, forKey: .version)
        guard version == 1 else {
            throw container.rejection(.version, "version \(version) is not known here: this program reads version 1")
        }
        let mode = try container.decodeIfPresent(Mode.self, forKey: .mode) ?? .additive
        let manages = try container.decodeIfPresent(Manages.self, forKey: .manages)
        guard mode == .additive || manages != nil else {
            throw container.rejection(
                .mode, "authoritative mode takes away what is not declared: say where with \"manages\"")
        }
        let budget = try container.decodeIfPresent(Int.self, forKey: .proofBudget) ?? 5
        guard (1...3600).contains(budget) else {
            throw container.rejection(.proofBudget, "\(budget) is not between 1 and 3600 seconds")
        }
        let databases = try container.decodeIfPresent([String].self, forKey: .databases)
        if databases?.isEmpty == true { throw container.rejection(.databases, "the list is empty") }
        self.init(
            mode: mode, manages: manages,
            roles: try container.named(RoleDeclaration.self, forKey: .roles).sorted { $0.name < $1.name },
            owners: try container.decodeIfPresent([OwnerDeclaration].self, forKey: .owners) ?? [],
            grants: try container.decodeIfPresent([GrantDeclaration].self, forKey: .grants) ?? [],
            defaultPrivileges: try container.decodeIfPresent([DefaultDeclaration].self, forKey: .defaultPrivileges)
                ?? [],
            rowSecurity: try container.named(TableSecurity.self, forKey: .rowSecurity).sorted { $0.table < $1.table },
            tests: try container.decodeIfPresent([AccessTest].self, forKey: .tests) ?? [],
            trustedOwners: try container.decodeIfPresent([String].self, forKey: .trustedOwners) ?? [],
            proofBudget: budget,
            strict: try container.decodeIfPresent(Bool.self, forKey: .strict) ?? false,
            databases: databases?.map(NamePattern.init) ?? [])
    }
}

extension Policy.Mode {
    package init(from decoder: any Decoder) throws {
        self = try decoder.word(among: Self.allCases, kind: "mode")
    }
}

extension Manages: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case schemas, roles, database, cluster
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        self.init(
            schemas: try container.decodeIfPresent([String].self, forKey: .schemas) ?? [],
            roles: try container.decodeIfPresent([String].self, forKey: .roles) ?? [],
            database: try container.decodeIfPresent(Bool.self, forKey: .database) ?? true,
            cluster: try container.decodeIfPresent(Bool.self, forKey: .cluster) ?? false)
    }
}
