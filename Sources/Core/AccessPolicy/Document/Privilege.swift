/// The kinds of object whose privileges a policy declares.
package enum ObjectKind: String, Hashable, Sendable, CaseIterable, Encodable {
    case database
    case schema
    case table
    case column
    case sequence
    case function
    /// Types and domains.
    case type
    case language
    case foreignDataWrapper = "foreign data wrapper"
    case foreignServer = "foreign server"
    case largeObject = "large object"
    case tablespace
    case parameter

    package var plural: String { rawValue + "s" }

    /// The key under `on` in a document: `foreignServers`.
    package var key: String {
        guard self != .database else { return rawValue }
        let words = plural.split(separator: " ")
        return words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Shared by all databases of a server, so that the policies of several databases could speak of it.
    package var isClusterWide: Bool { self == .tablespace || self == .parameter }

    /// What other objects are in.
    package var isContainer: Bool { self == .database || self == .schema }

    /// What PostgreSQL lets PUBLIC do on every new object of this kind.
    package var builtInForEveryone: PrivilegeSet {
        switch self {
        case .database: [.connect, .temporary]
        case .function: .execute
        case .type, .language: .usage
        default: []
        }
    }

    /// The privileges that PostgreSQL knows for this kind; `MAINTAIN` only from 17 on.
    package var privileges: PrivilegeSet {
        switch self {
        case .database: [.create, .connect, .temporary]
        case .schema: [.create, .usage]
        case .table: [.select, .insert, .update, .delete, .truncate, .references, .trigger, .maintain]
        case .column: [.select, .insert, .update, .references]
        case .sequence: [.select, .update, .usage]
        case .function: [.execute]
        case .type, .language, .foreignDataWrapper, .foreignServer: [.usage]
        case .largeObject: [.select, .update]
        case .tablespace: [.create]
        case .parameter: [.set, .alterSystem]
        }
    }

    /// What `ALL` means on a server of this version.
    package func privileges(onVersion version: Int) -> PrivilegeSet {
        version >= 170_000 ? privileges : privileges.subtracting(.maintain)
    }
}

/// A set of privileges, in PostgreSQL's own order when spelled out.
package struct PrivilegeSet: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let select = PrivilegeSet(rawValue: 1 << 0)
    package static let insert = PrivilegeSet(rawValue: 1 << 1)
    package static let update = PrivilegeSet(rawValue: 1 << 2)
    package static let delete = PrivilegeSet(rawValue: 1 << 3)
    package static let truncate = PrivilegeSet(rawValue: 1 << 4)
    package static let references = PrivilegeSet(rawValue: 1 << 5)
    package static let trigger = PrivilegeSet(rawValue: 1 << 6)
    package static let maintain = PrivilegeSet(rawValue: 1 << 7)
    package static let create = PrivilegeSet(rawValue: 1 << 8)
    package static let usage = PrivilegeSet(rawValue: 1 << 9)
    package static let connect = PrivilegeSet(rawValue: 1 << 10)
    package static let temporary = PrivilegeSet(rawValue: 1 << 11)
    package static let execute = PrivilegeSet(rawValue: 1 << 12)
    package static let set = PrivilegeSet(rawValue: 1 << 13)
    package static let alterSystem = PrivilegeSet(rawValue: 1 << 14)

    private static let words: [(PrivilegeSet, String)] = [
        (.select, "SELECT"), (.insert, "INSERT"), (.update, "UPDATE"), (.delete, "DELETE"),
        (.truncate, "TRUNCATE"), (.references, "REFERENCES"), (.trigger, "TRIGGER"), (.maintain, "MAINTAIN"),
        (.create, "CREATE"), (.usage, "USAGE"), (.connect, "CONNECT"), (.temporary, "TEMPORARY"),
        (.execute, "EXECUTE"), (.set, "SET"), (.alterSystem, "ALTER SYSTEM"),
    ]

    /// The privilege of that name, in any case; `TEMP` is PostgreSQL's own abbreviation.
    package init?(named name: String) {
        let word = name.uppercased() == "TEMP" ? "TEMPORARY" : name.uppercased()
        guard let known = Self.words.first(where: { $0.1 == word }) else { return nil }
        self = known.0
    }

    package var names: [String] { Self.words.filter { contains($0.0) }.map(\.1) }

    package var count: Int { rawValue.nonzeroBitCount }

    package var description: String { names.joined(separator: ", ") }

    package static let allNames = words.map(\.1)
}

/// The privileges of one grant as written: a list, or the word `ALL`, which each server version expands.
package enum PrivilegeList: Hashable, Sendable {
    case all
    case these(PrivilegeSet)

    package func expanded(for kind: ObjectKind, version: Int) -> PrivilegeSet {
        switch self {
        case .all: kind.privileges(onVersion: version)
        case .these(let set): set
        }
    }
}

/// Who receives a privilege or falls under a policy.
package enum Grantee: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `PUBLIC`: every role there is and will be.
    case everyone
    case role(String)

    package init(_ word: String) {
        self = word == "PUBLIC" ? .everyone : .role(word)
    }

    package var description: String {
        switch self {
        case .everyone: "PUBLIC"
        case .role(let name): name
        }
    }

    package var roleName: String? {
        if case .role(let name) = self { name } else { nil }
    }
}
