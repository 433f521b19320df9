import FoundationEssentials
import Platform
import PostgresClient
import TestSupport

@testable import AccessPolicy

/// Numbers that look random and are the same for the same seed.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func one<Value>(of values: [Value]) -> Value {
        values[Int.random(in: values.indices, using: &self)]
    }

    /// True in one of `sides` throws.
    mutating func hits(oneIn sides: Int) -> Bool { Int.random(in: 0..<sides, using: &self) == 0 }
}

extension Scene {
    /// The database as it stands.
    func snapshot(as role: String? = nil) async throws -> Snapshot {
        let connection = try await database.connect(as: role.map(own))
        let snapshot = try await connection.transaction(.reading) {
            try await CatalogReader(connection).snapshot(for: Policy(), passwords: GivenPasswords())
        }
        await connection.close()
        return snapshot
    }

    /// Memberships, grants, owners, schemas and row security at random: statements for a superuser.
    func randomAccess(_ dice: inout Dice, version: Int, roles count: Int = 9) -> [String] {
        let roles = (0..<count).map { "r\($0)@" }
        var script = roles.enumerated().map { number, role in
            let inherit = dice.hits(oneIn: 4) ? "NOINHERIT" : "INHERIT"
            let login = dice.hits(oneIn: 2) ? "LOGIN" : "NOLOGIN"
            let special = number == 0 ? "SUPERUSER" : dice.hits(oneIn: 6) ? "BYPASSRLS" : "NOBYPASSRLS"
            return "CREATE ROLE \"\(role)\" \(inherit) \(login) \(special)"
        }
        script.append("ALTER DATABASE \"\(database.name)\" OWNER TO \"\(dice.one(of: roles))\"")
        let predefined = ["pg_read_all_data", "pg_write_all_data"] + (version >= 170_000 ? ["pg_maintain"] : [])
        for (number, member) in roles.enumerated() {
            // Upwards only, so that there is no circle.
            for role in roles[..<number] where dice.hits(oneIn: 4) {
                script.append("GRANT \"\(role)\" TO \"\(member)\"\(membershipOptions(&dice, version))")
            }
            if dice.hits(oneIn: 5) {
                script.append("GRANT \(dice.one(of: predefined)) TO \"\(member)\"\(membershipOptions(&dice, version))")
            }
        }
        script += randomObjects(&dice, version: version, roles: roles)
        return script.map(own)
    }

    private func membershipOptions(_ dice: inout Dice, _ version: Int) -> String {
        guard version >= 160_000 else { return dice.hits(oneIn: 4) ? " WITH ADMIN OPTION" : "" }
        func word(_ isOn: Bool) -> String { isOn ? "TRUE" : "FALSE" }
        return " WITH INHERIT \(word(!dice.hits(oneIn: 3))), SET \(word(!dice.hits(oneIn: 3)))"
    }

