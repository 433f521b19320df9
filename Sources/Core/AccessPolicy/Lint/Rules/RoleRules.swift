import PostgresClient

/// What roles are and own.
enum RoleRules {
    static let all = [createrole, noLimit, noExpiry, md5, noPassword, replication, ownsTables, unused, authenticator]

    private static func logins(_ facts: LintFacts) -> [LintRole] {
        facts.catalog.roles.values.filter { $0.login && !$0.isSuperuser && !$0.isPredefined }
    }

    static let createrole = LintRule(
        "role-createrole", .warning, "A login role makes and changes roles",
        source: LintSource.attributes
    ) { facts in
        logins(facts).filter(\.createrole).map { role in
            let isOld = facts.catalog.version < 160_000
            return LintRule.Hit(
                .role(role.name),
                isOld
                    ? "CREATEROLE before PostgreSQL 16 changes every role that is no superuser, and joins pg_execute_server_program"
                    : "CREATEROLE: it may make itself a member of every role that it makes",
                fix: "ALTER ROLE \(identifier: role.name) NOCREATEROLE",
                severity: isOld && facts.trust.low[role.oid] == "in the policy" ? .error : .warning)
        }
    }

    static let noLimit = LintRule(
        "role-no-connection-limit", .info, "A login role may take every connection",
        source: "CIS PostgreSQL Benchmark 5.5"
    ) { facts in
        logins(facts).filter { $0.connectionLimit < 0 }.map { role in
            LintRule.Hit(
                .role(role.name), "CONNECTION LIMIT -1",
                fix: "ALTER ROLE \(identifier: role.name) CONNECTION LIMIT 50 -- what its pool needs")
        }
    }

    static let noExpiry = LintRule(
        "role-no-expiry", .info, "A password never expires", source: "PostgreSQL, CREATE ROLE, VALID UNTIL"
    ) { facts in
        logins(facts).filter { $0.validUntil == .never && ($0.password == .scram || $0.password == .md5) }.map { role in
            LintRule.Hit(
                .role(role.name), "a password, and no VALID UNTIL",
                fix: "ALTER ROLE \(identifier: role.name) VALID UNTIL '...'")
        }
    }

    static let md5 = LintRule(
        "role-md5-password", .error, "A password is kept as MD5: whoever reads the hash can log in with it",
        source: "PostgreSQL, 21.5 Password Authentication"
    ) { facts in
        facts.catalog.roles.values.filter { $0.password == .md5 }.map { role in
            LintRule.Hit(
                .role(role.name), "an md5 verifier",
                fix: "SET password_encryption = 'scram-sha-256'", "-- then \\password \(identifier: role.name)")
        }
    }

    static let noPassword = LintRule(
        "role-no-password", .info, "A login role has no password: only certificates, peer, GSSAPI or trust let it in",
        source: "PostgreSQL, 21.1 The pg_hba.conf File"
    ) { facts in
        logins(facts).filter { $0.password == LintRole.Password.none }.map { role in
            LintRule.Hit(
                .role(role.name), "LOGIN, and no password is stored",
                fix: "-- look at pg_hba.conf, or: ALTER ROLE \(identifier: role.name) NOLOGIN")
        }
    }

    static let replication = LintRule(
        "role-replication-shared", .warning, "A role that replicates the whole cluster is used for other work too",
        source: LintSource.attributes + "; CIS PostgreSQL Benchmark 7.1"
    ) { facts in
        let grantees = facts.relations.reduce(into: Set<UInt32>()) { all, relation in
            for holding in facts.catalog.holdings[.relation(relation.oid)] ?? [] { all.insert(holding.grantee) }
        }
        let owners = Set(facts.relations.map(\.owner))
        return logins(facts).filter(\.replication).compactMap { role in
            let groups = facts.catalog.memberships.filter { $0.member == role.oid }.map { facts.name($0.role) }
            var words: [String] = []
            if grantees.contains(role.oid) { words.append("holds privileges on tables") }
            if owners.contains(role.oid) { words.append("owns tables") }
            if !groups.isEmpty {
                words.append("is a member of \(groups.map(spelled).sorted().joined(separator: ", "))")
            }
            guard !words.isEmpty else { return nil }
            return LintRule.Hit(
                .role(role.name), "REPLICATION, and it \(words.joined(separator: " and "))",
                fix: "-- two roles: one with REPLICATION and nothing else")
        }
    }

    static let ownsTables = LintRule(
        "login-role-owns-tables", .warning,
        "A login role owns tables: it can change them, grant them and, without FORCE, ignore policies",
        source: LintSource.rowSecurity
    ) { facts in
        let owned = Dictionary(grouping: facts.tables, by: \.owner)
        return logins(facts).compactMap { role in
            guard let tables = owned[role.oid], facts.trust.low[role.oid] != nil else { return nil }
            let names = tables.prefix(3).map(\.name.description).joined(separator: ", ")
            return LintRule.Hit(
                .role(role.name),
                "\(facts.described(role.oid)) owns \(names)\(tables.count > 3 ? " and \(tables.count - 3) more" : "")",
                fix: "REASSIGN OWNED BY \(identifier: role.name) TO ... -- a role that nobody logs in as")
        }
    }

    /// A role that the document declares is about to be used.
    static let unused = LintRule(
        "role-unused", .info, "A role that nobody can be, and that nothing in any database names",
        source: "PostgreSQL, 22.4 Dropping Roles; CIS PostgreSQL Benchmark 4.4"
    ) { facts in
        let declared = Set((facts.policy?.roles ?? []).map(\.name))
        return facts.catalog.roles.values.filter { $0.isUnused && !declared.contains($0.name) }.map { role in
            LintRule.Hit(
                .role(role.name), "NOLOGIN without members; it owns nothing, and holds no privilege and no policy",
                fix: "DROP ROLE \(identifier: role.name)")
        }
    }

    /// PostgREST's convention: a login, known by its name or its settings, that becomes another role for each request.
    static let authenticator = LintRule(
        "authenticator-inherits", .warning, "An authenticator has the rights of its roles before it becomes one",
        source: "PostgREST, Database Roles"
    ) { facts in
        let configured = Set(facts.catalog.settings.filter { $0.name.hasPrefix("pgrst.") }.map(\.role))
        return logins(facts).filter { $0.name == "authenticator" || configured.contains($0.oid) }.compactMap { role in
            let edges = facts.catalog.memberships.filter { $0.member == role.oid && $0.inherit ?? role.inherit }
            guard !edges.isEmpty else { return nil }
            let groups = Set(edges.map(\.role)).sorted { facts.name($0) < facts.name($1) }
            let words = groups.map { spelled(facts.name($0)) }.joined(separator: ", ")
            let fixes = groups.map { group -> SQL in
                "GRANT \(facts.sql(group)) TO \(identifier: role.name) WITH INHERIT FALSE"
            }
            return LintRule.Hit(
                .role(role.name),
                "it inherits from \(words): a request that sets no role has the rights of all of them",
                fix: facts.catalog.version >= 160_000
                    ? fixes.joined(separator: "; ") : "ALTER ROLE \(identifier: role.name) NOINHERIT")
        }
    }
}
