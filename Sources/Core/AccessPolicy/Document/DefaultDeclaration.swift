import Platform

/// Whom the objects that some roles will make let in, in some schemas or everywhere.
package struct DefaultDeclaration: Sendable {
    package let creators: [String]
    /// nil: in every schema.
    package let schemas: [String]?
    package let kind: ObjectKind
    package let grantees: [Grantee]
    /// The empty list is an order: nothing, not even what is built in.
    package let privileges: PrivilegeList
    package let withGrantOption: Bool

    package init(
        createdBy creators: [String], in schemas: [String]? = nil, on kind: ObjectKind, to grantees: [Grantee],
        _ privileges: PrivilegeList, withGrantOption: Bool = false
    ) {
        self.creators = creators
        self.schemas = schemas
        self.kind = kind
        self.grantees = grantees
        self.privileges = privileges
        self.withGrantOption = withGrantOption
    }

    package var isNone: Bool { privileges == .these([]) }

    /// Every creator, schema and grantee that it speaks of.
    package var holdings: [DefaultHolding] {
        let places: [String?] = schemas ?? [nil]
        return creators.flatMap { creator in
            places.flatMap { schema in
                grantees.map { DefaultHolding(creator: creator, schema: schema, kind: kind, grantee: $0) }
            }
        }
    }
}

extension GrantDeclaration {
    /// What `future` declares besides.
    package var future: DefaultDeclaration? {
        guard !futureCreators.isEmpty, let schemas = target.wholeSchemas else { return nil }
        return DefaultDeclaration(
            createdBy: futureCreators, in: schemas, on: target.kind, to: grantees, privileges,
            withGrantOption: withGrantOption)
    }
}

extension DefaultDeclaration: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case createdBy, schemas, on, to, privileges, withGrantOption
    }

    /// The kinds that have default privileges, as a document names them.
    private enum Kind: String, CaseIterable {
        case tables, sequences, functions, types, schemas, largeObjects

        var kind: ObjectKind {
            switch self {
            case .tables: .table
            case .sequences: .sequence
            case .functions: .function
            case .types: .type
            case .schemas: .schema
            case .largeObjects: .largeObject
            }
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let kind = try container.superDecoder(forKey: .on).word(among: Kind.allCases, kind: "kind of object").kind
        let schemas = try container.contains(.schemas) ? container.parsed(.schemas) { $0 } : nil
        if schemas != nil, kind == .schema || kind == .largeObject {
            throw container.rejection(.schemas, "no schema holds \(kind.plural): leave schemas out")
        }
        let grantees = try container.grantees(.to)
        let privileges = try container.privileges(.privileges, of: kind)
        let withGrantOption = try container.decodeIfPresent(Bool.self, forKey: .withGrantOption) ?? false
        if withGrantOption, grantees.contains(.everyone) {
            throw container.rejection(.withGrantOption, "PostgreSQL grants no grant option to PUBLIC")
        }
        self.init(
            createdBy: try container.parsed(.createdBy) { $0 }, in: schemas, on: kind, to: grantees, privileges,
            withGrantOption: withGrantOption)
        if isNone, let index = grantees.firstIndex(where: { $0.roleName.map(creators.contains) == true }) {
            throw container.rejection(.to, at: index, "\"\(grantees[index])\" makes the objects, and owns them")
        }
        if isNone, schemas != nil, grantees.contains(.everyone), !kind.builtInForEveryone.isEmpty {
            throw container.rejection(
                .schemas,
                "what PostgreSQL lets PUBLIC do on every new \(kind.rawValue), \(kind.builtInForEveryone), cannot be "
                    + "taken away in one schema: it would accept the statement and do nothing; leave schemas out")
        }
    }
}
