import PostgresClient

/// Roles, views and copies past which row security does not reach.
enum BypassRules {
    static let all = [
        bypassRole, reachesBypass, policyToBypassing, superusers, reachesSuperuser, openForRole, definerView, barrier,
        materialized, foreign, partition, publication, readAll,
    ]

    static let bypassRole = LintRule(
        "role-bypassrls", .warning, "A login role bypasses row security everywhere",
        source: LintSource.attributes + "; CIS PostgreSQL Benchmark 4.7"
    ) { facts in
        facts.catalog.roles.values.filter { $0.bypassRls && !$0.isSuperuser && $0.login }.map { role in
            LintRule.Hit(
                .role(role.name), "LOGIN and BYPASSRLS: it reads every row that it has a privilege on",
                fix: "ALTER ROLE \(identifier: role.name) NOBYPASSRLS")
        }
    }

    static let reachesBypass = LintRule(
        "role-reaches-bypassrls", .error, "A low-trust role can become one that bypasses row security",
        source: LintSource.attributes
    ) { facts in
        reaching(facts) { $0.bypassRls && !$0.isSuperuser }
    }

    static let reachesSuperuser = LintRule(
        "role-reaches-superuser", .error, "A role that is no superuser can become one",
        source: LintSource.attributes + "; CIS PostgreSQL Benchmark 4.3"
    ) { facts in
        reaching(facts) { $0.isSuperuser }
    }

    private static func reaching(_ facts: LintFacts, _ isStrong: (LintRole) -> Bool) -> [LintRule.Hit] {
        facts.trust.low.keys.compactMap { oid -> LintRule.Hit? in
            let strong = (facts.trust.reachable[oid] ?? []).filter { group in
                group != oid && facts.catalog.roles[group].map(isStrong) == true
            }
            guard !strong.isEmpty else { return nil }
            let names = strong.map { spelled(facts.name($0)) }.sorted().joined(separator: ", ")
            return LintRule.Hit(
                .role(facts.name(oid)), "\(facts.described(oid)) can act as \(names)",
                fix: "REVOKE \(strong.sorted().map(facts.sql).joined()) FROM \(facts.sql(oid))",
                "-- or the membership between them that leads there")
        }
    }

    static let policyToBypassing = LintRule(
        "policy-to-bypassing-role", .info, "A policy is for a role that bypasses row security: it does nothing there",
        source: LintSource.rowSecurity
    ) { facts in
        facts.policies.values.flatMap { $0 }.compactMap { policy in
            let roles = policy.roles.filter { oid in
                facts.catalog.roles[oid].map { $0.bypassRls || $0.isSuperuser } == true
            }
            guard !roles.isEmpty else { return nil }
            return LintRule.Hit(
                policy.object,
                "\(policy.prefix)TO \(facts.names(roles)): such a role sees every row, whatever the policy says",
                fix: "-- ALTER ROLE ... NOBYPASSRLS, or leave the role out of the policy")
        }
    }

    static let superusers = LintRule(
        "superuser-login", .warning, "More than one superuser can log in",
        source: LintSource.attributes + "; CIS PostgreSQL Benchmark 4.3"
    ) { facts in
        // OID 10 is the bootstrap superuser, which every cluster has.
        facts.catalog.roles.values.filter { $0.isSuperuser && $0.login && $0.oid != 10 }.map { role in
            LintRule.Hit(
                .role(role.name),
                "LOGIN and SUPERUSER, besides the bootstrap superuser: no privilege and no policy holds it",
                fix: "ALTER ROLE \(identifier: role.name) NOSUPERUSER")
        }
    }

    static let openForRole = LintRule(
        "rls-open-for-role", .error, "Together the policies filter nothing for a role: the planner keeps no filter",
        source: LintSource.measured
    ) { facts in
        facts.verdicts.access.compactMap { access, answer in
            guard answer == .plan(.always), let table = facts.catalog.relations[access.relation],
                !facts.isUnrestricted(access.role, table, .select)
            else { return nil }
            return LintRule.Hit(
                table.object, "EXPLAIN as \(facts.described(access.role)) shows no filter",
                fix: "-- look at the policies that apply to the role together: one of them lets every row through")
        }
    }

    static let definerView = LintRule(
        "view-definer-over-rls", .error, "A view reads a table with row security as an owner whom it does not hold",
        source: LintSource.createView
    ) { facts in
        facts.relations.filter { $0.kind == .view }.compactMap { view in
            let targets = facts.securedTargets(of: view).filter { facts.ownerBypasses($0.owner, $0.table) }
            guard !targets.isEmpty else { return nil }
            let exposures = facts.exposures(of: view, ["SELECT", "INSERT", "UPDATE", "DELETE"])
            guard !exposures.isEmpty else { return nil }
            let tables = targets.map { "\($0.table.name) as \(spelled(facts.name($0.owner)))" }
            return LintRule.Hit(
                view.object, "it reads \(tables.joined(separator: ", ")); \(facts.described(exposures))",
                fix: facts.catalog.version >= 150_000
                    ? "ALTER VIEW \(view.sql) SET (security_invoker = true)"
                    : "-- give the view an owner that the policies hold: security_invoker needs PostgreSQL 15")
        }
    }

