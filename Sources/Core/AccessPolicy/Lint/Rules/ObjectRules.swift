import PostgresClient

/// Privileges on sequences, large objects and tablespaces, and accounts on other servers.
enum ObjectRules {
    static let all = [sequenceUpdate, sequenceUsage, largeObject, largeObjectCompatibility, tablespace, userMapping]

    /// Of the table that a sequence numbers.
    private static func inserters(_ table: LintRelation, _ facts: LintFacts) -> Set<UInt32> {
        facts.exposures(of: table, ["INSERT"]).reduce(into: facts.trust.reach[table.owner] ?? []) {
            $0.formUnion($1.roles)
        }
    }

    static let sequenceUpdate = LintRule(
        "sequence-update", .warning, "A role that adds no rows may set back the numbers of those to come",
        source: "PostgreSQL, 9.17 Sequence Manipulation Functions"
    ) { facts in
        facts.catalog.sequences.compactMap { sequence in
            guard let table = facts.catalog.relations[sequence.relation] else { return nil }
            let exposures = facts.exposures(of: sequence, ["UPDATE"])
            guard !exposures.isEmpty else { return nil }
            let isReader = !exposures.allSatisfy { $0.roles.isSubset(of: inserters(table, facts)) }
            let name: SQL = "SEQUENCE \(identifier: [sequence.name.schema, sequence.name.name])"
            return LintRule.Hit(
                .relation("sequence", sequence.name),
                "\(facts.described(exposures)), which is enough for setval; an INSERT into \(table.name) needs USAGE only",
                fix: facts.revoke(exposures, on: name), severity: isReader ? nil : .info)
        }
    }

    static let sequenceUsage = LintRule(
        "sequence-usage-missing", .warning, "A role may add rows, but not take the number that a column begins with",
        source: LintSource.privileges
    ) { facts in
        facts.catalog.serials.compactMap { serial in
            guard let table = facts.catalog.relations[serial.relation] else { return nil }
            let wanted = facts.exposures(of: table, ["INSERT"])
            let users = (facts.catalog.holdings[.relation(serial.sequence)] ?? []).filter {
                !$0.privileges.isDisjoint(with: ["USAGE", "UPDATE"])
            }.reduce(into: facts.trust.reach[serial.owner] ?? []) { $0.formUnion(facts.trust.reach[$1.grantee] ?? []) }
            let lacking = wanted.filter { !$0.roles.subtracting(users).isEmpty }
            guard !lacking.isEmpty else { return nil }
            let name: SQL = "SEQUENCE \(identifier: [serial.sequenceName.schema, serial.sequenceName.name])"
            let fixes = Set(lacking.map(\.grantee)).sorted().map { grantee -> SQL in
                "GRANT USAGE ON \(name) TO \(facts.sql(grantee))"
            }
            return LintRule.Hit(
                table.object,
                "\(facts.described(lacking)), but no USAGE on \(serial.sequenceName): an INSERT without "
                    + "\(spelled(serial.column)) fails",
                fix: fixes.joined(separator: "; "))
        }
    }

    static let largeObject = LintRule(
        "large-object-public", .warning, "Everybody holds a privilege on a large object", source: LintSource.privileges
    ) { facts in
        others(.largeObject, facts).compactMap { object in
            let exposures = facts.exposures(of: .largeObject(object.oid), owner: object.owner, ["SELECT", "UPDATE"])
                .filter { $0.grantee == 0 }
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                LintObject("large object", object.name), facts.described(exposures),
                fix: facts.revoke(exposures, on: "LARGE OBJECT \(raw: object.name)"))
        }
    }

    static let largeObjectCompatibility = LintRule(
        "large-object-unchecked", .error, "Everybody may read, change and drop every large object",
        source: "PostgreSQL, 20.13.1 Previous PostgreSQL Versions"
    ) { facts in
        guard facts.catalog.opensLargeObjects else { return [] }
        return [
            LintRule.Hit(
                LintObject("parameter", "lo_compat_privileges"), "on: privileges on large objects are not asked for",
                fix: "ALTER SYSTEM SET lo_compat_privileges = off",
                "-- or ALTER DATABASE, ALTER ROLE ... RESET lo_compat_privileges, where it is set there")
        ]
    }

    static let tablespace = LintRule(
        "tablespace-create", .info, "A low-trust role may fill a disk of the server", source: LintSource.privileges
    ) { facts in
        others(.tablespace, facts).compactMap { object in
            let exposures = facts.exposures(of: .tablespace(object.oid), owner: object.owner, ["CREATE"])
            guard !exposures.isEmpty else { return nil }
            return LintRule.Hit(
                LintObject("tablespace", spelled(object.name)), facts.described(exposures),
                fix: facts.revoke(exposures, on: "TABLESPACE \(identifier: object.name)"),
                severity: exposures.contains { $0.grantee == 0 } ? .warning : nil)
        }
    }

    static let userMapping = LintRule(
        "user-mapping-public", .warning, "Everybody acts on another server by one account of it",
        source: "PostgreSQL, CREATE USER MAPPING"
    ) { facts in
        others(.userMapping, facts).map { mapping in
            LintRule.Hit(
                LintObject("foreign server", spelled(mapping.name)),
                "a user mapping FOR PUBLIC: that server cannot tell who asks",
                fix: "DROP USER MAPPING FOR PUBLIC SERVER \(identifier: mapping.name)",
                "-- and CREATE USER MAPPING FOR each role that needs it")
        }
    }

    static func others(_ kind: LintOther.Kind, _ facts: LintFacts) -> [LintOther] {
        facts.catalog.others.filter { $0.kind == kind }
    }
}
