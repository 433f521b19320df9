/// Any object that privileges are held on.
package enum ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
    case database(String)
    case schema(String)
    case table(ObjectName)
    case column(ObjectName, String)
    case sequence(ObjectName)
    /// The argument types as the server spells them.
    case function(ObjectName, String)

    package var kind: ObjectKind {
        switch self {
        case .database: .database
        case .schema: .schema
        case .table: .table
        case .column: .column
        case .sequence: .sequence
        case .function: .function
        }
    }

    /// nil for the database, which no schema holds.
    package var schema: String? {
        switch self {
        case .database: nil
        case .schema(let name): name
        case .table(let name), .column(let name, _), .sequence(let name), .function(let name, _): name.schema
        }
    }

    /// The object whose owner counts: a column's table, otherwise the object itself.
    package var owned: ObjectID {
        if case .column(let table, _) = self { .table(table) } else { self }
    }

    package var description: String {
        switch self {
        case .database(let name), .schema(let name): spelled(name)
        case .table(let name), .sequence(let name): name.description
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
