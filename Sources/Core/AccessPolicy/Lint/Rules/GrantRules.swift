import PostgresClient

/// Privileges that go further than they seem.
enum GrantRules {
    static let all = [
        schemaCreate, connect, temporary, databaseCreate, publicTable, defaultsPublic, defaultsIdle, columnDefeated,
        sensitive, grantOption, delegated, parameter, defaultsDefeated,
    ]

    static let schemaCreate = LintRule(
        "schema-public-create", .error, "Everybody may create objects in a schema, where others' queries find them",
        source: LintSource.schemas + "; CIS PostgreSQL Benchmark 4.10"
    ) { facts in
        facts.catalog.schemas.values.filter { !$0.isSystem }.compactMap { schema in
            let isOpen = (facts.catalog.holdings[.schema(schema.oid)] ?? []).contains {
                $0.grantee == 0 && $0.privileges.contains("CREATE")
            }
            guard isOpen else { return nil }
            return LintRule.Hit(
                LintObject("schema", spelled(schema.name), schema: schema.name), "CREATE by PUBLIC",
                fix: "REVOKE CREATE ON SCHEMA \(identifier: schema.name) FROM PUBLIC")
        }
    }

    private static func database(
        _ facts: LintFacts, _ privilege: String, _ evidence: String
    ) -> [LintRule.Hit] {
        let isOpen = (facts.catalog.holdings[.database] ?? []).contains {
            $0.grantee == 0 && $0.privileges.contains(privilege)
        }
        guard isOpen else { return [] }
        return [
            LintRule.Hit(
                LintObject("database", spelled(facts.catalog.database)), evidence,
                fix: "REVOKE \(raw: privilege) ON DATABASE \(identifier: facts.catalog.database) FROM PUBLIC")
        ]
    }

    static let connect = LintRule(
        "database-public-connect", .info, "Every role of the cluster may connect", source: LintSource.privileges
    ) { facts in
        database(facts, "CONNECT", "CONNECT by PUBLIC, which is PostgreSQL's default")
    }

    static let temporary = LintRule(
        "database-public-temporary", .info, "Every role may make temporary tables, which searches find first",
        source: LintSource.privileges
    ) { facts in
        database(facts, "TEMPORARY", "TEMPORARY by PUBLIC, which is PostgreSQL's default")
    }

    static let databaseCreate = LintRule(
        "database-create", .warning, "A low-trust role may create schemas in the database",
        source: LintSource.privileges + "; CVE-2023-2454"
    ) { facts in
        let exposures = facts.exposures(of: .database, owner: facts.catalog.databaseOwner, ["CREATE"])
        guard !exposures.isEmpty else { return [] }
        return [
            LintRule.Hit(
                LintObject("database", spelled(facts.catalog.database)), facts.described(exposures),
                fix: facts.revoke(exposures, on: "DATABASE \(identifier: facts.catalog.database)"))
        ]
    }

    static let publicTable = LintRule(
        "table-public", .warning, "Everybody holds a privilege on a table or view", source: LintSource.privileges
    ) { facts in
        facts.relations.compactMap { relation in
            let all: Set<String> = [
                "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN",
            ]
            let exposures = facts.exposures(of: relation, all).filter { $0.grantee == 0 }
            guard !exposures.isEmpty else { return nil }
            let isReadOnly = exposures.allSatisfy { $0.privileges == ["SELECT"] }
            return LintRule.Hit(
                relation.object, facts.described(exposures), fix: facts.revoke(exposures, on: relation.sql),
                severity: isReadOnly ? .info : .warning)
        }
    }

    private static let kinds = [
        "r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS",
    ]

    private static func described(_ entry: LintDefault, _ facts: LintFacts) -> (object: LintObject, sql: SQL) {
        let schema = facts.catalog.schemas[entry.space]
        let kind = kinds[entry.kind] ?? entry.kind
        let place = schema.map { " in \(spelled($0.name))" } ?? ""
        let inSchema: SQL = schema.map { " IN SCHEMA \(identifier: $0.name)" } ?? ""
        return (
            LintObject(
                "default privileges", "of \(spelled(facts.name(entry.creator))) on \(kind.lowercased())\(place)",
                schema: schema?.name),
            """
            ALTER DEFAULT PRIVILEGES FOR ROLE \(facts.sql(entry.creator))\(inSchema) \
            REVOKE \(raw: entry.privileges.sorted().joined(separator: ", ")) ON \(raw: kind) FROM \(facts.sql(entry.grantee))
            """
        )
    }

