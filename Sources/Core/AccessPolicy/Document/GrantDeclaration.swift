package import Platform

/// One grant as declared: privileges on objects of one kind, to some roles.
package struct GrantDeclaration: Sendable {
    package private(set) var grantees: [Grantee]
    package let target: Target
    /// The empty list is an order: nothing, not even what is built in, in whichever mode.
    package let privileges: PrivilegeList
    package let withGrantOption: Bool
    /// The roles whose future objects of this kind, in these schemas, get the same privileges.
    package let futureCreators: [String]
    /// The last moment at which it holds; nil for one without an end.
    package let until: Timestamp?

    package init(
        to grantees: [Grantee], on target: Target, _ privileges: PrivilegeList, withGrantOption: Bool = false,
        futureCreators: [String] = [], until: Timestamp? = nil
    ) {
        self.grantees = grantees
        self.target = target
        self.privileges = privileges
        self.withGrantOption = withGrantOption
        self.futureCreators = futureCreators
        self.until = until
    }

    /// The same for nobody.
    var withoutGrantees: GrantDeclaration {
        var copy = self
        copy.grantees = []
        return copy
    }

    package var isNone: Bool { privileges == .these([]) }
}

extension GrantDeclaration: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case to, on, privileges, withGrantOption, future, until
    }

    private enum FutureKeys: String, CodingKey, CaseIterable {
        case createdBy
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let grantees = try container.grantees(.to)
        let target = try container.decode(Target.self, forKey: .on)
        let withGrantOption = try container.decodeIfPresent(Bool.self, forKey: .withGrantOption) ?? false
        if withGrantOption, grantees.contains(.everyone) {
            throw container.rejection(.withGrantOption, "PostgreSQL grants no grant option to PUBLIC")
        }
        let futureCreators = try Self.futureCreators(in: container, target: target)
        self.init(
            to: grantees, on: target,
            try container.privileges(.privileges, of: target.kind),
            withGrantOption: withGrantOption,
            futureCreators: futureCreators,
            until: try container.deadline(forKey: .until))
        if isNone, until != nil { throw container.rejection(.until, "no privilege is listed: an order has no end") }
        if isNone, withGrantOption || !futureCreators.isEmpty {
            throw container.rejection(
                withGrantOption ? .withGrantOption : .future,
                "no privilege is listed: that takes all of them away, and has neither withGrantOption nor future")
        }
    }

    private static func futureCreators(
        in container: KeyedDecodingContainer<Keys>, target: Target
    ) throws -> [String] {
        guard container.contains(.future) else { return [] }
        guard target.wholeSchemas != nil else {
            throw container.rejection(
                .future, "only schema.* of tables, sequences, functions or types has future objects")
        }
        let future = try container.superDecoder(forKey: .future).strict(FutureKeys.self)
        return try future.parsed(.createdBy) { $0 }
    }
}

extension KeyedDecodingContainer {
    /// The roles under this key, and PUBLIC; none twice.
    func grantees(_ key: Key) throws -> [Grantee] {
        let grantees = try parsed(key) { Grantee($0) }
        if let index = grantees.indices.first(where: { grantees[..<$0].contains(grantees[$0]) }) {
            throw rejection(key, at: index, "\"\(grantees[index])\" is listed twice")
        }
        return grantees
    }

    /// The privileges under this key, all of which the kind has; the empty list is none at all.
    func privileges(_ key: Key, of kind: ObjectKind) throws -> PrivilegeList {
        let words = try decode([String].self, forKey: key)
        if words.count == 1, ["ALL", "ALL PRIVILEGES"].contains(words[0].uppercased()) { return .all }
        var set: PrivilegeSet = []
        for (index, word) in words.enumerated() {
            guard let privilege = PrivilegeSet(named: word) else {
                let sentence =
                    word.uppercased() == "ALL"
                    ? "ALL stands alone" : unknown("privilege", word, among: PrivilegeSet.allNames)
                throw rejection(key, at: index, sentence)
            }
            guard kind.privileges.contains(privilege) else {
                let known = kind.privileges.names.joined(separator: ", ")
                throw rejection(
                    key, at: index, "there is no \(privilege) on a \(kind.rawValue): it has \(known)")
            }
            guard !set.contains(privilege) else {
                throw rejection(key, at: index, "\(privilege) is listed twice")
            }
            set.formUnion(privilege)
        }
        return .these(set)
    }
}
