/// Any object that privileges are held on.
package enum ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
    case database(String)
    case schema(String)
    case table(ObjectName)
    case column(ObjectName, String)
    case sequence(ObjectName)
    /// The argument types as the server spells them.
    case function(ObjectName, String)
    case type(ObjectName)
    case language(String)
    case foreignDataWrapper(String)
    case foreignServer(String)
    case largeObject(UInt32)
    case tablespace(String)
    /// In lower case, as the catalog keeps it.
    case parameter(String)

    /// The object of a kind that has a name and no schema; nil for any other kind.
    package init?(_ kind: ObjectKind, named name: String) {
        switch kind {
        case .database: self = .database(name)
        case .schema: self = .schema(name)
        case .language: self = .language(name)
        case .foreignDataWrapper: self = .foreignDataWrapper(name)
        case .foreignServer: self = .foreignServer(name)
        case .tablespace: self = .tablespace(name)
        case .parameter: self = .parameter(name)
        case .table, .column, .sequence, .function, .type, .largeObject: return nil
        }
    }

    package var kind: ObjectKind {
        switch self {
        case .database: .database
        case .schema: .schema
        case .table: .table
        case .column: .column
        case .sequence: .sequence
        case .function: .function
        case .type: .type
        case .language: .language
        case .foreignDataWrapper: .foreignDataWrapper
        case .foreignServer: .foreignServer
        case .largeObject: .largeObject
        case .tablespace: .tablespace
        case .parameter: .parameter
        }
    }

    /// nil for what no schema holds: the database, languages, foreign servers, parameters and their like.
    package var schema: String? {
        switch self {
        case .schema(let name): name
        case .table(let name), .column(let name, _), .sequence(let name), .function(let name, _), .type(let name):
            name.schema
        case .database, .language, .foreignDataWrapper, .foreignServer, .largeObject, .tablespace, .parameter: nil
        }
    }

    /// The object whose owner counts: a column's table, otherwise the object itself.
    package var owned: ObjectID {
        if case .column(let table, _) = self { .table(table) } else { self }
    }

    package var description: String {
        switch self {
        case .database(let name), .schema(let name), .language(let name), .foreignDataWrapper(let name),
            .foreignServer(let name), .tablespace(let name):
            spelled(name)
        case .parameter(let name): name
        case .largeObject(let number): String(number)
        case .table(let name), .sequence(let name), .type(let name): name.description
        case .column(let table, let column): "\(table).\(spelled(column))"
        case .function(let name, let arguments): "\(name)(\(arguments))"
        }
    }
}

/// An object and somebody with privileges on it.
package struct Holding: Hashable, Sendable, Comparable {
    package let object: ObjectID
    package let grantee: Grantee

    package init(_ object: ObjectID, _ grantee: Grantee) {
        self.object = object
        self.grantee = grantee
    }

    package static func < (left: Holding, right: Holding) -> Bool {
        (left.object, left.grantee) < (right.object, right.grantee)
    }
}

/// The future objects of one kind that one role makes.
package struct FutureObjects: Hashable, Sendable {
    package let creator: String
    package let kind: ObjectKind

    package init(creator: String, kind: ObjectKind) {
        self.creator = creator
        self.kind = kind
    }
}

/// Whom the future objects of one creator, in one schema or everywhere, will let in.
package struct DefaultHolding: Hashable, Sendable, Comparable {
    package let creator: String
    /// nil: in every schema.
    package let schema: String?
    package let kind: ObjectKind
    package let grantee: Grantee

    package init(creator: String, schema: String?, kind: ObjectKind, grantee: Grantee) {
        self.creator = creator
        self.schema = schema
        self.kind = kind
        self.grantee = grantee
    }

    package static func < (left: DefaultHolding, right: DefaultHolding) -> Bool {
        (left.creator, left.schema ?? "", left.kind.rawValue, left.grantee)
            < (right.creator, right.schema ?? "", right.kind.rawValue, right.grantee)
    }
}