    static let defaultsPublic = LintRule(
        "default-privileges-public", .warning, "Future objects will be open to everybody", source: LintSource.defaults
    ) { facts in
        facts.catalog.defaults.compactMap { entry in
            // EXECUTE and USAGE of PUBLIC on functions and types are PostgreSQL's own, and in every list for all
            // schemas.
            guard entry.grantee == 0, !(entry.space == 0 && ["f", "T"].contains(entry.kind)) else { return nil }
            let (object, sql) = described(entry, facts)
            return LintRule.Hit(
                object, "\(entry.privileges.sorted().joined(separator: ", ")) to PUBLIC", fix: sql)
        }
    }

    static let defaultsIdle = LintRule(
        "default-privileges-idle", .warning, "Default privileges of a role that never creates such objects there",
        source: LintSource.defaults
    ) { facts in
        facts.catalog.defaults.compactMap { entry in
            guard !entry.isUsed, !entry.mayCreate else { return nil }
            let (object, sql) = described(entry, facts)
            let other = "-- FOR ROLE must name the role that creates the objects"
            return LintRule.Hit(
                object,
                "\(spelled(facts.name(entry.creator))) owns none and may not create any: the grant never comes about",
                fix: sql, "\(raw: other)")
        }
    }

    /// That a REVOKE for one schema does nothing leaves no trace, but that PUBLIC still has what is granted to others does.
    static let defaultsDefeated = LintRule(
        "default-privileges-defeated", .warning,
        "A grant on future functions means nothing beside PUBLIC's, which a REVOKE for one schema does not end",
        source: LintSource.defaults
    ) { facts in
        facts.catalog.defaults.compactMap { entry in
            guard entry.kind == "f", entry.grantee != 0, !entry.isClosed else { return nil }
            let (object, _) = described(entry, facts)
            return LintRule.Hit(
                object,
                "EXECUTE to \(spelled(facts.name(entry.grantee))), but everybody may execute each new function of "
                    + spelled(facts.name(entry.creator)),
                fix: """
                    ALTER DEFAULT PRIVILEGES FOR ROLE \(facts.sql(entry.creator)) REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
                    """, "-- without IN SCHEMA, where it would be accepted and do nothing")
        }
    }

    static let columnDefeated = LintRule(
        "column-grant-defeated", .warning, "A grant on some columns means nothing beside one on the whole table",
        source: "PostgreSQL, GRANT"
    ) { facts in
        facts.catalog.columnHoldings.flatMap { oid, columns -> [LintRule.Hit] in
            guard let relation = facts.catalog.relations[oid] else { return [] }
            let whole = facts.catalog.holdings[.relation(oid)] ?? []
            return columns.compactMap { column in
                let groups = facts.trust.inherited[column.holding.grantee] ?? [column.holding.grantee]
                for holding in whole where holding.grantee == 0 || groups.contains(holding.grantee) {
                    let both = holding.privileges.intersection(column.holding.privileges)
                    guard !both.isEmpty else { continue }
                    let words = both.sorted().joined(separator: ", ")
                    return LintRule.Hit(
                        relation.object,
                        "\(words) (\(spelled(column.column))) to \(spelled(facts.name(column.holding.grantee))), "
                            + "but \(words) on all columns to \(spelled(facts.name(holding.grantee)))",
                        fix: "REVOKE \(raw: words) ON \(relation.sql) FROM \(facts.sql(holding.grantee))",
                        "-- then grant the columns again, since REVOKE on the table takes them too")
                }
                return nil
            }
        }
    }

    /// The words are looked for in `lint_columns.sql`.
    static let sensitive = LintRule(
        "sensitive-column", .warning, "A column that is named like a secret can be read by low-trust roles",
        source: LintSource.privileges
    ) { facts in
        facts.relations.flatMap { relation -> [LintRule.Hit] in
            guard let columns = facts.catalog.columns[relation.oid] else { return [] }
            let names = columns.keys.filter(SensitiveNames.matches).sorted()
            guard !names.isEmpty else { return [] }
            let exposures = facts.exposures(of: relation, ["SELECT"])
            return names.compactMap { name in
                let readers = exposures.filter { $0.column == nil || $0.column == name }
                guard !readers.isEmpty else { return nil }
                return LintRule.Hit(
                    LintObject("column", "\(relation.name).\(spelled(name))", schema: relation.name.schema),
                    facts.described(readers),
                    fix: "-- REVOKE SELECT on the table, and GRANT SELECT on the other columns")
            }
        }
    }

