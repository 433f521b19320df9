import PostgresClient

/// The statements about roles; the same for a plan and for an offline script.
enum RoleStatements {
    static func options(_ attributes: RoleAttributes, validUntil: Expiry? = nil) -> [SQL] {
        func word(_ value: Bool?, _ yes: SQL, _ no: SQL) -> SQL? { value.map { $0 ? yes : no } }
        return [
            word(attributes.login, "LOGIN", "NOLOGIN"),
            word(attributes.createdb, "CREATEDB", "NOCREATEDB"),
            word(attributes.createrole, "CREATEROLE", "NOCREATEROLE"),
            word(attributes.inherit, "INHERIT", "NOINHERIT"),
            word(attributes.replication, "REPLICATION", "NOREPLICATION"),
            word(attributes.bypassRls, "BYPASSRLS", "NOBYPASSRLS"),
            attributes.connectionLimit.map { "CONNECTION LIMIT \(raw: String($0))" },
            validUntil.map { "VALID UNTIL \(literal: $0.text)" },
        ].compactMap(\.self)
    }

    static func create(_ name: String, _ options: [SQL]) -> SQL {
        statement("CREATE ROLE", name, options)
    }

    static func alter(_ name: String, _ options: [SQL]) -> SQL {
        statement("ALTER ROLE", name, options)
    }

    static func set(_ setting: RoleSetting, of name: String, in database: String? = nil) -> SQL {
        let place: SQL = database.map { " IN DATABASE \(identifier: $0)" } ?? ""
        return "ALTER ROLE \(identifier: name)\(place) \(assignment(setting))"
    }

    static func assignment(_ setting: RoleSetting) -> SQL {
        let path = setting.name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let values = setting.values.map { value -> SQL in "\(literal: value)" }.joined()
        return "SET \(identifier: path) TO \(values)"
    }

    static func reset(_ setting: String, of name: String, in database: String? = nil) -> SQL {
        let path = setting.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let place: SQL = database.map { " IN DATABASE \(identifier: $0)" } ?? ""
        return "ALTER ROLE \(identifier: name)\(place) RESET \(identifier: path)"
    }

    static func drop(_ name: String) -> SQL {
        "DROP ROLE \(identifier: name)"
    }

    static func password(of name: String) -> SQL {
        "ALTER ROLE \(identifier: name) PASSWORD '<verifier>'"
    }

    static func grantMembership(
        _ membership: MembershipDeclaration, to member: String, version: Int, by grantor: String? = nil
    ) -> SQL {
        let by: SQL = grantor.map { " GRANTED BY \(identifier: $0)" } ?? ""
        return "GRANT \(identifier: membership.role) TO \(identifier: member)\(with(membership, version: version))\(by)"
    }

    static func revokeMembership(_ state: MembershipState) -> SQL {
        // Before PostgreSQL 16 the grantor may be gone, and does not matter.
        let by: SQL = state.grantor.isEmpty ? "" : " GRANTED BY \(identifier: state.grantor)"
        return "REVOKE \(identifier: state.role) FROM \(identifier: state.member)\(by)"
    }

    static func revokeAdmin(_ state: MembershipState) -> SQL {
        "REVOKE ADMIN OPTION FOR \(identifier: state.role) FROM \(identifier: state.member)"
    }

    /// Before PostgreSQL 16 there is `WITH ADMIN OPTION`, and nothing else.
    private static func with(_ membership: MembershipDeclaration, version: Int) -> SQL {
        guard version >= 160_000 else { return membership.admin == true ? " WITH ADMIN OPTION" : "" }
        let options = [("ADMIN", membership.admin), ("INHERIT", membership.inherit), ("SET", membership.set)]
        let written = options.compactMap { name, value -> SQL? in
            value.map { "\(raw: name) \(raw: $0 ? "TRUE" : "FALSE")" }
        }
        return written.isEmpty ? "" : " WITH \(written.joined())"
    }

    private static func statement(_ head: SQL, _ name: String, _ options: [SQL]) -> SQL {
        let role: SQL = "\(head) \(identifier: name)"
        return options.isEmpty ? role : "\(role) WITH \(options.joined(separator: " "))"
    }
}

/// The statements about row-level security.
enum SecurityStatements {
    static func enable(_ table: ObjectName, _ isOn: Bool) -> SQL {
        "ALTER TABLE \(GrantStatements.qualified(table)) \(raw: isOn ? "ENABLE" : "DISABLE") ROW LEVEL SECURITY"
    }

    static func force(_ table: ObjectName, _ isOn: Bool) -> SQL {
        "ALTER TABLE \(GrantStatements.qualified(table)) \(raw: isOn ? "FORCE" : "NO FORCE") ROW LEVEL SECURITY"
    }

    static func create(_ policy: PolicyDeclaration, on table: ObjectName) -> SQL {
        let head: SQL = "CREATE POLICY \(identifier: policy.name) ON \(GrantStatements.qualified(table))"
        let restrictive: SQL = policy.isRestrictive ? " AS RESTRICTIVE" : ""
        let command: SQL = policy.command == .all ? "" : " FOR \(raw: policy.command.rawValue)"
        return "\(head)\(restrictive)\(command) TO \(GrantStatements.list(policy.grantees))\(clauses(policy))"
    }

    static func alter(_ policy: PolicyDeclaration, on table: ObjectName) -> SQL {
        let head: SQL = "ALTER POLICY \(identifier: policy.name) ON \(GrantStatements.qualified(table))"
        return "\(head) TO \(GrantStatements.list(policy.grantees))\(clauses(policy))"
    }

    static func drop(_ name: String, on table: ObjectName, ifExists: Bool = false) -> SQL {
        let guarded: SQL = ifExists ? "IF EXISTS " : ""
        return "DROP POLICY \(guarded)\(identifier: name) ON \(GrantStatements.qualified(table))"
    }

    private static func clauses(_ policy: PolicyDeclaration) -> SQL {
        let using: SQL = policy.using.map { " USING (\(expression($0)))" } ?? ""
        let check: SQL = policy.check.map { " WITH CHECK (\(expression($0)))" } ?? ""
        return "\(using)\(check)"
    }

    /// The author's SQL as it is; the closing parenthesis on a line of its own where a comment could swallow it.
    static func expression(_ text: String) -> SQL {
        text.contains("--") ? "\(raw: text)\n" : "\(raw: text)"
    }
}
