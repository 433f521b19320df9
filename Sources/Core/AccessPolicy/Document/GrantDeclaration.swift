package import Platform

/// One grant as declared: privileges on objects of one kind, to some roles.
package struct GrantDeclaration: Sendable {
    /// The objects of a grant, all of one kind.
    package enum Target: Sendable {
        case database
        case schemas([String])
        case tables([Selector<ObjectName>])
        case columns([ColumnList])
        case sequences([Selector<ObjectName>])
        case functions([Selector<RoutineSignature>])

        package var kind: ObjectKind {
            switch self {
            case .database: .database
            case .schemas: .schema
            case .tables: .table
            case .columns: .column
            case .sequences: .sequence
            case .functions: .function
            }
        }

        /// The schemas of `schema.*`, when that is all the target names.
        package var wholeSchemas: [String]? {
            switch self {
            case .tables(let list), .sequences(let list): Self.schemas(list)
            case .functions(let list): Self.schemas(list)
            case .database, .schemas, .columns: nil
            }
        }

        private static func schemas<Name>(_ selectors: [Selector<Name>]) -> [String]? {
            let schemas = selectors.compactMap(\.schemaOfAll)
            return schemas.count == selectors.count ? schemas : nil
        }
    }

    package struct ColumnList: Sendable {
        package let table: ObjectName
        package let columns: [String]

        package init(table: ObjectName, columns: [String]) {
            self.table = table
            self.columns = columns
        }
    }

    package private(set) var grantees: [Grantee]
    package let target: Target
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
        let grantees = try container.parsed(.to) { Grantee($0) }
        if let index = grantees.indices.first(where: { grantees[..<$0].contains(grantees[$0]) }) {
            throw container.rejection(.to, at: index, "\"\(grantees[index])\" is listed twice")
        }
        let target = try container.decode(Target.self, forKey: .on)
        let withGrantOption = try container.decodeIfPresent(Bool.self, forKey: .withGrantOption) ?? false
        if withGrantOption, grantees.contains(.everyone) {
            throw container.rejection(.withGrantOption, "PostgreSQL grants no grant option to PUBLIC")
        }
        self.init(
            to: grantees, on: target,
            try Self.privileges(in: container, of: target.kind),
            withGrantOption: withGrantOption,
            futureCreators: try Self.futureCreators(in: container, target: target),
            until: try container.deadline(forKey: .until))
    }

    private static func privileges(
        in container: KeyedDecodingContainer<Keys>, of kind: ObjectKind
    ) throws -> PrivilegeList {
        let words = try container.decode([String].self, forKey: .privileges)
        guard !words.isEmpty else { throw container.rejection(.privileges, "the list is empty") }
        if words.count == 1, ["ALL", "ALL PRIVILEGES"].contains(words[0].uppercased()) { return .all }
        var set: PrivilegeSet = []
        for (index, word) in words.enumerated() {
            guard let privilege = PrivilegeSet(named: word) else {
                let sentence =
                    word.uppercased() == "ALL"
                    ? "ALL stands alone" : unknown("privilege", word, among: PrivilegeSet.allNames)
                throw container.rejection(.privileges, at: index, sentence)
            }
            guard kind.privileges.contains(privilege) else {
                let known = kind.privileges.names.joined(separator: ", ")
                throw container.rejection(
                    .privileges, at: index, "there is no \(privilege) on a \(kind.rawValue): it has \(known)")
            }
            guard !set.contains(privilege) else {
                throw container.rejection(.privileges, at: index, "\(privilege) is listed twice")
            }
            set.formUnion(privilege)
        }
        return .these(set)
    }

    private static func futureCreators(
        in container: KeyedDecodingContainer<Keys>, target: Target
    ) throws -> [String] {
        guard container.contains(.future) else { return [] }
        guard target.wholeSchemas != nil else {
            throw container.rejection(.future, "only schema.* of tables, sequences or functions has future objects")
        }
        let future = try container.superDecoder(forKey: .future).strict(FutureKeys.self)
        return try future.parsed(.createdBy) { $0 }
    }
}

extension GrantDeclaration.Target: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case database, schemas, tables, columns, sequences, functions
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        guard container.allKeys.count == 1, let key = container.allKeys.first else {
            let known = Keys.allCases.map(\.rawValue).joined(separator: ", ")
            throw decoder.rejection("exactly one kind of object is expected: \(known)")
        }
        switch key {
        case .database:
            guard try container.decode(Bool.self, forKey: .database) else {
                throw container.rejection(.database, "only true has a meaning here: the connected database")
            }
            self = .database
        case .schemas: self = .schemas(try container.parsed(.schemas) { $0 })
        case .tables: self = .tables(try container.parsed(.tables, NameParser.selector))
        case .sequences: self = .sequences(try container.parsed(.sequences, NameParser.selector))
        case .functions: self = .functions(try container.parsed(.functions, NameParser.routine))
        case .columns:
            let lists = try container.named(GrantDeclaration.ColumnList.self, forKey: .columns)
            guard !lists.isEmpty else { throw container.rejection(.columns, "no table is named") }
            self = .columns(lists.sorted { $0.table < $1.table })
        }
    }
}

extension GrantDeclaration.ColumnList: NamedDecodable {
    init(named name: String, from decoder: any Decoder) throws {
        let table: ObjectName
        do throws(NameParser.Problem) {
            table = try NameParser.object(name)
        } catch {
            throw decoder.rejection(error.sentence)
        }
        let columns = try decoder.singleValueContainer().decode([String].self)
        guard !columns.isEmpty else { throw decoder.rejection("the list is empty") }
        self.init(table: table, columns: columns)
    }
}
