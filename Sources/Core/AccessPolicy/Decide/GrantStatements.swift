import PostgresClient

/// The statements that grants and revokes are made of; the same for a plan and for an offline script.
enum GrantStatements {
    /// PostgreSQL takes more, but nobody reads a longer statement in a log.
    static let objectsPerStatement = 500

    enum Objects {
        /// Procedures are told apart by their input arguments: one with an OUT argument could be taken for another.
        case these([ObjectID], procedures: Set<ObjectID> = [])
        /// Every object of the kind in the schema.
        case all(ObjectKind, schema: String)
    }

    static func grant(
        _ privileges: PrivilegeList, on objects: Objects, to grantees: [Grantee], withGrantOption: Bool = false
    ) -> SQL {
        let tail: SQL = withGrantOption ? " WITH GRANT OPTION" : ""
        return "GRANT \(clause(privileges, on: objects)) TO \(list(grantees))\(tail)"
    }

    static func revoke(
        _ privileges: PrivilegeSet, on objects: [ObjectID], procedures: Set<ObjectID> = [],
        from grantees: [Grantee], onlyGrantOption: Bool = false
    ) -> SQL {
        let head: SQL = onlyGrantOption ? "REVOKE GRANT OPTION FOR " : "REVOKE "
        let what = clause(.these(privileges), on: .these(objects, procedures: procedures))
        return "\(head)\(what) FROM \(list(grantees))"
    }

    static func revokeAll(on objects: Objects, from grantees: [Grantee]) -> SQL {
        "REVOKE \(clause(.all, on: objects)) FROM \(list(grantees))"
    }

    static func grantDefault(
        _ privileges: PrivilegeList, _ kind: ObjectKind, creator: String, schema: String?, to grantees: [Grantee],
        withGrantOption: Bool = false
    ) -> SQL {
        let head = defaultHead(creator: creator, schema: schema)
        let tail: SQL = withGrantOption ? " WITH GRANT OPTION" : ""
        return "\(head) GRANT \(words(privileges)) ON \(plural(kind)) TO \(list(grantees))\(tail)"
    }

    static func revokeDefault(
        _ privileges: PrivilegeSet, _ kind: ObjectKind, creator: String, schema: String?, from grantees: [Grantee],
        onlyGrantOption: Bool = false
    ) -> SQL {
        let head = defaultHead(creator: creator, schema: schema)
        let option: SQL = onlyGrantOption ? "GRANT OPTION FOR " : ""
        return "\(head) REVOKE \(option)\(words(.these(privileges))) ON \(plural(kind)) FROM \(list(grantees))"
    }

    static func revokeAllDefaults(
        _ kind: ObjectKind, creator: String, schema: String?, from grantees: [Grantee]
    ) -> SQL {
        let head = defaultHead(creator: creator, schema: schema)
        return "\(head) REVOKE \(words(.all)) ON \(plural(kind)) FROM \(list(grantees))"
    }

    static func list(_ grantees: [Grantee]) -> SQL {
        grantees.map { grantee -> SQL in
            switch grantee {
            case .everyone: "PUBLIC"
            case .role(let name): "\(identifier: name)"
            }
        }.joined()
    }

    static func qualified(_ name: ObjectName) -> SQL {
        "\(identifier: [name.schema, name.name])"
    }

    private static func defaultHead(creator: String, schema: String?) -> SQL {
        let place: SQL = schema.map { " IN SCHEMA \(identifier: $0)" } ?? ""
        return "ALTER DEFAULT PRIVILEGES FOR ROLE \(identifier: creator)\(place)"
    }

    static func words(_ privileges: PrivilegeList) -> SQL {
        switch privileges {
        case .all: "ALL PRIVILEGES"
        case .these(let set): "\(raw: set.description)"
        }
    }

    private static func plural(_ kind: ObjectKind) -> SQL {
        switch kind {
        case .function: "ROUTINES"
        default: "\(raw: kind.plural.uppercased())"
        }
    }

    /// Privileges and objects together, since columns stand with the privileges.
    private static func clause(_ privileges: PrivilegeList, on objects: Objects) -> SQL {
        switch objects {
        case .all(let kind, let schema):
            return "\(words(privileges)) ON ALL \(plural(kind)) IN SCHEMA \(identifier: schema)"
        case .these(let list, let procedures):
            if case .column(let table, _) = list.first {
                return "\(columnWords(privileges, columns: list)) ON TABLE \(qualified(table))"
            }
            let names = list.map { object($0, isProcedure: procedures.contains($0)) }.joined()
            return "\(words(privileges)) ON \(noun(list.first?.kind ?? .table)) \(names)"
        }
    }

    private static func columnWords(_ privileges: PrivilegeList, columns: [ObjectID]) -> SQL {
        let names = columns.compactMap { object -> SQL? in
            if case .column(_, let name) = object { "\(identifier: name)" } else { nil }
        }.joined()
        let verbs: [String] =
            switch privileges {
            case .all: ["ALL PRIVILEGES"]
            case .these(let set): set.names
            }
        return verbs.map { verb -> SQL in "\(raw: verb) (\(names))" }.joined()
    }

    static func noun(_ kind: ObjectKind) -> SQL {
        switch kind {
        case .column: "TABLE"
        case .function: "ROUTINE"
        default: "\(raw: kind.rawValue.uppercased())"
        }
    }

    static func object(_ object: ObjectID, isProcedure: Bool = false) -> SQL {
        switch object {
        case .database(let name), .schema(let name), .language(let name), .foreignDataWrapper(let name),
            .foreignServer(let name), .tablespace(let name):
            "\(identifier: name)"
        case .parameter(let name):
            "\(identifier: name.split(separator: ".", omittingEmptySubsequences: false).map(String.init))"
        case .largeObject(let number): "\(raw: String(number))"
        case .table(let name), .sequence(let name), .column(let name, _), .type(let name): qualified(name)
        // The argument types are SQL already, spelled and quoted by the server.
        case .function(let name, let arguments):
            "\(qualified(name))(\(raw: isProcedure && !arguments.isEmpty ? "IN " : "")\(raw: arguments))"
        }
    }
}