    private func randomObjects(_ dice: inout Dice, version: Int, roles: [String]) -> [String] {
        var script: [String] = []
        let tablePrivileges = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "ALL"]
        func grant(_ what: String, on object: String, oneIn sides: Int) {
            for role in roles + ["PUBLIC"] where dice.hits(oneIn: role == "PUBLIC" ? 6 : sides) {
                let option = role != "PUBLIC" && dice.hits(oneIn: 4) ? " WITH GRANT OPTION" : ""
                let grantee = role == "PUBLIC" ? role : "\"\(role)\""
                script.append("GRANT \(what) ON \(object) TO \(grantee)\(option)")
            }
        }
        grant("CREATE, TEMPORARY", on: "DATABASE \"\(database.name)\"", oneIn: 4)
        for schema in ["public", "s1", "s 2"] {
            if schema != "public" {
                script.append("CREATE SCHEMA \"\(schema)\" AUTHORIZATION \"\(dice.one(of: roles))\"")
            }
            grant("USAGE", on: "SCHEMA \"\(schema)\"", oneIn: 2)
            for number in 0..<3 {
                let table = "\"\(schema)\".\"t\(number)\""
                script.append("CREATE TABLE \(table) (id int, note text)")
                script.append("INSERT INTO \(table) SELECT generate_series(1, 8)")
                script.append("ALTER TABLE \(table) OWNER TO \"\(dice.one(of: roles))\"")
                for privilege in tablePrivileges where dice.hits(oneIn: 2) {
                    grant(privilege, on: table, oneIn: 4)
                }
                if dice.hits(oneIn: 3) { grant("SELECT (id), UPDATE (note)", on: table, oneIn: 3) }
                if dice.hits(oneIn: 5) {
                    script.append("REVOKE INSERT ON \(table) FROM CURRENT_USER, PUBLIC, \"\(dice.one(of: roles))\"")
                }
                script += randomPolicies(&dice, table: table, roles: roles)
            }
            script.append("CREATE SEQUENCE \"\(schema)\".q OWNED BY NONE")
            script.append("ALTER SEQUENCE \"\(schema)\".q OWNER TO \"\(dice.one(of: roles))\"")
            grant("USAGE", on: "SEQUENCE \"\(schema)\".q", oneIn: 3)
            script.append("CREATE FUNCTION \"\(schema)\".f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'")
            script.append("ALTER FUNCTION \"\(schema)\".f OWNER TO \"\(dice.one(of: roles))\"")
            if dice.hits(oneIn: 2) {
                script.append("REVOKE EXECUTE ON FUNCTION \"\(schema)\".f FROM PUBLIC")
                grant("EXECUTE", on: "FUNCTION \"\(schema)\".f", oneIn: 3)
            }
        }
        script += ["CREATE TYPE s1.mood AS ENUM ('good')", "CREATE DOMAIN public.\"e mail\" AS text"]
        script += ["CREATE FOREIGN DATA WRAPPER \"w@\"", "CREATE SERVER \"v@\" FOREIGN DATA WRAPPER \"w@\""]
        script += [
            "SET allow_in_place_tablespaces = on", "CREATE TABLESPACE \"t@\" LOCATION ''", "SELECT lo_create(4242)",
        ]
        let owned = [
            "TYPE s1.mood", "DOMAIN public.\"e mail\"", "SERVER \"v@\"", "TABLESPACE \"t@\"", "LARGE OBJECT 4242",
        ]
        for object in owned where dice.hits(oneIn: 2) {
            script.append("ALTER \(object) OWNER TO \"\(dice.one(of: roles))\"")
        }
        let open = ["TYPE s1.mood", "DOMAIN public.\"e mail\"", "LANGUAGE plpgsql"]
        for object in open where dice.hits(oneIn: 2) { script.append("REVOKE ALL ON \(object) FROM PUBLIC") }
        for object in open + ["FOREIGN DATA WRAPPER \"w@\"", "FOREIGN SERVER \"v@\""] {
            grant("USAGE", on: object, oneIn: 4)
        }
        grant("CREATE", on: "TABLESPACE \"t@\"", oneIn: 4)
        grant("SELECT", on: "LARGE OBJECT 4242", oneIn: 3)
        grant("UPDATE", on: "LARGE OBJECT 4242", oneIn: 4)
        grant("SET", on: "PARAMETER x.p@", oneIn: 3)
        grant("ALTER SYSTEM", on: "PARAMETER x.p@", oneIn: 4)
        return script + randomDefaults(&dice, roles: roles)
    }

    private func randomDefaults(_ dice: inout Dice, roles: [String]) -> [String] {
        var script: [String] = []
        let kinds = [
            ("TABLES", "SELECT, INSERT"), ("SEQUENCES", "USAGE"), ("FUNCTIONS", "EXECUTE"), ("TYPES", "USAGE"),
            ("SCHEMAS", "USAGE"),
        ]
        for (kind, privileges) in kinds {
            for _ in 0..<3 where dice.hits(oneIn: 2) {
                let creator = "ALTER DEFAULT PRIVILEGES FOR ROLE \"\(dice.one(of: roles))\""
                let place = kind == "SCHEMAS" || dice.hits(oneIn: 2) ? "" : " IN SCHEMA \"s 2\""
                let option = dice.hits(oneIn: 4) ? " WITH GRANT OPTION" : ""
                script.append(
                    "\(creator)\(place) GRANT \(privileges) ON \(kind) TO \"\(dice.one(of: roles))\"\(option)")
                if dice.hits(oneIn: 3) { script.append("\(creator) REVOKE ALL ON \(kind) FROM PUBLIC") }
            }
        }
        return script
    }

    private func randomPolicies(_ dice: inout Dice, table: String, roles: [String]) -> [String] {
        guard dice.hits(oneIn: 2) else { return [] }
        var script = ["ALTER TABLE \(table) ENABLE ROW LEVEL SECURITY"]
        if dice.hits(oneIn: 2) { script.append("ALTER TABLE \(table) FORCE ROW LEVEL SECURITY") }
        for number in 0..<Int.random(in: 0...5, using: &dice) {
            let command = dice.one(of: ["ALL", "SELECT", "INSERT", "UPDATE", "DELETE"])
            let kind = dice.hits(oneIn: 3) ? "RESTRICTIVE" : "PERMISSIVE"
            let grantee = dice.hits(oneIn: 3) ? "PUBLIC" : "\"\(dice.one(of: roles))\""
            let bound = Int.random(in: 1...8, using: &dice)
            let expression = dice.one(of: ["true", "id <= \(bound)", "id <> \(bound)", "id = \(bound) OR note = ')'"])
            var clauses = command == "INSERT" ? "" : " USING (\(expression))"
            if command == "INSERT" || (command == "ALL" || command == "UPDATE") && dice.hits(oneIn: 2) {
                clauses += " WITH CHECK (id >= \(bound))"
            }
            script.append(
                "CREATE POLICY p\(number) ON \(table) AS \(kind) FOR \(command) TO \(grantee)\(clauses)")
        }
        return script
    }
}