    static let grantOption = LintRule(
        "grant-option", .warning, "A low-trust role may pass a privilege on", source: LintSource.privileges
    ) { facts in
        facts.relations.compactMap { relation in
            let holdings = (facts.catalog.holdings[.relation(relation.oid)] ?? []).filter {
                !$0.grantable.isEmpty && facts.trust.reach[$0.grantee]?.isEmpty == false && $0.grantee != relation.owner
            }
            guard !holdings.isEmpty else { return nil }
            let words = holdings.map {
                "\($0.grantable.sorted().joined(separator: ", ")) WITH GRANT OPTION by \(facts.described($0.grantee))"
            }
            let fixes = holdings.map { holding -> SQL in
                """
                REVOKE GRANT OPTION FOR \(raw: holding.grantable.sorted().joined(separator: ", ")) \
                ON \(relation.sql) FROM \(facts.sql(holding.grantee))
                """
            }
            return LintRule.Hit(
                relation.object, words.sorted().joined(separator: "; "), fix: fixes.joined(separator: "; "))
        }
    }

    static let delegated = LintRule(
        "delegated-grant", .info, "A privilege was granted by somebody else than the owner: it hangs on that role",
        source: LintSource.privileges
    ) { facts in
        facts.relations.compactMap { relation in
            let holdings = (facts.catalog.holdings[.relation(relation.oid)] ?? []).filter {
                $0.grantor != relation.owner && facts.catalog.roles[$0.grantor]?.isSuperuser == false
            }
            guard !holdings.isEmpty else { return nil }
            let words = holdings.map {
                "\($0.privileges.sorted().joined(separator: ", ")) to \(spelled(facts.name($0.grantee))) "
                    + "by \(spelled(facts.name($0.grantor)))"
            }
            return LintRule.Hit(
                relation.object, words.sorted().joined(separator: "; "),
                fix: "-- REVOKE ... GRANTED BY that role, and grant as the owner")
        }
    }

    /// Settings with which a session stops triggers, hides from the log, or loads code.
    private static let dangerous: Set<String> = [
        "session_replication_role", "session_preload_libraries", "local_preload_libraries", "dynamic_library_path",
        "allow_system_table_mods", "ignore_system_indexes", "zero_damaged_pages", "archive_command",
        "restore_command", "shared_preload_libraries", "ssl_passphrase_command", "archive_library",
    ]

    static let parameter = LintRule(
        "parameter-privilege", .error,
        "A role may set a parameter with which checks, triggers or logs are switched off",
        source: "PostgreSQL, GRANT ON PARAMETER"
    ) { facts in
        facts.catalog.parameters.filter { parameter in
            dangerous.contains(parameter.name) || parameter.name.hasPrefix("log_")
                || parameter.name.hasPrefix("pgaudit.") || parameter.privileges.contains("ALTER SYSTEM")
        }.map { parameter in
            let words = parameter.privileges.sorted().joined(separator: ", ")
            return LintRule.Hit(
                LintObject("parameter", parameter.name), "\(words) by \(spelled(facts.name(parameter.grantee)))",
                fix: "REVOKE \(raw: words) ON PARAMETER \(raw: parameter.name) FROM \(facts.sql(parameter.grantee))")
        }
    }
}

/// Names that say that nobody should read the column, by their whole words.
enum SensitiveNames {
    private static let words: Set<String> = [
        "password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "ssn", "cvv", "cvc", "iban", "otp",
        "totp", "token", "tokens", "passport",
    ]
    private static let pairs: Set<String> = [
        "api_key", "private_key", "secret_key", "encryption_key", "signing_key", "access_key", "card_number",
        "credit_card", "social_security", "tax_id",
    ]

    static func matches(_ name: String) -> Bool {
        let parts = name.lowercased().split(separator: "_").map(String.init)
        if !words.isDisjoint(with: parts) { return true }
        return zip(parts, parts.dropFirst()).contains { pairs.contains("\($0)_\($1)") }
            || parts.contains { ["apikey", "privatekey", "cardnumber", "creditcard", "taxid"].contains($0) }
    }
}
