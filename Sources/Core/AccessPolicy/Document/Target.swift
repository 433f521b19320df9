import Platform

extension GrantDeclaration {
    /// The objects that a declaration speaks of, all of one kind.
    package enum Target: Sendable {
        case database
        case schemas([String])
        case tables([Selector<ObjectName>])
        case columns([ColumnList])
        case sequences([Selector<ObjectName>])
        case functions([Selector<RoutineSignature>])
        case types([Selector<ObjectName>])
        /// Objects that have a name and no schema: languages, foreign data wrappers and servers, tablespaces, parameters.
        case named(ObjectKind, [String])
        /// By OID.
        case largeObjects([UInt32])

        package var kind: ObjectKind {
            switch self {
            case .database: .database
            case .schemas: .schema
            case .tables: .table
            case .columns: .column
            case .sequences: .sequence
            case .functions: .function
            case .types: .type
            case .named(let kind, _): kind
            case .largeObjects: .largeObject
            }
        }

        /// The schemas of `schema.*`, when that is all the target names.
        package var wholeSchemas: [String]? {
            switch self {
            case .tables(let list), .sequences(let list), .types(let list): Self.schemas(list)
            case .functions(let list): Self.schemas(list)
            case .database, .schemas, .columns, .named, .largeObjects: nil
            }
        }

        private static func schemas<Name>(_ selectors: [Selector<Name>]) -> [String]? {
            let schemas = selectors.compactMap(\.schemaOfAll)
            return schemas.count == selectors.count ? schemas : nil
        }

        /// Each object in words: `table public.users`, `schema app`, `type app.*`.
        package var words: [String] {
            switch self {
            case .database: ["the database"]
            case .schemas(let names), .named(_, let names): names.map { "\(kind.rawValue) \(spelled($0))" }
            case .tables(let list), .sequences(let list), .types(let list): list.map { "\(kind.rawValue) \($0)" }
            case .functions(let list): list.map { "\(kind.rawValue) \($0)" }
            case .columns(let lists):
                lists.flatMap { list in list.columns.map { "column \(list.table).\(spelled($0))" } }
            case .largeObjects(let numbers): numbers.map { "large object \($0)" }
            }
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
}

extension GrantDeclaration.Target: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case database, schemas, tables, columns, sequences, functions, types
        case languages, foreignDataWrappers, foreignServers, largeObjects, tablespaces, parameters
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
        case .types: self = .types(try container.parsed(.types, NameParser.selector))
        case .languages: self = .named(.language, try container.parsed(key) { $0 })
        case .foreignDataWrappers: self = .named(.foreignDataWrapper, try container.parsed(key) { $0 })
        case .foreignServers: self = .named(.foreignServer, try container.parsed(key) { $0 })
        case .tablespaces: self = .named(.tablespace, try container.parsed(key) { $0 })
        case .parameters: self = .named(.parameter, try container.parsed(key, NameParser.parameter))
        case .largeObjects:
            let numbers = try container.decode([UInt32].self, forKey: .largeObjects)
            guard !numbers.isEmpty else { throw container.rejection(.largeObjects, "the list is empty") }
            self = .largeObjects(numbers)
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
