package import Platform
import PostgresClient

/// A policy as one SQL script, made without a server: the same text every time, and harmless to run twice.
///
/// It declares, and takes nothing away but where the policy says that there shall be no privileges; `schema.*` is left to
/// PostgreSQL's ALL IN SCHEMA where there is such a thing; passwords stand in no script.
package struct Script {
    private let policy: Policy
    private var lines: [String] = []

    /// - Throws: for a name that PostgreSQL cannot hold.
    package static func text(of policy: Policy, named name: String) throws(PlainFailure) -> String {
        var script = Script(policy: policy)
        try script.write(name)
        return script.lines.joined(separator: "\n") + "\n"
    }

    private init(policy: Policy) {
        self.policy = policy
    }

    private mutating func write(_ name: String) throws(PlainFailure) {
        lines.append("-- The policy \(oneLine(name)) as SQL. Run it with psql -f; running it again changes nothing.")
        lines.append("-- It takes nothing away that is not written, and sets no passwords: dbsec apply-roles does.")
        lines.append("\\set ON_ERROR_STOP on")
        lines.append("BEGIN;")
        try add("SET LOCAL search_path = pg_catalog")
        try add("SET LOCAL lock_timeout = '10s'")
        try writeRoles()
        try writeOwners()
        try writeGrants()
        try writeRowSecurity()
        lines.append("COMMIT;")
    }

    private mutating func add(_ sql: SQL) throws(PlainFailure) {
        lines.append(try sql.text() + ";")
    }

    private mutating func heading(_ text: String) {
        lines += ["", "-- \(oneLine(text))"]
    }

    private func oneLine(_ text: String) -> String {
        text.unicodeScalars.map { $0.value < 32 ? " " : String($0) }.joined()
    }

    private mutating func writeRoles() throws(PlainFailure) {
        for role in policy.roles {
            heading(role.place)
            guard role.retirement == nil else {
                lines.append("-- dbsec apply-roles retires it: a script does not know what it owns")
                continue
            }
            try addBlock(
                "IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = \(literal: role.name)) THEN",
                RoleStatements.create(role.name, []), "END IF;")
            let options = RoleStatements.options(role.attributes, validUntil: role.validUntil)
            if !options.isEmpty { try add(RoleStatements.alter(role.name, options)) }
            for setting in role.settings { try add(RoleStatements.set(setting, of: role.name)) }
            for setting in role.settingsInDatabase {
                try addForDatabase(
                    "ALTER ROLE \(identifier: role.name) IN DATABASE ", " \(RoleStatements.assignment(setting))")
            }
            if role.password != nil { lines.append("-- its password is not in this script") }
        }
        for role in policy.roles {
            for membership in role.memberOf {
                if let until = membership.until {
                    lines.append(
                        "-- member of \(oneLine(membership.role)) until \(until.brief): dbsec apply-roles makes and ends that"
                    )
                } else {
                    try write(membership, of: role)
                }
            }
        }
    }

    private mutating func write(
        _ membership: MembershipDeclaration, of role: RoleDeclaration
    ) throws(PlainFailure) {
        // INHERIT and SET are options from PostgreSQL 16 on, and the script does not know where it will run.
        let isNew = membership.inherit != nil || membership.set != nil
        try add(RoleStatements.grantMembership(membership, to: role.name, version: isNew ? 160_000 : 150_000))
    }

    /// A block of PL/pgSQL; its quote is one that the statement does not contain.
    private mutating func addBlock(
        _ head: SQL, _ statement: SQL, _ tail: SQL, declaring declarations: String = ""
    ) throws(PlainFailure) {
        let (head, statement, tail) = (try head.text(), try statement.text(), try tail.text())
        var tag = "$dbsec$"
        var number = 0
        while (head + statement).contains(tag) {
            number += 1
            tag = "$dbsec\(number)$"
        }
        lines.append("DO \(tag) \(declarations)BEGIN \(head) \(statement); \(tail) END \(tag);")
    }

    /// Whole schemas first: an object that is named has the owner declared for it.
    private mutating func writeOwners() throws(PlainFailure) {
        for (index, declared) in policy.owners.enumerated() {
            let owner: SQL = " OWNER TO \(identifier: declared.owner)"
            for case .all(let kind, let schema) in objects(of: declared.target) {
                heading("owners[\(index)]")
                try addLoop(ScriptQueries.objects(kind, in: schema), "ALTER \(GrantStatements.noun(kind)) ", owner)
            }
        }
        for (index, declared) in policy.owners.enumerated() {
            if case .database = declared.target {
                heading("owners[\(index)]")
                try addForDatabase("ALTER DATABASE ", " OWNER TO \(identifier: declared.owner)")
            }
            for case .these(let list, _) in objects(of: declared.target) {
                heading("owners[\(index)]")
                for object in list { try add(OwnerStatements.alter(object, nil, owner: declared.owner)) }
            }
        }
    }

    private mutating func writeGrants() throws(PlainFailure) {
        // What shall be nothing first, since a named object may have more than its whole schema.
        let grants = policy.grants.enumerated()
        for (index, grant) in grants.filter(\.element.isNone) + grants.filter({ !$0.element.isNone }) {
            heading("grants[\(index)]")
            if let until = grant.until {
                lines.append("-- until \(until.brief): dbsec apply-roles makes and ends it")
                continue
            }
            let tail: SQL = grant.withGrantOption ? " WITH GRANT OPTION" : ""
            let verb: SQL = grant.isNone ? "REVOKE" : "GRANT"
            let words = GrantStatements.words(grant.isNone ? .all : grant.privileges)
            let rest: SQL = " \(raw: grant.isNone ? "FROM" : "TO") \(GrantStatements.list(grant.grantees))\(tail)"
            if case .database = grant.target { try addForDatabase("\(verb) \(words) ON DATABASE ", rest) }
            for objects in objects(of: grant.target) {
                if case .all(.type, let schema) = objects {
                    // PostgreSQL has no ALL TYPES IN SCHEMA.
                    try addLoop(ScriptQueries.objects(.type, in: schema), "\(verb) \(words) ON TYPE ", rest)
                } else if grant.isNone {
                    try add(GrantStatements.revokeAll(on: objects, from: grant.grantees))
                } else {
                    try add(
                        GrantStatements.grant(
                            grant.privileges, on: objects, to: grant.grantees,
                            withGrantOption: grant.withGrantOption))
                }
            }
            if let future = grant.future { try write(future) }
        }
        for (index, declared) in policy.defaultPrivileges.enumerated() {
            heading("defaultPrivileges[\(index)]")
            try write(declared)
        }
    }

    private mutating func write(_ declared: DefaultDeclaration) throws(PlainFailure) {
        for creator in declared.creators {
            for schema in declared.schemas.map({ $0.map(Optional.some) }) ?? [nil] {
                guard !declared.isNone else {
                    try add(
                        GrantStatements.revokeAllDefaults(
                            declared.kind, creator: creator, schema: schema, from: declared.grantees))
                    continue
                }
                try add(
                    GrantStatements.grantDefault(
                        declared.privileges, declared.kind, creator: creator, schema: schema, to: declared.grantees,
                        withGrantOption: declared.withGrantOption))
            }
        }
    }

    /// The database is the one that the script runs in, whose name only the server knows.
    private mutating func addForDatabase(_ head: SQL, _ tail: SQL) throws(PlainFailure) {
        try addBlock(
            "EXECUTE \(literal: try head.text()) || pg_catalog.quote_ident(pg_catalog.current_database())",
            "    || \(literal: try tail.text())", "")
    }

    /// One statement for each object that the query names.
    private mutating func addLoop(_ query: SQL, _ head: SQL, _ tail: SQL) throws(PlainFailure) {
        try addBlock(
            "FOR name IN \(query) LOOP", "EXECUTE \(literal: try head.text()) || name || \(literal: try tail.text())",
            "END LOOP;", declaring: "DECLARE name text; ")
    }

    private func objects(of target: GrantDeclaration.Target) -> [GrantStatements.Objects] {
        switch target {
        case .database: []
        case .schemas(let names): [.these(names.map { .schema($0) })]
        case .tables(let list): objects(list, .table) { .table($0) }
        case .sequences(let list): objects(list, .sequence) { .sequence($0) }
        case .functions(let list): objects(list, .function) { .function($0.name, $0.arguments) }
        case .types(let list): objects(list, .type) { .type($0) }
        case .columns(let lists): lists.map { list in .these(list.columns.map { .column(list.table, $0) }) }
        case .named(let kind, let names): [.these(names.compactMap { ObjectID(kind, named: $0) })]
        case .largeObjects(let numbers): [.these(numbers.map { .largeObject($0) })]
        }
    }

    private func objects<Name>(
        _ list: [Selector<Name>], _ kind: ObjectKind, _ object: (Name) -> ObjectID
    ) -> [GrantStatements.Objects] {
        let named = list.compactMap { selector -> ObjectID? in
            if case .one(let name) = selector { object(name) } else { nil }
        }
        let whole = list.compactMap(\.schemaOfAll).map { GrantStatements.Objects.all(kind, schema: $0) }
        // Each could be a procedure: the script does not know.
        let procedures = kind == .function ? Set(named) : []
        return whole + (named.isEmpty ? [] : [.these(named, procedures: procedures)])
    }

    private mutating func writeRowSecurity() throws(PlainFailure) {
        for declared in policy.rowSecurity {
            heading(declared.place)
            try add(SecurityStatements.enable(declared.table, declared.enable))
            if let force = declared.force { try add(SecurityStatements.force(declared.table, force)) }
            for policy in declared.policies {
                try add(SecurityStatements.drop(policy.name, on: declared.table, ifExists: true))
                try add(SecurityStatements.create(policy, on: declared.table))
            }
        }
    }
}
