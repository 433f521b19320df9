import PostgresClient

/// Row security that is off, empty, or does not hold those it should.
enum RowSecurityRules {
    private static let rowPrivileges: Set<String> = ["SELECT", "INSERT", "UPDATE", "DELETE"]

    static let all = [disabled, policiesWithoutIt, noPolicy, onlyRestrictive, notForced, truncate, references, trigger]

    static let disabled = LintRule(
        "rls-disabled", .warning, "A table is granted without row security, where other tables have it",
        source: LintSource.rowSecurity
    ) { facts in
        let secured = Set(facts.tables.filter { $0.isSecured || facts.policies[$0.oid] != nil }.map(\.space))
        var unused: [UInt32: Int] = [:]
        var hits: [LintRule.Hit] = []
        for table in facts.tables where !table.isSecured && facts.policies[table.oid] == nil {
            // A partition is reached through its parent; rule partition-without-rls judges it.
            guard facts.catalog.parents[table.oid] == nil else { continue }
            let exposures = facts.exposures(of: table, rowPrivileges)
            guard !exposures.isEmpty else { continue }
            guard secured.contains(table.space) else {
                unused[table.space, default: 0] += 1
                continue
            }
            let columns = (facts.catalog.columns[table.oid] ?? [:]).keys.filter(facts.discriminators.contains).sorted()
            let sign =
                columns.isEmpty
                ? "other tables of the schema have row security"
                : "it has \(columns.map(spelled).joined(separator: ", ")), by which policies of other tables filter"
            hits.append(
                LintRule.Hit(
                    table.object, "no row security; \(sign); \(facts.described(exposures))",
                    fix: "ALTER TABLE \(table.sql) ENABLE ROW LEVEL SECURITY", "-- and a policy for each role",
                    severity: columns.isEmpty ? .info : .warning))
        }
        for (space, count) in unused {
            guard let schema = facts.catalog.schemas[space] else { continue }
            hits.append(
                LintRule.Hit(
                    LintObject("schema", spelled(schema.name), schema: schema.name),
                    "no table of it has row security, and \(counted(count, "is", "are")) granted to low-trust roles",
                    fix: "-- ALTER TABLE ... ENABLE ROW LEVEL SECURITY where rows belong to different users",
                    severity: .info))
        }
        return hits
    }

    static let policiesWithoutIt = LintRule(
        "rls-policies-without-rls", .error, "Policies exist, but row security is off: they do nothing",
        source: LintSource.rowSecurity
    ) { facts in
        facts.tables.compactMap { table in
            guard !table.isSecured, let policies = facts.policies[table.oid]?.filter({ $0.place == nil }),
                !policies.isEmpty
            else { return nil }
            return LintRule.Hit(
                table.object, "\(counted(policies.count, "policy", "policies")), and row security is off",
                fix: "ALTER TABLE \(table.sql) ENABLE ROW LEVEL SECURITY")
        }
    }

    static let noPolicy = LintRule(
        "rls-no-policy", .info, "Row security without any policy: nobody but the owner sees a row",
        source: LintSource.rowSecurity
    ) { facts in
        facts.securedTables.compactMap { table in
            guard facts.policies[table.oid] == nil else { return nil }
            let exposures = facts.exposures(of: table, rowPrivileges)
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object, "\(facts.described(exposures)), which gives no row",
                fix: "-- CREATE POLICY ..., or take the privileges away", facts.revoke(exposures, on: table.sql))
        }
    }

    static let onlyRestrictive = LintRule(
        "rls-only-restrictive", .warning, "Only restrictive policies: no row is ever shown",
        source: LintSource.createPolicy
    ) { facts in
        facts.securedTables.compactMap { table in
            guard let policies = facts.policies[table.oid], policies.allSatisfy({ !$0.isPermissive }) else {
                return nil
            }
            return LintRule.Hit(
                table.object,
                "\(counted(policies.count, "restrictive policy", "restrictive policies")) and no permissive one",
                fix: "-- CREATE POLICY ... AS PERMISSIVE: restrictive policies only narrow what permissive ones give")
        }
    }

    static let notForced = LintRule(
        "rls-not-forced", .error, "A low-trust role acts as the table's owner, whom row security does not hold",
        source: LintSource.rowSecurity
    ) { facts in
        facts.securedTables.compactMap { table in
            guard !table.isForced, facts.catalog.roles[table.owner]?.isSuperuser == false else { return nil }
            let owners = facts.trust.low.keys.filter {
                facts.trust.reachable[$0]?.contains(table.owner) == true && facts.catalog.roles[$0]?.bypassRls == false
            }
            guard !owners.isEmpty else { return nil }
            return LintRule.Hit(
                table.object,
                "owned by \(spelled(facts.name(table.owner))), without FORCE; as it acts \(facts.names(owners))",
                fix: "ALTER TABLE \(table.sql) FORCE ROW LEVEL SECURITY",
                "-- better: let a role that nobody logs in as own it")
        }
    }

    static let truncate = LintRule(
        "rls-truncate", .warning, "TRUNCATE is granted on a table with row security, which does not apply to it",
        source: LintSource.rowSecurity
    ) { facts in
        held(facts, "TRUNCATE") { facts.isUnrestricted($0, $1, .delete) }
    }

    static let references = LintRule(
        "rls-references", .warning,
        "REFERENCES is granted on a table with row security: foreign keys tell which rows exist",
        source: LintSource.rowSecurity
    ) { facts in
        held(facts, "REFERENCES") { facts.isUnrestricted($0, $1, .select) }
    }

    static let trigger = LintRule(
        "rls-trigger", .warning,
        "TRIGGER is granted on a table with row security: a trigger sees every row that others change",
        source: LintSource.privileges
    ) { facts in
        held(facts, "TRIGGER") { facts.isUnrestricted($0, $1, .all) }
    }

    /// Roles that hold a privilege which row security does not filter, on a table whose rows are filtered for them.
    private static func held(
        _ facts: LintFacts, _ privilege: String, unless isFree: (UInt32, LintRelation) -> Bool
    ) -> [LintRule.Hit] {
        facts.securedTables.compactMap { table in
            let exposures = facts.exposures(of: table, [privilege]).filter { exposure in
                exposure.roles.contains { !facts.bypasses($0, table) && !isFree($0, table) }
            }
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                table.object, facts.described(exposures), fix: facts.revoke(exposures, on: table.sql))
        }
    }
}
