package import Platform
import PostgresClient

/// A policy as one SQL script, made without a server: the same text every time, and harmless to run twice.
///
/// It declares and never takes away; `schema.*` is left to PostgreSQL's ALL IN SCHEMA; passwords stand in no script.
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
        lines.append("-- It takes nothing away and sets no passwords: dbsec apply-roles does.")
        lines.append("\\set ON_ERROR_STOP on")
        lines.append("BEGIN;")
        try add("SET LOCAL search_path = pg_catalog")
        try add("SET LOCAL lock_timeout = '10s'")
        try writeRoles()
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
    private mutating func addBlock(_ head: SQL, _ statement: SQL, _ tail: SQL) throws(PlainFailure) {
        let (head, statement, tail) = (try head.text(), try statement.text(), try tail.text())
        var tag = "$dbsec$"
        var number = 0
        while (head + statement).contains(tag) {
            number += 1
            tag = "$dbsec\(number)$"
        }
        lines.append("DO \(tag) BEGIN \(head) \(statement); \(tail) END \(tag);")
    }

    private mutating func writeGrants() throws(PlainFailure) {
        for (index, grant) in policy.grants.enumerated() {
            heading("grants[\(index)]")
            if let until = grant.until {
                lines.append("-- until \(until.brief): dbsec apply-roles makes and ends it")
                continue
            }
            if case .database = grant.target {
                try writeDatabaseGrant(grant)
                continue
            }
            for objects in objects(of: grant.target) {
                try add(
                    GrantStatements.grant(
                        grant.privileges, on: objects, to: grant.grantees, withGrantOption: grant.withGrantOption))
            }
            for creator in grant.futureCreators {
                for schema in grant.target.wholeSchemas ?? [] {
                    try add(
                        GrantStatements.grantDefault(
                            grant.privileges, grant.target.kind, creator: creator, schema: schema,
                            to: grant.grantees, withGrantOption: grant.withGrantOption))
                }
            }
        }
    }

    /// The database is the one that the script runs in, whose name only the server knows.
    private mutating func writeDatabaseGrant(_ grant: GrantDeclaration) throws(PlainFailure) {
        let words =
            switch grant.privileges {
            case .all: "ALL PRIVILEGES"
            case .these(let set): set.description
            }
        let tail: SQL = grant.withGrantOption ? " WITH GRANT OPTION" : ""
        let rest: SQL = " TO \(GrantStatements.list(grant.grantees))\(tail)"
        try addBlock(
            "EXECUTE pg_catalog.format('GRANT \(raw: words) ON DATABASE %I', pg_catalog.current_database())",
            "    || \(literal: try rest.text())", "")
    }

    private func objects(of target: GrantDeclaration.Target) -> [GrantStatements.Objects] {
        switch target {
        case .database: []
        case .schemas(let names): [.these(names.map { .schema($0) })]
        case .tables(let list): objects(list, .table) { .table($0) }
        case .sequences(let list): objects(list, .sequence) { .sequence($0) }
        case .functions(let list): objects(list, .function) { .function($0.name, $0.arguments) }
        case .columns(let lists): lists.map { list in .these(list.columns.map { .column(list.table, $0) }) }
        }
    }

    private func objects<Name>(
        _ list: [Selector<Name>], _ kind: ObjectKind, _ object: (Name) -> ObjectID
    ) -> [GrantStatements.Objects] {
        let named = list.compactMap { selector -> ObjectID? in
            if case .one(let name) = selector { object(name) } else { nil }
        }
        let whole = list.compactMap(\.schemaOfAll).map { GrantStatements.Objects.all(kind, schema: $0) }
        return whole + (named.isEmpty ? [] : [.these(named)])
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