    static let barrier = LintRule(
        "view-no-security-barrier", .warning, "A view filters rows by who asks, without security_barrier",
        source: LintSource.rules
    ) { facts in
        facts.relations.filter { $0.kind == .view && !$0.isBarrier && !$0.isInvoker }.compactMap { view in
            guard let text = facts.catalog.viewDefinitions[view.oid] else { return nil }
            let tokens = ExpressionToken.tokens(of: text)
            guard let condition = tokens.firstIndex(where: { $0.isWord("where") }),
                PolicyExpression(text, table: "").asksCaller(in: condition..<tokens.count)
            else { return nil }
            let exposures = facts.exposures(of: view, ["SELECT"])
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                view.object,
                "its WHERE asks who the caller is, and a caller's cheap function may see the rows before it does; "
                    + facts.described(exposures),
                fix: "ALTER VIEW \(view.sql) SET (security_barrier = true)")
        }
    }

    static let materialized = LintRule(
        "matview-over-rls", .error,
        "A materialized view keeps rows of a table with row security for everybody it is granted to",
        source: LintSource.rowSecurity
    ) { facts in
        facts.relations.filter { $0.kind == .materialized }.compactMap { view in
            let targets = facts.securedTargets(of: view)
            let exposures = facts.exposures(of: view, ["SELECT"])
            guard !targets.isEmpty, !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                view.object,
                "filled from \(targets.map(\.table.name.description).joined(separator: ", ")); "
                    + facts.described(exposures),
                fix: facts.revoke(exposures, on: view.sql))
        }
    }

    static let foreign = LintRule(
        "foreign-table-exposed", .info, "A foreign table, which can have no row security, is granted",
        source: "PostgreSQL, ALTER FOREIGN TABLE"
    ) { facts in
        facts.relations.filter { $0.kind == .foreign }.compactMap { table in
            let exposures = facts.exposures(of: table, ["SELECT", "INSERT", "UPDATE", "DELETE"])
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object, facts.described(exposures),
                fix: facts.revoke(exposures, on: table.sql), "-- or filter on the other server")
        }
    }

    static let partition = LintRule(
        "partition-without-rls", .error, "A partition or inheriting table is granted without its parent's row security",
        source: LintSource.rowSecurity
    ) { facts in
        facts.tables.compactMap { table in
            guard !table.isSecured,
                let parent = facts.catalog.parents[table.oid]?.first(where: facts.isSecured),
                let parent = facts.catalog.relations[parent]
            else { return nil }
            let exposures = facts.exposures(of: table, ["SELECT", "INSERT", "UPDATE", "DELETE"])
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object,
                "policies of \(parent.name) do not hold who names the \(table.isPartition ? "partition" : "child"); "
                    + facts.described(exposures),
                fix: facts.revoke(exposures, on: table.sql),
                "ALTER TABLE \(table.sql) ENABLE ROW LEVEL SECURITY")
        }
    }

    static let publication = LintRule(
        "rls-publication", .warning, "A table with row security is published: subscribers get every row",
        source: "PostgreSQL, 31.10 Logical Replication Security"
    ) { facts in
        facts.catalog.publications.compactMap { publication in
            guard let table = facts.catalog.relations[publication.relation] else { return nil }
            return LintRule.Hit(
                table.object,
                "publication \(spelled(publication.name)) sends it, and row security does not apply there",
                fix: "ALTER PUBLICATION \(identifier: publication.name) DROP TABLE \(table.sql)",
                "-- or publish it with a WHERE of its own")
        }
    }

    static let readAll = LintRule(
        "read-all-held-back", .info, "A role that reads all data is held by row security: its dumps fail",
        source: "PostgreSQL, pg_dump, --enable-row-security"
    ) { facts in
        let secured = facts.securedTables
        guard !secured.isEmpty, let all = facts.catalog.roles.values.first(where: { $0.name == "pg_read_all_data" })
        else { return [] }
        return facts.catalog.roles.values.filter { role in
            role.login && !role.isSuperuser && !role.bypassRls
                && facts.catalog.memberships.contains { $0.member == role.oid && $0.role == all.oid }
        }.map { role in
            LintRule.Hit(
                .role(role.name),
                "member of pg_read_all_data without BYPASSRLS: pg_dump ends with an error at "
                    + counted(secured.count, "table", "tables") + " with row security",
                fix: "-- for a dump role that logs in for nothing else: ALTER ROLE \(identifier: role.name) BYPASSRLS")
        }
    }
}
